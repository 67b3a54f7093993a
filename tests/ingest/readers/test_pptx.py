import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest.readers.base import NeedsPassword, ReadOptions, Unreadable
from ingest.readers.pptx import PptxReader
from storage.records import ReadBy
from tests.data import make_office
from tests.data.make_office import pptx, shape, slide


def read(path, **options):
    reading = PptxReader().read(path, ReadOptions(**options))
    return reading, list(reading.pages)


def test_a_slide_gives_title_texts_table_chart_and_notes(tmp_path):
    deck = Presentation()
    made = deck.slides.add_slide(deck.slide_layouts[5])
    made.shapes.title.text = "Rents"
    table = made.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for n, text in enumerate(("Tenant", "Rent", "Acme", "$10")):
        table.cell(n // 2, n % 2).text = text
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Income", (1.5, 2.5))
    made.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(2), data)
    made.notes_slide.notes_text_frame.text = "Say it slowly."
    deck.save(tmp_path / "a.pptx")
    reading, (page,) = read(tmp_path / "a.pptx")
    assert page.label == "Rents"
    assert page.text == (
        "Rents\n\nTenant | Rent\nAcme | $10\n\n[chart without a title]\nIncome | 2023: 1.5 | 2024: 2.5"
        "\n\nNotes: Say it slowly."
    )
    assert [one.name.endswith(".xlsx") for one in reading.attachments] == [True]


def test_texts_stand_in_reading_order_and_the_title_first(tmp_path):
    shapes = (
        shape("right", top=2_000_000, left=5_000_000),
        shape("below", top=4_000_000),
        shape("left", top=2_100_000),
        shape("Title", top=6_000_000, kind="title"),
    )
    _, (page,) = read(pptx(tmp_path / "a.pptx", [slide(*shapes)]))
    assert page.text == "Title\n\nleft\n\nright\n\nbelow"


def test_a_hidden_slide_keeps_its_number_and_is_flagged(tmp_path):
    path = pptx(
        tmp_path / "a.pptx", [slide(shape("one")), slide(shape("two"), hidden=True), slide(shape("three"))]
    )
    reading, pages = read(path)
    assert reading.flags == ("has hidden slides: 2",)
    assert [page.text for page in pages] == ["one", "", "three"]
    assert [(one.text, one.why) for one in pages[1].hidden] == [("two", "on a hidden slide")]
    assert [page.text for page in read(path, with_hidden=True)[1]] == ["one", "two", "three"]


def test_text_beside_the_slide_is_kept_apart(tmp_path):
    _, (page,) = read(pptx(tmp_path / "a.pptx", [slide(shape("in"), shape("out", left=-2_000_000))]))
    assert page.text == "in"
    assert [(one.text, one.why) for one in page.hidden] == [("out", "beside the slide")]


def test_a_lost_slide_keeps_its_page_and_the_others_are_read(tmp_path):
    path = pptx(tmp_path / "a.pptx", [slide(shape("one")), slide(shape("two")), slide(shape("three"))])
    make_office.with_parts(path, lambda name, data: None if name.endswith("slide2.xml") else data)
    _, pages = read(path)
    assert [page.text for page in pages] == ["one", "", "three"]
    assert pages[1].how is ReadBy.NONE
    assert "slide 2 is missing" in pages[1].problem


def test_a_slide_that_breaks_off_is_read_as_far_as_it_goes_and_said_to_be(tmp_path):
    path = pptx(tmp_path / "a.pptx", [slide(shape("first"), shape("second", top=3_000_000))])
    make_office.with_parts(path, lambda name, data: data[:-60] if "slides/slide1.xml" in name else data)
    _, (page,) = read(path)
    assert "first" in page.text
    assert "is damaged" in page.problem


def test_a_comment_names_its_author(tmp_path):
    names = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    parts = {
        "ppt/slides/_rels/slide1.xml.rels": make_office.relations(("comments", "../comments/comment1.xml")),
        "ppt/comments/comment1.xml": f'<p:cmLst {names}><p:cm authorId="0"><p:text>Sure?</p:text></p:cm>'
        "</p:cmLst>",
        "ppt/authors.xml": f'<p:cmAuthorLst {names}><p:cmAuthor id="0" name="Jane Roe"/></p:cmAuthorLst>',
        "ppt/_rels/presentation.xml.rels": make_office.relations(
            ("slide", "slides/slide1.xml"), ("commentAuthors", "authors.xml")
        ),
    }
    _, (page,) = read(pptx(tmp_path / "a.pptx", [slide(shape("one"))], parts=parts))
    assert page.text == "one\n\n[comment by Jane Roe] Sure?"


def test_what_is_no_presentation_is_refused_in_words(tmp_path):
    with pytest.raises(Unreadable, match="is not a presentation"):
        read(make_office.package(tmp_path / "a.pptx", {"ppt/presentation.xml": "<x/>"}))


def test_a_locked_presentation_opens_with_its_password_only(tmp_path):
    path = make_office.locked(pptx(tmp_path / "a.pptx", [slide(shape("one"))]), "blue")
    with pytest.raises(NeedsPassword):
        read(path)
    assert read(path, password="blue")[1][0].text == "one"


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.lists(WORDS, max_size=4), st.booleans()), min_size=1, max_size=6))
def test_no_slide_and_no_text_is_lost_and_their_order_is_kept(slides):
    made = [
        slide(*(shape(text, top=n * 500_000) for n, text in enumerate(texts)), hidden=hidden)
        for texts, hidden in slides
    ]
    with tempfile.TemporaryDirectory() as folder:
        reading, pages = read(pptx(Path(folder) / "a.pptx", made), with_hidden=True)
    assert reading.page_count == len(slides)
    assert [page.text for page in pages] == ["\n\n".join(texts) for texts, _ in slides]


def test_words_with_a_line_through_them_are_marked(tmp_path):
    deck = Presentation()
    made = deck.slides.add_slide(deck.slide_layouts[5])
    made.shapes.title.text = "Rent: "
    run = made.shapes.title.text_frame.paragraphs[0].add_run()
    run.text = "48,200"
    run._r.get_or_add_rPr().set("strike", "sngStrike")
    deck.save(tmp_path / "a.pptx")
    _, (page,) = read(tmp_path / "a.pptx")
    assert page.text == "Rent: [struck through: 48,200]"


def test_a_raised_digit_behind_a_figure_does_not_change_it(tmp_path):
    deck = Presentation()
    made = deck.slides.add_slide(deck.slide_layouts[5])
    made.shapes.title.text = "Rent: 48,200"
    run = made.shapes.title.text_frame.paragraphs[0].add_run()
    run.text = "1"
    run._r.get_or_add_rPr().set("baseline", "30000")
    deck.save(tmp_path / "a.pptx")
    assert read(tmp_path / "a.pptx")[1][0].text == "Rent: 48,200^1"
