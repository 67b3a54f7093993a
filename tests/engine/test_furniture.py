"""What frames a page is told from what it says."""

from __future__ import annotations

import pytest

from engine.furniture import is_furniture, is_page_line


@pytest.mark.parametrize("line", ["Services Agreement Page 6", "Page 3 of 12", "- 4 -", "17"])
def test_a_running_header_or_page_number_is_a_page_line(line: str) -> None:
    assert is_page_line(line)


@pytest.mark.parametrize("line", ["Revenue $ 5,931", "The rent is paid on page 3 terms.", "Net income 680"])
def test_a_row_or_sentence_is_no_page_line(line: str) -> None:
    assert not is_page_line(line)


@pytest.mark.parametrize(
    "text",
    [
        "11. LIABILITY",
        "Exhibit 10.27\n   e-business Hosting Agreement\n   between\n   Bluefly, Inc.",
        "Signed for ACME LIMITED by Jo Bloggs, Director, on 9 September 2024.",
        "By: ____________",
    ],
)
def test_headings_title_blocks_and_signatures_frame_a_page(text: str) -> None:
    assert is_furniture(text)


@pytest.mark.parametrize(
    "text", ["The Tenant may keep a dog.", "Total revenue 8,950 8,400", "14.2 Term\nIt ends on 1 May 2026."]
)
def test_clauses_and_rows_state_something(text: str) -> None:
    assert not is_furniture(text)
