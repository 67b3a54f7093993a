from ingest.leads import Leads, keeps_to
from ingest.lines import lines_of
from ingest.structure import marks_of
from ingest.tables import Tables


def told(text, *, leads=None):
    """What each line is told, by the line's text."""
    lines = lines_of(text)
    rows = Tables().rows(lines)
    found = (leads or Leads()).told(lines, marks_of(lines, rows.keys()), rows.keys())
    return {line.text: tuple(one.text for one in words) for line, words in zip(lines, found, strict=True)}


LEASE = """5.1 Duties. The rent is monthly. The Tenant shall:
(a) pay the rent;
(b) keep the premises:
(i) clean; and
(ii) dry; and
(c) insure.
5.2 Notices. Notices are given in writing."""


def test_an_item_is_told_the_lead_ins_of_all_its_parents():
    items = told(LEASE)
    assert items["(b) keep the premises:"] == ("The Tenant shall:",)
    assert items["(ii) dry; and"] == ("The Tenant shall:", "(b) keep the premises:")
    assert items["(c) insure."] == ("The Tenant shall:",)


def test_a_new_clause_ends_the_list():
    assert told(LEASE)["5.2 Notices. Notices are given in writing."] == ()


def test_a_list_goes_on_over_the_pages_end():
    leads = Leads()
    told("5.1 Duties. The Tenant shall:\n(a) pay the rent;", leads=leads)
    assert told("(b) insure.", leads=leads)["(b) insure."] == ("The Tenant shall:",)


def test_the_letter_i_after_h_is_a_letter():
    text = "The Tenant shall:\n(g) pay;\n(h) keep:\n(i) insure;\n(j) leave."
    assert told(text)["(j) leave."] == ("The Tenant shall:",)


def test_what_goes_on_from_a_definition_is_told_its_term():
    text = (
        "\u201cMaterial Adverse Effect\u201d means an event\nthat is bad for the Company.\n"
        "\u201cRent\u201d means the sum\nin Schedule 1."
    )
    lines = told(text)
    assert lines["that is bad for the Company."] == ("definition of \u201cMaterial Adverse Effect\u201d",)
    assert lines["in Schedule 1."] == ("definition of \u201cRent\u201d",)


def test_a_paragraph_of_its_own_ends_a_definition():
    text = "\u201cRent\u201d means the sum in Schedule 1.\n\nThe Tenant pays it monthly."
    assert told(text)["The Tenant pays it monthly."] == ()


def test_the_next_item_of_the_list_around_a_definition_ends_it():
    text = (
        "The Sellers agree:\n(c) Index.\n\u201cIndex\u201d means the bank index.\n"
        "(d) Costs. Each pays its own."
    )
    assert told(text)["(d) Costs. Each pays its own."] == ()


def test_a_footnote_is_told_the_line_that_carries_its_mark():
    text = (
        "2023 2022\nLeases (1) 12 14\nFinancing obligations (2) 3 5\nTotal 15 19\n"
        "(1) Excludes short leases.\n(2) Includes buildings that are\nlet to others.\nWe pay on time."
    )
    lines = told(text)
    assert lines["(2) Includes buildings that are"] == ("Financing obligations",)
    assert lines["let to others."] == ("Financing obligations",)
    assert lines["We pay on time."] == ()


def test_an_item_whose_sign_no_line_carries_is_no_footnote():
    assert told("The Tenant shall:\n(1) Pay.\n(2) Leave.")["(2) Leave."] == ("The Tenant shall:",)


def test_a_note_set_after_its_paragraph_stays_with_it():
    assert keeps_to("[note 3] See the Act.")
    assert not keeps_to("note 3 says more.")
