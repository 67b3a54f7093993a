"""Intervals hold the mean, repeat themselves, and widen where questions rise and fall together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation.bootstrap import Sample, estimate


def alone(values):
    return Sample(values, [str(at) for at in range(len(values))])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_lies_within_the_values_and_repeats_itself(values):
    first = estimate({"one": alone(values)})
    assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9
    assert first == estimate({"one": alone(values)})


def test_the_interval_of_a_coin_is_the_one_of_the_textbook():
    # 400 throws, half of them heads: 1.96 standard errors of 0.025.
    found = estimate({"coin": alone([0.0, 1.0] * 200)})
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.451, abs=0.006)
    assert found.high == pytest.approx(0.549, abs=0.006)


def test_questions_of_one_document_count_as_one():
    values = [float(at % 2) for at in range(20) for _ in range(20)]
    together = estimate({"x": Sample(values, [str(at) for at in range(20) for _ in range(20)])})
    apart = estimate({"x": alone(values)})
    assert together.mean == apart.mean
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_questions_are_drawn_where_documents_are_few():
    values = [0.0, 1.0] * 30
    few = Sample(values, ["a", "b"] * 30)
    assert not few.by_group
    assert estimate({"x": few}) == estimate({"x": alone(values)})


def test_subsets_weigh_the_same_whatever_their_size():
    found = estimate({"large": alone([1.0] * 99), "small": alone([0.0])})
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
