"""A matter's words in SQLite FTS5: chunks and documents by BM25.

A query is words, never a language: quotes and operators in it mean nothing, and numbers such as `5,931`
or `8.2` are looked for whole. It does not know whether what it finds is still live; `storage.rooms` does.
One thread may use an index at a time.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.records import Chunk

_TOKENIZE = "porter unicode61 remove_diacritics 2"
_CARD_CHARACTERS = 1_500
"""How much of its beginning stands for a document: title page, parties, period."""
_CONTEXT_WEIGHT = 0.5
_NAME_WEIGHT = 2.0
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+")
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS chunk (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL, version_id TEXT NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS chunk_words USING fts5(context, text, tokenize='{_TOKENIZE}');
CREATE TABLE IF NOT EXISTS document (
    row INTEGER PRIMARY KEY, version_id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS document_words USING fts5(name, card, tokenize='{_TOKENIZE}');
CREATE INDEX IF NOT EXISTS chunk_by_version ON chunk (version_id);
"""
_IN_DOCUMENTS = "(?1 IS NULL OR document_id IN (SELECT value FROM json_each(?1)))"
_STOP_WORDS = frozenset(
    """
    a about an and any are as at be been but by can could did do does for from had has have how i if in
    into is it its may me my of on or our please s shall should show so such t tell than that the their
    them then there these they this those to was we were what when where which who whom whose why will
    with would you your
    """.split()  # noqa: SIM905
)


def query_terms(query: str) -> list[str]:
    """The distinct words of a query that carry meaning, lower case, in order; all of them if none does."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
    return [word for word in words if word not in _STOP_WORDS] or words


class KeywordIndex:
    """Chunks and documents by the words they share with a query."""

    def __init__(self, path: Path) -> None:
        """Open the index in the file `path`; a missing file becomes an empty index."""
        path.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # A derived file: after a crash it is rebuilt, so it need not survive one.
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute("PRAGMA secure_delete=ON")
            self._connection.executescript(_SCHEMA)
        except BaseException:
            self._connection.close()
            raise

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Hold these chunks, and the beginning of each version whose first chunk is among them."""
        with self._transaction():
            self._remove_chunks([chunk.id for chunk in chunks])
            for chunk in chunks:
                row = self._connection.execute(
                    "INSERT INTO chunk(id, document_id, version_id) VALUES (?, ?, ?)",
                    (chunk.id, chunk.document_id, chunk.version_id),
                ).lastrowid
                self._connection.execute(
                    "INSERT INTO chunk_words(rowid, context, text) VALUES (?, ?, ?)",
                    (row, chunk.context, chunk.text),
                )
            for first in (chunk for chunk in chunks if chunk.ordinal == 0):
                row = self._connection.execute(
                    "INSERT INTO document(version_id, document_id) VALUES (?, ?)",
                    (first.version_id, first.document_id),
                ).lastrowid
                self._connection.execute(
                    "INSERT INTO document_words(rowid, name, card) VALUES (?, ?, ?)",
                    (row, first.context, _beginning(chunks, first.version_id)),
                )

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more, nor versions without chunks; unknown ids are no error."""
        with self._transaction():
            self._remove_chunks(chunk_ids)

    def search(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores (above zero, higher is better) of chunks, best first."""
        return self._ranked(
            f"SELECT chunk.id, -bm25(chunk_words, {_CONTEXT_WEIGHT}, 1.0) AS score "  # noqa: S608 - constants
            "FROM chunk_words JOIN chunk ON chunk.row = chunk_words.rowid "
            f"WHERE {_IN_DOCUMENTS} AND chunk_words MATCH ?2 ORDER BY score DESC, chunk.id LIMIT ?3",
            query, document_ids, limit,
        )  # fmt: skip

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores of documents by the words of their name and beginning, best first."""
        found = self._ranked(
            f"SELECT document_id, -bm25(document_words, {_NAME_WEIGHT}, 1.0) AS score "  # noqa: S608 - constants
            "FROM document_words JOIN document ON document.row = document_words.rowid "
            f"WHERE {_IN_DOCUMENTS} AND document_words MATCH ?2 ORDER BY score DESC, document_id LIMIT ?3",
            query, document_ids, limit,
        )  # fmt: skip
        best: dict[str, float] = {}
        for document_id, score in found:
            best.setdefault(document_id, score)
        return list(best.items())

    def frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many chunks each term stands."""
        count = "SELECT count(*) FROM chunk_words WHERE chunk_words MATCH ?"
        return {term: self._connection.execute(count, (_any_of([term]),)).fetchone()[0] for term in terms}

    def ids(self) -> frozenset[str]:
        """Ids of all chunks held.

        Raises:
            sqlite3.DatabaseError: the file is damaged.
        """
        rows = self._connection.execute(
            "SELECT chunk.id FROM chunk JOIN chunk_words ON chunk_words.rowid = chunk.row"
        )
        return frozenset(chunk_id for (chunk_id,) in rows)

    def __len__(self) -> int:
        """How many chunks are held."""
        count: int = self._connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
        return count

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _ranked(
        self, statement: str, query: str, document_ids: frozenset[str] | None, limit: int
    ) -> list[tuple[str, float]]:
        terms = query_terms(query)
        if not terms or limit <= 0:
            return []
        wanted = None if document_ids is None else json.dumps(sorted(document_ids))
        return self._connection.execute(statement, (wanted, _any_of(terms), limit)).fetchall()

    def _remove_chunks(self, chunk_ids: Sequence[str]) -> None:
        listed = (json.dumps(list(chunk_ids)),)
        self._connection.execute(
            "DELETE FROM chunk_words WHERE rowid IN "
            "(SELECT row FROM chunk WHERE id IN (SELECT value FROM json_each(?)))",
            listed,
        )
        self._connection.execute("DELETE FROM chunk WHERE id IN (SELECT value FROM json_each(?))", listed)
        self._connection.execute(
            "DELETE FROM document_words WHERE rowid IN "
            "(SELECT row FROM document WHERE version_id NOT IN (SELECT version_id FROM chunk))"
        )
        self._connection.execute(
            "DELETE FROM document WHERE version_id NOT IN (SELECT version_id FROM chunk)"
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _any_of(terms: Sequence[str]) -> str:
    # Quoted, a term is a phrase of plain words: no sign in it can be an operator.
    return " OR ".join(f'"{term}"' for term in terms)


def _beginning(chunks: Sequence[Chunk], version_id: str) -> str:
    text = ""
    for chunk in sorted(chunks, key=lambda chunk: chunk.ordinal):
        if chunk.version_id == version_id and len(text) < _CARD_CHARACTERS:
            text += chunk.text + "\n"
    return text[:_CARD_CHARACTERS]
