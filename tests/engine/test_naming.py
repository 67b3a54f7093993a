"""The words that name a document are found wherever they stand, and what is left stays a question."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.naming import naming


def telling(**weights: float) -> Callable[[str], float | None]:
    return lambda word: weights.get(word.lower())


LEASE = telling(brimstone=1.0, haverley=1.0, lease=0.0, warehouse=0.3, llc=0.1, and_=0.0)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "Consider the Warehouse Lease between Brimstone LLC and Haverley Ltd; who insures the goods?",
            "Who insures the goods?",
        ),
        ("Under Brimstone's lease, who insures the goods?", "Who insures the goods?"),
        (
            "Who insures the goods under the Warehouse Lease between Brimstone LLC and Haverley Ltd?",
            "Who insures the goods?",
        ),
        ("According to Brimstone's Warehouse Lease, who insures?", "Who insures?"),
        ("Does Brimstone's Lease allow subletting?", "Does the lease allow subletting?"),
        ('Who insures, in the lease of "Brimstone: Stores"?', "Who insures,?"),
        ("brimstone haverley lease: who insures?", "Who insures?"),
    ],
)
def test_the_naming_words_go_and_the_rest_stays_prose(question: str, asked: str) -> None:
    found = naming(question, LEASE)

    assert found is not None
    assert found.asked.replace(" ,", ",") == asked


def test_what_an_owner_has_is_still_asked_for() -> None:
    found = naming("Where is Brimstone's Confidential Information kept?", LEASE)

    assert found is not None
    assert found.asked == "Where is Confidential Information kept?"


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "How many warehouse permits of Warehouse Brimstone LLC are valid?",
            "How many warehouse permits are valid?",
        ),
        ("Show the warehouse lease of Brimstone LLC and who insures", "Show and who insures"),
    ],
)
def test_what_is_of_a_name_is_asked_for_unless_it_is_a_kind_of_document(question: str, asked: str) -> None:
    found = naming(question, telling(brimstone=1.0, warehouse=0.9, permits=0.3, lease=0.0, llc=0.1))

    assert found is not None
    assert found.asked.replace("the lease ", "") == asked


@pytest.mark.parametrize(
    "question",
    [
        "Who insures the goods?",
        "Brimstone Haverley",
        "the warehouse and the goods in it",
    ],
)
def test_a_question_that_names_nothing_or_nothing_else_is_left_whole(question: str) -> None:
    assert naming(question, LEASE) is None


WORDS = st.sampled_from(
    ["Brimstone", "brimstone", "Haverley", "lease", "the", "of", "insures", "goods", *";,?'\"\u2019"]
)


@given(st.lists(WORDS, max_size=12))
def test_what_is_left_is_never_empty_and_has_only_words_of_the_question(words: list[str]) -> None:
    question = " ".join(words)
    found = naming(question, LEASE)

    if found is not None:
        assert found.asked.strip()
        assert found.said in question
        left = {word.lower().strip("?,;'\u2019\".") for word in found.asked.split()}
        assert left <= {word.lower() for word in words} | {"", "the", "lease"}
