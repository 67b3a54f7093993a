"""What a document defines and numbers: where each defined term is explained and each section begins.

Read once from the chunks of one version. A term is as it is printed there, and is used where it is printed
so again, in the singular or plural. Of several places that explain a term the one that says `means` counts
before an aside in parentheses, and both before one that only points to another section. Where something
is explained or begins, so much of the chunk is given as belongs to it.
This module knows nothing of questions or searches; it takes no word of a document for more than its form.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from engine.passages.trimming import parts_of
from engine.references import lists_sections
from engine.sentences import spans_of_sentences
from engine.words import STOPWORDS
from storage.records import Chunk

_OPEN, _CLOSE = '["\u201c\u201f]', '["\u201d]'
_TERM = rf"{_OPEN}(?P<term>[A-Z0-9][^\"\u201c\u201d\n]{{1,70}}?)[.,]?{_CLOSE}"
_ASIDE = r"(?:\s*\([^)]{0,80}\))?(?:,[^,\n]{0,80},)?"
_MEANS = rf"{_TERM}{_ASIDE}\s*(?:(?:shall|will)\s+)?(?:means?|refers?\s+to|is\s+defined\s+as|includes?)\b"
_POINTS = rf"{_TERM}{_ASIDE}\s*(?:(?:shall|will)\s+)?(?:has|have|having|is\s+defined\s+in)\b"
_IN_PASSING = (
    r"\((?:[^()\"\u201c\u201d]{0,60}\s)?(?:the|an?|each|any|such|collectively|together|individually),?\s+"
    rf"(?:{_OPEN}[^\"\u201c\u201d\n]{{2,70}}{_CLOSE},?\s+(?:or|and)\s+(?:the\s+|an?\s+)?)?{_TERM}[^()]{{0,40}}\)"
)
_UNQUOTED = (
    r"(?:^|\n)[ \t]*(?:(?:\d+(?:\.\d+)*\.?|\([a-z]{1,3}\))\s+)?(?P<term>[A-Z][\w'\u2019-]+"
    r"(?:\s+(?:of\s+|the\s+|and\s+)?[A-Z][\w'\u2019-]+){0,4}):?\s+means?\b"
)
_POINTING = re.compile(_POINTS)
_DEFINING = (*map(re.compile, (_MEANS, _UNQUOTED, _IN_PASSING)), _POINTING)
"""The most telling first."""
_LABEL = r"(?P<label>Sections?|Articles?|Clauses?|Paragraphs?|Items?|Notes?)"
_ROMAN = r"[IVXL]{1,7}"
_NUMBER = r"\d{1,3}(?:\.\d{1,3})*"
_BEGINS = re.compile(
    rf"(?:^|(?<=[\s]))(?:(?i:{_LABEL})\s+(?P<numbered>{_NUMBER}|{_ROMAN})\b|(?P<bare>\d{{1,3}}(?:\.\d{{1,3}})+|\d{{1,2}}(?=\.)))"
    r"(?=\s*[.:)]?(?:\s+|\s*[\u2013\u2014-]\s*)[\"\u201c(]?[A-Z])(?!\.\d)"
)
_REFERS = re.compile(
    rf"\b{_LABEL}\s+(?P<numbers>(?:{_NUMBER}|{_ROMAN})\b(?:\([\w]{{1,4}}\))*"
    rf"(?:\s*(?:,|,?\s*(?:and|or|through|to))\s+(?:{_NUMBER})\b(?:\([\w]{{1,4}}\))*)*)"
)
_ANOTHERS = re.compile(
    r"[\s,]*of\s+(?!(?:this|the\s+(?:same\s+)?Agreement)\b)"
    r"(?:the|such|an?|that|those|its|their|each|either|any|title|[A-Z])",
)
"""Behind a section that is another document's: "of the Exchange Act", "of Schedule 13D"."""
_WORD = re.compile(r"[A-Za-z0-9][\w'\u2019&-]*")
_NOT_FIRST = frozenset(["the", "a", "an"])
_LEAST_SAID = 40
"""Characters; a heading alone says less, and explains nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a document explains a term or begins a section."""

    name: str
    """As in `"Permitted Liens"` or `Section 8.2`, without quotes."""
    chunk_id: str
    start: int
    end: int
    """Characters of the chunk, the end excluded."""
    is_section: bool = False
    points_elsewhere: bool = False
    """It only says where the meaning is given."""


