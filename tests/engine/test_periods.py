"""The period that a question names, and the ways in which documents state it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.periods import a_year_on, asks_latest, last_day, period_of, sortable, states


@pytest.mark.parametrize(
    ("question", "said", "year"),
    [
        ("What was revenue in the third quarter of fiscal 2023?", "the third quarter of fiscal 2023", "2023"),
        ("What was revenue in Q3 of fiscal year 2023?", "Q3 of fiscal year 2023", "2023"),
        ("Net sales in Q2 2023?", "Q2 2023", "2023"),
        ("Net sales in 2022 Q4?", "2022 Q4", "2022"),
        ("Revenue in Q3 FY23?", "Q3 FY2023", "2023"),
        ("Net income for the three months ended October 30, 2022?", "October 30, 2022", "2022"),
    ],
)
def test_a_period_is_read_however_it_is_written(question: str, said: str, year: str) -> None:
    period = period_of(question)

    assert period is not None
    assert (period.said, period.year) == (said, year)


@pytest.mark.parametrize("question", ["What was revenue in 2023?", "Who pays the rent?", ""])
def test_a_year_alone_is_no_period(question: str) -> None:
    assert period_of(question) is None


def test_a_fiscal_quarter_is_first_looked_for_as_one() -> None:
    fiscal, calendar = period_of("Q3 of fiscal 2023"), period_of("Q3 2023")

    assert fiscal is not None
    assert calendar is not None
    assert "third quarter of fiscal year 2023" in fiscal.phrases
    assert "ended september 30 2023" in fiscal.otherwise
    assert (fiscal.phrases, fiscal.otherwise) == (calendar.otherwise, calendar.phrases)


def test_a_text_that_names_only_other_years_is_not_of_the_period() -> None:
    period = period_of("revenue in Q3 2023")

    assert period is not None
    assert not period.may_be_of("Revenue in 2024 was $5 million.")
    assert period.may_be_of("Revenue $ 5,931")
    assert period.may_be_of("Revenue rose between 2022 and 2023.")


def test_a_day_is_stated_even_when_a_table_head_breaks_it_over_lines() -> None:
    assert states("October 30, October 31,\n2022 2021\nRevenue $ 5,931", (), "october 30 2022")
    assert not states("October 31,\n2021\nRevenue $ 7,103", (), "october 30 2022")


def test_a_phrase_is_stated_only_by_whole_words() -> None:
    assert states("the Third Quarter of\nFiscal Year 2023.", ("third quarter of fiscal year 2023",))
    assert not states("the third quarter of fiscal years 2023", ("third quarter of fiscal year 2023",))


def test_the_last_day_is_what_the_beginning_says_the_report_is_for() -> None:
    day = last_day("FORM 10-Q\nFor the quarterly period ended October 30, 2022")

    assert day == "october 30 2022"
    assert sortable("january 29 2023") > sortable(day)
    assert last_day("LEASE AGREEMENT") is None


def test_the_year_after_is_said_in_the_same_words() -> None:
    assert a_year_on(("q3 fy2023", "third quarter of 2022")) == ("q3 fy2024", "third quarter of 2023")
    assert a_year_on(("4q09", "1q99", "2q 2009")) == ("4q10", "1q00", "2q 2010")


def test_a_quarter_is_stated_by_the_short_form_of_a_table_head() -> None:
    period = period_of("gross margin in the fourth quarter of 2009")

    assert period is not None
    assert states("4Q09 3Q09 2Q09 1Q09", period.phrases)
    assert not states("4Q08 3Q09", period.phrases)


@pytest.mark.parametrize(
    ("question", "latest"),
    [
        ("the gross margin in the most recent 10-Q", True),
        ("revenue in the latest quarter", True),
        ("the latest version of the tool", False),
    ],
)
def test_a_question_may_ask_for_the_newest_report(question: str, latest: bool) -> None:
    assert asks_latest(question) is latest


@given(
    st.sampled_from(
        ["{word} quarter of fiscal {year}", "Q{digit} {year}", "FY{year} Q{digit}", "{digit}Q {year}"]
    ),
    st.integers(1, 4),
    st.integers(1900, 2099),
)
def test_only_the_short_form_of_table_heads_states_a_period_without_its_year(
    manner: str, digit: int, year: int
) -> None:
    word = ("first", "second", "third", "fourth")[digit - 1]
    period = period_of(f"What was revenue in the {manner.format(word=word, digit=digit, year=year)}?")
    assert period is not None
    without = {phrase for phrase in (*period.phrases, *period.otherwise) if period.year not in phrase}
    assert without == {f"{digit}q{year % 100:02}"}
