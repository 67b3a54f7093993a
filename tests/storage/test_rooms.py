"""A damaged, stale or missing index is found before it answers, and made anew from SQL."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import HashingEmbedder, searched_text
from storage.errors import Broken
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span
from storage.rooms import Rooms

SYSTEM = Actor("system", "system", Role.ADMINISTRATOR, "system")
WORDS = [
    "lease",
    "notice",
    "rent",
    "landlord",
    "tenant",
    "deposit",
    "repair",
    "insurance",
    "assignment",
    "renewal",
    "option",
    "default",
]
QUERY = "landlord deposit notice"


class OtherEmbedder(HashingEmbedder):
    identity = "other weights"


def scope_of(library: Library, name: str) -> Scope:
    return Scope(library.create_matter(name, SYSTEM), SYSTEM)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    database = Database.in_folder(tmp_path)
    yield Library(database, tmp_path, AuditLog(database))
    database.close()


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def scope(library: Library) -> Scope:
    return scope_of(library, "Lease review")


@pytest.fixture
def rooms(library: Library, embedder: HashingEmbedder, scope: Scope, tmp_path: Path) -> Iterator[Rooms]:
    opened = Rooms(library, embedder)
    for number in range(4):
        texts = [f"{a} {b} clause {number}" for a in WORDS[number::2] for b in WORDS]
        ingest(library, opened, embedder, scope, f"lease {number}.txt", texts)
    yield opened
    opened.close()


def ingest(
    library: Library,
    rooms: Rooms,
    embedder: HashingEmbedder,
    scope: Scope,
    path: str,
    texts: Sequence[str],
    *,
    live: bool = True,
) -> list[Chunk]:
    data = library.room_folder(scope.matter).parent.parent / "incoming"
    data.write_text("\n".join(texts))
    reception = library.receive(scope, path=path, data=data, media_type="text/plain")
    version = reception.version_id
    library.save_pages(scope, version, [Page(1, "\n".join(texts), ReadBy.TEXT, 1.0)], title=None)
    chunks = [
        Chunk(f"{version}-{ordinal}", reception.document_id, version, ordinal, Span(1, 0, 1), (), text, path)
        for ordinal, text in enumerate(texts)
    ]
    vectors = embedder.embed([searched_text(chunk) for chunk in chunks])
    library.save_chunks(scope, version, chunks, vectors)
    rooms.room(scope).add(chunks, vectors)
    library.mark_indexed(scope, version)
    if live:
        library.make_live(scope, version)
    return chunks


def answers(rooms: Rooms, embedder: HashingEmbedder, scope: Scope) -> tuple[list[str], list[str]]:
    room = rooms.room(scope)
    dense = room.dense(embedder.embed([QUERY])[0], limit=10)
    keyword = room.keyword(QUERY, limit=10)
    # Ties may come in any order; a score may differ in its last digit.
    return sorted(f"{score:.5f}" for _, score in dense), [f"{score:.5f}" for _, score in keyword]


def vector_file(folder: Path) -> Path:
    return next((folder / "chroma").rglob("data_level0.bin"))


def rows_file(folder: Path) -> Path:
    return folder / "keywords" / "rows.db"


def words_file(folder: Path) -> Path:
    return next((folder / "keywords" / "words").glob("*.idx"))


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip_bytes(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(byte ^ 0xFF for byte in data[middle : middle + 64])
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "vector folder removed": lambda folder: shutil.rmtree(folder / "chroma"),
    "vector segment removed": lambda folder: shutil.rmtree(vector_file(folder).parent),
    "vector file cut in half": lambda folder: cut_in_half(vector_file(folder)),
    "vector bytes flipped": lambda folder: flip_bytes(vector_file(folder)),
    "vector catalogue removed": lambda folder: (folder / "chroma" / "chroma.sqlite3").unlink(),
    "vector catalogue cut in half": lambda folder: cut_in_half(folder / "chroma" / "chroma.sqlite3"),
    "keyword file removed": lambda folder: rows_file(folder).unlink(),
    "keyword file cut in half": lambda folder: cut_in_half(rows_file(folder)),
    "keyword file is no database": lambda folder: rows_file(folder).write_bytes(b"no database" * 999),
    "words removed": lambda folder: shutil.rmtree(folder / "keywords" / "words"),
    "a words file cut in half": lambda folder: cut_in_half(words_file(folder)),
    "words flipped": lambda folder: flip_bytes(words_file(folder)),
    "stamp removed": lambda folder: (folder / "room.json").unlink(),
    "stamp is no JSON": lambda folder: (folder / "room.json").write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_at_opening_and_repaired(
    library: Library,
    rooms: Rooms,
    embedder: HashingEmbedder,
    scope: Scope,
    damage: Callable[[Path], object],
) -> None:
    before = answers(rooms, embedder, scope)
    rooms.close()
    damage(library.room_folder(scope.matter))

    again = Rooms(library, embedder)

    assert answers(again, embedder, scope) == before
    assert again.room(scope).check()
    again.close()


def test_an_untouched_room_opens_without_a_rebuild(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    before = answers(rooms, embedder, scope)
    for _ in range(3):
        rooms.close()
        rooms = Rooms(library, embedder)
        assert answers(rooms, embedder, scope) == before
        assert rooms.room(scope).rebuilt == 0
    rooms.close()


def test_an_older_copy_of_the_indexes_is_not_believed(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope, tmp_path: Path
) -> None:
    folder = library.room_folder(scope.matter)
    rooms.close()
    shutil.copytree(folder, tmp_path / "older")
    new = ingest(library, rooms, embedder, scope, "newest.txt", ["sublease forbidden"])
    rooms.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)

    room = rooms.room(scope)

    assert [chunk_id for chunk_id, _ in room.keyword("sublease", limit=3)] == [new[0].id]
    assert room.rebuilt == 1


def test_a_room_that_was_not_closed_is_rebuilt(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope, tmp_path: Path
) -> None:
    before = answers(rooms, embedder, scope)
    folder = library.room_folder(scope.matter)
    killed = tmp_path / "as a kill leaves it"
    shutil.copytree(folder, killed)
    rooms.close()
    shutil.rmtree(folder)
    killed.rename(folder)

    assert answers(rooms, embedder, scope) == before
    assert rooms.room(scope).rebuilt == 1


def test_damage_during_use_is_repaired_too(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    before = answers(rooms, embedder, scope)
    path = rows_file(library.room_folder(scope.matter))
    path.write_bytes(b"\0" * path.stat().st_size)

    assert answers(rooms, embedder, scope) == before


def test_vectors_of_other_weights_are_never_compared(library: Library, rooms: Rooms, scope: Scope) -> None:
    rooms.close()
    other = Rooms(library, OtherEmbedder())

    with pytest.raises(Broken, match="other weights"):
        other.room(scope).keyword(QUERY, limit=1)


def test_a_version_that_is_indexed_but_not_live_survives_a_rebuild(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    coming = ingest(library, rooms, embedder, scope, "draft.txt", ["sublease forbidden"], live=False)
    room = rooms.room(scope)
    assert room.check()

    room.rebuild()

    assert [chunk_id for chunk_id, _ in room.keyword("sublease", limit=3)] == [coming[0].id]
    assert room.check()


def test_a_chunk_too_many_fails_the_check(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    room = rooms.room(scope)
    assert room.check()
    stray = Chunk("stray", "doc", "ver", 0, Span(1, 0, 1), (), "stray", "")

    room.add([stray], embedder.embed(["stray"]))

    assert not room.check()


def test_deleted_words_are_gone_from_the_disk_after_a_rebuild(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    secret = ingest(library, rooms, embedder, scope, "secret.txt", ["codename heliotrope"])
    room = rooms.room(scope)
    room.remove(library.delete_document(scope, secret[0].document_id))
    assert room.check()

    room.rebuild()
    rooms.close()

    files = [path for path in library.room_folder(scope.matter).rglob("*") if path.is_file()]
    assert not any(b"heliotrop" in path.read_bytes() for path in files)
    assert not any(secret[0].id.encode() in path.read_bytes() for path in files)


def test_beginnings_that_are_remembered_are_those_of_the_room_as_it_is(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    room = rooms.room(scope)
    assert (len(room.beginnings()), room.beginnings() is room.beginnings()) == (4, True)

    [new] = ingest(library, rooms, embedder, scope, "notice.txt", ["a notice to the landlord"])
    assert room.beginnings()[new.document_id] == "notice.txt\na notice to the landlord\n"

    rooms.delete_document(scope, new.document_id)
    assert len(room.beginnings()) == 4
    room.close()
    assert len(room.beginnings()) == 4


def test_matters_do_not_see_each_other(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    other = scope_of(library, "Other")

    assert rooms.room(other).keyword(QUERY, limit=9) == []
    assert rooms.room(other).dense(embedder.embed([QUERY])[0], limit=9) == []


def test_few_rooms_stay_open_and_a_held_room_opens_itself_again(
    library: Library, embedder: HashingEmbedder
) -> None:
    rooms = Rooms(library, embedder, most_open=1)
    first = scope_of(library, "First")
    chunks = ingest(library, rooms, embedder, first, "a.txt", ["force majeure"])
    held = rooms.room(first)

    rooms.room(scope_of(library, "Second")).keyword(QUERY, limit=1)

    assert [chunk_id for chunk_id, _ in held.keyword("majeure", limit=1)] == [chunks[0].id]
    assert held.rebuilt == 0
    rooms.close()


def test_rooms_searched_in_turn_leave_no_files_open(library: Library, embedder: HashingEmbedder) -> None:
    rooms = Rooms(library, embedder, most_open=2)
    scopes = [scope_of(library, f"Matter {number}") for number in range(8)]
    for scope in scopes:
        ingest(library, rooms, embedder, scope, "a.txt", ["force majeure", "governing law"])
    open_files = []

    for _ in range(3):
        for scope in scopes:
            assert len(answers(rooms, embedder, scope)[0]) == 2
            open_files.append(len(list(Path("/proc/self/fd").iterdir())))

    # One open room has about a dozen.
    assert max(open_files[8:]) <= max(open_files[:8]) + 2
    rooms.close()


def test_a_room_that_nobody_uses_is_closed_and_opens_itself_again(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    before = answers(rooms, embedder, scope)
    rooms.close()
    patient, hasty = Rooms(library, embedder, idle_s=3_600), Rooms(library, embedder, idle_s=0.0)
    for some, stays in ((patient, True), (hasty, False)):
        room = some.room(scope)
        assert len(room) > 0
        some.close_idle()
        assert (room.idle_s is not None) is stays
        assert answers(some, embedder, scope) == before
        assert room.rebuilt == 0
        some.close()


def test_a_dropped_room_leaves_a_folder_that_can_be_removed(
    library: Library, rooms: Rooms, embedder: HashingEmbedder, scope: Scope
) -> None:
    folder = library.room_folder(scope.matter)

    rooms.delete_matter(scope)

    assert not folder.exists()


def test_threads_share_a_room(rooms: Rooms, embedder: HashingEmbedder, scope: Scope) -> None:
    expected = answers(rooms, embedder, scope)
    rooms.close()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(answers(rooms, embedder, scope))) for _ in range(6)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 6
