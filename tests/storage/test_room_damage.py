"""Every file of a room, damaged in every way: the room answers as before, and embeds nothing for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from storage.audit import AuditLog
from storage.database import Database
from storage.engines import Engines
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span, Vectors
from storage.rooms import Rooms

SYSTEM = Actor("system", "system", Role.ADMINISTRATOR, "system")
DIMENSIONS, CHUNKS, MATTER = 16, 40, "Lease review"


class NoEmbedder:
    """Its vectors were made long ago: whoever asks it for more has not taken them from SQL."""

    identity, dimensions, max_tokens = "none", DIMENSIONS, 256

    def count_tokens(self, text: str) -> int:
        raise AssertionError

    token_offsets = count_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError("something was embedded again")


def unit_vectors(seed: int, count: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Home:
    """A data folder, as one process after another opens it."""

    def __init__(self, folder: Path, engines: Engines | None = None) -> None:
        self.folder = folder
        self.database = Database.in_folder(folder)
        self.library = Library(self.database, folder, AuditLog(self.database))
        self.rooms = Rooms(self.library, NoEmbedder(), engines=engines)

    @property
    def scope(self) -> Scope:
        return Scope(self.library.matter(MATTER), SYSTEM)

    @property
    def room_folder(self) -> Path:
        return self.library.room_folder(self.scope.matter)

    def load(self, number: int) -> None:
        file = self.folder / "upload"
        file.write_text(f"document {number}")
        got = self.library.receive(self.scope, path=f"{number}.txt", data=file, media_type="text/plain")
        version = got.version_id
        self.library.save_pages(self.scope, version, [Page(1, "text", ReadBy.TEXT, 1.0)], title=None)
        texts = [f"{'rent ' * (n % 7 + 1)} clause{n} of{number}" for n in range(CHUNKS)]
        chunks = [
            Chunk(f"{version}-{n}", got.document_id, version, n, Span(1, 0, 1), (), text, "lease")
            for n, text in enumerate(texts)
        ]
        vectors = unit_vectors(number, CHUNKS)
        self.library.save_chunks(self.scope, version, chunks, vectors)
        self.rooms.room(self.scope).add(chunks, vectors)
        self.library.mark_indexed(self.scope, version)
        self.library.make_live(self.scope, version)

    def answers(self) -> tuple[object, ...]:
        room = self.rooms.room(self.scope)
        dense = [room.dense(query, limit=20) for query in unit_vectors(99, 3)]
        words = [room.keyword(query, limit=5) for query in ("clause3 of2", "clause7 rent", "of0 clause1")]
        # An id and a score in its first digits: nothing here is equally near twice.
        return tuple([(one, round(score, 4)) for one, score in found] for found in (*dense, *words))

    def close(self) -> None:
        self.rooms.close()
        self.database.close()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, tuple[object, ...]]:
    """A folder as it was left, its room as it was one document before, and what it answers."""
    folder = tmp_path_factory.mktemp("left")
    home = Home(folder)
    home.library.create_matter(MATTER, SYSTEM)
    for number in range(3):
        home.load(number)
    home.rooms.close()
    older = tmp_path_factory.mktemp("older") / "room"
    shutil.copytree(home.room_folder, older)
    home.load(3)
    answers = home.answers()
    home.close()
    return folder, older, answers


def flip_a_byte(file: Path, _older: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def cut(file: Path, _older: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def delete(file: Path, _older: Path) -> None:
    file.unlink()


def put_back_older(file: Path, older: Path) -> None:
    shutil.copyfile(older, file)


def lengthen(file: Path, _older: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")


@pytest.mark.parametrize("damage", [flip_a_byte, cut, delete, put_back_older, lengthen])
def test_each_file_of_a_room_is_missed_or_mended(
    left: tuple[Path, Path, tuple[object, ...]],
    tmp_path: Path,
    damage: Callable[[Path, Path], None],
) -> None:
    folder, older, expected = left
    home = Home(shutil.copytree(folder, tmp_path / "home"))
    room = home.room_folder
    names = sorted(
        path.relative_to(room).as_posix()
        for path in room.rglob("*")
        if path.is_file() and path.parent.name != "originals" and path.stat().st_size
    )
    assert len(names) >= 4
    for name in names:
        pristine = tmp_path / "pristine"
        shutil.copytree(room, pristine)
        if (older / name).exists() or damage is not put_back_older:
            damage(room / name, older / name)
        else:
            # It has another name in the older copy: then the whole older room is put back.
            shutil.rmtree(room)
            shutil.copytree(older, room)

        assert home.answers() == expected, name
        assert home.rooms.room(home.scope).check(), name

        home.rooms.drop(home.scope.matter)
        shutil.rmtree(room)
        pristine.rename(room)
    home.close()


def test_a_room_that_was_only_read_needs_no_rebuild_after_a_kill(
    left: tuple[Path, Path, tuple[object, ...]], tmp_path: Path
) -> None:
    folder, _older, expected = left
    home = Home(shutil.copytree(folder, tmp_path / "home"))
    assert home.answers() == expected
    as_a_kill_leaves_it = shutil.copytree(home.folder, tmp_path / "killed")
    home.close()

    again = Home(as_a_kill_leaves_it)

    assert again.answers() == expected
    assert again.rooms.room(again.scope).rebuilt == 0
    again.close()


def test_a_chunk_that_sql_no_longer_wants_is_missed_though_the_files_are_whole(
    left: tuple[Path, Path, tuple[object, ...]], tmp_path: Path
) -> None:
    folder, _older, _expected = left
    home = Home(shutil.copytree(folder, tmp_path / "home"))
    gone = home.library.document(home.scope, "2.txt")
    dead = set(home.library.delete_document(home.scope, gone.id))

    found = {one for one, _ in home.rooms.room(home.scope).dense(unit_vectors(2, 1)[0], limit=200)}

    assert len(found) == 3 * CHUNKS
    assert not found & dead
    assert home.rooms.room(home.scope).rebuilt == 1
    home.close()
