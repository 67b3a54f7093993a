"""What a summary can be asked for, and how long it may be.

The words that the model is given stand in `engine/prompts/summary_*.md`: rules, dashes, the question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from storage.errors import WrongUse
from storage.ids import canonical_json, sha256_of

_PROMPTS = Path(__file__).parent.parent / "prompts"
_OVERVIEW, _OBLIGATIONS, _FIGURES = "overview", "obligations", "figures"
_TITLES = {
    _OVERVIEW: "Overview",
    _OBLIGATIONS: "Obligations: who must do what, by when",
    _FIGURES: "Figures: amounts, dates and periods",
}
# Where the model's words fail, only a passage of the kind that was asked for may stand in.
_CUES = {
    _OVERVIEW: re.compile(r"(?:[^\W\d_]+\W+){5}[^\W\d_]"),
    _OBLIGATIONS: re.compile(r"\b(?:shall|must|agrees? to|will|is required to|undertakes?)\b", re.IGNORECASE),
    _FIGURES: re.compile(r"\d"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of summary."""

    name: str
    title: str
    """As people read it."""
    rules: str
    question: str
    cue: re.Pattern[str]
    """What a verbatim sentence must contain to stand in for the model's words."""

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the words that a model is given."""
        return sha256_of(canonical_json([self.rules, self.question]))


@dataclass(frozen=True, slots=True)
class Length:
    """How much is read at once and how much is shown. Every page is read whatever the length."""

    name: str
    reading: float
    """Part of the model's preferred prompt that one section fills."""
    per_document: int
    """Most statements shown about one document."""
    in_all: int
    """Most statements shown about a matter, as long as each document still has one."""


_LENGTHS = {
    "short": Length("short", reading=1.0, per_document=8, in_all=40),
    "standard": Length("standard", reading=0.6, per_document=30, in_all=150),
}


def templates() -> dict[str, str]:
    """Names of the templates and their titles, the default one first."""
    return dict(_TITLES)


def lengths() -> tuple[str, ...]:
    """Names of the lengths, shortest first."""
    return tuple(_LENGTHS)


def named_template(name: str) -> Template:
    """The template of that name.

    Raises:
        WrongUse: there is none.
    """
    if name not in _TITLES:
        raise WrongUse(f"no summary template is named {name!r}; choose one of {', '.join(_TITLES)}")
    rules, _, question = (_PROMPTS / f"summary_{name}.md").read_text("utf-8").partition("\n---\n")
    return Template(name, _TITLES[name], rules.strip(), question.strip(), _CUES[name])


def named_length(name: str) -> Length:
    """The length of that name.

    Raises:
        WrongUse: there is none.
    """
    if name not in _LENGTHS:
        raise WrongUse(f"no summary length is named {name!r}; choose one of {', '.join(_LENGTHS)}")
    return _LENGTHS[name]
