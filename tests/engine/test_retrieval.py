"""A search gives live passages of its scope, each once, and says when nothing fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep

import pytest

from engine.cards import CardReader
from engine.frameworks import MatterRetriever
from engine.retrieval import WHOLE, Retriever, SearchSettings
from engine.routing import Route, route
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import HashingEmbedder, searched_text
from storage.errors import WrongUse
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span, Vectors
from storage.rooms import Rooms

SYSTEM = Actor("system", "system", Role.ADMINISTRATOR, "system")
LEASE = [
    "The tenant pays the rent on the first working day of each month.",
    "The deposit is returned within thirty days after the lease ends.",
    "Either party may terminate this lease by six months' notice.",
]
FILING = [
    "NVIDIA Corporation, quarterly period ended October 30, 2022.",
    "Revenue was $5,931 million, down 17% from a year ago.",
    "Gross margin was 53.6 percent of revenue.",
]


class Desk:
    """A matter with documents and a retriever over it."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.in_folder(folder)
        self.library = Library(self.database, folder, AuditLog(self.database))
        self.embedder = HashingEmbedder()
        self.rooms = Rooms(self.library, self.embedder)
        self.retriever = Retriever(self.library, self.rooms, self.embedder)
        self.folder = folder
        self.scope = Scope(self.library.create_matter("Review", SYSTEM), SYSTEM)

    def ingest(self, path: str, texts: Sequence[str]) -> str:
        data = self.folder / "incoming"
        data.write_text("\n".join(texts))
        reception = self.library.receive(self.scope, path=path, data=data, media_type="text/plain")
        version = reception.version_id
        self.library.save_pages(
            self.scope, version, [Page(1, "\n".join(texts), ReadBy.TEXT, 1.0)], title=None
        )
        chunks = [
            Chunk(
                f"{version}-{ordinal}",
                reception.document_id,
                version,
                ordinal,
                Span(1, 0, 1),
                (),
                text,
                path,
            )
            for ordinal, text in enumerate(texts)
        ]
        vectors = self.embedder.embed([searched_text(chunk) for chunk in chunks])
        self.library.save_chunks(self.scope, version, chunks, vectors)
        self.rooms.room(self.scope).add(chunks, vectors)
        self.library.mark_indexed(self.scope, version)
        self.library.make_live(self.scope, version)
        return reception.document_id


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.ingest("lease.txt", LEASE)
    made.ingest("2022 Q3 NVDA.txt", FILING)
    yield made
    made.rooms.close()
    made.database.close()


def test_the_passage_that_answers_stands_first_with_its_scores(desk: Desk) -> None:
    result = desk.retriever.search(desk.scope, "What was the revenue of $5,931 million compared to?")

    best = result.passages[0]
    assert best.chunk.text == FILING[1]
    assert best.document == "2022 Q3 NVDA.txt"
    assert best.rank == 1
    assert {"dense", "keyword", "fused"} <= set(best.scores)
    assert best.score == best.scores["fused"]
    assert set(result.timings_ms) == {"embed", "dense", "keyword", "document", "read", "total"}


def test_passages_come_once_in_falling_order_and_no_more_than_asked(desk: Desk) -> None:
    passages = desk.retriever.search(desk.scope, "rent deposit revenue", limit=4).passages

    assert len({passage.chunk.id for passage in passages}) == len(passages) == 4
    assert [passage.rank for passage in passages] == [1, 2, 3, 4]
    assert [passage.score for passage in passages] == sorted((p.score for p in passages), reverse=True)


def test_a_scope_of_one_document_finds_nothing_else(desk: Desk) -> None:
    lease = desk.library.document(desk.scope, "lease.txt").id
    narrow = dataclasses.replace(desk.scope, document_ids=frozenset({lease}))

    passages = desk.retriever.search(narrow, "NVIDIA revenue").passages

    assert {passage.document for passage in passages} == {"lease.txt"}


def test_a_document_named_in_the_question_is_preferred(desk: Desk) -> None:
    desk.ingest("other lease.txt", [text.replace("six", "nine") for text in LEASE])

    passages = desk.retriever.search(
        desk.scope, "In the NVDA Q3 filing, what does revenue amount to?"
    ).passages

    assert passages[0].document == "2022 Q3 NVDA.txt"


def test_what_is_dead_in_sql_is_not_shown_even_if_an_index_still_holds_it(desk: Desk) -> None:
    desk.library.delete_document(desk.scope, "lease.txt")

    passages = desk.retriever.search(desk.scope, "terminate the lease, rent, deposit").passages

    assert {passage.document for passage in passages} == {"2022 Q3 NVDA.txt"}


