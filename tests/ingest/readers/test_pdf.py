"""PDF files as a whole: opening, passwords, damage, attachments, flags."""

import pypdfium2 as pdfium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from ingest.readers.base import NeedsPassword, ReadOptions, Unreadable
from ingest.readers.pdf import PdfReader, has_layers
from storage.records import ReadBy
from tests.data import make, make_pdf


def read(path, **options):
    reading = PdfReader().read(path, ReadOptions(**options))
    return reading, list(reading.pages)


def test_every_page_is_there_with_its_text_and_title(tmp_path):
    reading, pages = read(make.lease_pdf(tmp_path / "lease.pdf"))
    assert reading.page_count == 3
    assert reading.title == "Lease of 4 Northgate"
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.text.split("\n") for page in pages] == [list(lines) for lines in make.LEASE]
    assert {(page.how, page.quality, page.problem) for page in pages} == {(ReadBy.TEXT, 1.0, None)}


def test_reading_can_begin_at_a_later_page(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.pdf")
    assert [page.number for page in PdfReader().read(path, first_page=3).pages] == [3]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.text("abcdefghij klmnop.,0123456789", min_size=1, max_size=60), max_size=6),
        min_size=1,
        max_size=6,
    )
)
def test_no_page_is_lost_and_order_is_kept(tmp_path, pages):
    path = make.pdf(tmp_path / "a.pdf", pages)
    _, found = read(path, ocr="never")
    assert [page.number for page in found] == list(range(1, len(pages) + 1))
    for lines, page in zip(pages, found, strict=True):
        assert "".join(page.text.split()) == "".join("".join(lines).split())


def test_an_encrypted_file_asks_for_its_password(tmp_path):
    path = make.pdf(tmp_path / "a.pdf", [["secret"]], encrypt="right")
    with pytest.raises(NeedsPassword, match="is encrypted; give its password"):
        read(path)
    with pytest.raises(NeedsPassword, match="does not open it"):
        read(path, password="wrong")


def test_an_encrypted_file_is_read_with_its_password_and_can_then_be_shown_without_it(tmp_path):
    path = make.pdf(tmp_path / "a.pdf", [["Words under lock."]], encrypt="right")
    reading, pages = read(path, password="right")
    assert pages[0].text == "Words under lock."
    shown = pdfium.PdfDocument(reading.rendition)
    assert shown[0].get_textpage().get_text_range() == "Words under lock."


def test_a_file_that_forbids_copying_but_opens_is_read_and_says_so(tmp_path):
    from reportlab.lib.pdfencrypt import StandardEncryption

    locked = StandardEncryption("", "owner", canCopy=0)
    reading, pages = read(make.pdf(tmp_path / "a.pdf", [["Words."]], encrypt=locked))
    assert pages[0].text == "Words."
    assert any("does not permit copying" in flag for flag in reading.flags)
    assert reading.rendition is None


def test_a_file_cut_short_is_damaged_and_not_half_read_in_silence(tmp_path):
    path = make.lease_pdf(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unreadable, match="is damaged or cut short"):
        read(path)


def test_a_file_without_its_end_is_repaired_and_flagged(tmp_path):
    path = make.lease_pdf(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes()[: path.read_bytes().rindex(b"xref") - 10])
    reading, pages = read(path)
    assert len(pages) == 3
    assert any("cut short at its end" in flag or "is damaged" in flag for flag in reading.flags)


def test_a_file_without_pages_is_unreadable(tmp_path):
    with (tmp_path / "a.pdf").open("wb") as out:
        PdfWriter().write(out)
    with pytest.raises(Unreadable, match="has no pages"):
        read(tmp_path / "a.pdf")


def test_a_file_that_only_the_second_reader_opens_is_read_and_flagged(tmp_path, monkeypatch):
    path = make.lease_pdf(tmp_path / "a.pdf")

    def refuse(*_args, **_options):
        error = pdfium.PdfiumError("no")
        error.err_code = 3
        raise error

    monkeypatch.setattr("ingest.readers.pdf.pdfium.PdfDocument", refuse)
    reading, pages = read(path)
    assert [page.how for page in pages] == [ReadBy.SECOND_READER] * 3
    assert "$120,000" in pages[2].text
    assert "pages after it may be missing" in pages[2].problem
    assert "its pages cannot be shown" in reading.flags[0]


def test_attached_files_come_out_after_the_pages(tmp_path):
    path = make.lease_pdf(tmp_path / "a.pdf")
    make_pdf.rewritten(path, lambda writer: writer.add_attachment("rates.csv", b"year,rate\n1,5\n"))
    reading, _ = read(path)
    assert [(one.name, one.data, one.problem) for one in reading.attachments] == [
        ("rates.csv", b"year,rate\n1,5\n", None)
    ]
    assert "has 1 attached file" in reading.flags


@pytest.mark.parametrize("first_page", [1, 3])
def test_a_file_pinned_to_a_page_comes_out_also_when_reading_began_behind_it(tmp_path, first_page):
    path = make_pdf.drawn(tmp_path / "a.pdf", *[make_pdf.sentence] * 3)
    make_pdf.with_pinned_file(path, 2, "rates.csv", b"year,rate\n1,5\n")
    reading = PdfReader().read(path, first_page=first_page)
    assert [page.number for page in reading.pages] == list(range(first_page, 4))
    assert [(one.name, one.data) for one in reading.attachments] == [("rates.csv", b"year,rate\n1,5\n")]


def test_layers_are_found_even_in_compressed_objects(tmp_path):
    path = make_pdf.with_layer_off(make.lease_pdf(tmp_path / "a.pdf"))
    assert has_layers(path)
    assert not has_layers(make.lease_pdf(tmp_path / "b.pdf"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=40))
def test_a_damaged_file_gives_all_its_pages_or_a_reason(tmp_path, damage):
    data = bytearray(make.lease_pdf(tmp_path / "a.pdf").read_bytes())
    for where, byte in damage:
        data[int(where * len(data))] = byte
    (tmp_path / "b.pdf").write_bytes(data)
    try:
        reading, pages = read(tmp_path / "b.pdf", ocr="never")
    except Unreadable:
        return
    assert [page.number for page in pages] == list(range(1, reading.page_count + 1))
    assert all(page.problem for page in pages if page.how is ReadBy.NONE)


@pytest.mark.parametrize("where", ["page", "note", "compressed"])
def test_a_script_anywhere_in_the_file_is_flagged(tmp_path, where):
    path = make_pdf.with_script(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.sentence), where)

    assert "carries scripts, which are never run" in PdfReader().read(path).flags


def test_words_about_scripts_are_no_script(tmp_path):
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: sheet.drawString(72, 700, "/JavaScript and /JS"))

    assert PdfReader().read(path).flags == ()
