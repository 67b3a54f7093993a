"""What a keyword index knows besides words: ids, the numbers that stand for them, and beginnings.

One SQLite file. Chunks, documents and versions (one reading of a document) have a number each.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS version (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document INTEGER NOT NULL,
    came INTEGER NOT NULL DEFAULT 0, name TEXT, card TEXT
);
CREATE TABLE IF NOT EXISTS chunk (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS version_by_document ON version (document);
CREATE INDEX IF NOT EXISTS chunk_by_version ON chunk (version);
"""
_MAPPED_BYTES = 268_435_456
"""At 1,000,000 chunks the file has half of it."""
_REMOVED = "PRAGMA user_version"
"""1 once anything was removed."""


class KeywordRows:
    """Ids, numbers and beginnings."""

    chunks: int
    """How many are held."""
    documents: dict[str, int]
    """The number of each document, by id."""
    names: dict[int, str]
    """The id of each document, by number."""

    def __init__(self, path: Path) -> None:
        """Open the file `path`; a missing file becomes an empty one."""
        path.touch(mode=0o600, exist_ok=True)
        self._are_plain: bool | None = None
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # A derived file: after a crash it is rebuilt, so it need not survive one.
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute("PRAGMA secure_delete=ON")
            # Read where it lies, as tantivy reads its files: rows of a search lie all over the file.
            self._connection.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}")
            self._connection.executescript(_SCHEMA)
            self._take_stock()
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All changes inside happen together, or none."""
        self._are_plain = None
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._take_stock()
            raise
        self._connection.execute("COMMIT")

    def insert(self, chunk_id: str, version: int) -> int:
        """A row for a new chunk."""
        cursor = self._connection.execute("INSERT INTO chunk(id, version) VALUES (?, ?)", (chunk_id, version))
        self.chunks += 1
        assert cursor.lastrowid is not None, "SQLite numbers every row that it takes"
        return cursor.lastrowid

    def came(self, versions: Iterable[int]) -> None:
        """Chunks of these versions came together."""
        self._connection.execute(
            "UPDATE version SET came = came + 1 WHERE number IN (SELECT value FROM json_each(?))",
            _listed(versions),
        )

    def version(self, version_id: str, document_id: str) -> tuple[int, int]:
        """The numbers of a version and of its document, new or known."""
        if document_id not in self.documents:
            self._connection.execute("INSERT INTO document(id) VALUES (?)", (document_id,))
            number = self._number("SELECT number FROM document WHERE id = ?", document_id)
            self.documents[document_id], self.names[number] = number, document_id
        document = self.documents[document_id]
        self._connection.execute(
            "INSERT OR IGNORE INTO version(id, document) VALUES (?, ?)", (version_id, document)
        )
        return self._number("SELECT number FROM version WHERE id = ?", version_id), document

    def set_card(self, version: int, *, name: str, card: str) -> None:
        """Keep a version's name and beginning."""
        self._connection.execute(
            "UPDATE version SET name = ?, card = ? WHERE number = ?", (name, card, version)
        )

    def delete(self, chunk_ids: Sequence[str]) -> tuple[list[int], list[int]]:
        """Forget chunks, and versions and documents that are left without any: rows and versions gone."""
        found = self._connection.execute(
            "SELECT row, version FROM chunk WHERE id IN (SELECT value FROM json_each(?))", _listed(chunk_ids)
        ).fetchall()
        if not found:
            return [], []
        rows, touched = [row for row, _ in found], {version for _, version in found}
        self._connection.execute(
            "DELETE FROM chunk WHERE row IN (SELECT value FROM json_each(?))", _listed(rows)
        )
        self.chunks -= len(rows)
        empty = self._connection.execute(
            "SELECT number, document FROM version WHERE number IN (SELECT value FROM json_each(?)) "
            "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.version = version.number)",
            _listed(touched),
        ).fetchall()
        versions, owners = [number for number, _ in empty], [owner for _, owner in empty]
        self._connection.execute(
            "DELETE FROM version WHERE number IN (SELECT value FROM json_each(?))", _listed(versions)
        )
        gone = self._connection.execute(
            "DELETE FROM document WHERE number IN (SELECT value FROM json_each(?)) "
            "AND NOT EXISTS (SELECT 1 FROM version WHERE version.document = document.number) RETURNING id",
            _listed(owners),
        ).fetchall()
        for (document_id,) in gone:
            del self.names[self.documents.pop(document_id)]
        self._connection.execute(f"{_REMOVED} = 1")
        return rows, versions

    @property
    def are_plain(self) -> bool:
        """Whether all chunks of each document came at once, in one version, and none was ever removed."""
        if self._are_plain is None:
            versions, begun, came = self._connection.execute(
                "SELECT count(*), count(name), coalesce(max(came), 1) FROM version"
            ).fetchone()
            removed = self._connection.execute(_REMOVED).fetchone()[0]
            self._are_plain = versions == begun == len(self.documents) and came == 1 and not removed
        return self._are_plain

    def cards(self) -> list[tuple[str, str, str]]:
        """Document id, name and beginning of each version that has one, in the order they came."""
        return self._connection.execute(
            "SELECT document.id, name, card FROM version JOIN document ON document.number = version.document "
            "WHERE name IS NOT NULL ORDER BY version.number"
        ).fetchall()

    def ids_of(self, rows: Collection[int]) -> dict[int, str]:
        """Chunk ids by row; unknown rows are left out."""
        return dict(
            self._connection.execute(
                "SELECT row, id FROM chunk WHERE row IN (SELECT value FROM json_each(?))",
                _listed(rows),
            ).fetchall()
        )

    def rows_of(self, chunk_ids: Iterable[str]) -> dict[int, str]:
        """Chunk ids by row; unknown ids are left out."""
        return dict(
            self._connection.execute(
                "SELECT row, id FROM chunk WHERE id IN (SELECT value FROM json_each(?))",
                _listed(chunk_ids),
            ).fetchall()
        )

    def ids(self) -> frozenset[str]:
        """Ids of all chunks."""
        return frozenset(found for (found,) in self._connection.execute("SELECT id FROM chunk"))

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _number(self, statement: str, identity: str) -> int:
        found: int = self._connection.execute(statement, (identity,)).fetchone()[0]
        return found

    def _take_stock(self) -> None:
        self.chunks = self._connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
        self.documents = dict(self._connection.execute("SELECT id, number FROM document").fetchall())
        self.names = {number: document_id for document_id, number in self.documents.items()}


def _listed(values: Iterable[int | str]) -> tuple[str]:
    """What `json_each` takes: any number of values as one."""
    return (json.dumps(list(values)),)
