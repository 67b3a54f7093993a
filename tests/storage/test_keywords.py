"""Words find chunks, whatever signs stand between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.keywords import KeywordIndex, query_terms
from storage.records import Chunk, Span


def chunk(name: str, text: str, *, document: str = "doc", context: str = "", ordinal: int = 0) -> Chunk:
    version = f"ver-{document}"
    return Chunk(name, document, version, ordinal, Span(1, 0, len(text)), (), text, context)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KeywordIndex]:
    opened = KeywordIndex(tmp_path / "keywords.db")
    opened.add(
        [
            chunk("fees", "The fees set out in Section 8.2 are payable within 30 days.", document="lease"),
            chunk("sales", "Revenue was $5,931 million.", document="filing", context="NVIDIA Corporation"),
            chunk("court", "Disputes shall be terminated by arbitration.", document="lease", ordinal=1),
        ]
    )
    yield opened
    opened.close()


def ids(found: list[tuple[str, float]]) -> list[str]:
    return [chunk_id for chunk_id, _ in found]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("What does section 8.2(a) say?", "fees"),
        ("Who reported $5,931 million?", "sales"),
        ("How is a dispute terminating?", "court"),
        ("NVIDIA's results", "sales"),
    ],
)
def test_numbers_inflections_and_context_are_found(index: KeywordIndex, query: str, first: str) -> None:
    assert ids(index.search(query, limit=3))[0] == first


def test_scores_are_positive_and_fall(index: KeywordIndex) -> None:
    scores = [score for _, score in index.search("fees revenue disputes days", limit=3)]

    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


@pytest.mark.parametrize(
    "query", ['"', 'fees" OR "', "NEAR(fees, 2)", "text:fees AND NOT", "(((", "*", "", "…"]
)
def test_query_syntax_means_nothing(index: KeywordIndex, query: str) -> None:
    found = ids(index.search(query, limit=3))

    assert found == (["fees"] if "fees" in query else [])


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_breaks_the_search(index: KeywordIndex, query: str) -> None:
    assert len(index.search(query, limit=3)) <= 3
    assert len(index.documents(query, limit=3)) <= 2


def test_a_query_of_stop_words_alone_still_asks_something() -> None:
    assert query_terms("Who are they?") == ["who", "are", "they"]
    assert query_terms("Who are the parties, and which parties?") == ["parties"]


def test_only_the_named_documents_are_searched(index: KeywordIndex) -> None:
    query = "fees revenue disputes"

    assert ids(index.search(query, limit=9, document_ids=frozenset({"filing"}))) == ["sales"]
    assert index.search(query, limit=9, document_ids=frozenset()) == []


def test_a_document_is_found_by_its_name_and_beginning(index: KeywordIndex) -> None:
    assert ids(index.documents("What does NVIDIA report?", limit=2)) == ["filing"]
    assert ids(index.documents("arbitration fees", limit=2)) == ["lease"]


def test_words_that_name_a_document_are_told_from_what_is_asked_about_it(index: KeywordIndex) -> None:
    assert index.beyond_name("What dividends did NVIDIA Corporation pay?", "filing") == "dividends pay"
    assert index.beyond_name("NVIDIA Corporation", "filing") == "NVIDIA Corporation"


def test_what_is_removed_is_found_no_more(index: KeywordIndex) -> None:
    index.remove(["sales", "unknown"])

    assert index.ids() == {"fees", "court"}
    assert index.search("revenue", limit=3) == []
    assert index.documents("NVIDIA", limit=3) == []


def test_adding_again_replaces(index: KeywordIndex) -> None:
    index.add([chunk("sales", "Dividends were cut.", document="filing")])

    assert len(index) == 3
    assert index.search("revenue", limit=3) == []
    assert index.documents("dividend", limit=3) != []


def test_frequencies_and_holders_count_chunks(index: KeywordIndex) -> None:
    assert index.frequencies(["days", "shall", "absent"]) == {"days": 1, "shall": 1, "absent": 0}
    held = index.holders(["days", "revenue"], ["fees", "court"])
    assert held == {"days": {"fees"}, "revenue": frozenset()}


def test_a_phrase_is_counted_only_where_its_words_stand_together(index: KeywordIndex) -> None:
    index.add(
        [
            chunk("one", "the third quarter of fiscal year 2023", document="early"),
            chunk("two", "In the third\nquarter of fiscal year 2023, again", document="early", ordinal=1),
            chunk("three", "third quarter of fiscal years 2024 and 2023", document="late"),
            chunk("four", "nothing of it", document="none", context="third quarter of fiscal year 2023"),
        ]
    )

    assert index.stating(["third quarter of fiscal year 2023", "q3 fy2023"]) == {"early": 2}


def test_beginnings_are_names_and_first_words_by_document(index: KeywordIndex) -> None:
    index.add([chunk("cover", "For the period ended June 30, 2023.", document="new", context="Q2 filing")])

    assert index.beginnings()["new"] == "Q2 filing\nFor the period ended June 30, 2023.\n"


def test_a_closed_index_opens_with_what_it_held(tmp_path: Path) -> None:
    first = KeywordIndex(tmp_path / "keywords.db")
    first.add([chunk("only", "Indemnity survives.")])
    first.close()

    second = KeywordIndex(tmp_path / "keywords.db")

    assert ids(second.search("indemnity", limit=1)) == ["only"]
    second.close()
