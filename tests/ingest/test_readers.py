import pytest
from pypdf import PdfWriter

from ingest import media
from ingest.media import media_type_of
from ingest.readers import pdf, reader_for
from ingest.readers.base import Unreadable
from ingest.readers.pdf import PageText, soundness
from storage.records import ReadBy
from tests.data import make


def read(path):
    reading = reader_for(media_type_of(path, path.name)).read(path)
    return reading, list(reading.pages)


# PDF


def test_every_page_of_a_pdf_is_there_with_its_text_and_title(tmp_path):
    reading, pages = read(make.lease_pdf(tmp_path / "lease.pdf"))
    assert reading.page_count == 3
    assert reading.title == "Lease of 4 Northgate"
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.text.split("\n") for page in pages] == [list(lines) for lines in make.LEASE]


def test_reading_can_begin_at_a_later_page(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.pdf")
    assert [page.number for page in reader_for(media.PDF).read(path, first_page=3).pages] == [3]


def test_a_scanned_page_says_that_it_has_no_text_layer_and_a_blank_one_is_simply_blank(tmp_path):
    _, pages = read(make.pdf(tmp_path / "a.pdf", [["Page with words that are text."], "scan", None]))
    assert [page.how for page in pages] == [ReadBy.TEXT, ReadBy.NONE, ReadBy.TEXT]
    assert "page 2 has no text layer" in pages[1].problem
    assert (pages[2].text, pages[2].quality, pages[2].problem) == ("", 1.0, None)


def test_an_encrypted_pdf_says_what_to_do(tmp_path):
    path = make.pdf(tmp_path / "a.pdf", [["secret"]], encrypt="password")
    with pytest.raises(Unreadable, match="is encrypted; remove the password"):
        read(path)


def test_a_pdf_cut_short_is_damaged_and_not_half_read_in_silence(tmp_path):
    path = make.lease_pdf(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unreadable, match="is damaged or cut short"):
        read(path)


def test_a_pdf_without_pages_is_unreadable(tmp_path):
    with (tmp_path / "a.pdf").open("wb") as out:
        PdfWriter().write(out)
    with pytest.raises(Unreadable, match="has no pages"):
        read(tmp_path / "a.pdf")


def test_a_page_whose_characters_are_debris_is_given_to_the_second_reader(tmp_path, monkeypatch):
    path = make.lease_pdf(tmp_path / "a.pdf")
    monkeypatch.setattr(pdf, "characters", lambda page: PageText("\ue001" * 60, ()))
    (page,) = list(reader_for(media.PDF).read(path, first_page=3).pages)
    assert page.how is ReadBy.SECOND_READER
    assert "$120,000" in page.text
    assert page.problem is None


def test_debris_of_a_broken_encoding_counts_as_unsound():
    assert soundness("The rent is due.") == 1.0
    assert soundness("(cid:12)(cid:7)") == 0.0
    assert soundness("\ufffd\ue001ab") == 0.5
