"""Why passages were found, as people read it; pure functions on passages as they are kept.

Answers that were kept before reasons were recorded have none, and are shown without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from app.presenting import NOTHING, escaped, table_html

PassageBody: TypeAlias = Mapping[str, Any]
"""A passage as `search --json` and the shelf have it."""

_STAGES = (
    ("dense", "Meaning"),
    ("keyword", "Words"),
    ("document", "Document"),
    ("reference", "Named"),
    ("figure", "Figure"),
    ("topic", "Section"),
    ("together", "Sentence"),
    ("fused", "Together"),
    ("reranker", "Reranker"),
)


def route_line(route: Mapping[str, Any] | None) -> str:
    """Which document the question was taken to name, and what was looked for; empty where it names none."""
    if not route or not route["document"]:
        return ""
    names = ", ".join(f"\u201c{word}\u201d" for word in route["named_by"])
    return (
        f"The question was taken to name {route['document']} by {names}; "
        f"\u201c{route['searched_for']}\u201d was looked for in it."
    )


def found_line(passage: PassageBody) -> str:
    """As in `Found because: says \u201cgoverning law\u201d; similar in meaning (0.71)`; empty if unknown."""
    why = passage.get("why")
    if why and why.get("brought"):
        return f"Brought along: {why['brought']}."
    return f"Found because: {'; '.join(why['reasons'])}." if why and why["reasons"] else ""


def left_out_line(passage: PassageBody) -> str:
    """Why the model did not read a passage; empty where it did, or where that was not recorded."""
    why = passage.get("why")
    return f"Not given to the model: {why['left_out']}." if why and why["left_out"] else ""


def also_line(passage: PassageBody) -> str:
    """As in `The same words also stand in lease (draft 2).pdf, p. 4.`; empty if they were not found again."""
    twins = passage.get("also_in") or ()
    places = "; ".join(f"{one['document']}, p. {one['page']}" for one in twins)
    return f"The same words also stand in {places}." if places else ""


def passage_html(passage: PassageBody) -> str:
    """A passage with where it stands, why it was found, and what it shares with the question marked."""
    lines = [line for line in (found_line(passage), also_line(passage), left_out_line(passage)) if line]
    under = "".join(f'<div class="m-quiet">{escaped(line)}</div>' for line in lines)
    terms = (passage.get("why") or {}).get("terms", ())
    return (
        f'<div class="m-where">{passage["rank"]}. {escaped(passage["document"])}, p. {passage["page"]}</div>'
        f'{under}<div class="m-quote m-serif">{marked(passage["text"].strip(), terms)}</div>'
    )


def marked(text: str, terms: Sequence[str]) -> str:
    """A text as HTML with every place marked where one of the terms stands as whole words."""
    if not terms:
        return escaped(text)
    ordered = sorted(terms, key=len, reverse=True)
    phrases = "|".join(r"\s+".join(map(re.escape, term.split())) for term in ordered)
    return "".join(_pieces(text, re.compile(rf"\b(?:{phrases})\b", re.IGNORECASE)))


def scores_html(passages: Sequence[PassageBody]) -> str:
    """Each passage with the score that every stage gave it and, behind it, its place in that stage."""
    stages = [(stage, name) for stage, name in _STAGES if any(stage in one["scores"] for one in passages)]
    rows = [
        [
            str(one["rank"]),
            f"{one['document']}, p.\u00a0{one['page']}",
            *(_cell(one, stage) for stage, _ in stages),
        ]
        for one in passages
    ]
    header = ["Rank", "Passage", *(name for _, name in stages)]
    return table_html(header, rows, right=frozenset({0, *range(2, 2 + len(stages))}))


def _cell(passage: PassageBody, stage: str) -> str:
    if stage not in passage["scores"]:
        return NOTHING
    score = f"{passage['scores'][stage]:.3f}"
    place = passage.get("ranks", {}).get(stage)
    return f"{score} (no. {place})" if place else score


def _pieces(text: str, wanted: re.Pattern[str]) -> Iterator[str]:
    last = 0
    for one in wanted.finditer(text):
        yield f"{escaped(text[last : one.start()])}<mark>{escaped(one.group())}</mark>"
        last = one.end()
    yield escaped(text[last:])
