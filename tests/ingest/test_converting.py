import pytest
from pypdf import PdfReader

from ingest import converting, media
from ingest.converting import convert_to_pdf, office_program
from ingest.errors import UnreadableSource
from ingest.limits import IngestLimits
from tests.data import make_mail
from tests.data.make import archive

needs_office = pytest.mark.skipif(office_program() is None, reason="LibreOffice is not installed here")

RTF = r"{\rtf1\ansi{\fonttbl{\f0 Times;}}\f0 The annual rent is \'a3120,000.\par\page Second page.\par}"


@needs_office
def test_rich_text_becomes_a_pdf_with_its_pages_and_nothing_is_left_running(tmp_path):
    path = tmp_path / "lease"
    path.write_text(RTF)
    made = convert_to_pdf(path, media.RTF, workspace=tmp_path, limits=IngestLimits())
    pages = [page.extract_text() for page in PdfReader(made).pages]
    assert ["\u00a3120,000" in pages[0], "Second page." in pages[1]] == [True, True]
    assert made.is_relative_to(tmp_path)


@needs_office
def test_a_document_that_does_not_open_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "a.odt"
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UnreadableSource, match="could not be opened by LibreOffice"):
        convert_to_pdf(path, media.ODT, workspace=tmp_path, limits=IngestLimits())


def test_without_libreoffice_it_says_whom_to_ask(tmp_path, monkeypatch):
    monkeypatch.setattr(converting, "office_program", lambda: None)
    path = tmp_path / "a.rtf"
    path.write_text(RTF)
    with pytest.raises(UnreadableSource, match="needs LibreOffice on this machine"):
        convert_to_pdf(path, media.RTF, workspace=tmp_path, limits=IngestLimits())


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    program = tmp_path / "soffice"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(converting, "office_program", lambda: program)
    path = tmp_path / "a.rtf"
    path.write_text(RTF)
    with pytest.raises(UnreadableSource, match="took too long"):
        convert_to_pdf(path, media.RTF, workspace=tmp_path, limits=IngestLimits(seconds_per_file=1))


@pytest.mark.parametrize("kind", sorted(media.CONVERTED))
def test_every_kind_that_is_converted_has_its_suffix(kind):
    assert converting._SUFFIXES[kind].startswith(".")


def test_objects_in_an_open_document_that_its_pdf_loses_are_told(tmp_path):
    drawn = [("content.xml", "<x/>"), ("Object 2/content.xml", "a chart")]
    whole = archive(tmp_path / "a.odt", [*drawn, ("Object 1", "a file")])
    (told,) = converting.told_of(whole, media.ODT)
    assert told.startswith("holds 1 embedded object:")
    plain = archive(tmp_path / "b.odt", drawn)
    assert converting.told_of(plain, media.ODT) == ()


def test_objects_in_an_old_word_file_are_told(tmp_path):
    file = make_mail.msg(tmp_path / "a.doc", {"WordDocument": b"x", "ObjectPool": {"_1": {"Data": b"x"}}})
    (told,) = converting.told_of(file, media.DOC)
    assert told.startswith("holds 1 embedded object:")
