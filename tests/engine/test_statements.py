"""Words that stand in one sentence are said of one another."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from engine.statements import Together
from engine.words import STOPWORDS, stem
from storage.keywords import query_terms

TOGETHER = "Costs are shared. The Buyer may audit the records of the Seller."
SCATTERED = "The Buyer pays. The Seller keeps records. An audit is made."
SOME = (
    "audit",
    "audits",
    "rights",
    "parties",
    "party",
    "b",
    "8.2(b)",
    "5,931",
    "931",
    "\u00a7",
    "x\u00a7",
    "_",
    "A\u03a3",
)
ENDS = (" ", " ", ".", ". ", ";\n", "\n", "\n\n", "-", "\u0130", ", ")
PIECES = st.lists(st.sampled_from((*SOME, *ENDS)), max_size=24).map("".join)
TEXTS = st.dictionaries(st.sampled_from("abcdef"), st.text("audit rights. Of;\n", max_size=40))


def test_one_sentence_with_all_words_holds_more_than_three_with_one_each() -> None:
    held = Together("May the Buyer audit the Seller's records?").shares(
        {"one": TOGETHER, "other": SCATTERED, "none": "Weather."}
    )

    assert held["one"] == 1.0
    assert 0 < held["other"] < 1
    assert held["none"] == 0.0


def test_what_a_question_calls_the_document_counts_nothing() -> None:
    assert Together("What does this agreement say?").shares({"one": "This agreement says nothing."}) == {}
    assert Together("audits under this contract").shares({"one": "This contract."}) == {"one": 0.0}


@given(st.text("audit rights of", max_size=40), TEXTS)
def test_shares_lie_between_nothing_and_all_and_each_text_has_one(asked: str, texts: dict[str, str]) -> None:
    held = Together(asked).shares(texts)

    assert not held or held.keys() == texts.keys()
    assert all(0 <= share <= 1 + 1e-9 for share in held.values())


@given(PIECES, st.lists(PIECES, max_size=4))
def test_each_statement_is_read_for_itself_and_its_words_by_their_stems(asked: str, texts: list[str]) -> None:
    held = Together(asked).shares(dict(enumerate(texts)))

    wanted = {stem(one) for one in query_terms(asked) if one not in STOPWORDS}
    beginnings = "|".join(re.escape(one[: max(1, len(one) - 2)]) for one in sorted(wanted, key=_short))
    parts = {
        one: [
            wanted & set(map(stem, re.findall(rf"\b(?:{beginnings})\w*", part.lower())))
            for part in re.split(r"(?<=[.;:?!])\s+|\n{2,}", text)
        ]
        for one, text in enumerate(texts)
    }
    counts = {word: sum(any(word in part for part in each) for each in parts.values()) for word in wanted}
    weights = {word: math.log(1 + len(texts) / (1 + counts[word])) for word in sorted(wanted)}
    assert held == (
        {
            one: max(sum(weights[word] for word in sorted(part)) for part in each) / sum(weights.values())
            for one, each in parts.items()
        }
        if wanted
        else {}
    )


def _short(word: str) -> str:
    return word[: max(1, len(word) - 2)]


@given(st.text("audit rights of", max_size=40), TEXTS)
def test_texts_that_were_read_before_have_the_same_shares(asked: str, texts: dict[str, str]) -> None:
    ahead = Together(asked)
    ahead.read([*texts.values(), "of audit rights"][1:])

    assert ahead.shares(texts) == Together(asked).shares(texts)
