"""Counts read as sentences do."""

import pytest

from engine.counting import count


@pytest.mark.parametrize(("number", "words"), [(0, "0 pages"), (1, "1 page"), (1912, "1,912 pages")])
def test_counts_agree_with_their_noun(number, words):
    assert count(number, "page") == words


def test_a_noun_may_have_a_plural_of_its_own():
    assert [count(one, "entry", "entries") for one in (1, 2)] == ["1 entry", "2 entries"]
