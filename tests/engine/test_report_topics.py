"""What a report is asked about is known by everyday words, and a section by its heading."""

import pytest

from engine.report_topics import headings_in, is_report, topics_headed, topics_of


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("How many people work there?", "Human Capital Resources"),
        ("Which disputes are they in?", "ITEM 3. LEGAL PROCEEDINGS"),
        ("What was announced after year end?", "Note 21. Subsequent Events"),
        ("Who are their rivals?", "Competition"),
        ("Do they lease their factories?", "ITEM 2: PROPERTIES"),
        ("legal proceedings of Acme", "Legal Proceedings"),
    ],
)
def test_a_question_and_a_heading_meet_in_a_topic(question, heading):
    assert topics_of(question) & topics_headed(heading)


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("Who are their rivals?", "ITEM 3. LEGAL PROCEEDINGS"),
        ("What colour is the logo?", "Human Capital"),
        ("How many people work there?", "Revenue by End Market"),
    ],
)
def test_what_is_about_something_else_meets_in_none(question, heading):
    assert not topics_of(question) & topics_headed(heading)


def test_the_first_lines_are_headings_if_they_are_short_and_no_sentences():
    assert headings_in("Employees\nAs of October 31 we had some.") == ["Employees"]
    assert headings_in("PART I\nItem 1. Business\nWe make things") == ["PART I", "Item 1. Business"]
    assert headings_in(f"{'long ' * 20}\nIt ends here.") == []


def test_a_report_is_known_by_two_headings_that_only_reports_have():
    assert is_report(["Consolidated Balance Sheets", "Consolidated Statements of Cash Flows"])
    assert not is_report(["Consolidated Balance Sheets", "CONSOLIDATED BALANCE SHEETS"])
    assert not is_report(["Taxes", "Insurance", "Financial Statements"])
