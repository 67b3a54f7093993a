"""The chunks of a report under headings about a topic are found; those of agreements never."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inside import Inside
from engine.report_topics import topics_of
from engine.retrieval import MEASURED, WHOLE
from storage.live import LiveDocuments
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


def _about(sections: Inside, live: LiveDocuments, document_ids: list[str]) -> dict[str, float]:
    reports = sections.opened(live, document_ids).reports()
    return {one: value for each in reports.values() for one, value in each.about(STAFF).items()}


def _texts(desk: Desk, found: dict[str, float]) -> list[str]:
    return [chunk.text for chunk, _ in desk.library.chunks_with_vectors(desk.scope, list(found))]


def test_a_section_is_found_by_its_topic_in_a_report_only(desk: Desk) -> None:
    report, lease = desk.ingest("report.txt", REPORT), desk.ingest("lease.txt", LEASE)
    sections = Inside(desk.library)
    found = _about(sections, desk.library.live(desk.scope), [report, lease])
    assert _texts(desk, found) == [REPORT[2]]
    assert list(found.values()) == [1.0]
    assert list(sections.opened(desk.library.live(desk.scope), [report, lease]).reports()) == [report]
    assert sections.opened(desk.library.live(desk.scope), [report]).reports()[report].about(frozenset()) == {}


def test_a_report_that_changes_or_goes_is_seen_at_once(desk: Desk) -> None:
    sections = Inside(desk.library)
    report = desk.ingest("report.txt", REPORT)
    assert _about(sections, desk.library.live(desk.scope), [report])
    desk.ingest("report.txt", [*REPORT[:2], "Our People\nWe had 400 colleagues."])
    assert _texts(desk, _about(sections, desk.library.live(desk.scope), [report])) == [
        "Our People\nWe had 400 colleagues."
    ]
    desk.rooms.delete_document(desk.scope, report)
    assert _about(sections, desk.library.live(desk.scope), [report]) == {}


def test_what_lies_outside_the_scope_is_not_read(desk: Desk) -> None:
    sections = Inside(desk.library)
    report = desk.ingest("report.txt", REPORT)
    assert _about(sections, desk.library.live(desk.scope), [report])
    narrower = Scope(desk.scope.matter, desk.scope.actor, frozenset({"another"}))
    other = Scope(desk.library.create_matter("Other", desk.scope.actor), desk.scope.actor)
    assert sections.opened(desk.library.live(narrower), [report]).reports() == {}
    assert sections.opened(desk.library.live(other), [report]).reports() == {}


def test_a_search_finds_a_section_that_shares_no_word_with_the_question(desk: Desk) -> None:
    others = [f"The number of people who visit shop {one} is counted." for one in range(9)]
    report = desk.ingest("report.txt", [*others, *REPORT])
    within = Scope(desk.scope.matter, desk.scope.actor, frozenset({report}))
    counted = dataclasses.replace(MEASURED, topic=1.0)
    [first] = desk.retriever.search(within, "What is the headcount?", limit=1, settings=counted).passages
    assert first.chunk.text.startswith("Human Capital")
    assert first.scores["topic"] == 1.0


def test_a_report_shows_another_page_before_more_of_the_same(desk: Desk) -> None:
    report = desk.ingest("report.txt", [*REPORT, "The plant in Ohio.", "The plant in Ohio, once more."])
    within = Scope(desk.scope.matter, desk.scope.actor, frozenset({report}))
    searched = desk.retriever.search(within, "Where is the plant?", limit=4, settings=MEASURED).passages
    assert [one.scores.get("page", 0.0) for one in searched] == [0.0, -1.0, -2.0, -3.0]
    whole = desk.retriever.search(within, "Where is the plant?", limit=4, settings=WHOLE).passages
    assert all("page" not in one.scores for one in whole)
