"""What readers put on a page: read as it is shown, and what it covers or marks."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from ingest.readers.base import ReadOptions
from ingest.readers.pdf import PdfReader
from tests.data import make_pdf
from tests.data.make_pdf import SENTENCE, with_annotation

SHOWN = "q BT /F1 12 Tf 5 15 Td (Received 12 May 2019) Tj ET Q"
ON_SENTENCE = (70, 696, 460, 712)


@pytest.fixture
def path(tmp_path):
    return make_pdf.drawn(tmp_path / "a.pdf", make_pdf.sentence)


def only_page(path, **options):
    (page,) = PdfReader().read(path, ReadOptions(**options)).pages
    return page


@pytest.mark.parametrize(
    ("kind", "said"), [("Stamp", "stamp"), ("FreeText", "text box"), ("Watermark", "watermark")]
)
def test_words_that_stand_only_in_a_drawing_are_read_with_their_place(path, kind, said):
    page = only_page(with_annotation(path, kind, (300, 500, 500, 540), SHOWN))
    assert page.text == f"{SENTENCE}\n[{said}: Received 12 May 2019]"
    (place,) = page.places
    assert (round(place.x0 * 612), round(place.y1 * 792)) == (300, 792 - 500)


def test_the_words_of_a_signature_are_read(path):
    from pypdf.generic import NameObject

    signed = with_annotation(path, "Widget", (300, 500, 500, 540), SHOWN, FT=NameObject("/Sig"), T="Signed")
    assert only_page(signed).text.endswith("[shown in a field: Received 12 May 2019]")


def test_a_note_that_says_what_its_drawing_shows_is_told_once(path):
    page = only_page(
        with_annotation(path, "FreeText", (300, 500, 500, 540), SHOWN, Contents="Received 12  May 2019")
    )
    assert page.text.count("Received") == 1


def test_a_drawing_that_shows_something_else_than_its_note_says_is_told_beside_it(path):
    page = only_page(
        with_annotation(path, "FreeText", (300, 500, 500, 540), SHOWN, Contents="Received 12 May 2018")
    )
    assert page.text.endswith("[note: Received 12 May 2018]\n[text box: Received 12 May 2019]")


def test_a_note_in_rich_text_alone_is_read(path):
    page = only_page(with_annotation(path, "FreeText", (300, 500, 500, 540), RC="<p>Cap: <b>88,000</b></p>"))
    assert page.text.endswith("[note: Cap: 88,000]")


def test_a_picture_of_words_on_a_stamp_is_read(path):
    stamp = Image.new("L", (800, 160), 255)
    ImageDraw.Draw(stamp).text((10, 40), "RECEIVED 14 JUNE 2020", fill=0, font=ImageFont.load_default(56))
    page = only_page(
        with_annotation(path, "Stamp", (300, 480, 500, 520), "q 200 0 0 40 0 0 cm /I1 Do Q", picture=stamp)
    )
    assert "14 JUNE 2020" in page.text


@pytest.mark.parametrize(
    ("kind", "drawing"),
    [
        ("Square", "q 0 g 0 0 400 20 re f Q"),
        ("Ink", "q 0 G 20 w 0 8 m 400 8 l S Q"),
        ("Highlight", "q 0 g 0 0 400 20 re f Q"),
    ],
)
def test_text_that_is_blacked_out_by_a_reader_is_hidden(path, kind, drawing):
    page = only_page(with_annotation(path, kind, ON_SENTENCE, drawing))
    assert SENTENCE not in page.text
    assert [(one.text, one.why) for one in page.hidden] == [(SENTENCE, "covered by a shape or a picture")]


def test_text_in_a_frame_is_seen(path):
    page = only_page(with_annotation(path, "Square", ON_SENTENCE, "q 1 0 0 RG 1 1 388 14 re S Q"))
    assert (page.text, page.hidden) == (SENTENCE, ())


def test_text_under_a_thick_line_is_hidden(tmp_path):
    def draw(sheet):
        sheet.drawString(72, 650, "The deposit is held by the notary.")
        make_pdf.sentence(sheet)
        sheet.setLineWidth(16)
        sheet.line(70, 704, 460, 704)

    page = only_page(make_pdf.drawn(tmp_path / "b.pdf", draw))
    assert page.text.strip() == "The deposit is held by the notary."
    assert [one.text for one in page.hidden] == [SENTENCE]


def test_text_marked_for_redaction_is_left_out_until_somebody_accepts_it(path):
    marked = with_annotation(path, "Redact", (70, 696, 130, 712))
    page = only_page(marked)
    assert [(one.text, one.why) for one in page.hidden] == [
        ("The tenant", "marked for redaction and still there")
    ]
    assert page.text.strip() == SENTENCE.removeprefix("The tenant").strip()
    assert only_page(marked, with_hidden=True).text == SENTENCE


def test_a_form_that_its_makers_program_draws_gives_its_words_and_is_read_in_part(tmp_path):
    template = (
        b"<template><subform><draw><value><text>The borrower owes 900,000 euros.</text></value></draw>"
        b"<field><caption><value><text>Rate</text></value></caption>"
        b"<value><text>a default</text></value></field></subform></template>"
    )
    data = b"<datasets><data><rate>3.25</rate></data></datasets>"
    page = only_page(make_pdf.dynamic_form(tmp_path / "a.pdf", {"template": template, "datasets": data}))
    assert page.text.split("\n")[1:] == ["The borrower owes 900,000 euros.", "Rate", "[rate: 3.25]"]
    assert "print it to PDF" in page.problem


def test_letters_that_pdfium_does_not_list_come_from_the_second_reader(tmp_path):
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    downwards = UnicodeCIDFont("HeiseiMin-W3", isVertical=True)
    pdfmetrics.registerFont(downwards)

    def draw(sheet):
        sheet.setFont(downwards.fontName, 14)
        sheet.drawString(400, 700, "\u8cc3\u6599\u306f\u5e74\u984d\u56db\u5341\u4e07\u5186")

    assert "\u8cc3\u6599\u306f\u5e74\u984d" in only_page(make_pdf.drawn(tmp_path / "a.pdf", draw)).text
