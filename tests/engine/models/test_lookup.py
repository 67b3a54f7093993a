from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.models.lookup import Guesser

QUOTED = [1, 2, 3, 4, 5, 6, 9, 9, 2, 3]


def test_what_followed_before_is_guessed_again() -> None:
    assert Guesser(QUOTED).guess(3) == [4, 5, 6]


def test_three_that_match_go_before_two() -> None:
    assert Guesser([1, 2, 3, 4, 7, 2, 3, 5, 1, 2, 3]).guess(1) == [4]


def test_nothing_is_guessed_from_nothing() -> None:
    assert Guesser([1, 2, 3]).guess(4) == []
    assert Guesser([]).guess(4) == []


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 8))
def test_a_guess_is_what_followed_the_last_two_ids_somewhere(ids: list[int], most: int) -> None:
    guessed = Guesser(ids).guess(most)
    assert len(guessed) <= most
    if guessed:
        begun = [*ids[-2:], *guessed]
        assert any(ids[at : at + len(begun)] == begun for at in range(len(ids)))
