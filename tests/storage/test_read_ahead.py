"""The database's file is fetched ahead of searches, once, and SQLite's locks stay what they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage.database import Database
from storage.read_ahead import ReadAhead

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no advice")
_TRY_TO_HAVE_IT_ALONE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
try:
    connection.execute("PRAGMA journal_mode=DELETE")
except sqlite3.OperationalError as error:
    print(error)
"""


@pytest.fixture
def advised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """What the system was asked to fetch: file, from where, how much."""
    asked: list[tuple[str, int, int]] = []

    def note(file: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        asked.append((str(Path(f"/proc/self/fd/{file}").readlink()), start, length))

    monkeypatch.setattr(os, "posix_fadvise", note)
    return asked


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _wait_until_fetched() -> None:
    for one in threading.enumerate():
        if one.name == "read-ahead":
            one.join()


def test_a_file_is_fetched_whole_and_once(tmp_path: Path, advised: list[tuple[str, int, int]]) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(bytes(300_000))
    before = _open_files()
    ahead = ReadAhead(path)
    ahead.begin()
    ahead.begin()
    _wait_until_fetched()
    ahead.close()
    name = str(path)
    assert advised == [(name, 0, 131_072), (name, 131_072, 131_072), (name, 262_144, 37_856)]
    assert _open_files() == before


def test_of_a_file_larger_than_memory_a_part_is_fetched(
    tmp_path: Path, advised: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(bytes(5_000))
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": 2}.__getitem__)
    ahead = ReadAhead(path)
    ahead.begin()
    _wait_until_fetched()
    ahead.close()
    assert advised == [(str(path), 0, 2_048)]


def test_closing_waits_for_no_more_than_the_step_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(bytes(2_000_000))
    begun, go_on, steps = threading.Event(), threading.Event(), []

    def slow(_file: int, start: int, _length: int, _advice: int) -> None:
        steps.append(start)
        begun.set()
        go_on.wait()

    monkeypatch.setattr(os, "posix_fadvise", slow)
    ahead = ReadAhead(path)
    ahead.begin()
    begun.wait()
    closer = threading.Thread(target=ahead.close)
    closer.start()
    ahead._closing.wait()
    go_on.set()
    closer.join()
    assert steps == [0]


def test_nothing_is_fetched_before_it_is_asked_for(
    tmp_path: Path, advised: list[tuple[str, int, int]]
) -> None:
    Database.in_folder(tmp_path).close()
    assert not advised


def test_who_uses_the_database_keeps_its_locks_when_the_file_was_fetched(tmp_path: Path) -> None:
    database = Database.in_folder(tmp_path)
    command = [sys.executable, "-c", _TRY_TO_HAVE_IT_ALONE, str(tmp_path / "muniment.db")]
    with database.read():
        database.read_ahead()
        _wait_until_fetched()
        tried = subprocess.run(command, capture_output=True, text=True, check=True)
    database.close()
    assert tried.stdout.strip() == "database is locked"
