"""A replay in plain words, for the command line and the Audit page."""

from __future__ import annotations

from collections.abc import Iterator

from engine.replays import Check, Output, Replay

_OUTPUTS = {
    Output.EQUAL: "the model wrote the same again",
    Output.DIFFERS: "the model wrote something else",
    Output.NOT_COMPARED: "the model was not asked again",
    Output.NO_MODEL: "there is nothing to write again",
}


def headline(made: Replay) -> str:
    """The result in one sentence."""
    inputs = "All inputs are those on record" if made.inputs_equal else f"Not as on record: {_names(made)}"
    return f"{inputs}; {_OUTPUTS[made.output]}: {made.detail}."


def replay_lines(made: Replay) -> Iterator[str]:
    """The result, and below it every input and circumstance."""
    yield f"Entry {made.index} ({made.kind}). {headline(made)}"
    if made.calls > 1:
        yield f"{made.calls_equal} of {made.calls} sections were written the same."
    yield from (check_line(one) for one in (*made.inputs, *made.surroundings))


def check_line(check: Check) -> str:
    """One input: `same     prompt`."""
    if check.same:
        return f"same     {check.name}"
    return f"differs  {check.name}: {check.detail}"


def _names(made: Replay) -> str:
    return ", ".join(one.name for one in made.inputs if not one.same)
