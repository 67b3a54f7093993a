"""Split pages into chunks that follow the document's own headings, clauses, paragraphs and sentences.

A chunk's text is exactly the page's text at its span. Every character that is not white space is in exactly
one chunk; only a running header or footer is in none after its first occurrence. A chunk with its context is
never longer than the embedder reads. Pages come as a stream, one at a time.
This module knows nothing of file formats, SQL or indexes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.contexts import Contexts, CountTokens, Heading
from ingest.leads import Leads, keeps_to
from ingest.lines import Line, Told, lines_of
from ingest.running_lines import edge_lines, line_key
from ingest.structure import Mark, Strength, is_row, marks_of
from ingest.tables import Row, Tables
from storage.ids import content_id

TokenOffsets = Callable[[str], Sequence[tuple[int, int]]]

SPECIAL_TOKENS = 2
_CONTEXT_TOKENS = 56
_TARGET_TOKENS = 150
_ENOUGH_AT_HEADING = 40
_ENOUGH_AT_UNIT = 60
_ENOUGH_AT_CLAUSE = 90
_SPARE_TOKENS = 4
_MAX_CHARS = 1_800
"""A word that the tokenizer does not know counts as one token however long it is."""
_WINDOW_CHARS = 20_000

_SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"'\u201d\u2019)\]]*\s+")
_WORD_START = re.compile(r"(?<=\s)\S")
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class _Atom:
    """The smallest piece that is kept whole where it can be: a line, or a part of a long one."""

    start: int
    end: int
    tokens: int
    strength: Strength
    headings: tuple[Heading, ...]
    told: tuple[Told, ...]
    opens: int = 0
    """On a table's first line: how many lines it has."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it has an identity."""

    page: int
    start: int
    end: int
    heading_path: tuple[str, ...]
    context: str


def chunk_id(version_id: str, ordinal: int, page: int, start: int, end: int) -> str:
    """The same piece of the same version always has the same id."""
    return content_id("chunk", version_id, *map(str, (ordinal, page, start, end)))


