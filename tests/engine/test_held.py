"""What a search found is given in the order in which it was found, and each chunk is read from SQL once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np

from engine.held import Held
from storage.library import Library
from storage.records import Actor, Chunk, Matter, Role, Scope, Span, Vector

SCOPE = Scope(
    Matter("mat", "Review", datetime.now(UTC), "system"),
    Actor("system", "system", Role.ADMINISTRATOR, "system"),
)


class Counting:
    """A library in which everything lives but `dead`; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def chunks_with_vectors(self, scope: Scope, ids: Sequence[str]) -> list[tuple[Chunk, Vector]]:
        self.asked.append(list(ids))
        return [
            (Chunk(one, "doc", "ver", 0, Span(1, 0, 1), (), one, ""), np.zeros(1, dtype=np.float32))
            for one in ids
            if one != "dead"
        ]


def test_what_was_read_ahead_is_found_only_once_it_is_asked_for_and_in_that_order() -> None:
    library = Counting()
    held = Held(cast("Library", library), SCOPE)

    held.read(["a", "dead", "b", "a"])
    held.ahead(["c", "d", "a", "dead"])
    before = [chunk.id for chunk, _ in held.chunks]
    held.read(["d", "b", "e", "c"])

    assert before == ["a", "b"]
    assert [chunk.id for chunk, _ in held.chunks] == ["a", "b", "d", "e", "c"]
    assert library.asked == [["a", "dead", "b"], ["c", "d", "dead"], ["e"]]


def test_scores_of_what_was_not_found_in_the_end_are_left_out() -> None:
    held = Held(cast("Library", Counting()), SCOPE)

    held.read(["a"])
    first = [one.id for one in held.new()]
    held.ahead(["b", "c"])
    ahead = [one.id for one in held.new()]
    held.read(["c"])

    assert (first, ahead, held.new()) == (["a"], ["b", "c"], [])
    assert [one.id for one in held.of(["c", "b", "x"])] == ["c", "b"]
    assert held.among({"a": 1.0, "b": 0.5, "c": 0.2}) == {"a": 1.0, "c": 0.2}
