"""Fused rankings hold what was ranked, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.fusion import Ranking, competition_ranks, fuse, ranks, seated

IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(st.lists(st.tuples(st.floats(0.1, 4), IDS)))
def test_fusion_scores_exactly_what_was_ranked(rankings: list[tuple[float, list[str]]]) -> None:
    fused = fuse([Ranking(ranks(ids), weight) for weight, ids in rankings])

    assert fused.keys() == {one for _, ids in rankings for one in ids}
    assert all(score > 0 for score in fused.values())


@given(IDS.filter(bool))
def test_a_ranking_fused_with_itself_keeps_its_order(ids: list[str]) -> None:
    fused = fuse([Ranking(ranks(ids)), Ranking(ranks(ids))])

    assert sorted(fused, key=lambda one: -fused[one]) == ids


def test_near_the_top_of_two_rankings_beats_the_top_of_one() -> None:
    fused = fuse([Ranking(ranks("abx")), Ranking(ranks("cby"))])

    assert max(fused, key=lambda one: fused[one]) == "b"


def test_equal_scores_share_a_rank() -> None:
    assert competition_ranks({"a": 2.0, "b": 3.0, "c": 2.0, "d": 1.0}) == {"a": 2, "b": 1, "c": 2, "d": 4}


def test_the_last_places_of_a_long_list_go_to_documents_that_the_first_ones_leave_out() -> None:
    documents = {f"a{n}": "agreement" for n in range(12)} | {
        "b1": "amendment",
        "b2": "amendment",
        "c1": "mail",
    }
    best_first = [f"a{n}" for n in range(12)] + ["b1", "c1", "b2"]
    content = {"b2": 0.9, "c1": 0.5, "b1": 0.1}

    listed = seated(best_first, content, documents, 10, 2)
    assert listed[:10] == [*(f"a{n}" for n in range(8)), "c1", "b2"]
    assert sorted(listed) == sorted(best_first)
    assert seated(best_first, content, documents, 5, 2) == best_first