@dataclass(frozen=True)
class Glossary:
    """What one version of a document defines and numbers."""

    terms: Mapping[str, Entry]
    """By the term in the singular, its words parted by one space."""
    sections: Mapping[str, Entry]
    """By number, with its label before it where it begins with one."""
    chunk_count: int
    used_in: Counter[str] = field(default_factory=Counter)
    """In how many chunks each of the terms and sections is used, by their keys."""

    def mentioned(self, text: str) -> dict[str, Entry]:
        """The terms and sections that a text of this document uses, in the order of their first use."""
        found = [*_uses(text, self._by_first_word), *_references(text)]
        entries: dict[str, Entry] = {}
        for _, key in sorted(found):
            entry = self.terms.get(key) or self.sections.get(key) or self.sections.get(key.split(" ")[-1])
            if entry is not None and entry not in entries.values():
                entries[key] = entry
        return entries

    @cached_property
    def _by_first_word(self) -> Mapping[str, Sequence[tuple[str, ...]]]:
        return _grouped(self.terms)

    @property
    def weight(self) -> int:
        """Bytes, roughly."""
        return 1_000 + 400 * (len(self.terms) + len(self.sections) + len(self.used_in))


def words_of(text: str) -> str:
    """The words of a text as they are compared: in lower case and the singular, with a space round each."""
    return f" {' '.join(_stem(one[0]) for one in _WORD.finditer(text))} ".lower()


def glossary_of(chunks: Iterable[Chunk]) -> Glossary:
    """What the chunks of one version define and number."""
    texts: list[str] = []
    terms: dict[str, tuple[int, Entry]] = {}
    sections: dict[str, Entry] = {}
    for chunk in chunks:
        text = chunk.text
        texts.append(text)
        begins = [] if lists_sections(text) else list(_beginnings(text))
        defined = list(_definitions(text))
        starts = {at for _, (at, _), _, _ in defined} | {at for _, at in begins}
        for key, (at, named), telling, printed in defined:
            if key not in terms or telling < terms[key][0]:
                entry = Entry(
                    printed,
                    chunk.id,
                    at,
                    _end(text, named, starts),
                    points_elsewhere=_DEFINING[telling] is _POINTING,
                )
                terms[key] = telling, entry
        for place, (key, at) in enumerate(begins):
            number = key.split(" ")[-1]
            # "8.1" is a part of "8".
            others = (start for other, start in begins[place + 1 :] if not _is_part(other, number))
            end = next(others, len(text))
            if end - at >= _LEAST_SAID:
                sections.setdefault(
                    key, Entry(_shown(key), chunk.id, at, len(text[:end].rstrip()), is_section=True)
                )
    found = {key: entry for key, (_, entry) in terms.items()}
    by_first_word = _grouped(found)
    used_in: Counter[str] = Counter()
    for text in texts:
        used_in.update({key for _, key in (*_uses(text, by_first_word), *_references(text))})
    return Glossary(found, sections, len(texts), used_in)


