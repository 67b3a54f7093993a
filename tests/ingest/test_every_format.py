"""What is always true, of each format: no page is lost, order is kept, and every chunk is its page's text."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import pytest
from docx import Document
from docx.enum.text import WD_BREAK
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

from ingest.chunking import Splitter
from ingest.media import media_type_of
from ingest.readers import reader_for
from ingest.running_lines import RunningLines
from storage.embedding import HashingEmbedder
from tests.data import make
from tests.data.make_mail import mail, msg, msg_properties, msg_text

_WORDS = st.sampled_from(
    [
        "The",
        "Tenant",
        "shall",
        "pay",
        "notice",
        "under",
        "Lease,",
        "Section",
        "4;",
        "rent:",
        "$1,200",
        "5",
        "%.",
    ]
)
_LINES = st.lists(st.lists(_WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=12)
_MARK = re.compile(r"\bQ[a-z]{3}q\b")
_PAGES = st.lists(_LINES, min_size=1, max_size=5)


def marked(pages):
    """The pages with a mark in each line that stands nowhere else, and the marks of each page in order."""
    marks, numbered, count = [], [], 0
    for lines in pages:
        made, seen = [], []
        for line in lines:
            # Letters alone: a line that differs in its figures only may be taken for a page's running head.
            mark = "Q" + "".join(chr(97 + count // power % 26) for power in (676, 26, 1)) + "q"
            count += 1
            made.append(f"{mark} {line}")
            seen.append(mark)
        numbered.append(made)
        marks.append(seen)
    return numbered, marks


def pdf(path, pages):
    make.pdf(path, pages)


def word(path, pages):
    document = Document()
    for number, lines in enumerate(pages):
        for line in lines:
            document.add_paragraph(line)
        if number + 1 < len(pages):
            document.paragraphs[-1].add_run().add_break(WD_BREAK.PAGE)
    document.save(str(path))


def workbook(path, pages):
    book = Workbook()
    book.remove(book.active)
    for number, lines in enumerate(pages):
        sheet = book.create_sheet(f"Sheet {number}")
        for line in lines:
            sheet.append([line, number])
    book.save(path)


def deck(path, pages):
    slides = Presentation()
    for lines in pages:
        slide = slides.slides.add_slide(slides.slide_layouts[6])
        box = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(6), Inches(5))
        box.text_frame.text = "\n".join(lines)
    slides.save(path)


def joined(pages):
    return "\n".join(line for lines in pages for line in lines)


def text(path, pages):
    path.write_text(joined(pages), encoding="utf-8")


def web(path, pages):
    body = "".join(f"<p>{escape(line)}</p>" for lines in pages for line in lines)
    path.write_text(f"<!doctype html><html><body>{body}</body></html>", encoding="utf-8")


def listed(path, pages):
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=";").writerows([line, "x"] for lines in pages for line in lines)


def data(path, pages):
    path.write_text(json.dumps(pages, indent=1), encoding="utf-8")


def markup(path, pages):
    lines = "".join(f"<line>{escape(line)}</line>\n" for lines in pages for line in lines)
    path.write_text(f"<?xml version='1.0'?>\n<lease>\n{lines}</lease>\n", encoding="utf-8")


def message(path, pages):
    path.write_bytes(mail(joined(pages)).as_bytes())


def outlook(path, pages):
    msg(
        path,
        {
            **msg_properties(32, {0x3FDE: 1252}),
            **msg_text(0x0037, "Lease"),
            **msg_text(0x1000, joined(pages).replace("\n", "\r\n")),
        },
    )


_PAGED = {".pdf": pdf, ".docx": word, ".xlsx": workbook, ".pptx": deck}
_WHOLE = {
    ".txt": text,
    ".md": text,
    ".html": web,
    ".csv": listed,
    ".json": data,
    ".xml": markup,
    ".eml": message,
    ".msg": outlook,
}


def read(suffix, write, pages):
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        write(path, pages)
        reading = reader_for(media_type_of(path, path.name)).read(path)
        found = list(reading.pages)
    assert len(found) == reading.page_count
    assert [page.number for page in found] == list(range(1, len(found) + 1))
    assert [page.problem for page in found] == [None] * len(found)
    return found


def marks_in(text):
    return _MARK.findall(text)


def chunks_of(pages):
    running = RunningLines()
    for page in pages:
        running.feed(page.text)
    embedder = HashingEmbedder()
    splitter = Splitter(
        "a", embedder.count_tokens, max_tokens=embedder.max_tokens, token_offsets=embedder.token_offsets
    )
    return list(splitter.pieces([(page.number, page.text) for page in pages], running.found()))


@pytest.mark.parametrize("suffix", sorted(_PAGED))
@settings(max_examples=12, deadline=None)
@given(pages=_PAGES)
def test_each_page_sheet_or_slide_keeps_its_lines_in_order(suffix, pages):
    pages, marks = marked(pages)
    found = read(suffix, _PAGED[suffix], pages)
    assert [marks_in(page.text) for page in found] == marks


@pytest.mark.parametrize("suffix", sorted(_WHOLE))
@settings(max_examples=12, deadline=None)
@given(pages=_PAGES)
def test_a_format_without_pages_is_one_page_with_every_line_in_order(suffix, pages):
    pages, marks = marked(pages)
    (page,) = read(suffix, _WHOLE[suffix], pages)
    assert marks_in(page.text) == [mark for seen in marks for mark in seen]


@pytest.mark.parametrize("suffix", sorted(_PAGED | _WHOLE))
@settings(max_examples=8, deadline=None)
@given(pages=_PAGES)
def test_chunks_are_the_pages_text_at_their_spans_and_leave_no_line_out(suffix, pages):
    pages, marks = marked(pages)
    found = read(suffix, (_PAGED | _WHOLE)[suffix], pages)
    texts = {page.number: page.text for page in found}
    pieces = chunks_of(found)
    said = [texts[piece.page][piece.start : piece.end] for piece in pieces]
    assert marks_in(" ".join(said)) == [mark for seen in marks for mark in seen]
    assert pieces == sorted(pieces, key=lambda piece: (piece.page, piece.start))
    for piece, following in pairwise(pieces):
        assert piece.page < following.page or piece.end <= following.start
