from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.models.prompt_slots import PromptSlots, may_keep, shared

IDS = st.lists(st.integers(0, 2), max_size=20)


def read_alone(ids: int, *, kept: int, at_once: int) -> bool:
    """Whether a token is alone in its piece when all after the kept ones are read, `at_once` at a time."""
    pieces = [min(at_once, ids - start) for start in range(kept, ids, at_once)]
    return 1 in pieces


@given(IDS, IDS, st.integers(2, 6))
def test_what_is_kept_leaves_no_token_to_be_read_alone(held: list[int], ids: list[int], at_once: int) -> None:
    if may_keep(held, ids, read_at_once=at_once):
        kept = shared(held, ids)
        assert held[:kept] == ids[:kept]
        assert 0 < kept < len(ids)
        assert not read_alone(len(ids), kept=kept, at_once=at_once)
        assert not read_alone(len(ids), kept=0, at_once=at_once)


def test_a_prompt_goes_where_most_of_it_was_read() -> None:
    slots = PromptSlots(2, read_at_once=8)
    first, second = slots.take([1, 2, 3])[0], slots.take([7, 8, 9])[0]
    assert {first, second} == {0, 1}
    slots.give(first, [1, 2, 3, 4])
    slots.give(second, [7, 8, 9, 9])
    assert slots.take([7, 8, 1, 1]) == (second, True)
    assert slots.take([7, 8, 1, 1]) == (first, False)


def test_the_same_prompt_again_or_a_longer_one_is_read_anew() -> None:
    held = [1, 2, 3, 4]
    assert not may_keep(held, held, read_at_once=8)
    assert not may_keep(held, [*held, 5, 6], read_at_once=8)
    assert not may_keep(held, [1, 2, 3, 5], read_at_once=8)
    assert may_keep(held, [1, 2, 5, 5], read_at_once=8)


def test_a_prompt_that_was_not_read_to_its_end_is_not_kept() -> None:
    slots = PromptSlots(1, read_at_once=8)
    slot, _ = slots.take([1, 2, 3, 4])
    slots.give(slot, ())
    assert slots.take([1, 2, 5, 5]) == (0, False)
