"""Pairs that documents give by themselves: words that ask, and the chunks of the same document that answer.

A heading and its clause, a defined term and its definition, a use of the term and its definition, a reference
and the section that it names, a sentence and its neighbours. At most `MOST` of a kind, drawn with a seed.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.training.held_out import Book

MOST, MOST_OF_A_DOCUMENT = 1_300, 25
SEED = 20
_SENTENCE_END = re.compile(r"(?<=[.;])\s+(?=[A-Z(])")
_DEFINED = re.compile(
    r"[\"\u201c]([A-Z][A-Za-z&'\- ]{2,50})[\"\u201d]\s*"
    r"(?:shall mean|means|has the meaning|shall have the meaning|is defined)"
)
_HEADING = re.compile(
    r"^\s*(?:(?:Section|Article|SECTION|ARTICLE)?\s*[\dIVX]+(?:\.\d+)*\.?\)?\s+)?"
    r"([A-Z][A-Za-z&,'\-/ ]{4,60}?)\s*(?:\.|:|\n|\s{2,})"
)
_VERB = re.compile(r"\b(?:shall|will|is|are|has)\b")
_REFERENCE = re.compile(r"\b(?:Section|Article|Subparagraph|Paragraph)\s+(\d+(?:\.\d+)+)")
_OF_TERM = ("What does “%s” mean?", "definition of %s", "How is %s defined in the agreement?", "%s")
_OF_HEADING = (
    "%s",
    "What does the agreement say about %s?",
    "Is there a clause on %s?",
    "Does the contract address %s?",
)


@dataclass(frozen=True)
class Pair:
    kind: str
    asking: str
    book: Book
    answers: tuple[int, ...]
    """Places of chunks in the document."""


def corpus_pairs(books: Sequence[Book]) -> list[Pair]:
    chance = random.Random(SEED)
    kinds = defaultdict(list)
    for book in books:
        for pair in _pairs(book, chance):
            kinds[pair.kind].append(pair)
    kept = []
    for pairs in kinds.values():
        chance.shuffle(pairs)
        taken: Counter[str] = Counter()
        for pair in pairs:
            if taken[pair.book.name] < MOST_OF_A_DOCUMENT and taken.total() < MOST:
                taken[pair.book.name] += 1
                kept.append(pair)
    return kept


def _pairs(book: Book, chance: random.Random) -> Iterator[Pair]:
    defined: dict[str, int] = {}
    for at, text in enumerate(book.texts):
        for one in _DEFINED.finditer(text):
            defined.setdefault(one.group(1).strip(), at)
    for term, at in defined.items():
        yield Pair("definition", chance.choice(_OF_TERM) % term, book, (at,))
    for at, text in enumerate(book.texts):
        heading = _HEADING.match(text)
        if heading and len(heading.group(1).split()) <= 8 and not _VERB.search(heading.group(1)):
            yield Pair("heading", chance.choice(_OF_HEADING) % heading.group(1).strip().lower(), book, (at,))
        sentences = [one for one in _SENTENCE_END.split(text) if 40 < len(one) < 300]
        if not sentences:
            continue
        sentence = chance.choice(sentences)
        beside = [n for n in (at - 1, at + 1) if 0 <= n < len(book.texts)]
        near = tuple(n for n in beside if book.contexts[n] == book.contexts[at])
        if near and chance.random() < 0.25:
            yield Pair("neighbour", sentence, book, near)
        used = next((one for one in defined if re.search(rf"\b{re.escape(one)}\b", sentence)), None)
        if used is not None and defined[used] != at:
            asking = f"What does “{used}” mean in: {sentence[:200]}" if chance.random() < 0.5 else sentence
            yield Pair("use", asking, book, (defined[used],))
        if reference := _REFERENCE.search(sentence):
            number = re.compile(rf"\s*(?:Section\s+)?{re.escape(reference.group(1))}\b")
            meant = tuple(n for n, other in enumerate(book.texts) if n != at and number.match(other))
            if len(meant) == 1:
                yield Pair("reference", _REFERENCE.sub("", sentence), book, meant)
