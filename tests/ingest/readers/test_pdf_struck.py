"""Struck words of a PDF page stand in brackets; rules and underlines strike nothing."""

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth

from ingest.readers import pdf_view
from ingest.readers.pdf import PdfReader
from tests.data import make_pdf
from tests.data.make_pdf import drawn, with_annotation

BEFORE, STRUCK, AFTER = "The yearly rent is ", "48,200 euros", " and is paid monthly."
LEFT, RIGHT = 72 + stringWidth(BEFORE, "Helvetica", 12), 72 + stringWidth(BEFORE + STRUCK, "Helvetica", 12)


def page_of(path):
    (page,) = PdfReader().read(path).pages
    return page


def lines(*heights, left=LEFT, right=RIGHT):
    def draw(sheet):
        sheet.drawString(72, 700, BEFORE + STRUCK + AFTER)
        for height in heights:
            sheet.line(left, 700 + height, right, 700 + height)

    return draw


@pytest.mark.parametrize("heights", [(3,), (2.5, 4.5)])
def test_words_with_a_line_through_them_are_marked(tmp_path, heights):
    page = page_of(drawn(tmp_path / "a.pdf", lines(*heights)))
    assert page.text == f"{BEFORE}[struck through: {STRUCK}]{AFTER}"


def test_a_part_of_a_word_may_be_struck(tmp_path):
    right = LEFT + stringWidth("48", "Helvetica", 12)
    page = page_of(drawn(tmp_path / "a.pdf", lines(3, right=right)))
    assert page.text == f"{BEFORE}[struck through: 48],200 euros{AFTER}"


def test_words_that_a_reader_struck_are_marked(tmp_path):
    path = drawn(tmp_path / "a.pdf", lines())
    page = page_of(
        with_annotation(path, "StrikeOut", (LEFT, 696, RIGHT, 712), quads=[(LEFT, 696, RIGHT, 712)])
    )
    assert page.text == f"{BEFORE}[struck through: {STRUCK}]{AFTER}"


@pytest.mark.parametrize(
    "draw",
    [
        lines(-2),
        lines(11),
        lines(-6, 14, left=60, right=500),
        lines(4, left=20, right=590),
    ],
    ids=["underlined", "overlined", "table", "a line of a chart"],
)
def test_other_lines_strike_nothing(tmp_path, draw):
    assert page_of(drawn(tmp_path / "a.pdf", draw)).text == BEFORE + STRUCK + AFTER


def test_what_is_marked_leads_back_to_its_place(tmp_path):
    path = drawn(tmp_path / "a.pdf", lines(3))
    text = page_of(path).text
    start = text.index(AFTER.strip())
    (box,) = pdf_view.boxes(path, 1, start, start + len(AFTER.strip()))
    assert abs(box.x0 * 612 - RIGHT) < 6
    (whole,) = pdf_view.boxes(path, 1, 0, len(text))
    assert abs(whole.x0 * 612 - 72) < 2
    assert whole.x1 > box.x1 - 0.01


def test_hidden_words_that_are_struck_leave_no_brackets(tmp_path):
    def draw(sheet):
        sheet.drawString(72, 600, make_pdf.SENTENCE)
        sheet.setFillGray(1)
        lines()(sheet)
        sheet.setStrokeGray(1)
        sheet.line(LEFT, 703, RIGHT, 703)

    page = page_of(drawn(tmp_path / "a.pdf", draw))
    assert page.text.strip() == make_pdf.SENTENCE
