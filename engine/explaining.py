"""Say why a passage was found, in words that a reader of contracts understands.

What a search did is read from its scores and ranks; which words met is read from the passage itself, so that
a passage that was trimmed or joined since is explained as it is shown. Nothing here searches or ranks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from engine.words import STOPWORDS, stem
from storage.records import JsonValue, Passage, Why

_WORD = re.compile(r"\d[\d,.]*\d|\w+")
_JOINED = re.compile(r"[\s-]{1,3}(?:(?:of|the|to|and|or|in|for)\s{1,2}){0,2}", re.IGNORECASE)
"""What may stand between two words of one phrase, as in `change of control`."""
_MOST_PHRASES = 3
_SURE = 0.5
"""Above it a document is meant more surely than all others together."""


@dataclass(frozen=True, slots=True)
class Named:
    """Which document a question points to first, by which of its words, and what was looked for in it."""

    document_id: str | None
    words: tuple[str, ...]
    """The question's words that stand in the document's name or beginning."""
    subject: str
    """The words that are left: what was looked for besides the whole question."""


NOTHING_NAMED = Named(None, (), "")


def named_of(said: str, asked: str, sureness: Mapping[str, float]) -> Named:
    """What a search took the question to name.

    Args:
        said: the words that name a document; empty where none do.
        asked: the question without them.
        sureness: how surely each document is meant; all together 1.
    """
    first = max(sureness, key=lambda one: (sureness[one], one), default=None)
    if first is None or not said or sureness[first] <= _SURE:
        return NOTHING_NAMED
    return Named(first, (said,), asked)


def explained(query: str, passages: Sequence[Passage], named: Named = NOTHING_NAMED) -> tuple[Passage, ...]:
    """The same passages, each with why it was found."""
    return tuple(replace(one, why=_why(query, one, named)) for one in passages)


def with_left_out(
    passages: Sequence[Passage], given: Collection[int], *, confident: bool
) -> tuple[Passage, ...]:
    """The same passages, each with whether the model read it and, if not, why; `given` are ranks."""
    read = sum(one.rank in given for one in passages if one.why is None or not one.why.brought)
    return tuple(
        one
        if one.why is None
        else replace(one, why=_read(one.why, one.rank in given, read, confident=confident))
        for one in passages
    )


def why_to_json(why: Why) -> dict[str, JsonValue]:
    """The `why` of a member of `passages`."""
    return {
        "reasons": list(why.reasons),
        "terms": list(why.terms),
        "given": why.given,
        "left_out": why.left_out,
        "brought": why.brought,
    }


def route_to_json(named: Named, passages: Iterable[Passage]) -> dict[str, JsonValue]:
    """The `route` of `search --json` and `ask --json`; no document where it gave none of the passages."""
    paths = {one.chunk.document_id: one.document for one in passages}
    return {
        "document": paths.get(named.document_id or ""),
        "named_by": list(named.words),
        "searched_for": named.subject,
    }


def _why(query: str, passage: Passage, named: Named) -> Why:
    terms = shared(query, passage.chunk.text)
    return Why(tuple(_reasons(passage, terms, named)), terms)


def _reasons(passage: Passage, terms: Sequence[str], named: Named) -> Iterator[str]:
    scores = passage.scores
    if "reference" in scores:
        yield "is what the question names exactly"
    if terms:
        shown = terms[:_MOST_PHRASES]
        yield f"says {_listed(shown)}"
    if "figure" in scores:
        yield "states a figure like the one asked for"
    if "topic" in scores:
        yield "stands under a heading about what is asked"
    if named.document_id == passage.chunk.document_id:
        yield f"the question names its document ({_listed(named.words[:_MOST_PHRASES])})"
    if "dense" in scores:
        yield f"similar in meaning ({scores['dense']:.2f})"


def _read(why: Why, given: bool, read: int, *, confident: bool) -> Why:  # noqa: FBT001
    if given:
        return replace(why, given=True)
    if not confident:
        return replace(why, given=False, left_out="nothing found was near enough to the question")
    first = "the first passage" if read == 1 else f"the first {read} passages"
    return replace(why, given=False, left_out=f"the model had room for {first}")


@lru_cache(maxsize=512)
def _stems(query: str) -> frozenset[str]:
    return frozenset(stem(one) for one in _WORD.findall(query) if one.lower() not in STOPWORDS)


def shared(query: str, text: str) -> tuple[str, ...]:
    """The phrases of a text whose words all stand in the query, longest first, each once, as printed."""
    wanted = _stems(query)
    runs: list[tuple[int, int]] = []
    for one in _WORD.finditer(text):
        if stem(one.group()) not in wanted:
            continue
        if runs and _JOINED.fullmatch(text, runs[-1][1], one.start()):
            runs[-1] = (runs[-1][0], one.end())
        else:
            runs.append((one.start(), one.end()))
    phrases: dict[str, str] = {}
    for start, end in runs:
        phrase = " ".join(text[start:end].split())
        phrases.setdefault(phrase.casefold(), phrase)
    return tuple(sorted(phrases.values(), key=lambda one: -len(one.split())))


def _listed(phrases: Sequence[str]) -> str:
    return ", ".join(f"\u201c{one}\u201d" for one in phrases)