def test_a_document_that_was_deleted_or_lies_behind_a_wall_is_out_at_once(desk: Desk) -> None:
    question = "What was the revenue of NVIDIA, and what rent does the tenant pay?"
    lease = desk.library.document(desk.scope, "lease.txt").id
    filing = desk.library.document(desk.scope, "2022 Q3 NVDA.txt").id
    walled = dataclasses.replace(desk.scope, document_ids=frozenset({lease}))

    def found(scope: Scope) -> set[str]:
        passages = desk.retriever.search(scope, question, limit=64, settings=WHOLE).passages
        return {one.chunk.document_id for one in passages}

    # Asked before, so that all that is remembered between searches is there.
    assert found(desk.scope) == {lease, filing}
    assert found(walled) == {lease}
    desk.rooms.delete_document(desk.scope, filing)
    assert found(desk.scope) == {lease}


@pytest.mark.parametrize(
    "question", ["What was the revenue?", "What rent is paid?", "How much is the deposit?"]
)
def test_a_short_list_is_the_beginning_of_a_long_one(desk: Desk, question: str) -> None:
    for quarter in range(6):
        desk.ingest(
            f"report {quarter}.txt", [f"Revenue was ${quarter}00 million.", f"Deposit: ${quarter},000"]
        )
    whole = desk.retriever.search(desk.scope, question, limit=64, settings=WHOLE).passages

    for limit in (1, 3, 7):
        short = desk.retriever.search(desk.scope, question, limit=limit, settings=WHOLE).passages
        assert short == whole[:limit]


def test_as_many_are_found_as_there_are_places_though_no_word_brings_them(desk: Desk) -> None:
    desk.ingest("inventory.txt", [f"Item {number}: {'brass ' * (number % 7)}lamp" for number in range(60)])

    found = desk.retriever.search(desk.scope, "anthrax", limit=45, settings=WHOLE).passages

    assert len({one.chunk.id for one in found}) == 45


