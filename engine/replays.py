"""What repeating recorded work came to: which inputs are the same, and whether the same was written again.

A result names places, hashes and causes, never words, so that everybody in a matter may see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.models.base import ModelIdentity
from storage.records import JsonValue


@dataclass(frozen=True, slots=True)
class Check:
    """One input held against the record."""

    name: str
    same: bool
    detail: str = ""
    """What differs, in words; empty where it is the same."""

    def to_json(self) -> dict[str, JsonValue]:
        return {"name": self.name, "same": self.same, "detail": self.detail}


class Output(StrEnum):
    """What became of the model's words."""

    EQUAL = "equal"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"
    NO_MODEL = "no model"
    """No model was asked, so there is nothing to write again."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded piece of work, repeated."""

    index: int
    """The entry of the audit log that was repeated."""
    kind: str
    inputs: tuple[Check, ...]
    """What the model was given and what it is: these must be equal for its words to be compared."""
    surroundings: tuple[Check, ...]
    """Code, libraries and machine: they may differ, and then they are the likely cause of other words."""
    output: Output
    detail: str
    """Why it was not compared, or where it first differs."""
    model: ModelIdentity
    """The one that answers now."""
    calls: int = 0
    """How often the model was asked again."""
    calls_equal: int = 0
    first_difference: int | None = None
    """The token, from 1, that is not the recorded one; None without one, or where no words were kept."""

    def given(self, *checks: Check) -> Replay:
        """The same with these inputs looked at as well."""
        return replace(self, inputs=(*self.inputs, *checks))

    @property
    def inputs_equal(self) -> bool:
        return all(one.same for one in self.inputs)

    @property
    def confirmed(self) -> bool:
        """Whether all is as on record."""
        return self.inputs_equal and self.output in (Output.EQUAL, Output.NO_MODEL)

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of all that is not as on record."""
        return tuple(one.name for one in (*self.inputs, *self.surroundings) if not one.same)

    def to_json(self) -> dict[str, JsonValue]:
        """The object that `muniment audit replay --json` prints."""
        return {
            "index": self.index,
            "kind": self.kind,
            "confirmed": self.confirmed,
            "inputs_equal": self.inputs_equal,
            "inputs": [one.to_json() for one in self.inputs],
            "surroundings": [one.to_json() for one in self.surroundings],
            "output": self.output.value,
            "detail": self.detail,
            "calls": self.calls,
            "calls_equal": self.calls_equal,
            "first_difference": self.first_difference,
            "model": dict(self.model.to_json()),
        }

    def to_record(self) -> dict[str, JsonValue]:
        """What the log keeps of it."""
        return {
            "entry": self.index,
            "entry_kind": self.kind,
            "confirmed": self.confirmed,
            "differs": list(self.differing),
            "output": self.output.value,
            "first_difference": self.first_difference,
            "calls": self.calls,
            "model": dict(self.model.to_json()),
        }


def compared(name: str, recorded: JsonValue, now: JsonValue) -> Check:
    """A check of one value; the detail shows both."""
    same = recorded == now
    return Check(name, same, "" if same else f"{_short(recorded)} on record, {_short(now)} now")


def compared_surroundings(recorded: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> list[Check]:
    """One check for each fact about code, libraries and machine, by what people call it."""
    return [
        compared(words, recorded.get(name), now.get(name))
        for name, words in _SURROUNDINGS
        if name in recorded
    ]


def compared_model(recorded: Mapping[str, JsonValue], now: ModelIdentity) -> Check:
    """Whether the same weights answer, in the same runtime and number format."""
    names = ("id", "digest", "runtime", "quantization", "device")
    present: dict[str, JsonValue] = dict(now.to_json())
    differing = [one for one in names if recorded.get(one) != present[one]]
    told = ", ".join(f"{one} {_short(recorded.get(one))} is now {_short(present[one])}" for one in differing)
    return Check("model", not differing, told)


def first_difference(recorded: str, pieces: Sequence[str], *, cut: bool) -> tuple[int, int] | None:
    """Where the repeated reply leaves the recorded one: token and character, both from 1.

    Args:
        recorded: the words on record.
        pieces: the repeated reply, token by token.
        cut: the recorded reply was stopped from outside, so that only its beginning can be equal.
    """
    at = 0
    for number, piece in enumerate(pieces, start=1):
        there = recorded[at : at + len(piece)]
        if there != piece:
            if cut and piece.startswith(there) and at + len(there) == len(recorded):
                return None
            common = next(
                (n for n, (a, b) in enumerate(zip(there, piece, strict=False)) if a != b), len(there)
            )
            return number, at + common + 1
        at += len(piece)
    return None if at == len(recorded) else (len(pieces) + 1, at + 1)


_SURROUNDINGS = (
    ("muniment", "Muniment's version"),
    ("code_sha256", "Muniment's code"),
    ("libraries", "libraries"),
    ("runs", "how the model runs"),
    ("python", "Python"),
    ("machine", "machine"),
)


def _short(value: JsonValue) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(one)}" for name, one in sorted(value.items())) or "nothing"
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
