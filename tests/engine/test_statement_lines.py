"""Names of statement lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statement_lines import LINES, Statement, components, in_one_name, statements_headed, terms


def one_name(text: str) -> frozenset[str]:
    return frozenset(in_one_name(terms(text)))


@pytest.mark.parametrize(
    ("asked", "printed"),
    [
        ("cash flow from operations", "Net cash provided by operating activities"),
        ("operating cash flow", "Net cash used in operating activities"),
        ("turnover", "Net sales"),
        ("capex", "Purchases of property, plant and equipment"),
        ("R&D", "Research and development"),
        ("SG&A", "Selling, general and administrative"),
        ("EPS", "Net income (loss) per share"),
        ("headcount", "Employees"),
        ("profit before tax", "Income (loss) before provision for income taxes"),
        ("shareholders' funds", "Stockholders\u2019 equity"),
    ],
)
def test_a_line_is_known_by_what_readers_call_it_and_by_what_companies_print(
    asked: str, printed: str
) -> None:
    assert one_name(asked) == one_name(printed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Total liabilities", "Total liabilities and stockholders' equity"),
        ("Revenue", "Cost of revenue"),
        ("Net income", "Net income per share"),
        ("Cash and cash equivalents", "Net cash used in investing activities"),
        ("Total assets", "Total current assets"),
        ("Revenue", "Deferred revenue"),
    ],
)
def test_lines_whose_names_share_words_are_told_apart(one: str, other: str) -> None:
    assert one_name(one).isdisjoint(one_name(other))


def test_no_name_stands_for_two_lines() -> None:
    of: dict[tuple[str, ...], str] = {}
    for line in LINES:
        for name in line.names:
            assert terms(name), name
            assert of.setdefault(terms(name), line.names[0]) == line.names[0], name


def test_what_names_no_line_stays_as_it_is() -> None:
    assert in_one_name(terms("Payroll and incentive compensation")) == ("payroll", "incentiv", "compensat")


@given(st.lists(st.sampled_from(["net", "incom", "per", "shar", "cash", "flow", "operat", "plant"])))
def test_no_term_is_lost_that_is_in_no_name(stems: list[str]) -> None:
    named = in_one_name(stems)

    assert len(named) <= len(stems)
    assert named.count("plant") == stems.count("plant")


def test_a_ratio_is_computed_from_lines_that_are_known() -> None:
    names = {name for line in LINES for name in line.names}

    assert components("What is the debt-to-equity ratio?")
    assert components("What was the gross margin?") == ("gross profit", "revenue")
    assert set(components("Compute the current ratio")) <= names
    assert components("What was revenue?") == ()


def test_a_heading_says_which_statement_it_heads() -> None:
    assert statements_headed("CONDENSED CONSOLIDATED BALANCE SHEETS") == {Statement.POSITION}
    assert statements_headed("Consolidated Statements of Cash Flows") == {Statement.CASH}
    assert statements_headed("Statements of Operations and Comprehensive Loss") == {Statement.INCOME}
    assert statements_headed("Note 5. Leases") == frozenset()


def test_forms_of_one_verb_are_one_term() -> None:
    assert terms("lent, drawn, built, lost, wrote, written") == terms("lend draw build lose write write")
