import pypdfium2 as pdfium
import pytest

from ingest.readers import pdf_view
from ingest.readers.pdf_text import PageText, characters, listing
from tests.data import make_pdf
from tests.data.make_pdf import SENTENCE


def text_of(path):
    return characters(listing(pdfium.PdfDocument(path)[0]))


def spread(words, *, letter, word):
    """Draws words letter by letter, with those gaps between letters and between words."""

    def draw(sheet):
        x = 72
        for one in words:
            for sign in one:
                sheet.drawString(x, 700, sign)
                x += sheet.stringWidth(sign) + letter
            x += word - letter

    return draw


@pytest.mark.parametrize(("letter", "word"), [(3.2, 8), (3, 9)])
def test_words_torn_into_letters_are_joined_and_keep_their_boxes(tmp_path, letter, word):
    path = make_pdf.drawn(tmp_path / "a.pdf", spread(["The", "rent", "due", "now"], letter=letter, word=word))
    found = text_of(path)
    assert found.text == "The rent due now"
    (first,) = pdf_view.boxes(path, 1, 0, 3)
    (last,) = pdf_view.boxes(path, 1, 13, 16)
    assert round(first.x0 * 612) == pytest.approx(72, abs=2)
    assert last.x0 > first.x1


def test_short_words_in_a_line_stay_apart(tmp_path):
    line = "If it is as he is to be at it or on it by us"
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: sheet.drawString(72, 700, line))
    assert text_of(path).text == line


def test_a_column_of_letters_stays_apart(tmp_path):
    def draw(sheet):
        for n, sign in enumerate("abcdefgh"):
            sheet.drawString(72 + 40 * n, 700, sign)

    assert text_of(make_pdf.drawn(tmp_path / "a.pdf", draw)).text == "a b c d e f g h"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_page_is_read_in_its_order_with_its_boxes(tmp_path, degrees):
    path = make_pdf.drawn(
        tmp_path / "a.pdf",
        lambda sheet: [sheet.drawString(72, 700 - 20 * n, f"Line {n} of the page") for n in range(3)],
    )
    make_pdf.rewritten(path, lambda writer: writer.pages[0].rotate(degrees))
    assert text_of(path).text.split("\n") == [f"Line {n} of the page" for n in range(3)]
    (box,) = pdf_view.boxes(path, 1, 0, len("Line 0 of the page"))
    along, across = box.x1 - box.x0, box.y1 - box.y0
    assert (across > along) is (degrees in (90, 270))


def test_every_character_has_its_index_and_leaving_some_out_keeps_the_others():
    page = PageText("abcd", (0, 1, 3, 4))
    assert page.without({1, 2}) == PageText("ad", (0, 4))
    assert page.without(()) is page


def test_boxes_of_visible_text_do_not_cover_hidden_text_that_was_left_out(tmp_path):
    def draw(sheet):
        sheet.drawString(72, 700, "The tenant shall")
        sheet.setFillColorRGB(1, 1, 1)
        sheet.drawString(172, 700, "not")
        sheet.setFillColorRGB(0, 0, 0)
        sheet.drawString(300, 700, "sublet the rooms.")
        sheet.drawString(72, 650, SENTENCE)

    path = make_pdf.drawn(tmp_path / "a.pdf", draw)
    start = len("The tenant shall ")
    boxes = pdf_view.boxes(path, 1, 0, start + len(" sublet"))
    assert not any(box.x0 * 612 < 175 < box.x1 * 612 for box in boxes)


@pytest.mark.parametrize(
    ("raised", "size", "rise", "text"),
    [
        ("2", 6.5, 4.5, "a range of $0.45 to $0.55^2 and more"),
        ("12", 7, 4, "a range of $0.45 to $0.55^12 and more"),
        ("2", 12, 0, "a range of $0.45 to $0.552 and more"),
        ("2", 7, -2, "a range of $0.45 to $0.552 and more"),
    ],
    ids=["note", "two digits", "the same figure", "below the line"],
)
def test_a_raised_digit_behind_a_figure_does_not_change_it(tmp_path, raised, size, rise, text):
    def draw(sheet):
        line = sheet.beginText(72, 700)
        line.setFont("Helvetica", 12)
        line.textOut("a range of $0.45 to $0.55")
        line.setFont("Helvetica", size)
        line.setRise(rise)
        line.textOut(raised)
        line.setRise(0)
        line.setFont("Helvetica", 12)
        line.textOut(" and more")
        sheet.drawText(line)

    path = make_pdf.drawn(tmp_path / "a.pdf", draw)
    found = text_of(path).text
    # PDFium may break a line where one is lowered.
    assert found.replace("\n", "") == text
    first, *_ = pdf_view.boxes(path, 1, 0, len(found))
    assert abs(first.x0 * 612 - 72) < 2
