import pytest

from ingest.readers.base import ReadOptions
from ingest.readers.pdf import PdfReader
from tests.data import make, make_pdf
from tests.data.make_pdf import SECRET, SENTENCE


def only_page(path, **options):
    (page,) = PdfReader().read(path, ReadOptions(**options)).pages
    return page


@pytest.mark.parametrize(("hide", "why"), make_pdf.HIDING, ids=lambda one: getattr(one, "__name__", ""))
def test_hidden_text_is_kept_from_the_text_and_told(tmp_path, hide, why):
    def both(sheet):
        make_pdf.sentence(sheet)
        hide(sheet)

    path = make_pdf.drawn(tmp_path / "a.pdf", both)
    page = only_page(path)
    assert page.text.strip() == SENTENCE
    assert [(one.text, one.why) for one in page.hidden] == [(SECRET, why)]
    accepted = only_page(path, with_hidden=True)
    assert sorted(accepted.text.strip().split("\n")) == sorted([SECRET, SENTENCE])
    assert accepted.hidden == page.hidden


def test_text_cut_away_by_the_crop_box_is_hidden(tmp_path):
    def draw(sheet):
        make_pdf.sentence(sheet)
        sheet.drawString(72, 100, SECRET)

    page = only_page(make_pdf.drawn(tmp_path / "a.pdf", draw, crop=(0, 300, 612, 792)))
    assert page.text.strip() == SENTENCE
    assert [one.why for one in page.hidden] == ["outside the page"]


def test_text_on_a_layer_that_is_switched_off_is_hidden(tmp_path):
    path = make_pdf.with_layer_off(make.pdf(tmp_path / "a.pdf", [["x"]]))
    page = only_page(path)
    assert page.text.strip() == SENTENCE
    assert [(one.text, one.why) for one in page.hidden] == [(SECRET, "on a layer that is switched off")]


def test_what_anyone_sees_is_not_hidden(tmp_path):
    page = only_page(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.in_sight))
    assert page.hidden == ()
    assert len(page.text.split("\n")) == 4


def test_one_hidden_word_inside_a_line_is_found(tmp_path):
    def draw(sheet):
        make_pdf.sentence(sheet)
        sheet.drawString(72, 650, "The tenant shall")
        sheet.setFillColorRGB(1, 1, 1)
        sheet.drawString(165, 650, "not")
        sheet.setFillColorRGB(0, 0, 0)
        sheet.drawString(190, 650, "sublet.")

    page = only_page(make_pdf.drawn(tmp_path / "a.pdf", draw))
    assert [one.text for one in page.hidden] == ["not"]
    assert " ".join(page.text.split()) == f"{SENTENCE} The tenant shall sublet."


def test_a_tick_that_is_drawn_keeps_its_unseen_sign(tmp_path):
    def draw(sheet):
        make_pdf.sentence(sheet)
        sheet.saveState()
        sheet.setFillAlpha(0)
        sheet.drawString(72, 650, "\u2022")
        sheet.restoreState()

    page = only_page(make_pdf.drawn(tmp_path / "a.pdf", draw))
    assert page.hidden == ()
    assert "\u2022" in page.text
