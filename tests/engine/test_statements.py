"""Words that stand in one sentence are said of one another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.statements import held_together

TOGETHER = "Costs are shared. The Buyer may audit the records of the Seller."
SCATTERED = "The Buyer pays. The Seller keeps records. An audit is made."
TEXTS = st.dictionaries(st.sampled_from("abcdef"), st.text("audit rights. Of;\n", max_size=40))


def test_one_sentence_with_all_words_holds_more_than_three_with_one_each() -> None:
    held = held_together(
        "May the Buyer audit the Seller's records?", {"one": TOGETHER, "other": SCATTERED, "none": "Weather."}
    )

    assert held["one"] == 1.0
    assert 0 < held["other"] < 1
    assert held["none"] == 0.0


def test_what_a_question_calls_the_document_counts_nothing() -> None:
    assert held_together("What does this agreement say?", {"one": "This agreement says nothing."}) == {}
    assert held_together("audits under this contract", {"one": "This contract."}) == {"one": 0.0}


@given(st.text("audit rights of", max_size=40), TEXTS)
def test_shares_lie_between_nothing_and_all_and_each_text_has_one(asked: str, texts: dict[str, str]) -> None:
    held = held_together(asked, texts)

    assert not held or held.keys() == texts.keys()
    assert all(0 <= share <= 1 + 1e-9 for share in held.values())