def _definitions(text: str) -> Iterator[tuple[str, tuple[int, int], int, str]]:
    """Key, where its sentence and where the term itself starts, place in `_DEFINING`, and term as printed."""
    if not any(sign in text for sign in ('"', "\u201c", "\u201f", " mean")):
        return
    sentences: list[tuple[int, int]] | None = None
    seen: set[str] = set()
    taken: set[int] = set()
    for telling, pattern in enumerate(_DEFINING):
        for one in pattern.finditer(text):
            printed = " ".join(one["term"].split())
            key = _singular(printed)
            # "This means that" and "It means" define nothing.
            if key in seen or printed.lower() in STOPWORDS or not any(map(str.isalpha, key)):
                continue
            seen.add(key)
            sentences = spans_of_sentences(text) if sentences is None else sentences
            at = one.start("term")
            start = next((start for start, end in sentences if start <= at < end), at)
            # Of several definitions in one sentence each begins with its own term.
            if telling == 0:
                start = one.start() if start in taken else start
                taken.add(start)
            yield key, (start, at), telling, printed


def _end(text: str, at: int, starts: Iterable[int]) -> int:
    """Where the explanation of a term at this place ends: with its list, or where another begins."""
    part = next((end for start, end in parts_of(text) if start <= at < end), len(text))
    return len(text[: min([part, *(start for start in starts if start > at)])].rstrip())


def _beginnings(text: str) -> Iterator[tuple[str, int]]:
    for one in _BEGINS.finditer(text):
        before = text[: one.start()]
        bare = before.rstrip()
        last_line = bare.rsplit("\n", 1)[-1].strip()
        # A line may break before "Section 8.2. The Company": then the sentence before has not ended.
        gap = before[len(bare) :]
        if bare and not (bare[-1] in '.;:!?)"\u201d' or gap.count("\n") > 1 or last_line.isupper()):
            continue
        # "... of 5.2. The" amid a line is an amount; a title is what follows a number at a line's start.
        if one["bare"] is not None and bare and "\n" not in gap and bare[-1] not in ".;":
            continue
        yield _key(one["label"] or "", one["numbered"] or one["bare"]), one.start()


def _references(text: str) -> Iterator[tuple[int, str]]:
    """Where a text refers to a section of its own document, and the key of that."""
    for one in _REFERS.finditer(text):
        if _ANOTHERS.match(text, one.end()):
            continue
        for number in re.finditer(rf"{_NUMBER}|{_ROMAN}", re.sub(r"\(\w+\)", "", one["numbers"])):
            yield one.start(), _key(one["label"], number[0])


def _key(label: str, number: str) -> str:
    kind = label.lower().removesuffix("s")
    return f"{kind} {number}" if kind else number


def _shown(key: str) -> str:
    return key[:1].upper() + key[1:] if " " in key else f"Section {key}"


def _is_part(key: str, number: str) -> bool:
    return key.split(" ")[-1].startswith(f"{number}.")


def _uses(text: str, terms: Mapping[str, Sequence[tuple[str, ...]]]) -> Iterator[tuple[int, str]]:
    """Where a text uses terms, and their keys; of terms within one another the longest."""
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        found = next(
            (
                term
                for term in terms.get(_stem(words[at][0]), ())
                if at + len(term) <= len(words)
                and all(_stem(words[at + n][0]) == word for n, word in enumerate(term))
            ),
            None,
        )
        if found is not None:
            yield words[at].start(), " ".join(found)
        at += len(found) if found else 1


def _grouped(terms: Iterable[str]) -> Mapping[str, Sequence[tuple[str, ...]]]:
    grouped: dict[str, list[tuple[str, ...]]] = {}
    for term in terms:
        words = tuple(term.split(" "))
        grouped.setdefault(words[0], []).append(words)
    return {first: sorted(them, key=len, reverse=True) for first, them in grouped.items()}


def _singular(term: str) -> str:
    words = [_stem(one[0]) for one in _WORD.finditer(term)]
    if len(words) > 1 and words[0].lower() in _NOT_FIRST:
        words = words[1:]
    return " ".join(words)


def _stem(word: str) -> str:
    """The singular, roughly; the same for a term and its use, and that is all that is asked of it."""
    word = re.sub(r"['\u2019]s?$", "", word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
