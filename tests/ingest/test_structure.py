import pytest

from ingest.lines import lines_of
from ingest.structure import Strength, defined_term, is_row, marks_of

PROSE = "The Tenant shall pay the rent on the first day of every month without any deduction at all."


def headings(text):
    return [mark.heading for mark in marks_of(lines_of(text)) if mark.level is not None]


@pytest.mark.parametrize(
    "line",
    [
        "ARTICLE V",
        "Item 1A. Risk Factors",
        "Note 4 \u2014 COMMITMENTS",
        "## Rent",
        "RISK FACTORS",
        "2.1 Term",
    ],
)
def test_a_heading_is_known_by_its_form(line):
    assert headings(f"{PROSE}\n\n{line}\n\n{PROSE}") == [line.lstrip("# ")]


def test_a_contents_list_sets_no_heading():
    text = (
        "INDEX\nPART I. FINANCIAL INFORMATION\nItem 1. Statements 3\nItem 2. Controls 14\nItem 3. Exhibits 46"
    )
    assert headings(text) == []


def test_capitals_that_go_on_in_the_next_line_are_no_heading_yet():
    assert headings("THE BOARD RECOMMENDS A VOTE FOR THE\nAMENDED PLAN") == ["AMENDED PLAN"]


def test_a_number_at_a_clauses_end_makes_no_contents_list():
    assert headings(f"2.1 Term\n{PROSE}\n2.2 Notice to Unit 4\n{PROSE}") != []


def test_a_number_at_the_end_of_a_title_that_stands_apart_is_no_page_number():
    assert headings(f"{PROSE}\n\n2. Phase 2\n\n{PROSE}") == ["2. Phase 2"]


def test_a_short_title_at_the_head_of_a_page_is_a_heading():
    assert headings(f"Liquidity and Capital Resources\n{PROSE}\n{PROSE}") == [
        "Liquidity and Capital Resources"
    ]
    assert headings("Liquidity and Capital Resources\n2023 2022\nCash 12 14") == [
        "Liquidity and Capital Resources"
    ]


def test_a_paragraph_on_one_line_is_no_row_however_many_figures_it_has():
    paragraph = "1.5 Restricted Stock. " + "At the time of 12 May 2021, 300 shares of 4 are held. " * 6
    assert not is_row(paragraph)
    assert headings(paragraph) == ["1.5 Restricted Stock"]


def test_lost_line_breaks_are_read_as_line_breaks():
    text = f"RECITALS     {PROSE * 3}     1. DUTIES     1.1. Independence. {PROSE * 2}"
    assert headings(text) == ["RECITALS", "1. DUTIES", "1.1. Independence"]


@pytest.mark.parametrize(
    ("line", "term"),
    [
        ("\u201cMaterial Adverse Effect\u201d means any event that is bad.", "Material Adverse Effect"),
        ('(a) "Rent" shall mean the sum in Schedule 1;', "Rent"),
        ('"Affiliate", as to any person, has the meaning given in the Act.', "Affiliate"),
        ('The parties to the "Agreement" mean well.', None),
        ("Rent means money.", None),
    ],
)
def test_a_definition_is_known_by_its_quoted_term(line, term):
    assert defined_term(line) == term


def test_a_definition_is_a_good_place_to_cut():
    marks = marks_of(lines_of("Terms.\n\u201cRent\u201d means the sum in Schedule 1."))
    assert marks[1].strength is Strength.CLAUSE
