"""Scores of several searches add up, and the last places go to documents that are meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.fusion import added, best_first, ranks, reordered, repeats, seated, shares

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 40))


@given(SCORES, SCORES)
def test_what_is_added_is_exactly_what_was_found(sums: dict[str, float], scores: dict[str, float]) -> None:
    before = dict(sums)
    after = added(sums, scores, 0.5)

    assert sums == before
    assert after.keys() == sums.keys() | scores.keys()
    assert all(after[one] == sums.get(one, 0.0) + 0.5 * scores.get(one, 0.0) for one in after)


@given(SCORES)
def test_shares_keep_the_order_and_none_is_above_one(scores: dict[str, float]) -> None:
    shared = shares(scores)

    assert all(0 <= value <= 1 for value in shared.values())
    assert all(shared[a] >= shared[b] for a in scores for b in scores if scores[a] >= scores[b])


def test_each_further_member_of_a_group_counts_those_before_it() -> None:
    groups = {"a": 1, "b": 2, "c": 1, "d": 1}
    assert repeats(["a", "x", "b", "c", "d"], groups) == {"c": -1.0, "d": -2.0}
    assert repeats(["x", "b"], groups) == {}


def test_equal_scores_stand_in_the_order_of_their_ids() -> None:
    assert best_first({"b": 1.0, "c": 2.0, "a": 1.0}) == ["c", "a", "b"]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0])))
def test_an_order_is_by_falling_score_and_then_by_id(scores: dict[str, float]) -> None:
    order = best_first(scores)

    assert order == sorted(scores, key=lambda one: (-scores[one], one))
    assert ranks(scores) == {one: order.index(one) + 1 for one in scores}


@given(st.permutations("abcdefgh"), SCORES)
def test_ids_with_new_scores_exchange_places_and_all_others_stay(
    order: list[str], scores: dict[str, float]
) -> None:
    after = reordered(order, scores)

    assert sorted(after) == sorted(order)
    assert all(now == before for now, before in zip(after, order, strict=True) if before not in scores)
    again = [scores[one] for one in after if one in scores]
    assert again == sorted(again, reverse=True)


def test_the_last_places_of_a_long_list_go_to_meant_documents_that_the_first_ones_leave_out() -> None:
    documents = {f"a{n}": "agreement" for n in range(12)} | {"b": "amendment", "c": "mail", "d": "amendment"}
    order = [f"a{n}" for n in range(12)] + ["c", "b", "d"]
    first = [f"a{n}" for n in range(9)]

    assert seated(order, documents, {"agreement", "amendment"}, 10) == [*first, "b"]
    assert seated(order, documents, {"agreement"}, 10) == [*first, "a9"]
    assert seated(order, documents, {"amendment"}, 5) == order[:5]