def test_what_is_read_while_a_direction_is_waited_for_changes_nothing(desk: Desk) -> None:
    class Slow(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            sleep(0.1)
            return super().embed(texts)

    desk.ingest("lease acme.txt", [*LEASE, "Acme pays for repairs.", "Rent: $4,100."])
    desk.ingest("filing nvidia.txt", FILING)
    slow = Retriever(desk.library, desk.rooms, Slow())

    for question in ("Under Acme's lease, what is the rent?", "What was NVIDIA's revenue?", "Who repairs?"):
        waited, found = slow.search(desk.scope, question), desk.retriever.search(desk.scope, question)
        assert found.passages
        assert waited.passages == found.passages
        assert (waited.confident, waited.coverage) == (found.confident, found.coverage)


def test_a_search_of_an_empty_matter_finds_nothing_and_says_so(desk: Desk) -> None:
    empty = Scope(desk.library.create_matter("Empty", SYSTEM), SYSTEM)

    result = desk.retriever.search(empty, "rent")

    assert result.passages == []
    assert not result.confident


def test_a_question_about_something_else_is_not_answered_with_confidence(desk: Desk) -> None:
    asked = desk.retriever.search(desk.scope, "When is the deposit returned after the lease ends?")
    foreign = desk.retriever.search(desk.scope, "Which vaccines protect cattle against anthrax?")

    assert asked.confident
    assert not foreign.confident


def test_a_question_longer_than_the_embedder_reads_is_read_to_its_end(desk: Desk) -> None:
    padding = "concerning matters otherwise unmentioned " * 120

    result = desk.retriever.search(desk.scope, f"{padding} deposit returned thirty days lease ends")

    assert result.passages[0].chunk.text == LEASE[1]


def test_llama_index_code_gets_the_same_passages_as_nodes(desk: Desk) -> None:
    question = "When is the deposit returned after the lease ends?"
    nodes = MatterRetriever(desk.retriever, desk.scope, limit=3).retrieve(question)

    passages = desk.retriever.search(desk.scope, question, limit=3).passages
    assert [node.node_id for node in nodes] == [passage.chunk.id for passage in passages]
    assert nodes[0].node.get_content() == LEASE[1]
    assert nodes[0].node.metadata["document"] == "lease.txt"
    assert MatterRetriever(desk.retriever, desk.scope).retrieve("Which vaccines protect cattle?") == []


@pytest.mark.parametrize(("query", "limit"), [(" \n", 5), ("rent", 0)])
def test_a_search_for_nothing_is_refused(desk: Desk, query: str, limit: int) -> None:
    with pytest.raises(WrongUse):
        desk.retriever.search(desk.scope, query, limit=limit)


QUARTERS = {
    "2022 Q3 ACME.txt": [
        "ACME CORP quarterly report for the quarterly period ended October 30, 2022",
        "Revenue for the third quarter of fiscal year 2023 was $5.93 billion. We are pleased with it.",
        "In the third quarter of fiscal year 2023 we opened an office.",
        "October 30, October 31,\n2022 2021\nTotal revenue $ 5,931 $ 7,103\nNet income 680 2,464",
    ],
    "2023 Q3 ACME.txt": [
        "ACME CORP quarterly report for the quarterly period ended October 29, 2023",
        "Workstation revenue for the third quarter of fiscal year 2024 was $416 million.",
        "Revenue in the third quarter of fiscal year 2024 rose over the third quarter of fiscal year 2023.",
        "In the third quarter of fiscal year 2024 total revenue was earned and revenue recognised.",
    ],
    "2023 Q3 OTHER.txt": [
        "OTHER INC quarterly report for the quarterly period ended September 30, 2023",
        "Total revenue for the third quarter of 2023 was $1.2 billion.",
    ],
}


@pytest.fixture
def quarters(desk: Desk) -> Desk:
    for path, texts in QUARTERS.items():
        desk.ingest(path, texts)
    return desk


def test_a_figure_of_a_fiscal_quarter_is_found_in_the_report_that_calls_it_so(quarters: Desk) -> None:
    found = quarters.retriever.search(
        quarters.scope, "What was Acme's total revenue in the third quarter of fiscal 2023?"
    )

    assert [passage.document for passage in found.passages[:2]] == ["2022 Q3 ACME.txt"] * 2
    assert all("5,931" in one.chunk.text or "5.93" in one.chunk.text for one in found.passages[:2])
    assert found.passages[0].scores["figure"] > 0.8


def test_a_day_that_a_question_names_leads_to_the_report_for_it(quarters: Desk) -> None:
    found = quarters.retriever.search(
        quarters.scope, "What was Acme's net income for the quarter ended October 30, 2022?"
    )

    assert "Net income 680" in found.passages[0].chunk.text


def _routed(desk: Desk, query: str, document_ids: frozenset[str] | None = None) -> Route:
    room, reader = desk.rooms.room(desk.scope), CardReader(desk.library)
    live = desk.library.live(dataclasses.replace(desk.scope, document_ids=document_ids))
    return route(
        room,
        query,
        cards_of=lambda text: reader.cards(live, room, text, limit=10),
        document_ids=document_ids,
    )


def test_the_latest_report_of_a_company_is_the_one_with_the_last_day(quarters: Desk) -> None:
    routed = _routed(quarters, "What was Acme's revenue in the latest quarter?", None)

    best = max(routed.scores, key=lambda one: routed.scores[one])
    assert quarters.library.document(quarters.scope, best).path == "2023 Q3 ACME.txt"


def test_a_period_that_no_document_states_changes_nothing(quarters: Desk) -> None:
    query = "What was Acme's revenue in the first quarter of fiscal 1999?"

    routed = _routed(quarters, query, None)

    assert not routed.has_period
    assert dict(routed.scores) == dict(_routed(quarters, "What was Acme's revenue?").scores)


def test_a_document_out_of_scope_is_not_pointed_to(quarters: Desk) -> None:
    other = quarters.library.document(quarters.scope, "2023 Q3 OTHER.txt").id

    routed = _routed(quarters, "revenue in the third quarter of 2023", frozenset({other}))

    assert set(routed.scores) == {other}


def test_a_search_parts_its_first_passage_and_an_answer_gets_it_whole(desk: Desk) -> None:
    clause = f"{LEASE[0]} {LEASE[2]} {LEASE[1]}"
    scope = dataclasses.replace(desk.scope, document_ids=frozenset({desk.ingest("whole.txt", [clause])}))
    question = "Who may terminate by notice?"
    shown, *others = desk.retriever.search(scope, question).passages
    (given,) = desk.retriever.search(scope, question, settings=WHOLE).passages
    assert shown.chunk.text == LEASE[2]
    assert given.chunk.text == clause
    assert clause[shown.chunk.span.start : shown.chunk.span.end] == LEASE[2]
    assert [one.chunk.text for one in others] == [LEASE[0], LEASE[1]]


def test_a_section_that_is_asked_for_by_its_number_keeps_its_heading(desk: Desk) -> None:
    section = f"8.2 Notices. {LEASE[0]} {LEASE[2]}"
    scope = dataclasses.replace(desk.scope, document_ids=frozenset({desk.ingest("section.txt", [section])}))
    (shown,) = desk.retriever.search(scope, "Who may terminate by notice under Section 8.2?").passages
    assert shown.chunk.text == section


def test_what_one_document_says_twice_takes_one_place_and_the_next_passage_comes(desk: Desk) -> None:
    scope = dataclasses.replace(
        desk.scope, document_ids=frozenset({desk.ingest("twice.txt", [LEASE[0], LEASE[0], LEASE[1]])})
    )
    first, second = desk.retriever.search(scope, "When is the rent paid?", limit=2).passages
    assert (first.chunk.text, len(first.also_in)) == (LEASE[0], 1)
    assert (second.chunk.text, second.rank) == (LEASE[1], 2)
    whole = SearchSettings(collapse=False, trim=False)
    both = desk.retriever.search(scope, "When is the rent paid?", limit=2, settings=whole).passages
    assert [one.chunk.text for one in both] == [LEASE[0], LEASE[0]]
