"""Letters that stand twice in a word and overlap."""

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth

from ingest.readers.pdf import PdfReader
from ingest.readers.pdf_view import boxes
from tests.data import make_pdf

_LINE = "Results could differ from what the officers affirm, and all will suffer for it."


def _letter_by_letter(sheet, line, *, font="Times-Italic", size=14, y=650, twice=0.0):
    """Each letter drawn on its own, as some browsers print; `twice` shifts a second print of each."""
    sheet.setFont(font, size)
    x = 72.0
    for one in line:
        sheet.drawString(x, y, one)
        if twice:
            sheet.drawString(x + twice, y, one)
        x += stringWidth(one, font, size)


def _text(path):
    (page,) = PdfReader().read(path).pages
    return page.text.strip()


@pytest.mark.parametrize("size", [7, 10, 14, 24])
def test_both_letters_of_a_slanted_pair_are_there(tmp_path, size):
    line = "To differ, to suffer, an office, off the cliff" if size > 14 else _LINE

    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: _letter_by_letter(sheet, line, size=size))

    assert _text(path) == line


@pytest.mark.parametrize("shift", [0.2, 0.4, 0.8])
def test_what_is_printed_twice_to_look_bold_is_there_once(tmp_path, shift):
    line = "Half of his life he felt fit for fine golf."

    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: _letter_by_letter(sheet, line, twice=shift))

    assert _text(path) == line


def test_a_word_printed_twice_to_look_bold_is_there_once(tmp_path):
    def draw(sheet):
        for shift in (0, 0.4):
            for n, word in enumerate(("differ", "office", "of", "life")):
                sheet.drawString(72 + 60 * n + shift, 650, word)

    path = make_pdf.drawn(tmp_path / "a.pdf", draw)

    assert _text(path).split() == ["differ", "office", "of", "life"]


def test_a_letter_put_back_leaves_the_places_behind_it_right(tmp_path):
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: _letter_by_letter(sheet, _LINE))
    start = _LINE.index("suffer")

    (box,) = boxes(path, 1, start, start + len("suffer"))

    left = 72 + stringWidth(_LINE[:start], "Times-Italic", 14)
    right = left + stringWidth("suffer", "Times-Italic", 14)
    assert box.x0 * 612 == pytest.approx(left, abs=2)
    assert box.x1 * 612 == pytest.approx(right, abs=2)


def test_letters_inside_a_form_object_are_left_as_they_are(tmp_path):
    def draw(sheet):
        sheet.beginForm("stamp")
        _letter_by_letter(sheet, "half of it")
        sheet.endForm()
        sheet.doForm("stamp")

    path = make_pdf.drawn(tmp_path / "a.pdf", draw)

    assert _text(path) == "half of it"
