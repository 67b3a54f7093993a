"""Split pages into chunks that follow the document's own headings, clauses, paragraphs and sentences.

A chunk's text is exactly the page's text at its span. Every character that is not white space is in exactly
one chunk; only a running header or footer is in none after its first occurrence. A chunk with its context is
never longer than the embedder reads. Pages come as a stream, one at a time.
This module knows nothing of file formats, SQL or indexes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.running_lines import edge_lines, line_key
from ingest.structure import PLAIN, Mark, Strength, is_row, mark_of, runs_on, stands_out
from storage.ids import content_id

CountTokens = Callable[[str], int]
TokenOffsets = Callable[[str], Sequence[tuple[int, int]]]

SPECIAL_TOKENS = 2
_CONTEXT_TOKENS = 56
_NAME_TOKENS = 28
_TARGET_TOKENS = 190
_ENOUGH_AT_HEADING = 40
_ENOUGH_AT_CLAUSE = 90
_MAX_CHARS = 1_800
"""A word that the tokenizer does not know counts as one token however long it is."""
_WINDOW_CHARS = 20_000

_SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"'\u201d\u2019)\]]*\s+")
_WORD_START = re.compile(r"(?<=\s)\S")
_WORD = re.compile(r"\w+|[^\w\s]")
_SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


@dataclass(frozen=True, slots=True)
class _Atom:
    """The smallest piece that is kept whole where it can be: a line, or a part of a long one."""

    start: int
    end: int
    tokens: int
    strength: Strength
    headings: tuple[str, ...]


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
    """Splits the pages of one document; headings carry over from page to page."""

    def __init__(
        self,
        document_name: str,
        count_tokens: CountTokens,
        *,
        max_tokens: int,
        token_offsets: TokenOffsets | None,
    ) -> None:
        self._name = " ".join(PurePosixPath(document_name).stem.replace("_", " ").split())
        self._count = count_tokens
        self._offsets = token_offsets or self._counted_words
        self._limit = max_tokens - SPECIAL_TOKENS
        self._context_limit = min(_CONTEXT_TOKENS, self._limit // 3)
        self._target = min(_TARGET_TOKENS, self._limit - self._context_limit)
        self._short_name = self._shortened(self._name, min(_NAME_TOKENS, self._context_limit))
        self._headings: list[tuple[int, str]] = []
        self._contexts: dict[tuple[str, ...], str] = {}
        self._met: set[str] = set()

    def pieces(self, pages: Iterable[tuple[int, str]], running: frozenset[str]) -> Iterator[Piece]:
        """The pieces of numbered page texts, in order; `running` is what `RunningLines` found in all of them.

        A page is asked for when the pieces of the one before are taken.
        """
        for number, text in pages:
            for atoms in self._stretches(text, running):
                for start, end, headings in self._packed(atoms):
                    context = self._context(headings)
                    for part_start, part_end in self._fitting(text, start, end, context):
                        yield Piece(number, part_start, part_end, headings, context)

    def _stretches(self, text: str, running: frozenset[str]) -> Iterator[list[_Atom]]:
        """The page's atoms, parted where a running line that was met before is left out."""
        lines = _lines(text)
        texts = [text[start:end] for start, end in lines]
        edges = edge_lines(texts, running)
        left_out = set()
        for place in sorted(edges):
            key = line_key(texts[place])
            if key in self._met:
                left_out.add(place)
            self._met.add(key)
        stretch: list[_Atom] = []
        for place, atom in self._atoms(text, lines, edges):
            if place in left_out:
                if stretch:
                    yield stretch
                stretch = []
            else:
                stretch.append(atom)
        if stretch:
            yield stretch

    def _atoms(
        self, text: str, lines: Sequence[tuple[int, int]], edges: frozenset[int]
    ) -> Iterator[tuple[int, _Atom]]:
        starts = self._token_starts(text)
        for place, (start, end) in enumerate(lines):
            line = text[start:end]
            gap = place > 0 and text.count("\n", lines[place - 1][1], start) > 1
            gap_after = place + 1 < len(lines) and text.count("\n", end, lines[place + 1][0]) > 1
            before = "" if gap or place == 0 else text[slice(*lines[place - 1])]
            if place in edges or (before and runs_on(before) and not line.startswith("#")):
                mark = PLAIN
            else:
                after = text[slice(*lines[place + 1])] if place + 1 < len(lines) else ""
                mark = mark_of(line, alone=(gap and gap_after) or stands_out(before, after))
            self._enter(mark)
            strength = max(mark.strength, _between(text, lines, place, gap=gap))
            headings = tuple(heading for _, heading in self._headings)
            for n, (a, b) in enumerate(self._parts(text, start, end, starts)):
                tokens = bisect_left(starts, b) - bisect_left(starts, a)
                yield place, _Atom(a, b, tokens, strength if n == 0 else Strength.SENTENCE, headings)

    def _enter(self, mark: Mark) -> None:
        if mark.level is not None:
            level = mark.level
            self._headings = [one for one in self._headings if one[0] < level]
            self._headings.append((level, mark.heading))

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

    def _packed(self, atoms: Sequence[_Atom]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Runs of atoms near the target length, each ending at the best place that is not too early."""
        first = 0
        while first < len(atoms):
            stop = self._stop(atoms, first)
            end = atoms[stop - 1].end
            yield atoms[first].start, end, _headings_of(atoms[first:stop])
            first = stop

    def _stop(self, atoms: Sequence[_Atom], first: int) -> int:
        """Index after the last atom of the chunk that begins at `first`."""
        tokens, best, best_strength = 0, first + 1, -1
        only_headings = True
        for place in range(first, len(atoms)):
            atom = atoms[place]
            if place > first:
                full = tokens + atom.tokens > self._target or atom.end - atoms[first].start > _MAX_CHARS
                late = tokens * 2 >= self._target or full
                if not only_headings and _ends_here(atom.strength, tokens):
                    return place
                if late and atom.strength >= best_strength:
                    best, best_strength = place, atom.strength
                if full:
                    return best
            tokens += atom.tokens
            only_headings = only_headings and atom.strength is Strength.HEADING
        return len(atoms)

    def _fitting(self, text: str, start: int, end: int, context: str) -> Iterator[tuple[int, int]]:
        """The span, cut until the embedder's own count says that it fits: slices may count a little more."""
        text_tokens = self._count(f"{context}\n{text[start:end]}" if context else text[start:end])
        if text_tokens <= self._limit or end - start <= 1:
            yield start, end
            return
        stop, following = _around(text, _last_cut(text, start, start + max(1, (end - start) * 2 // 3)))
        yield from self._fitting(text, start, stop, context)
        yield from self._fitting(text, following, end, context)

    def _context(self, headings: tuple[str, ...]) -> str:
        """The document's name and as many headings, innermost first, as the allowance holds."""
        known = self._contexts.get(headings)
        if known is None:
            kept = list(headings)
            name = self._short_name if kept else self._name
            while kept and self._count(_SEPARATOR.join((name, *kept))) > self._context_limit:
                kept.pop(0)
            known = self._shortened(_SEPARATOR.join((name, *kept)), self._context_limit)
            self._contexts[headings] = known
        return known

    def _shortened(self, text: str, tokens: int) -> str:
        while text and self._count(text) > tokens:
            text = text[: len(text) * 7 // 8].rstrip()
        return text

    def _token_starts(self, text: str) -> list[int]:
        """Where each token of the text begins; long texts are counted in windows that end at white space."""
        starts: list[int] = []
        position = 0
        while position < len(text):
            end = min(len(text), position + _WINDOW_CHARS)
            if end < len(text):
                end = _last_cut(text, position, end)
            starts.extend(position + start for start, _ in self._offsets(text[position:end]))
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


def _ends_here(strength: Strength, tokens: int) -> bool:
    if strength is Strength.HEADING:
        return tokens >= _ENOUGH_AT_HEADING
    return strength is Strength.CLAUSE and tokens >= _ENOUGH_AT_CLAUSE


def _headings_of(atoms: Sequence[_Atom]) -> tuple[str, ...]:
    """The path of the first text after the headings that a chunk begins with."""
    for atom in atoms:
        if atom.strength is not Strength.HEADING:
            return atom.headings
    return atoms[-1].headings


def _lines(text: str) -> list[tuple[int, int]]:
    """Start and end of each line that is not blank, white space at both ends left out."""
    found = []
    position = 0
    for raw in text.splitlines(keepends=True):
        stripped = raw.strip()
        if stripped:
            start = position + len(raw) - len(raw.lstrip())
            found.append((start, start + len(stripped)))
        position += len(raw)
    return found


def _between(text: str, lines: Sequence[tuple[int, int]], place: int, *, gap: bool) -> Strength:
    """How good a cut before a line is, for what stands around it."""
    if place == 0 or gap:
        return Strength.PARAGRAPH
    before = text[lines[place - 1][0] : lines[place - 1][1]]
    here = text[lines[place][0] : lines[place][1]]
    if is_row(before) or is_row(here):
        return Strength.SENTENCE if is_row(before) and not is_row(here) else Strength.LINE
    return Strength.SENTENCE if before[-1] in ".:;!?\u201d" else Strength.LINE


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
