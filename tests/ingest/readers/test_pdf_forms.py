from reportlab.pdfgen import canvas

from ingest.readers.base import ReadOptions
from ingest.readers.pdf import PdfReader
from tests.data import make, make_pdf


def first_page(path, **options):
    reading = PdfReader().read(path, ReadOptions(**options))
    return reading, next(iter(reading.pages))


def test_what_was_filled_in_follows_the_text_with_its_places(tmp_path):
    reading, page = first_page(make_pdf.form(tmp_path / "a.pdf"))
    assert page.text.split("\n") == [
        make_pdf.SENTENCE,
        "[Tenant: Ada Byron]",
        "[Furnished: yes]",
        "[Pets: no]",
        "[Term: five years]",
    ]
    assert "is a form" in reading.flags
    first = page.places[0]
    assert page.text[first.start : first.end] == "[Tenant: Ada Byron]"
    assert (round(first.x0 * 612), round(first.y1 * 792)) == (72, 792 - 600)


def test_a_note_is_told_with_its_author(tmp_path):
    _, page = first_page(make_pdf.with_note(make.lease_pdf(tmp_path / "a.pdf")))
    assert page.text.endswith("\n[note by Ann: Check this rate]")
    assert len(page.places) == 1


def test_a_note_that_no_viewer_shows_is_hidden_text(tmp_path):
    path = make_pdf.with_note(make.lease_pdf(tmp_path / "a.pdf"), flags=2)
    _, page = first_page(path)
    assert "Check this rate" not in page.text
    assert [one.why for one in page.hidden] == ["in a hidden note"]
    assert "Check this rate" in first_page(path, with_hidden=True)[1].text


def test_a_list_tells_what_it_shows_and_not_what_it_keeps_for_machines(tmp_path):
    path = tmp_path / "a.pdf"
    sheet = canvas.Canvas(str(path))
    sheet.drawString(72, 700, "Where the tenant lives:")
    sheet.acroForm.choice(
        name="Country", x=72, y=600, width=200, options=[("Belgium", "be"), ("France", "fr")], value="France"
    )
    sheet.save()
    (page,) = PdfReader().read(path).pages
    assert page.text.endswith("[Country: France]")
