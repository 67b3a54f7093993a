"""A matter's words in SQLite FTS5: chunks and documents by BM25.

A query is words, never a language: quotes and operators in it mean nothing, and numbers such as `5,931`
or `8.2` are looked for whole. It does not know whether what it finds is still live; `storage.rooms` does.
One thread may use an index at a time.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.records import Chunk

_TOKENIZE = "porter unicode61 remove_diacritics 2"
_CARD_CHARACTERS = 1_500
"""How much of its beginning stands for a document: title page, parties, period."""
_CONTEXT_WEIGHT = 1.0
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
        terms = query_terms(query)
        if not terms or limit <= 0:
            return []
        wanted = None if document_ids is None else json.dumps(sorted(document_ids))
        return self._connection.execute(
            "SELECT chunk.id, -bm25(chunk_words, ?, 1.0) AS score "
            "FROM chunk_words JOIN chunk ON chunk.row = chunk_words.rowid "
            "WHERE (? IS NULL OR document_id IN (SELECT value FROM json_each(?))) AND chunk_words MATCH ? "
            "ORDER BY score DESC, chunk.id LIMIT ?",
            (_CONTEXT_WEIGHT, wanted, wanted, _any_of(terms), limit),
        ).fetchall()

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and scores of documents whose name or beginning shares words with the query, best first."""
        # Not FTS5's own bm25: it gives a word that half of the documents have no weight at all, and a
        # matter's few documents share most of the words that name them.
        total: int = self._connection.execute("SELECT count(*) FROM document").fetchone()[0]
        scores: dict[str, float] = {}
        for term in query_terms(query):
            in_name = self._documents_with(f"name : {_any_of([term])}")
            found = in_name | self._documents_with(_any_of([term]))
            rarity = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for document_id in found:
                weight = _NAME_WEIGHT if document_id in in_name else 1.0
                scores[document_id] = scores.get(document_id, 0.0) + weight * rarity
        ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return [pair for pair in ranked if document_ids is None or pair[0] in document_ids][:limit]

    def beyond_name(self, query: str, document_id: str) -> str:
        """The words of a query that a document's name and beginning lack: what is asked about it.

        The whole query when they lack none of its words.
        """
        rest = [
            term for term in query_terms(query) if document_id not in self._documents_with(_any_of([term]))
        ]
        return " ".join(rest) or query

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""
        rows = self._connection.execute(
            "SELECT document_id, count(*) FROM chunk_words JOIN chunk ON chunk.row = chunk_words.rowid "
            "WHERE chunk_words MATCH ? GROUP BY document_id",
            (f"text : ({_any_of(phrases)})",),
        )
        return dict(rows.fetchall())

    def beginnings(self) -> dict[str, str]:
        """Each document's name and beginning, as `documents` looks at them."""
        rows = self._connection.execute(
            "SELECT document_id, name || char(10) || card FROM document_words "
            "JOIN document ON document.row = document_words.rowid ORDER BY document.row"
        )
        return dict(rows.fetchall())

    def frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many chunks each term stands."""
        count = "SELECT count(*) FROM chunk_words WHERE chunk_words MATCH ?"
        return {term: self._connection.execute(count, (_any_of([term]),)).fetchone()[0] for term in terms}

    def holders(self, terms: Iterable[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each term."""
        statement = (
            "SELECT chunk.id FROM chunk JOIN chunk_words ON chunk_words.rowid = chunk.row "
            "WHERE chunk.id IN (SELECT value FROM json_each(?)) AND chunk_words MATCH ?"
        )
        among = json.dumps(list(chunk_ids))
        return {
            term: frozenset(row[0] for row in self._connection.execute(statement, (among, _any_of([term]))))
            for term in terms
        }

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

    def _documents_with(self, match: str) -> set[str]:
        rows = self._connection.execute(
            "SELECT document_id FROM document_words JOIN document ON document.row = document_words.rowid "
            "WHERE document_words MATCH ?",
            (match,),
        )
        return {document_id for (document_id,) in rows}

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
            "(SELECT row FROM document WHERE NOT EXISTS "
            "(SELECT 1 FROM chunk WHERE chunk.version_id = document.version_id))"
        )
        self._connection.execute(
            "DELETE FROM document WHERE NOT EXISTS "
            "(SELECT 1 FROM chunk WHERE chunk.version_id = document.version_id)"
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
