"""Labels and figures of a passage's lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.figure_rows import Label, figure_rows
from engine.statement_lines import terms


def labels(text: str) -> list[frozenset[str]]:
    return [row.label.stems for row in figure_rows(text)]


def test_a_label_ends_before_the_first_figure_and_its_sign() -> None:
    assert labels("Interest expense (65) (62)\nGross profit $ 3,177 $ 4,631") == [
        Label.of(terms("interest expense")).stems,
        Label.of(terms("gross profit")).stems,
    ]


def test_dot_leaders_belong_to_no_label_and_part_no_row() -> None:
    [row] = figure_rows("Accounts receivable ........................ 644,879 616,300")

    assert row.is_row
    assert row.label.line == {"=accounts receivable"}


@pytest.mark.parametrize(
    "line",
    [
        "Due on October 30, 2022",
        "See Note 5 and Section 8.2.1",
        "Filed on Form 10-K for 2022",
        "The third and the 3rd party",
        "Notice of ninety (90) days",
        "Q2 was good",
        "Leases (1): amounts",
    ],
)
def test_dates_years_clauses_ordinals_spans_and_names_are_no_figures(line: str) -> None:
    assert list(figure_rows(line)) == []


def test_a_share_in_prose_states_a_change_and_in_a_row_a_figure() -> None:
    [prose] = figure_rows("Revenue was up 14% from a year ago.")
    [row] = figure_rows("Gross margin 53.6 %")

    assert prose.label.stems == frozenset()
    assert "revenu" in prose.share_label.stems
    assert row.label.stems == row.share_label.stems != frozenset()


def test_a_row_knows_the_head_above_it() -> None:
    rows = figure_rows("Net income per share:\nBasic $ 0.27 $ 0.99\nDiluted $ 0.27 $ 0.97")

    assert [row.under.line for row in rows] == [{"=earnings per share"}] * 2


def test_a_label_that_goes_on_in_the_next_line_is_whole() -> None:
    [row] = figure_rows("NET LOSS PER SHARE OF COMMON STOCK\nbasic $ 2.64 $ (2.30)")

    assert {"=earnings per share", "basic"} <= row.label.line


@given(st.text(alphabet="Net sales 123,.()$%\n-", max_size=120))
def test_rows_lie_in_the_text_in_order(text: str) -> None:
    spans = [(row.start, row.end) for row in figure_rows(text)]

    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@given(
    st.lists(
        st.sampled_from(("Net sales", "costs", "rent of ", " 5,931", " two", "$", ". ", "\n", "Page 3\n"))
    )
)
def test_rows_that_do_not_count_are_left_out_and_no_others(words: list[str]) -> None:
    text = "".join(words)
    rows = list(figure_rows(text))

    counting = list(figure_rows(text, lambda label, heads: "cost" in label or "rent" in heads))

    assert all(one in rows for one in counting)
    assert all(
        one in counting for one in rows if "cost" in one.said + one.share_said or "rent" in one.said_above
    )
