"""How a document is cut into sections, and which words of them stand as quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evidence import Source, Stretch
from engine.summaries.sections import Section, plan
from engine.summaries.writing import _below_heading, _without_line_above
from storage.records import Chunk, Passage, Span


def chunk(ordinal: int, text: str, heading: str) -> Chunk:
    return Chunk(
        str(ordinal),
        "d",
        "v",
        ordinal,
        Span(ordinal // 3 + 1, 0, len(text)),
        (heading,) * bool(heading),
        text,
        "",
    )


@given(
    st.lists(
        st.tuples(st.text("ab ", min_size=1, max_size=60), st.sampled_from(["", "ONE", "TWO"])), max_size=40
    ),
    st.integers(1, 200),
)
def test_every_chunk_is_in_exactly_one_section_and_only_a_lone_chunk_exceeds_the_budget(
    pieces: list[tuple[str, str]], budget: int
) -> None:
    chunks = [chunk(ordinal, text, heading) for ordinal, (text, heading) in enumerate(pieces)]
    sections = plan(chunks, count_tokens=len, budget=budget)
    assert [one for section in sections for one in section.chunks] == chunks
    for section in sections:
        assert len(section.chunks) == 1 or sum(len(one.text) for one in section.chunks) <= budget


@pytest.mark.parametrize(
    ("headings", "name"),
    [
        (["ONE", "ONE", "ONE", "ONE"], "ONE"),
        (["ONE", "TWO", "TWO", "THREE"], "ONE \u2013 THREE"),
        (["", "", "", "ONE"], "Pages 1 to 2"),
        (["", ""], "Page 1"),
    ],
)
def test_a_section_is_named_by_a_heading_only_where_all_of_it_stands_under_it(
    headings: list[str], name: str
) -> None:
    assert Section(tuple(chunk(n, "text", heading) for n, heading in enumerate(headings))).name == name


def test_a_quote_does_not_repeat_the_heading_that_it_stands_under() -> None:
    held = chunk(0, "2. RENT\n2.1 The rent is $4,500 a month.", "2. RENT")
    for start in (0, 3):
        stretch = _below_heading(
            Stretch(Source(1, Passage(held, "lease.txt", 1, 0.0)), start, len(held.text))
        )
        assert stretch.text == "2.1 The rent is $4,500 a month."
        assert held.text[stretch.span.start : stretch.span.end] == stretch.text
    other = Stretch(
        Source(1, Passage(chunk(0, held.text, "3. TERM"), "lease.txt", 1, 0.0)), 0, len(held.text)
    )
    assert _below_heading(other) == other


def test_a_line_that_breaks_within_a_sentence_is_no_heading() -> None:
    for above, below in (("The Tenant shall not", "pay rent."), ("IT SHALL NOT", "BE LIABLE.")):
        held = chunk(0, f"{above}\n{below}", "1. PARTIES")
        stretch = Stretch(Source(1, Passage(held, "a.txt", 1, 0.0)), len(above) + 1, len(held.text))
        assert _without_line_above(f"{above} {below}", stretch) == f"{above} {below}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("RENT 2.1 The rent is $4,500 a month.", "2.1 The rent is $4,500 a month."),
        ("2. RENT 2.1 The rent is $4,500 a month.", "2.1 The rent is $4,500 a month."),
        ("2.1 The rent is $4,500 a month.", "2.1 The rent is $4,500 a month."),
        ("Since 2024, 2.1 The rent is $4,500 a month.", "Since 2024, 2.1 The rent is $4,500 a month."),
        ("The rent is $4,500.", "The rent is $4,500."),
    ],
)
def test_a_heading_that_ran_into_a_sentence_is_left_out(said: str, shown: str) -> None:
    held = chunk(0, "It is so.\n2. RENT\n2.1 The rent is $4,500 a month.", "1. PARTIES")
    stretch = Stretch(Source(1, Passage(held, "lease.txt", 1, 0.0)), held.text.index("2.1"), len(held.text))
    assert _without_line_above(said, stretch) == shown
