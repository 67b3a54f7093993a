"""Choose the verbatim sentences or rows of some passages that best answer a question.

These stand in for sentences of a model that did not check out. The choice is by the question's own words,
rarer ones counting more, by the kind of answer it asks for, by how well the passage was ranked, and, where
one is handed in, by a similarity of meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.asking import Asked, asked_of, asking_part
from engine.evidence import Source, Stretch, pieces, stems_of
from engine.figures import fits
from engine.furniture import is_furniture, is_page_line
from engine.numbers import Kind, extract, unit_scale
from engine.sentences import looks_like_row

Similarity: TypeAlias = Callable[[str, Sequence[str]], Sequence[float]]
"""Cosine of a question with each of some texts."""

_ANSWER_BONUS = 0.25
_NO_ANSWER = 0.8
_FIGURE_BONUS = 1.5
_RANK_STEP = 0.06
_ONLY_NAMES = 0.3
_OTHER_DOCUMENT, _NEAR = 0.5, 8
"""What a stretch counts for whose document has none of the first passages."""
_WORSE = 0.6
_BELONGS, _REFERS, _MOST = 0.5, 0.3, 3
_HEADING = 90
_GLANCE = 500
"""Characters that a reader takes in at a glance; what belongs to a quote is added up to here."""
_CLAUSE_NUMBER = re.compile(r"\d+(?:\.\d+)+")
_ITEM = re.compile(r"\(?[a-zA-Z0-9]{1,3}[.)]\s")
_ABOUT_NAMES = re.compile(
    r"\b(?:parties|party\s+to|who|whom|sign\w*|title|name\w*|date|dated)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch and how well it fits the question, best possible about 2.8."""

    stretch: Stretch
    score: float


def best_quotes(
    question: str, sources: Sequence[Source], *, limit: int = 2, similarity: Similarity | None = None
) -> list[Quote]:
    """At most `limit` stretches none of which holds another, best first. Empty when nothing shares a word."""
    asked = asked_of(question, sources)
    return [one for one, _ in _chosen(_candidates(question, asked, sources, similarity), limit)]


def answering_quotes(
    question: str, sources: Sequence[Source], *, similarity: Similarity | None = None
) -> list[Quote]:
    """The best two quotes, and up to three where documents that belong together state the figure asked for.

    An agreement and its amendments may state different figures; which one holds is for the reader to say, so
    that none stands alone where another was found.
    """
    asked = asked_of(question, sources)
    candidates = _candidates(question, asked, sources, similarity)
    best = _chosen(candidates, 2)
    if not best or looks_like_row(best[0][0].stretch.text) or not asked.figures(best[0][0].stretch.text):
        return [one for one, _ in best]
    first, leading = best[0]
    quotes = [first]
    seen = {first.stretch.source.passage.chunk.document_id}
    rated = [(one.bare + _REFERS * _refer(first.stretch, one.stretch), one) for one in candidates]
    for value, one in sorted(rated, key=lambda each: -each[0]):
        document = one.stretch.source.passage.chunk.document_id
        if value < _BELONGS * leading.bare or len(quotes) == _MOST:
            break
        related = document not in seen and _belong(first.stretch.source, one.stretch.source, sources)
        if related and not looks_like_row(one.stretch.text) and asked.figures(one.stretch.text):
            seen.add(document)
            quotes.append(Quote(_completed(one.stretch), value))
    # Each of them states a figure: the search knows best which document was meant.
    quotes.sort(key=lambda one: one.stretch.source.n)
    rest = [one for one, _ in best[1:] if not any(_repeats(one.stretch, each.stretch) for each in quotes)]
    return [*quotes, *rest][: max(2, len(quotes))]


@dataclass(frozen=True, slots=True)
class _Candidate:
    stretch: Stretch
    bare: float
    """By its words and figures alone."""
    score: float
    """By these and by where the search placed its passage and document."""


def _chosen(candidates: Sequence[_Candidate], limit: int) -> list[tuple[Quote, _Candidate]]:
    chosen: list[tuple[Quote, _Candidate]] = []
    for one in sorted(candidates, key=lambda each: -each.score):
        if len(chosen) == limit or one.score <= 0 or (chosen and one.score < _WORSE * chosen[0][0].score):
            break
        stretch = _completed(one.stretch)
        if not any(_repeats(stretch, other.stretch) for other, _ in chosen):
            chosen.append((Quote(stretch, one.score), one))
    return chosen


