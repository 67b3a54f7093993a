"""The measures agree with examples worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation.metrics import (
    Stretch,
    all_within,
    any_within,
    characters,
    ndcg,
    share_of_grade,
)


def test_precision_and_recall_count_characters():
    found = [Stretch("a", 0, 100), Stretch("b", 0, 100)]
    gold = [Stretch("a", 90, 130)]
    assert characters(found, gold) == (10 / 200, 10 / 40)


def test_the_same_offsets_of_another_document_are_no_hit():
    assert characters([Stretch("b", 0, 50)], [Stretch("a", 0, 50)]) == (0.0, 0.0)


def test_several_spans_are_one_whole_to_be_found():
    gold = [Stretch("a", 0, 10), Stretch("a", 100, 130)]
    assert characters([Stretch("a", 100, 120), Stretch("a", 5, 10)], gold) == (1.0, 25 / 40)


def test_characters_that_two_passages_share_count_once():
    found = [Stretch("a", 0, 60), Stretch("a", 40, 100)]
    assert characters(found, [Stretch("a", 40, 60)]) == (20 / 100, 1.0)


def test_nothing_found_scores_nothing():
    assert characters([], [Stretch("a", 0, 1)]) == (0.0, 0.0)


stretches = st.lists(
    st.builds(
        lambda document, start, length: Stretch(document, start, start + length),
        st.sampled_from("ab"),
        st.integers(0, 40),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=6,
)


@given(found=stretches, gold=stretches)
def test_counting_characters_one_by_one_gives_the_same(found, gold):
    found_characters = {(one.document, at) for one in found for at in range(one.start, one.end)}
    gold_characters = {(one.document, at) for one in gold for at in range(one.start, one.end)}
    common = len(found_characters & gold_characters)
    assert characters(found, gold) == (common / len(found_characters), common / len(gold_characters))


def test_ndcg_takes_the_grade_itself_as_the_gain():
    grades = {"best": 4, "good": 2, "poor": 1, "bad": 0}
    ranked = ["good", "unjudged", "best", "poor", "bad"]
    gained = 2 / math.log2(2) + 4 / math.log2(4)
    ideal = 4 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(ranked, grades, 3) == pytest.approx(gained / ideal)


def test_the_best_order_has_an_ndcg_of_one():
    assert ndcg(["a", "b", "c"], {"c": 1, "b": 3, "a": 4}, 10) == 1.0


def test_ndcg_is_nothing_where_nothing_is_good():
    assert ndcg(["a"], {"a": 0}, 5) == 0.0


def test_empty_places_count_as_misses():
    assert share_of_grade(["a", "b"], {"a": 3, "b": 1}, least=2, k=5) == 1 / 5


def test_all_and_any_look_at_the_first_places_only():
    ranked = ["a", "a", "b"]
    assert (all_within(ranked, {"a", "b"}, 2), all_within(ranked, {"a", "b"}, 3)) == (0.0, 1.0)
    assert (any_within(ranked, {"b"}, 2), any_within(ranked, {"b"}, 3)) == (0.0, 1.0)
