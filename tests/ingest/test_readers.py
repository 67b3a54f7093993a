import pytest
from pypdf import PdfWriter

from ingest import media
from ingest.errors import UnreadableSource
from ingest.media import media_type_of
from ingest.readers import pdf, reader_for
from ingest.readers.base import Unreadable
from ingest.readers.pdf import PageText, soundness
from storage.records import ReadBy
from tests.data import make


def read(path):
    reading = reader_for(media_type_of(path, path.name)).read(path)
    return reading, list(reading.pages)


def text_of(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read(path)[1][0].text


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


# Word


def test_a_word_file_keeps_order_tables_breaks_and_margins(tmp_path):
    reading, pages = read(make.docx(tmp_path / "a.docx"))
    assert pages[0].text == "Term\n\nThe term is five years.\n\nYear | Rent\n1 | $10\n\nAfter the table."
    assert pages[1].text == "On the second page.\n\nDraft of 3 May"
    assert reading.title == "Heads of terms"


def test_a_zip_that_only_looks_like_word_is_unreadable(tmp_path):
    path = make.archive(
        tmp_path / "a.docx", [("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<broken")]
    )
    with pytest.raises(Unreadable, match="is not a Word document"):
        read(path)


# HTML


def test_html_gives_its_visible_text_with_blocks_apart_and_rows_on_lines(tmp_path):
    html = (
        "<!doctype html><html><head><title>Notice</title><style>p{}</style></head><body><h1>Notice</h1>"
        "<script>alert(1)</script><!-- hidden --><p>Thirty   <b>days</b></p>"
        "<table><tr><th>Year</th><th>Rent</th></tr><tr><td>1</td><td>$10</td></tr></table></body></html>"
    )
    path = tmp_path / "a.html"
    assert text_of(path, html) == "Notice\n\nThirty days\n\nYear | Rent\n\n1 | $10"
    assert read(path)[0].title == "Notice"


def test_html_reads_no_external_entity(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    html = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html><body><p>a &x; b</p></body></html>'
    assert "the secret" not in text_of(tmp_path / "a.html", html)


# Text


@pytest.mark.parametrize("name", ["a.txt", "a.md", "notes"])
def test_plain_text_is_the_decoded_file_exactly(tmp_path, name):
    text = "\ufeffOne\r\n\r\n  two\t\rthree \n\n"
    assert text_of(tmp_path / name, text) == text


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8"])
def test_other_encodings_are_found(tmp_path, encoding):
    text = "The tenant\u2019s \u201cPremises\u201d \u2013 see clause 4. " * 5
    assert text_of(tmp_path / "a.txt", text.encode(encoding)).lstrip("\ufeff") == text


def test_a_guessed_encoding_is_said(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("Caf\xe9 \x93Le Ch\xeane\x94 la soci\xe9t\xe9".encode("latin-1"))
    assert "cp1252, which is a guess" in read(path)[0].flags[0]


# E-mail

MAIL = (
    "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?q?Caf=C3=A9_lease?=\r\n"
    "Date: Mon, 4 Mar 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "The rent is $10.\r\n"
)


def test_an_email_gives_its_main_headers_and_its_text(tmp_path):
    text = text_of(tmp_path / "a.eml", MAIL)
    assert text.startswith("From: Ann <ann@example.com>\nTo: Bob <bob@example.com>\nDate: Mon, 04 Mar")
    assert text.endswith("Subject: Caf\xe9 lease\n\nThe rent is $10.\n")


def test_an_email_saved_as_text_stays_as_it_is(tmp_path):
    assert text_of(tmp_path / "a.txt", MAIL) == MAIL


# Kinds


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged Office or Outlook file"),
        (bytes(range(256)), "unknown binary"),
    ],
)
def test_what_is_not_read_is_named_whatever_the_file_is_called(tmp_path, data, words):
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with pytest.raises(UnreadableSource, match=words):
        media_type_of(path, path.name)


def test_a_pdf_is_a_pdf_whatever_it_is_called(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.txt")
    assert media_type_of(path, path.name) == media.PDF
