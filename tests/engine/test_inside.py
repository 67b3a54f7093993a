"""The nearest chunks of few documents are those that an exact search gives, whatever changed before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inside import Inside
from storage.records import Scope
from tests.engine.test_retrieval import FILING, LEASE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.rooms.close()
    made.database.close()


def _exactly(desk: Desk, document_ids: list[str], text: str, limit: int) -> list[str]:
    vector = desk.embedder.embed([text])[0]
    cosines = {
        chunk.id: float(held @ vector)
        for chunk, held in desk.library.live_chunks(desk.scope)
        if chunk.document_id in document_ids
    }
    return sorted(cosines, key=lambda one: -cosines[one])[:limit]


def test_documents_that_come_change_and_go_are_seen_at_once(desk: Desk) -> None:
    inside = Inside(desk.library)
    lease, filing = desk.ingest("lease.txt", LEASE), desk.ingest("filing.txt", FILING)
    vector = desk.embedder.embed(["the rent of the lease"])[0]

    def found() -> list[str]:
        opened = inside.opened(desk.library.live(desk.scope), [lease, filing])
        return [one for one, _ in opened.nearest(vector, limit=3)]

    first = found()
    assert first == found() == _exactly(desk, [lease, filing], "the rent of the lease", 3)
    desk.ingest("lease.txt", [*LEASE, "The rent of the lease rises."])
    changed = found()
    assert changed == _exactly(desk, [lease, filing], "the rent of the lease", 3)
    assert set(changed) != set(first)
    desk.rooms.delete_document(desk.scope, lease)
    assert found() == _exactly(desk, [filing], "the rent of the lease", 3)


def test_what_one_matter_keeps_no_other_matter_and_no_narrower_scope_finds(desk: Desk) -> None:
    inside = Inside(desk.library)
    lease = desk.ingest("lease.txt", LEASE)
    vector = desk.embedder.embed(["rent"])[0]
    assert inside.opened(desk.library.live(desk.scope), [lease]).nearest(vector, limit=3)

    other = Scope(desk.library.create_matter("Other", desk.scope.actor), desk.scope.actor)
    narrower = Scope(desk.scope.matter, desk.scope.actor, frozenset({"another"}))

    assert inside.opened(desk.library.live(other), [lease]).nearest(vector, limit=3) == []
    assert inside.opened(desk.library.live(narrower), [lease]).nearest(vector, limit=3) == []