def _candidates(
    question: str, asked: Asked, sources: Sequence[Source], similarity: Similarity | None
) -> list[_Candidate]:
    stretches = [
        (Stretch(source, start, end), heading)
        for source in sources
        for (start, end), heading in _headed(source)
    ]
    close = similarity(question, [one.text for one, _ in stretches]) if similarity and stretches else None
    about_names = _ABOUT_NAMES.search(asking_part(question)) is not None
    near = {source.passage.chunk.document_id for source in sources[:_NEAR]}
    candidates: list[_Candidate] = []
    for at, (stretch, headings) in enumerate(stretches):
        text, source = stretch.text, stretch.source
        bare = asked.share(text, headings)
        answers = bool(asked.figures(text))
        if is_page_line(text) or (is_furniture(text) and not about_names and not answers):
            bare = 0.0
        elif bare and not asked.pointed_share(text, headings):
            bare *= _ONLY_NAMES
        if bare and close is not None:
            bare = 0.5 * bare + 0.5 * max(0.0, float(close[at]))
        if bare and asked.kinds:
            bare = bare + _ANSWER_BONUS if answers else bare * _NO_ANSWER
        if bare:
            bare += _FIGURE_BONUS * _figure_fit(question, stretch) ** 2
        beside = 1.0 if source.passage.chunk.document_id in near else _OTHER_DOCUMENT
        candidates.append(_Candidate(stretch, bare, bare * beside * (1 - _RANK_STEP * min(source.n - 1, 8))))
    return candidates


def _headed(source: Source) -> Iterator[tuple[tuple[int, int], str]]:
    """Sentences and rows, each with the headings that it stands under."""
    headings = "\n".join(source.passage.chunk.heading_path)
    for start, end in pieces(source.text):
        piece = source.text[start:end]
        yield (start, end), headings
        if len(piece) <= _HEADING and is_furniture(piece) and not is_page_line(piece):
            headings = piece


def _refer(one: Stretch, other: Stretch) -> bool:
    """Whether one names the clause that the other is: "in clause 11.2" and "11.2 The limit is"."""
    return any(
        re.search(
            rf"\b(?:clause|section|article|paragraph)\s+{re.escape(number.group())}(?![\d.]\d)", naming, re.I
        )
        for named, naming in ((one.text, other.text), (other.text, one.text))
        if (number := _CLAUSE_NUMBER.match(named))
    )


def _belong(one: Source, other: Source, sources: Sequence[Source]) -> bool:
    """Whether one of two documents names the other in what was found of it."""

    def names(document: str, naming: str) -> bool:
        stems = stems_of(document.rsplit("/", 1)[-1].rsplit(".", 1)[0])
        said = [f"{each.text}\n{each.page_text}" for each in sources if each.passage.document == naming]
        return bool(stems) and stems <= stems_of("\n".join(said))

    a, b = one.passage.document, other.passage.document
    return names(a, b) or names(b, a)


def _figure_fit(question: str, stretch: Stretch) -> float:
    """How nearly a stretch states the figure asked for; less where its passage is of another period."""
    own = fits(question, stretch.source.text)
    fitting = own.get((stretch.start, stretch.end), 0.0)
    # The search knows which day a period ended on; a row can only tell by the passage that it stands in.
    of_passage = stretch.source.passage.scores.get("figure")
    return fitting if of_passage is None or not fitting else fitting * of_passage / max(own.values())


def _completed(stretch: Stretch) -> Stretch:
    """The same stretch with what it cannot be read without, and no longer than is read at a glance."""
    text, spans = stretch.source.text, pieces(stretch.source.text)
    at = next(index for index, span in enumerate(spans) if span == (stretch.start, stretch.end))
    start, end = stretch.start, stretch.end
    if looks_like_row(stretch.text):
        start = _table_head(text, spans, at)
    elif at and _goes_on(text[slice(*spans[at - 1])], stretch.text) and end - spans[at - 1][0] <= _GLANCE:
        start = spans[at - 1][0]
    if stretch.text.endswith(":"):
        end = max([end, *(last for _first, last in spans[at + 1 :] if last - start <= _GLANCE)])
    return Stretch(stretch.source, start, end)


def _table_head(text: str, spans: Sequence[tuple[int, int]], at: int) -> int:
    """Where the nearest head above a row starts: its unit and its periods; the row's own start if far."""
    start, end = spans[at]
    headed = False
    for first, last in reversed(spans[:at]):
        line = text[first:last]
        if end - first > _GLANCE or is_page_line(line):
            break
        years = any(q.kind is Kind.DATE or 1900 <= q.value <= 2100 for q in extract(line))
        if unit_scale(line) is not None or (years and not re.search(r"[$,]\s?\d|\d,\d{3}", line)):
            start, headed = first, True
        elif headed or (not looks_like_row(line) and len(line) > 90):
            break
    return start


def _goes_on(before: str, text: str) -> bool:
    """Whether a stretch is the rest of the sentence or list before it."""
    if is_page_line(before):
        return False
    if _ITEM.match(text):
        return before.rstrip().endswith(":")
    return text[:1].islower() and not before.rstrip().endswith((".", ";", "!", "?"))


def _repeats(one: Stretch, other: Stretch) -> bool:
    a, b = one.span, other.span
    same_page = (
        one.source.passage.chunk.version_id == other.source.passage.chunk.version_id and a.page == b.page
    )
    words, others = (" ".join(each.text.split()) for each in (one, other))
    return (same_page and a.start < b.end and b.start < a.end) or words in others or others in words
