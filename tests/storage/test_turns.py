"""Who asks first has the first turn."""

from __future__ import annotations

import threading

import pytest

from storage.turns import Turns


def test_turns_are_had_in_the_order_in_which_they_were_asked_for() -> None:
    turns, had = Turns(), list[int]()

    def ask(number: int) -> None:
        with turns:
            had.append(number)

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    with turns:
        for number, thread in enumerate(asking):
            thread.start()
            while turns.waiting <= number:
                pass
    # Whoever had it last asks again at once, and comes after all who wait.
    with turns:
        had.append(5)
    for thread in asking:
        thread.join()

    assert had == [0, 1, 2, 3, 4, 5]


def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns:
        raise KeyError
    with turns:
        assert turns.waiting == 0
