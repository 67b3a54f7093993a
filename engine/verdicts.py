"""What the checks of a kept answer came to, in the words that pages and exports share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.answers import Outcome, Verdict
from engine.counting import count


def verdict(body: Mapping[str, Any]) -> tuple[str, str]:
    """The summary of a kept answer's checks, and how it is marked: `good`, `some`, `none` or `bad`."""
    outcome, sentences = body["outcome"], body["sentences"]
    survey = is_survey(body)
    if outcome == Outcome.ABSTAINED and survey:
        return "Not found in any document that could be looked at", "none"
    if outcome == Outcome.ABSTAINED:
        return "Not answered: no passage in these documents supports an answer", "none"
    if outcome == Outcome.FAILED:
        return "No answer", "bad"
    if survey:
        if outcome == Outcome.QUOTED:
            return "Every document was read and looked at; the nearest passage of each is quoted", "good"
        return "Not every document could be looked at in full; the rest is quoted", "some"
    if outcome == Outcome.QUOTED:
        return (
            "Quoted: the model's own words did not check out, so the documents' own words stand here",
            "some",
        )
    supported = sum(sentence["verdict"] == Verdict.SUPPORTED for sentence in sentences)
    quoted = sum(one["quoted"] for one in sentences)
    words = f"Supported: {supported} of {count(len(sentences), 'statement')}"
    if quoted:
        words += f", {quoted:,} of them quoted"
    return words, "good" if outcome == Outcome.GROUNDED else "some"


def is_survey(body: Mapping[str, Any]) -> bool:
    """Whether it answers a question about every document; a summary only names its documents, too."""
    return "statements" not in body and bool(body.get("documents"))


def without_name(document: str, reason: str) -> str:
    """A reason without the document's name in front, which stands beside it already."""
    return reason.removeprefix(repr(document)).strip()
