"""Which reader gives a page its text, and what is said of those that are not read."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ingest import ocr
from ingest.ocr import OcrMissing, OcrText
from ingest.readers import pdf_page
from ingest.readers.base import ReadOptions
from ingest.readers.pdf import PdfReader
from ingest.readers.pdf_text import characters
from storage.records import Place, ReadBy
from tests.data import make, make_pdf
from tests.data.make_pdf import SENTENCE

SAID = OcrText("Words of the picture", (Place(0, 5, 0.1, 0.2, 0.3, 0.4),), 0.97, 0)


class FakeOcr:
    """Says the same of every picture, and remembers how large they were."""

    def __init__(self):
        self.said = SAID
        self.agreement = 1.0
        self.pictures = []
        self.lines = []

    def read_picture(self, image):
        self.pictures.append(image.size)
        return self.said

    def agrees(self, _image, lines):
        self.lines.extend(lines)
        return self.agreement


@pytest.fixture
def fake(monkeypatch):
    found = FakeOcr()
    monkeypatch.setattr(ocr, "read_picture", found.read_picture)
    monkeypatch.setattr(ocr, "agrees", found.agrees)
    return found


def pages(path, **options):
    return list(PdfReader().read(path, ReadOptions(**options)).pages)


def test_of_a_mixed_file_only_the_scan_is_read_from_its_picture(tmp_path, fake):
    def scan(sheet):
        make_pdf.picture(sheet, make_pdf.scan_of(20))

    found = pages(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.sentence, scan, lambda sheet: None))
    assert [(page.how, page.text) for page in found] == [
        (ReadBy.TEXT, SENTENCE),
        (ReadBy.OCR, SAID.text),
        (ReadBy.TEXT, ""),
    ]
    assert [page.problem for page in found] == [None] * 3
    assert found[1].quality == SAID.confidence
    assert found[1].places == SAID.places
    assert len(fake.pictures) == 1


def test_a_scanned_sheet_with_nothing_on_it_is_blank(tmp_path, fake):
    (page,) = pages(make.pdf(tmp_path / "a.pdf", ["scan"]))
    assert (page.text, page.quality, page.problem) == ("", 1.0, None)
    assert fake.pictures == []


def test_a_scan_stays_unread_and_says_so_when_ocr_is_switched_off(tmp_path, fake):
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: make_pdf.picture(sheet, make_pdf.scan_of(20)))
    (page,) = pages(path, ocr="never")
    assert (page.how, page.text) == (ReadBy.NONE, "")
    assert "switched off" in page.problem
    assert fake.pictures == []


def test_a_scan_stays_unread_and_says_so_when_ocr_is_missing(tmp_path, monkeypatch):
    def missing(_image):
        raise OcrMissing("pictures cannot be read: install the package")

    monkeypatch.setattr(ocr, "read_picture", missing)
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: make_pdf.picture(sheet, make_pdf.scan_of(20)))
    (page,) = pages(path)
    assert page.how is ReadBy.NONE
    assert "install the package" in page.problem


def test_a_doubtful_reading_says_which_page_to_look_at(tmp_path, fake):
    fake.said = replace(SAID, confidence=0.3)
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: make_pdf.picture(sheet, make_pdf.scan_of(20)))
    (page,) = pages(path)
    assert page.how is ReadBy.OCR
    assert page.problem.startswith("page 1 was read from its picture with doubt")


NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300), dtype=np.uint8))


@pytest.mark.parametrize("shown", [make_pdf.scan_of(20), NOISE], ids=["writing", "photograph"])
def test_a_picture_in_which_nothing_is_found_is_not_called_read(tmp_path, fake, shown):
    fake.said = OcrText("", (), 1.0, 0)
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: make_pdf.picture(sheet, shown))
    (page,) = pages(path)
    assert page.text == ""
    assert "no words were found" in page.problem


def test_a_scanned_exhibit_under_a_heading_is_read_after_it(tmp_path, fake):
    def draw(sheet):
        make_pdf.sentence(sheet)
        make_pdf.picture(sheet, make_pdf.scan_of(20), (72, 100, 400, 500))

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", draw))
    assert page.text == f"{SENTENCE}\n\n{SAID.text}"
    assert page.how is ReadBy.TEXT
    (place,) = page.places
    assert page.text[place.start : place.end] == "Words"
    # The place is told in parts of the whole page, not of the picture.
    assert 72 / 612 < place.x0 < place.x1 < 472 / 612
    assert (792 - 600) / 792 < place.y0 < place.y1 < (792 - 100) / 792


def test_a_scan_in_strips_is_read_as_one_picture(tmp_path, fake):
    def draw(sheet):
        make_pdf.sentence(sheet)
        for strip in range(10):
            make_pdf.picture(sheet, make_pdf.scan_of(3, size=(1275, 260)), (72, 100 + strip * 50, 400, 50))

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", draw))
    assert page.text.count(SAID.text) == 1


@pytest.mark.parametrize("options", [{"ocr": "never"}, {}])
def test_a_photograph_or_a_logo_beside_text_is_left_alone(tmp_path, fake, options):
    def draw(sheet):
        make_pdf.sentence(sheet)
        make_pdf.picture(sheet, NOISE, (72, 100, 400, 400))
        make_pdf.picture(sheet, make_pdf.scan_of(3), (500, 740, 60, 30))

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", draw), **options)
    assert (page.text, page.problem) == (SENTENCE, None)
    assert fake.pictures == []


def test_a_searchable_scan_keeps_its_words_when_they_match_the_picture(tmp_path, fake):
    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.searchable))
    assert (page.how, page.text, page.hidden) == (ReadBy.TEXT, SENTENCE, ())
    assert [text for text, _ in fake.lines] == [SENTENCE]
    assert fake.pictures == []


def test_a_searchable_scan_that_lies_is_read_from_its_picture_and_told(tmp_path, fake):
    fake.agreement = 0.1
    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.searchable))
    assert (page.how, page.text) == (ReadBy.OCR, SAID.text)
    assert [(one.text, one.why) for one in page.hidden] == [(SENTENCE, "differs from the picture over it")]


def test_a_searchable_scan_is_not_called_checked_when_ocr_is_switched_off(tmp_path, fake):
    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.searchable), ocr="never")
    assert (page.how, page.text) == (ReadBy.TEXT, SENTENCE)
    assert "not checked against its picture" in page.problem
    assert page.quality < 1


def test_a_page_can_be_read_from_its_picture_although_it_has_text(tmp_path, fake):
    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", make_pdf.sentence), ocr="always")
    assert (page.how, page.text) == (ReadBy.OCR, SAID.text)


GARBLED = "wkhwhqdqw vkdoosd| wkhuhqw rqwkhiluvw gd|ri hyhu|prqwk ".replace("|", "b") * 8


def test_a_page_whose_letters_stand_for_others_is_read_from_its_picture(tmp_path, fake):
    path = make.pdf(tmp_path / "a.pdf", [[GARBLED[n : n + 70] for n in range(0, len(GARBLED), 70)]])
    (page,) = pages(path)
    assert (page.how, page.text) == (ReadBy.OCR, SAID.text)
    (unread,) = pages(path, ocr="never")
    assert "its letters stand for others" in unread.problem
    assert unread.quality < 0.85


def test_a_page_that_the_first_reader_garbles_is_given_to_the_second(tmp_path, fake, monkeypatch):
    def garbled(listed):
        found = characters(listed)
        return replace(found, text=re.sub(r"\w", "\ue001", found.text))

    monkeypatch.setattr(pdf_page, "characters", garbled)
    path = make.lease_pdf(tmp_path / "a.pdf")
    (page,) = list(PdfReader().read(path, first_page=3).pages)
    assert page.how is ReadBy.SECOND_READER
    assert "$120,000" in page.text
    assert page.problem is None


def test_the_same_letterhead_on_every_page_is_read_once(tmp_path, fake):
    def draw(sheet):
        make_pdf.sentence(sheet)
        make_pdf.picture(sheet, make_pdf.scan_of(3), (72, 300, 400, 200))

    found = pages(make_pdf.drawn(tmp_path / "a.pdf", draw, draw, draw))
    assert [SAID.text in page.text for page in found] == [True] * 3
    assert len(fake.pictures) == 1


def test_an_enormous_page_makes_no_enormous_picture(tmp_path, fake):
    from reportlab.pdfgen import canvas

    sheet = canvas.Canvas(str(tmp_path / "a.pdf"), pagesize=(14_000, 14_000))
    make_pdf.picture(sheet, make_pdf.scan_of(20), (0, 0, 14_000, 14_000))
    sheet.save()
    pages(tmp_path / "a.pdf")
    ((width, height),) = fake.pictures
    assert width * height <= 12_100_000


@pytest.mark.parametrize(
    ("said", "is_problem"),
    [
        ("K", False),
        ("J. Hancock 2", False),
        ("ths lense is bctween the prtics\nand was signcd", True),
    ],
)
def test_doubt_beside_text_is_a_problem_only_where_writing_was_found(tmp_path, fake, said, is_problem):
    fake.said = OcrText(said, (), 0.6, 0)

    def draw(sheet):
        make_pdf.sentence(sheet)
        make_pdf.picture(sheet, make_pdf.scan_of(20), (72, 100, 400, 500))

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", draw))

    assert (page.problem is not None) is is_problem
    assert page.quality == 0.6
    assert page.text.endswith(said)


def outlines(sheet, letters, *, paths):
    """As many shapes of 20 lines each as a text has letters, all in one path or each in its own."""
    made = []
    for letter in range(letters):
        path = sheet.beginPath() if paths == "many" or not made else made[-1]
        x, y = 72 + 9 * (letter % 40), 700 - 14 * (letter // 40)
        path.moveTo(x, y)
        for step in range(20):
            path.lineTo(x + step % 7, y + (step * 5) % 9)
        if path not in made:
            made.append(path)
    for path in made:
        sheet.drawPath(path, stroke=0, fill=1)


@pytest.mark.parametrize("paths", ["one", "many"])
def test_letters_drawn_as_outlines_are_read_from_their_picture(tmp_path, fake, paths):
    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: outlines(sheet, 200, paths=paths)))
    assert (page.how, page.text) == (ReadBy.OCR, SAID.text)


def test_letters_drawn_as_outlines_beside_a_stamp_follow_it(tmp_path, fake):
    def stamped(sheet):
        make_pdf.sentence(sheet)
        outlines(sheet, 200, paths="one")

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", stamped))
    assert page.text == f"{SENTENCE}\n\n{SAID.text}"


def test_the_rules_of_a_page_with_little_text_are_no_letters(tmp_path, fake):
    def ruled(sheet):
        make_pdf.sentence(sheet)
        for line in range(60):
            sheet.line(72, 100 + 8 * line, 500, 100 + 8 * line)

    (page,) = pages(make_pdf.drawn(tmp_path / "a.pdf", ruled))
    assert (page.text, fake.pictures) == (SENTENCE, [])
