"""What a question names exactly is told from what it only speaks of, and found where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.references import References, references_of

ASKED = (
    'What is the "Kiss"?',
    'What are "Permitted Liens" in Section 8.2?',
    "What is \u201cK\u00f6ln\u201d?",
    "Who pays $1,500,000?",
    "Who owes $512.9 million?",
    'What is "\u0130zmir Port" or "..."?',
    'What are "audit rights"?',
)
PARTS = (
    *(
        "Kiss",
        "KISS",
        "\u212aiss",
        "kis\u017f",
        "K\u00f6ln",
        "K\u00d6LN",
        "permitted liens",
        "Permitted\nLIENS",
        "\u0130zmir  port",
        "Audit r\u0131ght\u017f",
    ),
    *('"', "\u201c", " means ", "\n8.2 Liens. ", "1,500,000", " 512,941 ", " ", ": "),
)


@pytest.mark.parametrize(
    ("question", "sections"),
    [
        ("What does Section 8.2(b) of the lease say?", ("8.2",)),
        ("clause 12", ("12",)),
        ("\u00a7 6.21 of the merger agreement", ("6.21",)),
        ("Joint Corp franchise agreement 17.15", ("17.15",)),
        ("sections 4.1 and 4.2", ("4.1", "4.2")),
        ("a fee of $58.50", ()),
        ("an interest rate of 4.55%", ()),
        ("revenue of 2.5 million", ()),
        ("in 2019 and 2020", ()),
    ],
)
def test_sections_are_known_by_their_numbers(question, sections):
    assert references_of(question).sections == sections


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ('What is a "Permitted Lien"?', ("Permitted Lien",)),
        ("How do they define \u201cKey Person\u201d?", ("Key Person",)),
        ("definition of material adverse effect in the loan agreement", ("material adverse effect",)),
        ("What does Change of Control mean?", ("Change of Control",)),
        ("What does Section 4 provide?", ()),
        ("Which law governs?", ()),
    ],
)
def test_terms_are_quoted_or_asked_for(question, terms):
    assert references_of(question).terms == terms


@pytest.mark.parametrize(
    ("question", "figures"),
    [
        ("a fee of $34,583,190.23", ("34,583,190.23",)),
        ("34583190 dollars", ("34,583,190",)),
        ("Who owes $171.1 million?", ("171.1", "171,100,000")),
        ("$45,420.00", ("45,420",)),
        ("within 30 days of 1 May 2019", ()),
        ("Section 8.20", ()),
    ],
)
def test_figures_are_amounts_and_large_numbers(question, figures):
    assert references_of(question).figures == figures


def test_an_amount_is_found_where_a_table_prints_it_in_another_unit():
    asked = references_of("What is the $512.9 million?")
    row = "Total current assets 512,941 498,120"
    assert asked.fit(row, "(in thousands)") > asked.fit(row) > 0
    assert asked.fit(row, "(in millions)") == 0
    assert asked.fit("It came to $512.9 million.") == 1.0
    assert references_of("Who owes $5 million?").fit("Loans 5,012", "(in thousands)") == 0


def test_a_section_is_found_where_it_begins():
    section = References(sections=("8.2",))
    assert section.fit("8.2 Notices. Notices are in writing.") == 1.0
    assert section.fit("Section 8.2. Notices are in writing.") == 1.0
    assert section.fit("as set out in Section 8.2 of this Agreement") == 0.0
    assert section.fit("18.2 Notices\n8.20 Costs") == 0.0
    contents = "8.1 Assignment 12\n8.2 Notices 12\n8.3 Costs 13\n8.4 Law 14\n"
    assert 0 < section.fit(contents) < 0.5


def test_a_term_is_found_where_it_is_defined():
    term = References(terms=("Permitted Lien",))
    defined = term.fit('"Permitted Liens" means liens for taxes.')
    named = term.fit("a lien on stock (a \u201cPermitted Lien\u201d)")
    quoted = term.fit("the words \u201cPermitted Lien\u201d")
    assert defined == 1.0
    assert named < defined
    assert quoted < named
    assert quoted > 0
    assert term.fit("any Permitted Lien") == 0


@pytest.mark.parametrize(
    "text",
    [
        "\u201cKnowledge\u201d of a Person, with respect to any matter in question, means what it knows.",
        '"Knowledge" or any similar phrase means what its officers know.',
        "\u201cCompany\u2019s Knowledge\u201d means what its officers know.",
    ],
)
def test_a_definition_may_say_more_than_the_term_before_its_verb(text):
    term = References(terms=("Knowledge",))
    assert term.fit('"Knowledge" means what its officers know.') > term.fit(text) > term.fit('a "Knowledge"')
    assert term.fit('The word "Knowledge". It means nothing.') < term.fit(text)


def test_a_figure_is_found_as_it_is_printed():
    figure = References(figures=("45,420",))
    assert figure.fit("a minimum of $45,420.00 worth") == 1.0
    assert figure.fit("145,420 or 45,420,000 or 45,420.50") == 0.0


@given(st.text(max_size=120), st.text(max_size=300))
def test_every_fit_is_a_share_and_nothing_named_fits_nothing(question, text):
    references = references_of(question)
    fit = references.fit(text)
    assert 0 <= fit <= 1
    if not references:
        assert fit == 0


@given(
    st.lists(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), max_size=5), st.sampled_from(ASKED)
)
def test_what_may_not_fit_does_not(texts, question):
    asked = references_of(question)
    may = asked.may_fit(texts)
    assert all(which in may or not asked.fit(text) for which, text in enumerate(texts))
