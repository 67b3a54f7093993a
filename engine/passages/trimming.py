"""Trim the first passage to the sentences that matter for a question.

The others stay whole: what the question's words miss in them may still be the answer. What is kept is one
stretch of the passage, exactly as stored; what stands before and behind it comes further down as passages of
their own, so that nothing found is lost. No sentence is cut, and none is parted from its number or heading,
from the list that it leads, from the exception behind it, or from the sentence that its "it" or "such" stands
for; a table stays in one piece. A passage that shares no word with the question stays whole.
This module knows words only: a sentence that says the same in others is no match to it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from engine.evidence import pieces
from engine.sentences import looks_like_row
from engine.words import STOPWORDS, content_stems, said_of
from storage.records import Passage

_ENOUGH = 0.5
"""Of the best part of a passage: what scores more than this is worth its characters."""

_AHEAD_OF_REST = 7
"""Passages that come between a trimmed one and its rest: a reader of the first eight meets eight."""

_ENDED = re.compile(r"[.!?][\"'\u201d\u2019)\]]*$")
_MARK = r"(?:\(?[a-zA-Z0-9]{1,3}[.)]\s*)?"
_NUMBERED = re.compile(
    r"\W*_*\W*(?:(?:section|article|clause|paragraph|item|note)\s+)?"
    r"(?:\d{1,3}(?:\.\d{1,3})*|[ivxl]{1,6}|\(?[a-z]\))[.):]?(?=\s|$)",
    re.IGNORECASE,
)
_LONGEST_HEADING = 10
"""Words behind its number."""
_LEANS = re.compile(
    rf"{_MARK}(?:provided|except|excepting|however|but|unless|notwithstanding|nevertheless|nothing|save"
    r"|the\s+foregoing|subject\s+to\s+the\s+foregoing|in\s+no\s+event|in\s+(?:such|any\s+such|that|each)\s+\w+"
    r"|if\s+so|otherwise|such|this|these|those|it|its|they|their|he|she)\b",
    re.IGNORECASE,
)


def trimmed(question: str, passages: Sequence[Passage], *, limit: int) -> list[Passage]:
    """The same passages in the same order; of the first one perhaps a piece, and what is left of it later.

    Args:
        question: what is asked, best without the words that only name a document.
        passages: best first.
        limit: how many may be given; where pieces make more of them, the last ones go, but none that is the
            only one of its document.
    """
    if not passages:
        return []
    first, *others = passages
    leading, *rest = _pieces(first, frozenset(content_stems(question)), [one.chunk.text for one in others])
    order = [leading, *others[:_AHEAD_OF_REST], *rest, *others[_AHEAD_OF_REST:]]
    return [
        one if one.rank == rank else replace(one, rank=rank)
        for rank, one in enumerate(_first(order, limit), start=1)
    ]


def _first(passages: Sequence[Passage], limit: int) -> list[Passage]:
    kept = list(passages)
    for at in range(len(kept) - 1, 0, -1):
        if len(kept) <= limit:
            break
        if any(one.chunk.document_id == kept[at].chunk.document_id for one in kept[:at]):
            del kept[at]
    return kept


def _pieces(passage: Passage, asked: frozenset[str], others: Sequence[str]) -> list[Passage]:
    """The stretch that matters, then what stands before it and behind it; `others` are texts beside it."""
    text = passage.chunk.text
    parts = parts_of(text)
    held = [said_of(asked, text[start:end]) for start, end in parts]
    if not any(held):
        return [passage]
    first, last = _worthwhile(held, others)
    runs = [parts[first : last + 1], parts[:first], parts[last + 1 :]]
    return [_cut(passage, run[0][0], run[-1][1]) for run in runs if run]


def _cut(passage: Passage, start: int, end: int) -> Passage:
    chunk = passage.chunk
    span = replace(chunk.span, start=chunk.span.start + start, end=chunk.span.start + end)
    return replace(passage, chunk=replace(chunk, span=span, text=chunk.text[start:end]))


def _worthwhile(held: Sequence[frozenset[str]], others: Sequence[str]) -> tuple[int, int]:
    """First and last of the run of parts that says most, by the asked words that each part holds."""
    telling = [at for at, words in enumerate(held) if words]
    if len(telling) == 1:
        return telling[0], telling[0]
    weights = _weights(frozenset().union(*held), others)
    return _best_run([sum(weights[one] for one in sorted(words)) for words in held])


def _weights(words: frozenset[str], others: Sequence[str]) -> dict[str, float]:
    """How much each word says that one passage has, by how few others have it."""
    counts = Counter(word for text in others for word in said_of(words, text))
    return {one: math.log(1 + (1 + len(others)) / (1.5 + counts[one])) for one in words}


def _best_run(scores: Sequence[float]) -> tuple[int, int]:
    """First and last of the run whose scores, each less `_ENOUGH` of the best, add up to the most."""
    price = _ENOUGH * max(scores)
    best, found = 0.0, (0, len(scores) - 1)
    total, begin = 0.0, 0
    for at, score in enumerate(scores):
        if total <= 0:
            total, begin = 0.0, at
        total += score - price
        if total > best:
            best, found = total, (begin, at)
    return found


@lru_cache(maxsize=512)
def parts_of(text: str) -> tuple[tuple[int, int], ...]:
    """Offsets of the stretches that are kept or left out as a whole, in order; white space is in none."""
    spans = pieces(text)
    rows = [at for at, (start, end) in enumerate(spans) if looks_like_row(text[start:end])]
    parts: list[tuple[int, int]] = []
    for at, (start, end) in enumerate(spans):
        in_table = bool(rows) and rows[0] < at <= rows[-1]
        after_table = bool(rows) and at == rows[-1] + 1
        before = text[slice(*spans[at - 1])] if at else ""
        # A heading, a number, a list's lead and its items rarely end in a full stop; "8.2 Notices." does.
        # "5.14." may be a sentence of its own before its title, so the part so far is looked at, too.
        ended = _ENDED.search(before) is not None and not (
            _is_heading(before) or (parts and _is_heading(text[parts[-1][0] : spans[at - 1][1]]))
        )
        goes_on = bool(at) and not after_table and not ended
        if parts and (in_table or goes_on or _LEANS.match(text[start:end])):
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return tuple(parts)


def _is_heading(text: str) -> bool:
    """Whether it is a number and a title: "Section 8.2. Governing Law." is, "8.2 The rent is due." is not."""
    numbered = _NUMBERED.match(text)
    if numbered is None:
        return False
    words = re.findall(r"[^\W_]+", text[numbered.end() :])
    return len(words) <= _LONGEST_HEADING and all(
        not word[0].islower() or word in STOPWORDS or len(word) == 1 for word in words
    )
