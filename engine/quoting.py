"""Choose the verbatim sentences or rows of some passages that best answer a question.

These stand in for sentences of a model that did not check out. The choice is by the question's own words,
rarer ones counting more, by the kind of answer it asks for, by how well the passage was ranked, and, where
one is handed in, by a similarity of meaning.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.evidence import MAX_CHARACTERS, Source, Stretch, pieces, stems_of
from engine.figures import fits
from engine.numbers import Kind, Quantity, extract, unit_scale
from engine.sentences import looks_like_row, spans_of_sentences

Similarity: TypeAlias = Callable[[str, Sequence[str]], Sequence[float]]
"""Cosine of a question with each of some texts."""

_WANTED: tuple[tuple[re.Pattern[str], Callable[[Quantity], bool]], ...] = (
    (
        re.compile(
            r"\b(?:how much|amount|price|costs?|fees?|rent|revenues?|income|salary|total|value)\b", re.I
        ),
        lambda q: q.kind is Kind.MONEY or (q.kind is Kind.NUMBER and not q.unit and not _is_small_or_year(q)),
    ),
    (
        re.compile(r"\b(?:when|what date|which date|what day|dated|effective date|expir\w*)\b", re.I),
        lambda q: q.kind is Kind.DATE,
    ),
    (
        re.compile(r"\b(?:how long|how many|period|number of|days|months|years|deadline)\b", re.I),
        lambda q: q.kind is Kind.NUMBER and (bool(q.unit) or not _is_small_or_year(q)),
    ),
    (
        re.compile(r"\b(?:what percent\w*|percentage|rates?|margin|interest)\b", re.I),
        lambda q: q.kind is Kind.PERCENT,
    ),
)
_ANSWER_BONUS = 0.25
_NO_ANSWER = 0.8
_FIGURE_BONUS = 1.5
_RANK_STEP = 0.06
_HEAD_REACH = 500
_SHORT = 25
_NAMING = 0.3


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch and how well it fits the question, best possible about 2.8."""

    stretch: Stretch
    score: float


def best_quotes(
    question: str, sources: Sequence[Source], *, limit: int = 2, similarity: Similarity | None = None
) -> list[Quote]:
    """At most `limit` stretches that do not overlap, best first. Empty when nothing shares a word."""
    candidates = [
        Stretch(source, start, end) for source in sources for start, end in pieces(source.text) if end > start
    ]
    scores = _scores(question, candidates, similarity)
    order = sorted(range(len(candidates)), key=lambda at: (-scores[at], at))
    chosen: list[Quote] = []
    for at in order:
        if len(chosen) == limit or scores[at] <= 0 or (chosen and scores[at] < 0.6 * chosen[0].score):
            break
        stretch = _completed(candidates[at])
        if not any(_overlap(stretch, other.stretch) for other in chosen):
            chosen.append(Quote(stretch, scores[at]))
    return chosen


def _scores(question: str, candidates: Sequence[Stretch], similarity: Similarity | None) -> list[float]:
    asked = stems_of(question)
    asking = stems_of(asking_part(question))
    holders = Counter(word for stretch in candidates for word in asked & stems_of(stretch.text))
    weights = {word: math.log(1 + len(candidates) / (0.5 + holders[word])) for word in asked if holders[word]}
    total = sum(weights.values()) or 1.0
    wanted = [fits for pattern, fits in _WANTED if pattern.search(question)]
    named = {quantity.value for quantity in extract(question)}
    close = (
        similarity(question, [stretch.text for stretch in candidates]) if similarity and candidates else None
    )
    scores: list[float] = []
    for at, stretch in enumerate(candidates):
        held = stems_of(stretch.text)
        # Words that name the document stand on its title page and answer nothing.
        naming = stems_of(stretch.source.context) | (asked - asking)
        worth = [weights[one] * (_NAMING if one in naming else 1.0) for one in asked & held if one in weights]
        score = sum(worth) / total
        if score and len(stretch.text) < _SHORT and not looks_like_row(stretch.text):
            # A heading repeats the question's words and answers nothing.
            score *= 0.4
        if close is not None:
            score = 0.5 * score + 0.5 * max(0.0, float(close[at]))
        figures = [quantity for quantity in extract(stretch.text) if quantity.value not in named]
        if score and wanted:
            answers = any(fits(quantity) for quantity in figures for fits in wanted)
            score = score + _ANSWER_BONUS if answers else score * _NO_ANSWER
        if score:
            score += _FIGURE_BONUS * _figure_fit(question, stretch) ** 2
        scores.append(score * (1 - _RANK_STEP * min(stretch.source.n - 1, 8)))
    return scores


def asking_part(question: str) -> str:
    """The part that asks, where what stands before a semicolon, colon or full stop only leads up to it."""
    sentences = [question[start:end] for start, end in spans_of_sentences(question)]
    return re.split(r"[;:]\s+", sentences[-1])[-1] if sentences else question


def _figure_fit(question: str, stretch: Stretch) -> float:
    """How nearly a stretch states the figure asked for; less where its passage is of another period."""
    own = fits(question, stretch.source.text)
    fitting = own.get((stretch.start, stretch.end), 0.0)
    # The search knows which day a period ended on; a row can only tell by the passage that it stands in.
    of_passage = stretch.source.passage.scores.get("figure")
    return fitting if of_passage is None or not fitting else fitting * of_passage / max(own.values())


def _completed(stretch: Stretch) -> Stretch:
    """The same stretch with what it cannot be read without: a table's head, a list's items or its lead."""
    text, spans = stretch.source.text, pieces(stretch.source.text)
    at = next(index for index, span in enumerate(spans) if span == (stretch.start, stretch.end))
    start, end = stretch.start, stretch.end
    if looks_like_row(stretch.text):
        for above in range(at - 1, -1, -1):
            first, last = spans[above]
            if start - first > _HEAD_REACH or end - first > MAX_CHARACTERS:
                break
            line = text[first:last]
            years = any(q.kind is Kind.DATE or 1900 <= q.value <= 2100 for q in extract(line))
            if unit_scale(line) is not None or (years and not re.search(r"[$,]\s?\d|\d,\d{3}", line)):
                start = first
            elif not looks_like_row(line) and len(line) > 90:
                break
    if stretch.text.endswith(":"):
        end = max([end, *(last for _first, last in spans[at + 1 :] if last - start <= MAX_CHARACTERS // 2)])
    return Stretch(stretch.source, start, end)


def _overlap(one: Stretch, other: Stretch) -> bool:
    a, b = one.span, other.span
    same_page = (
        one.source.passage.chunk.version_id == other.source.passage.chunk.version_id and a.page == b.page
    )
    return same_page and a.start < b.end and b.start < a.end


def _is_small_or_year(quantity: Quantity) -> bool:
    return abs(quantity.value) < 100 or (1_900 <= quantity.value <= 2_100 and "," not in quantity.text)
