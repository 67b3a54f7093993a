"""Orders to the answerer are no part of what is searched for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instructions import without_instructions


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What was the margin? If data is not available, return 'N/A'.", "What was the margin?"),
        ("Which posts changed? Give me the title only.", "Which posts changed?"),
        ("Did it pay a fee? If there is no mention, return False.", "Did it pay a fee?"),
        ("According to the annual report, what is the rent (in USD)?", "what is the rent?"),
        ("What were sales? Please answer in one word.", "What were sales?"),
        ("What was the margin as stated in the 10-K report?", "What was the margin?"),
    ],
)
def test_orders_and_asides_about_the_answer_are_left_out(question: str, asked: str) -> None:
    assert without_instructions(question) == asked


@pytest.mark.parametrize(
    "question",
    [
        "Where is the No-Shop Clause?",
        "What happens if the tenant does not pay rent?",
        "If the loan is not repaid, what interest is due?",
        "Consider the lease between A  and B; may the tenant give notice to the landlord?",
        "Give me the definition of Cause.",
    ],
)
def test_conditions_and_orders_that_belong_to_what_is_asked_stay(question: str) -> None:
    assert without_instructions(question) == question


def test_a_question_of_nothing_but_orders_stays_whole() -> None:
    assert without_instructions("If unknown, say so.") == "If unknown, say so."


@given(st.text(max_size=200))
def test_something_is_always_left_of_a_question(question: str) -> None:
    rest = without_instructions(question)

    assert rest == question or (rest and set(rest.split()) - {""} != set())
