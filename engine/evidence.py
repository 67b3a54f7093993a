"""The cited side of a check: a numbered passage, the stretches of it that may be quoted, and what is cited.

Every quote is a contiguous stretch of a page's stored text, cut at sentence or row ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.answers import Citation
from engine.numbers import extract
from engine.sentences import looks_like_row, spans_of_sentences
from engine.words import content_stems
from storage.records import Passage, Span

MAX_SENTENCES = 4
MAX_ROWS = 14
MAX_CHARACTERS = 1_200


@dataclass(frozen=True, slots=True)
class Source:
    """A passage under the number that markers name it by."""

    n: int
    passage: Passage
    page_text: str = ""
    """The whole page, where it is known: only asked for the unit of its tables."""

    @property
    def text(self) -> str:
        return self.passage.chunk.text

    @property
    def context(self) -> str:
        """What a reader sees beside the quote: document name and headings."""
        chunk = self.passage.chunk
        return f"{self.passage.document}\n{' '.join(chunk.heading_path)}\n{chunk.context}"

    @property
    def unit_context(self) -> str:
        return f"{self.text}\n{self.context}\n{self.page_text}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters `start` to `end` of a source's text."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words, exactly as stored."""
        return self.source.text[self.start : self.end]

    @property
    def span(self) -> Span:
        """The same characters, counted from the start of the page."""
        chunk = self.source.passage.chunk.span
        return Span(chunk.page, chunk.start + self.start, chunk.start + self.end)


def pieces(text: str) -> tuple[tuple[int, int], ...]:
    """Sentences and rows of a passage."""
    return _pieces(text)


def windows(source: Source) -> Iterator[Stretch]:
    """Every contiguous stretch that is short enough to quote, the narrowest first."""
    spans = pieces(source.text)
    for size in range(1, min(len(spans), MAX_ROWS) + 1):
        for first in range(len(spans) - size + 1):
            start, end = spans[first][0], spans[first + size - 1][1]
            if end - start > MAX_CHARACTERS:
                continue
            # Prose is quoted in a few sentences; a table's row may stand far below its head.
            if size > MAX_SENTENCES and not looks_like_row(source.text[slice(*spans[first + size - 1])]):
                continue
            yield Stretch(source, start, end)


class Footnotes:
    """Numbers the citations of one answer in the order of first use; the same span is one footnote."""

    def __init__(self) -> None:
        self._citations: dict[tuple[str, Span], Citation] = {}

    def cite(self, stretches: Sequence[Stretch]) -> tuple[int, ...]:
        """The numbers of these stretches, new ones given out as needed."""
        numbers: list[int] = []
        for stretch in stretches:
            chunk = stretch.source.passage.chunk
            key = (chunk.version_id, stretch.span)
            if key not in self._citations:
                self._citations[key] = Citation(
                    n=len(self._citations) + 1,
                    document=stretch.source.passage.document,
                    document_id=chunk.document_id,
                    version_id=chunk.version_id,
                    chunk_id=chunk.id,
                    span=stretch.span,
                    quote=stretch.text,
                )
            numbers.append(self._citations[key].n)
        return tuple(dict.fromkeys(numbers))

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All footnotes so far."""
        return tuple(self._citations.values())


@lru_cache(maxsize=512)
def _pieces(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(spans_of_sentences(text))


@lru_cache(maxsize=4_096)
def stems_of(text: str) -> frozenset[str]:
    """The content stems of a stretch, without its figures and dates: those are compared as quantities."""
    pieces_between: list[str] = []
    start = 0
    for quantity in extract(text):
        pieces_between.append(text[start : quantity.start])
        start = max(start, quantity.end)
    pieces_between.append(text[start:])
    return frozenset(stem for stem in content_stems(" ".join(pieces_between)) if not stem[0].isdigit())
