"""What was read last is kept, up to a limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.keeping import Kept


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    kept: Kept[str, int] = Kept(2)
    kept.keep("one", 1)
    kept.keep("two", 2)
    kept.of(["one"])

    kept.keep("three", 3)

    assert kept.of(["one", "two", "three"]) == {"one": 1, "three": 3}


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=9))))
def test_what_is_kept_never_weighs_more_than_the_limit(values: list[tuple[int, str]]) -> None:
    kept: Kept[int, str] = Kept(12, weigh=len)
    for key, value in values:
        kept.keep(key, value)

    held = kept.of(range(6))

    assert sum(map(len, held.values())) <= 12
    if values and len(values[-1][1]) <= 12:
        assert held[values[-1][0]] == values[-1][1]