class Splitter:
    """Splits the pages of one document; headings, lists and tables carry over from page to page."""

    def __init__(
        self,
        document_name: str,
        count_tokens: CountTokens,
        *,
        max_tokens: int,
        token_offsets: TokenOffsets | None,
    ) -> None:
        self._count = count_tokens
        self._offsets = token_offsets or self._counted_words
        self._exact = token_offsets is not None
        self._limit = max_tokens - SPECIAL_TOKENS
        context_limit = min(_CONTEXT_TOKENS, self._limit // 3)
        self._target = min(_TARGET_TOKENS, self._limit - context_limit)
        self._contexts = Contexts(document_name, count_tokens, limit=context_limit)
        self._headings: tuple[Heading, ...] = ()
        self._tables = Tables()
        self._leads = Leads()
        self._met: set[str] = set()

    def pieces(self, pages: Iterable[tuple[int, str]], running: frozenset[str]) -> Iterator[Piece]:
        """The pieces of numbered page texts, in order; `running` is what `RunningLines` found in all of them.

        A page is asked for when the pieces of the one before are taken.
        """
        for number, text in pages:
            starts = self._token_starts(text)
            for atoms in self._stretches(number, text, starts, running):
                for few in self._packed(atoms):
                    headings = _headings_of(few)
                    told = tuple(dict.fromkeys(one for atom in few for one in atom.told))
                    path = tuple(one.text for one in headings)
                    parts = self._fitting(number, text, few[0].start, few[-1].end, headings, told, starts)
                    for start, end, context in parts:
                        yield Piece(number, start, end, path, context)

    def _stretches(
        self, number: int, text: str, starts: Sequence[int], running: frozenset[str]
    ) -> Iterator[list[_Atom]]:
        """The page's atoms, parted where a running line that was met before is left out."""
        lines = lines_of(text)
        edges = edge_lines([line.text for line in lines], running)
        left_out = set()
        for place in sorted(edges):
            key = line_key(lines[place].text)
            if key in self._met:
                left_out.add(place)
            self._met.add(key)
        rows = self._tables.rows(lines, edges)
        marks = marks_of(lines, edges | {place for place, row in rows.items() if row.in_body})
        hangs = self._leads.told(lines, marks, rows.keys() | edges)
        stretch: list[_Atom] = []
        for place, line in enumerate(lines):
            self._enter(marks[place], number, line.start)
            if place not in left_out:
                row = rows.get(place)
                told = row.told if row else hangs[place]
                strength = _strength(lines, place, marks, rows)
                stretch.extend(self._atoms(text, line, starts, strength, told, row.opens if row else 0))
            elif stretch:
                yield stretch
                stretch = []
        if stretch:
            yield stretch

    def _atoms(
        self,
        text: str,
        line: Line,
        starts: Sequence[int],
        strength: Strength,
        told: tuple[Told, ...],
        opens: int,
    ) -> Iterator[_Atom]:
        for n, (start, end) in enumerate(self._parts(text, line.start, line.end, starts)):
            tokens = bisect_left(starts, end) - bisect_left(starts, start)
            if n:
                yield _Atom(start, end, tokens, Strength.SENTENCE, self._headings, told)
            else:
                yield _Atom(start, end, tokens, strength, self._headings, told, opens)

    def _enter(self, mark: Mark, page: int, at: int) -> None:
        if mark.level is not None:
            above = (one for one in self._headings if one.level < mark.level)
            self._headings = (*above, Heading(mark.level, mark.heading, page, at))

    def _parts(self, text: str, start: int, end: int, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """A line that fits stays whole; a longer one is cut after sentences, then words, then anywhere."""
        while self._too_long(start, end, starts):
            furthest = self._furthest(start, end, starts)
            stop, following = _around(text, _last_cut(text, start, furthest))
            yield start, stop
            start = following
        yield start, end

    def _too_long(self, start: int, end: int, starts: Sequence[int]) -> bool:
        return (
            end - start > _MAX_CHARS or bisect_left(starts, end) - bisect_left(starts, start) > self._target
        )

    def _furthest(self, start: int, end: int, starts: Sequence[int]) -> int:
        last = bisect_left(starts, start) + self._target
        by_tokens = starts[last] if last < len(starts) else end
        return max(start + 1, min(end, by_tokens, start + _MAX_CHARS))

    def _packed(self, atoms: Sequence[_Atom]) -> Iterator[Sequence[_Atom]]:
        """Runs of atoms near the target length, each ending at the best place that is not too early."""
        units = _units(atoms)
        first = 0
        while first < len(atoms):
            stop = self._stop(atoms, units, first)
            yield atoms[first:stop]
            first = stop

    def _stop(self, atoms: Sequence[_Atom], units: Sequence[int], first: int) -> int:
        """Index after the last atom of the chunk that begins at `first`."""
        tokens, best, best_strength = 0, first + 1, -1
        only_headings = True
        for place in range(first, len(atoms)):
            atom = atoms[place]
            if place > first:
                # A heading alone says nothing: it may take the line below it along a little over the target.
                room = self._target + (_ENOUGH_AT_HEADING if only_headings else 0)
                full = tokens + atom.tokens > room or atom.end - atoms[first].start > _MAX_CHARS
                late = tokens * 2 >= self._target or full
                if not only_headings and self._ends_here(atom.strength, tokens, units[place]):
                    return place
                if late and atom.strength >= best_strength:
                    best, best_strength = place, atom.strength
                if full:
                    return best
            tokens += atom.tokens
            only_headings = only_headings and atom.strength is Strength.HEADING
        return len(atoms)

    def _ends_here(self, strength: Strength, tokens: int, unit: int) -> bool:
        """True before a heading or clause after enough text, and before a unit that fits whole below."""
        if strength is Strength.HEADING:
            return tokens >= _ENOUGH_AT_HEADING
        if strength is Strength.CLAUSE and tokens >= _ENOUGH_AT_CLAUSE:
            return True
        return tokens >= _ENOUGH_AT_UNIT and unit <= self._target < tokens + unit

    def _fitting(
        self,
        page: int,
        text: str,
        start: int,
        end: int,
        headings: Sequence[Heading],
        told: Sequence[Told],
        starts: Sequence[int],
    ) -> Iterator[tuple[int, int, str]]:
        """The span and its context, cut until the embedder's count says that it fits."""
        context, tokens = self._contexts.of(headings, told, page=page, start=start, end=end)
        if end - start <= 1 or tokens + self._tokens(text, start, end, starts, tokens) <= self._limit:
            yield start, end, context
            return
        stop, following = _around(text, _last_cut(text, start, start + max(1, (end - start) * 2 // 3)))
        yield from self._fitting(page, text, start, stop, headings, told, starts)
        yield from self._fitting(page, text, following, end, headings, told, starts)

    def _tokens(self, text: str, start: int, end: int, starts: Sequence[int], context: int) -> int:
        tokens = bisect_left(starts, end) - bisect_left(starts, start)
        cut_in_word = (start > 0 and not text[start - 1].isspace()) or text[end : end + 1].strip() != ""
        if self._exact and not cut_in_word and context + tokens + _SPARE_TOKENS <= self._limit:
            return tokens
        # A slice may count a little more than its part of the whole page.
        return self._count(text[start:end])

    def _token_starts(self, text: str) -> list[int]:
        """Where each token of the text begins; long texts are counted in windows that end at white space."""
        starts: list[int] = []
        position = 0
        while position < len(text):
            end = min(len(text), position + _WINDOW_CHARS)
            if end < len(text):
                end = _last_cut(text, position, end)
            starts.extend([position + start for start, _ in self._offsets(text[position:end])])
            position = end
        return starts

    def _counted_words(self, text: str) -> list[tuple[int, int]]:
        """Offsets for an embedder that only counts: each word's tokens spread over the word."""
        offsets: list[tuple[int, int]] = []
        for word in _WORD.finditer(text):
            count = self._count(word[0])
            width = len(word[0])
            offsets.extend(
                (word.start() + n * width // count, word.start() + (n + 1) * width // count)
                for n in range(count)
            )
        return offsets


def _strength(lines: Sequence[Line], place: int, marks: Sequence[Mark], rows: Mapping[int, Row]) -> Strength:
    """How good a cut before a line is."""
    line, row = lines[place], rows.get(place)
    before = lines[place - 1].text if place else ""
    if row is not None:
        if row.joined:
            return Strength.JOINED
        if row.opens:
            return max(marks[place].strength, Strength.PARAGRAPH)
        return Strength.SENTENCE if row.begins_section else Strength.LINE
    if keeps_to(line.text) or (place and not any(one.isalnum() for one in line.text)):
        # A note after its paragraph; a rule of underscores, which says nothing alone.
        return Strength.JOINED
    mark = marks[place].strength
    if place and mark is not Strength.HEADING:
        begins_list = mark is Strength.CLAUSE and marks[place].level is None and before.endswith(":")
        if begins_list or marks[place - 1].strength is Strength.HEADING:
            return Strength.JOINED
    return max(mark, _between(before, line))


def _between(before: str, line: Line) -> Strength:
    """How good a cut before a line is, for what stands around it."""
    if not before or line.gap:
        return Strength.PARAGRAPH
    if is_row(before) or is_row(line.text):
        return Strength.SENTENCE if is_row(before) and not is_row(line.text) else Strength.LINE
    return Strength.SENTENCE if before[-1] in ".:;!?\u201d" else Strength.LINE


def _units(atoms: Sequence[_Atom]) -> list[int]:
    """Per atom, the tokens of the clause, list item, definition or table that begins at it; else 0."""
    sizes = [0] * len(atoms)
    size = 0
    for place in range(len(atoms) - 1, -1, -1):
        atom = atoms[place]
        size += atom.tokens
        if atom.opens:
            sizes[place] = sum(one.tokens for one in atoms[place : place + atom.opens])
        elif atom.strength >= Strength.CLAUSE:
            sizes[place] = size
        if atom.strength >= Strength.CLAUSE or atom.opens:
            size = 0
    return sizes


def _headings_of(atoms: Sequence[_Atom]) -> tuple[Heading, ...]:
    """The path of the first text after the headings that a chunk begins with."""
    for atom in atoms:
        if atom.strength is not Strength.HEADING:
            return atom.headings
    return atoms[-1].headings


def _around(text: str, cut: int) -> tuple[int, int]:
    """End of the last word before a cut and start of the first one after it."""
    stop = following = cut
    while text[stop - 1].isspace():
        stop -= 1
    while following < len(text) and text[following].isspace():
        following += 1
    return stop, following


def _last_cut(text: str, start: int, furthest: int) -> int:
    """The best cut after `start` and not after `furthest`: at a sentence's end, a word's, or anywhere."""
    earliest = start + max(1, (furthest - start) // 2)
    for pattern in (_SENTENCE_END, _WORD_START):
        cuts = [
            found.end() if pattern is _SENTENCE_END else found.start()
            for found in pattern.finditer(text, start, furthest)
        ]
        late = [cut for cut in cuts if earliest <= cut <= furthest]
        if late:
            return late[-1]
    return furthest
