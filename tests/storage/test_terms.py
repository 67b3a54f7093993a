"""What is written alike is one term, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.terms import held, query_terms, sequence, sought, stem, stems


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Section 8.2(b)(iii)", ["section", "8.2", "8.2(b)", "8.2(b)(iii)"]),
        ("§§ 1681b(a)", ["section", "section", "1681b", "1681b(a)"]),
        ("clause 4.1.2", ["claus", "4.1.2", "4.1"]),
        ("17 CFR 240.10b-5", ["17", "cfr", "10b5", "240.10b5"]),
        ("Form 10-K, S-1 and 8-K/A", ["form", "10k", "s1", "and", "8k", "a"]),
        ("15 U.S.C.", ["15", "usc"]),
        ("$5,931 million", ["5931", "million", "5931000000"]),
        ("1.5 billion", ["1.5", "billion", "1500000000"]),
        ("a 12-month term, 10-15 days", ["a", "12", "month", "term", "10", "15", "day"]),
        ("anti-assignment", ["anti", "assign"]),
        ("file_name ____", ["file", "name"]),
        ("the Lessee's naïve obligations", ["the", "lesse", "s", "naiv", "oblig"]),
    ],
)
def test_a_text_is_held_by_its_words_citations_and_figures(text: str, terms: list[str]) -> None:
    assert stems(held(text)) == terms


def test_a_query_of_stop_words_alone_still_asks_something() -> None:
    assert query_terms("Who are they?") == ["who", "are", "they"]
    assert query_terms("Who are the parties, and which parties?") == ["parties"]


def test_a_word_of_a_query_stands_for_the_least_that_it_says() -> None:
    assert query_terms("What does Section 8.2(a) say?") == ["section", "8.2(a)", "say"]
    assert [stem(word) for word in ("8.2(a)", "240.10b-5", "obligations")] == ["8.2", "10b5", "oblig"]


@given(st.text())
def test_a_query_looks_for_terms_that_the_same_text_is_held_by(text: str) -> None:
    assert set(sought(text)) <= set(stems(held(text)))


@given(st.text())
def test_phrases_have_one_term_for_each_word(text: str) -> None:
    words = sequence(text)

    assert set(stems(words)) <= set(stems(held(text)))
    assert all(word and not word.isspace() for word in words)
    assert {stem(word) for word in query_terms(text)} <= set(stems(words))
