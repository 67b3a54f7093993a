"""Rows and sentences that state what a question asks to be measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.figure_rows import figure_rows
from engine.figures import (
    OTHER_PERIOD,
    asks_for_figure,
    fit,
    fits,
    measure_of,
    wanted,
    without_calculation,
)

SAID = (
    "OBrien O\u2019Brien spent paid pay div\u00adidends dividends net sales turnover technologies company"
    " rent technology others capital-expenditures (cash) operating activities provided by 5,000 $ \n ."
)
MORE = ("net income", "for the third quarter of fiscal 2023", "total", "Held", "2019", "2022", "two", "\n\n")
QUESTION = "What was Acme's net income in the third quarter of fiscal 2023?"


def best(question: str, text: str) -> float:
    return max(fits(question, text).values(), default=0.0)


@pytest.mark.parametrize(
    "question",
    [
        "How much rent is due?",
        "What is the interest rate?",
        "Which fee is charged, and how many?",
        "What was the expense related to leases in 2022 compared with 2021?",
        "What was the defined benefit obligation at year end?",
    ],
)
def test_what_and_how_much_may_be_answered_by_a_figure(question: str) -> None:
    assert asks_for_figure(question)


@pytest.mark.parametrize(
    "question",
    [
        "Why did revenue fall?",
        "What explains the margin?",
        "How does rent relate to costs?",
        "What do the additions of the year relate to?",
        "Compare what rent comes to with what it was.",
        "Who pays the rent?",
        "What is the definition of Rent?",
        "What does the lease say rent is defined as?",
        "What happens when rent is not paid?",
        "Can the lease be ended, and under what conditions?",
    ],
)
def test_a_question_for_causes_persons_or_meanings_is_none_for_a_figure(question: str) -> None:
    assert not asks_for_figure(question)
    assert fits(question, "Rent $ 5,000 $ 6,000") == {}


@pytest.mark.parametrize(
    ("typed", "may"),
    [
        ("Acme net sales 2023", True),
        ("Acme: cash flow from operating activities", True),
        ("Acme net sales 2023?", False),
        ("Acme legal proceedings", False),
        ("Why net sales fell", False),
    ],
)
def test_a_line_of_a_statement_typed_as_into_a_search_box_is_asked_for(typed: str, may: bool) -> None:
    assert asks_for_figure(typed) is may


def test_what_is_measured_is_named_without_owner_period_and_words_of_telling() -> None:
    assert measure_of(QUESTION) == measure_of("How much net income was reported in Q3 2023?")
    assert len(measure_of(QUESTION)) == 2


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (
            "What was the percentage change in net sales from 2018 to 2019?",
            "What was the net sales from 2018 to 2019?",
        ),
        ("By how much did fees exceed commissions in 2022?", "By how much did fees commissions in 2022?"),
        ("Cheese as a percentage of net sales in 2019", "Cheese net sales in 2019"),
        ("What happens on a change of control?", "What happens on a change of control?"),
        ("average 2019", "2019"),
        ("What was the weighted average rate in 2019?", "What was the weighted average rate in 2019?"),
    ],
)
def test_what_is_to_be_calculated_over_years_is_not_looked_for(question: str, found: str) -> None:
    assert without_calculation(question) == found


@given(st.text(max_size=200))
def test_something_is_left_of_every_question_and_nothing_is_put_into_it(question: str) -> None:
    left = without_calculation(question)
    assert left == question or (left and set(left.split()) <= set(question.split()))


def test_a_row_whose_label_says_just_what_was_asked_fits_best() -> None:
    assert best(QUESTION, "Net income (loss) $ 680 $ 2,464") == 1.0
    assert best(QUESTION, "Net income per diluted share $ 0.27 $ 0.97") < 1.0
    assert best(QUESTION, "Other income (expense), net 759 1,013") < 1.0
    assert best(QUESTION, "Net revenue $ 5,931 $ 7,103") == 0.0


def test_words_that_only_qualify_are_no_fit_alone() -> None:
    assert best("What was total revenue?", "Total assets $ 40,488 $ 44,187") == 0.0
    assert best("What was total revenue?", "Revenue $ 5,931 $ 7,103") > 0.7


def test_a_sentence_of_the_period_counts_for_more_than_one_of_another_year() -> None:
    of_period = "Net income for the third quarter of fiscal year 2023 was $680 million."
    of_another = "Net income for the third quarter of fiscal year 2024 was $9.24 billion."

    assert best(QUESTION, of_period) == 1.0
    assert best(QUESTION, of_another) == OTHER_PERIOD


def test_a_sentence_without_a_figure_states_none() -> None:
    assert fits(QUESTION, "Net income is described in Note 12 of October 30, 2022.") == {}


STEMS = st.frozensets(st.sampled_from(["net", "total", "income", "revenu", "loss"]))


@given(STEMS, STEMS)
def test_a_fit_is_a_share_and_the_same_seen_from_both_sides(
    measure: frozenset[str], label: frozenset[str]
) -> None:
    assert 0.0 <= fit(measure, label) <= 1.0
    assert fit(measure, label) == fit(label, measure)


def test_how_a_figure_changed_is_not_what_it_was() -> None:
    change = "Net income was up 14% from a year ago."

    assert fits("What was Acme's net income?", change) == {}
    assert best("By what percentage did net income grow?", change) > 0.5


@pytest.mark.parametrize(
    "line", ["Net income (1): (In millions)", "Net income of the third and the 3rd quarter"]
)
def test_marks_of_notes_and_ordinals_are_no_figures(line: str) -> None:
    assert fits(QUESTION, line) == {}


def test_a_line_is_found_by_another_of_its_names() -> None:
    question = "What was the cash flow from operations in 2022?"

    assert best(question, "Net cash provided by operating activities 406.1 306.3 281.1") == 1.0
    assert best(question, "Net cash used in investing activities (299.7) (1,297.4)") < 0.5


def test_a_ratio_is_stated_by_the_rows_that_it_is_computed_from() -> None:
    question = "What was the current ratio?"

    assert best(question, "Total current assets 963,117 762,222") > 0.5
    assert best(question, "Goodwill 947,715 947,800") == 0.0


def test_a_row_under_its_statement_counts_for_more_than_elsewhere() -> None:
    row = "Research and development 1,945 1,403 5,387"
    [on_it] = fits("How much was research and development?", row, "Statements of Income").values()
    [elsewhere] = fits("How much was research and development?", row, "Stock awards").values()

    assert elsewhere < on_it == 1.0


def test_what_a_row_lacks_its_head_may_say() -> None:
    question = "How much did Jane Roe earn in cash?"
    row = "Jane Roe 102,500 180,000"

    [under_it] = fits(question, row, "Fees earned or paid in cash").values()
    assert under_it > best(question, row)


def test_a_table_of_other_years_counts_for_less() -> None:
    row = "Vehicles 937 778"

    [right] = fits("What is the value of vehicles in 2019?", row, "2019 2018").values()
    [wrong] = fits("What is the value of vehicles in 2019?", row, "2012 2011").values()
    assert wrong == OTHER_PERIOD * right


@given(st.text(alphabet="abcdefgNet income cash 0123.,$()\n", max_size=200))
def test_what_may_not_be_stated_is_never_more_than_half_a_fit(text: str) -> None:
    question = "How much net income and cash was there?"

    if not wanted(question).may_be_stated(text):
        assert best(question, text) <= 0.5


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        "How much did O'Brien spend on other technology companies?",
        "What were dividends paid and turnover in 2023?",
        "What are the free cash flow and the company's total rent in 2019?",
    ],
)
@given(
    words=st.lists(st.sampled_from((*SAID.split(" "), *MORE)), max_size=20),
    above=st.lists(st.sampled_from(SAID.split(" ")), max_size=4),
    least=st.sampled_from((0.2, 0.5, 0.8)),
)
def test_only_what_fits_no_better_than_asked_is_left_out(
    question: str, words: list[str], above: list[str], least: float
) -> None:
    text, head = " ".join(words), " ".join(above)

    several = fits(question, text, head, least)

    better = {one: value for one, value in fits(question, text, head).items() if value > least}
    assert {one: value for one, value in several.items() if value > least} == better


@pytest.mark.parametrize(
    "question",
    [
        "How much did O'Brien spend on other technology companies?",
        "What were dividends paid and turnover in 2023?",
        "What is the free cash flow?",
    ],
)
@given(words=st.lists(st.sampled_from(SAID.split(" ")), max_size=12))
def test_what_may_not_label_a_row_fits_nothing(question: str, words: list[str]) -> None:
    asked, text = wanted(question), " ".join(words)

    for row in figure_rows(text):
        measured = [
            fit(asked.stems, row.label.stems),
            *(fit(one, row.label.line) for one in (asked.line, *asked.parts)),
        ]
        assert asked.may_label(row.said) or not any(measured)
        assert asked.may_label(text) or not any(measured)
