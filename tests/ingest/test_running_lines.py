from hypothesis import given
from hypothesis import strategies as st

from ingest.running_lines import RunningLines, edge_lines, line_key

PROSE = [
    "The Tenant shall pay the rent on the first day.",
    "Nothing in this lease limits the landlord.",
    "Notices are given in writing and by hand.",
    "Interest runs from the day after the due date.",
    "The deposit is returned within thirty days.",
]


def found_in(pages):
    lines = RunningLines()
    for text in pages:
        lines.feed(text)
    return lines.found()


def body(number):
    """Prose that differs from page to page."""
    return "\n".join(f"{line[:-1]} under {chr(97 + number % 26)}{number // 26} here." for line in PROSE * 3)


def test_a_header_and_a_page_number_run_whatever_the_number():
    pages = [f"NORTHGATE HOLDINGS\nLease of Unit 4\n{body(n)}\nPage {n} of 20" for n in range(1, 21)]
    assert found_in(pages) == {"NORTHGATE HOLDINGS", "Lease of Unit 0", "Page 0 of 0"}


def test_left_and_right_pages_may_have_different_lines():
    pages = [f"{('Annual Report', 'Northgate plc')[n % 2]}\n{body(n)}\n{n}" for n in range(1, 21)]
    assert found_in(pages) == {"Annual Report", "Northgate plc", "0"}


def test_a_line_that_runs_through_one_part_of_a_long_document_is_found():
    pages = [f"Exhibit B\n{body(n)}" if 30 <= n < 45 else body(n) for n in range(200)]
    assert found_in(pages) == {"Exhibit B"}


def test_the_column_header_of_a_table_that_fills_the_pages_is_kept():
    rows = [f"2023-01-{n:02} Transfer to account {1_000 + n}.00 {9_000 - n}.00" for n in range(1, 13)]
    pages = ["\n".join(["Northgate Bank", "Date Description Debit Balance", *rows])] * 10
    assert found_in(pages) == {"Northgate Bank"}


def test_the_header_row_of_sheets_is_kept():
    pages = [f"Date | Payee | Amount\n2023-01-{n:02} | Smith | {n}00\n{body(n)}" for n in range(1, 10)]
    assert found_in(pages) == frozenset()


def test_sums_at_the_foot_of_each_page_are_kept():
    pages = [f"{body(n)}\nTotal {n * 7919 % 9000} {n * 104729 % 9000}" for n in range(1, 12)]
    assert found_in(pages) == frozenset()


def test_the_years_over_a_table_are_kept():
    pages = [f"2023 2022\n{body(n)}" for n in range(1, 12)]
    assert found_in(pages) == frozenset()


def test_a_line_inside_the_body_never_runs_however_often_it_comes():
    pages = [f"{body(n)}\nTime is of the essence.\n{body(n + 50)}" for n in range(12)]
    assert found_in(pages) == frozenset()


def test_a_line_is_left_out_only_where_nothing_else_stands_between_it_and_the_edge():
    running = frozenset({"HEADER", "0"})
    assert edge_lines(["HEADER", "text", "HEADER", "text", "12"], running) == {0, 4}
    assert edge_lines(["text", "HEADER", "text"], running) == frozenset()


def test_two_pages_are_too_few_to_know():
    assert found_in(["HEADER\n" + body(1), "HEADER\n" + body(2)]) == frozenset()


def test_page_numbers_in_roman_are_page_numbers():
    assert line_key("- iv -") == line_key("12") == "0"


def test_what_is_kept_does_not_grow_with_the_document():
    lines = RunningLines()
    for n in range(3_000):
        lines.feed(f"HEADER\n{body(n)}\n{n}")
    assert lines.found() == {"HEADER", "0"}
    assert len(lines._seen) < 5_000


@given(
    st.lists(
        st.lists(st.sampled_from(["A", "B 1", "2", "| x | 3 |", "total 4 5", ""]), max_size=9), max_size=12
    )
)
def test_feeding_is_never_upset_and_finds_only_lines_that_it_was_fed(pages):
    texts = ["\n".join(lines) for lines in pages]
    assert found_in(texts) <= {line_key(line) for lines in pages for line in lines if line}
