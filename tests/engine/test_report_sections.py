"""The chunks of a report under headings about a topic are found; those of agreements never."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.report_sections import Sections
from engine.report_topics import topics_of
from engine.retrieval import MEASURED
from storage.records import Scope
from tests.engine.test_retrieval import Desk

REPORT = [
    "Consolidated Balance Sheets\nCash 12",
    "Consolidated Statements of Cash Flows\nNet cash 3",
    "Human Capital\nWe had 307 colleagues, most of them in Ohio.",
    "Properties\nThe plant stands in Ohio.",
]
LEASE = ["Employees\nThe tenant\u2019s staff may park.", "Insurance\nThe tenant insures."]
STAFF = topics_of("How many people work there?")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.rooms.close()
    made.database.close()


def _texts(desk: Desk, found: dict[str, float]) -> list[str]:
    return [chunk.text for chunk, _ in desk.library.chunks_with_vectors(desk.scope, list(found))]


def test_a_section_is_found_by_its_topic_in_a_report_only(desk: Desk) -> None:
    report, lease = desk.ingest("report.txt", REPORT), desk.ingest("lease.txt", LEASE)
    sections = Sections(desk.library)
    found = sections.about(desk.scope, [report, lease], STAFF)
    assert _texts(desk, found) == [REPORT[2]]
    assert list(found.values()) == [1.0]
    assert sections.about(desk.scope, [report, lease], frozenset()) == {}


def test_a_report_that_changes_or_goes_is_seen_at_once(desk: Desk) -> None:
    sections = Sections(desk.library)
    report = desk.ingest("report.txt", REPORT)
    assert sections.about(desk.scope, [report], STAFF)
    desk.ingest("report.txt", [*REPORT[:2], "Our People\nWe had 400 colleagues."])
    assert _texts(desk, sections.about(desk.scope, [report], STAFF)) == ["Our People\nWe had 400 colleagues."]
    desk.rooms.delete_document(desk.scope, report)
    assert sections.about(desk.scope, [report], STAFF) == {}


def test_what_lies_outside_the_scope_is_not_read(desk: Desk) -> None:
    sections = Sections(desk.library)
    report = desk.ingest("report.txt", REPORT)
    assert sections.about(desk.scope, [report], STAFF)
    narrower = Scope(desk.scope.matter, desk.scope.actor, frozenset({"another"}))
    other = Scope(desk.library.create_matter("Other", desk.scope.actor), desk.scope.actor)
    assert sections.about(narrower, [report], STAFF) == {}
    assert sections.about(other, [report], STAFF) == {}


def test_a_search_finds_a_section_that_shares_no_word_with_the_question(desk: Desk) -> None:
    others = [f"The number of people who visit shop {one} is counted." for one in range(9)]
    report = desk.ingest("report.txt", [*others, *REPORT])
    within = Scope(desk.scope.matter, desk.scope.actor, frozenset({report}))
    counted = dataclasses.replace(MEASURED, topic=1.0)
    [first] = desk.retriever.search(within, "What is the headcount?", limit=1, settings=counted).passages
    assert first.chunk.text.startswith("Human Capital")
    assert first.scores["topic"] == 1.0
