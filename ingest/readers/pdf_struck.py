"""Words of a PDF page that are struck through: by a reader's mark, or by a line that is drawn across them.

A comparison of two drafts that was printed shows what was taken out so; read as it stands, a figure that is
no longer in force would be quoted. A line counts that runs through the middle of letters and begins and ends
with them: rules of tables, lines under words and those of charts do not. Not found: words struck by hand in a
scan, by a slanting line, or on a page whose text stands sideways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import STRUCK
from ingest.readers.pdf_annotations import Rectangle, marked
from ingest.readers.pdf_text import Boxes, PageText, character_boxes

_MARK, _END = f"[{STRUCK}: ", "]"
_EDGE = 0.2
"""Share of a letter's height, at its top and its foot, in which a line strikes nothing."""
_SLACK = 1.0
"""How far a line may run past the words that it strikes, in heights of their highest letter."""
_LEAST_HIT = 0.5
"""Share of the letters over which a line runs that it must strike: a comma or a hyphen it misses."""
_MOST_RULES = 1_000
"""More are a drawing."""

Span = tuple[int, int]


def struck(
    page: pdfium.PdfPage,
    listed: pdfium.PdfTextPage,
    text: PageText,
    *,
    rules: npt.NDArray[np.float64],
    some: Boxes,
) -> list[Span]:
    """Where the text of a page is struck, in its order.

    `rules` are the thin level lines on the page; `some` are boxes of one letter of each word.
    """
    near = _near(rules, some) if 0 < len(rules) <= _MOST_RULES else []
    places = marked(page, raw.FPDF_ANNOT_STRIKEOUT)
    if not near and not places:
        return []
    boxes = character_boxes(listed, text.indices)
    shown = np.array([not one.isspace() for one in text.text])
    spans = [span for rule in near for span in _on_line(rule, text.text, boxes, shown)]
    spans += [span for place in places for span in _in_place(place, boxes, shown)]
    return list(_joined(text.text, sorted(spans)))


def with_marks(text: PageText, spans: Sequence[Span], gone: frozenset[int]) -> PageText:
    """A page's text without the characters at `gone`, and with brackets around those that are struck."""
    pieces: list[str] = []
    indices: list[int] = []

    def add(words: str, at: int) -> None:
        pieces.append(words)
        indices.extend([text.indices[at]] * len(words))

    begins = {start for start, end in spans if any(at not in gone for at in range(start, end))}
    ends = {end - 1 for start, end in spans if start in begins}
    for at, one in enumerate(text.text):
        if at in begins:
            add(_MARK, at)
        if at not in gone:
            add(one, at)
        if at in ends:
            add(_END, at)
    return PageText("".join(pieces), tuple(indices))


def _near(rules: npt.NDArray[np.float64], some: Boxes) -> list[Rectangle]:
    """The lines that run through some letter."""
    found: list[Rectangle] = []
    for left, bottom, right, top in rules.tolist():
        if _hit((left, bottom, right, top), some).any():
            found.append((left, bottom, right, top))
    return found


def _hit(rule: Rectangle, boxes: Boxes) -> npt.NDArray[np.bool_]:
    left, bottom, right, top = rule
    level, edge = (bottom + top) / 2, (boxes[:, 3] - boxes[:, 2]) * _EDGE
    found: npt.NDArray[np.bool_] = (boxes[:, 2] + edge < level) & (level < boxes[:, 3] - edge)
    return found & _across(left, right, boxes)


def _across(left: float, right: float, boxes: Boxes) -> npt.NDArray[np.bool_]:
    middle = (boxes[:, 0] + boxes[:, 1]) / 2
    found: npt.NDArray[np.bool_] = (middle > left) & (middle < right)
    return found


def _on_line(rule: Rectangle, text: str, boxes: Boxes, shown: npt.NDArray[np.bool_]) -> Iterator[Span]:
    hit = np.flatnonzero(_hit(rule, boxes) & shown)
    if not len(hit):
        return
    start, end = int(hit[0]), int(hit[-1]) + 1
    across = _across(rule[0], rule[2], boxes) & shown
    while start and across[start - 1]:
        start -= 1
    while end < len(text) and across[end]:
        end += 1
    letters = np.flatnonzero(shown[start:end]) + start
    if "\n" in text[start:end] or len(hit) < _LEAST_HIT * len(letters):
        return
    slack = _SLACK * float((boxes[letters, 3] - boxes[letters, 2]).max())
    if rule[0] >= boxes[letters, 0].min() - slack and rule[2] <= boxes[letters, 1].max() + slack:
        yield start, end


def _in_place(place: Rectangle, boxes: Boxes, shown: npt.NDArray[np.bool_]) -> Iterator[Span]:
    left, bottom, right, top = place
    level = (boxes[:, 2] + boxes[:, 3]) / 2
    inside = np.flatnonzero((level > bottom) & (level < top) & _across(left, right, boxes) & shown)
    for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
        if len(run):
            yield int(run[0]), int(run[-1]) + 1


def _joined(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Neighbours on one line become one."""
    open_span: Span | None = None
    for start, end in spans:
        if open_span is not None and not text[open_span[1] : start].strip(" \t"):
            open_span = (open_span[0], max(open_span[1], end))
            continue
        if open_span is not None:
            yield open_span
        open_span = (start, end)
    if open_span is not None:
        yield open_span
