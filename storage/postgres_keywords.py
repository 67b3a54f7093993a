"""A matter's words in PostgreSQL full-text: one schema for each matter, named by the matter's id.

Terms are those of `storage.terms`, made here and kept as tsvectors under GIN indexes, so that both engines
find the same. PostgreSQL has no BM25: chunks that hold a term are found by it, and weighed here. It does not
know whether what it finds is still live. One process may own the schema.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, ProgrammingError

from storage import terms
from storage.database import Database
from storage.errors import WrongUse
from storage.keyword_changes import beginning
from storage.records import Chunk
from storage.terms import query_terms

_NAME_WEIGHT = 2.0
_K1, _B = 1.2, 0.75
_DIGITS = 4
_LONGEST_TERM = 500
_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.chunk (
    id text COLLATE "C" PRIMARY KEY, document_id text NOT NULL, version_id text NOT NULL,
    size integer NOT NULL, words tsvector NOT NULL, sequence tsvector NOT NULL
);
CREATE INDEX IF NOT EXISTS chunk_words ON {schema}.chunk USING gin (words);
CREATE INDEX IF NOT EXISTS chunk_sequence ON {schema}.chunk USING gin (sequence);
CREATE INDEX IF NOT EXISTS chunk_document ON {schema}.chunk (document_id);
CREATE INDEX IF NOT EXISTS chunk_version ON {schema}.chunk (version_id);
CREATE TABLE IF NOT EXISTS {schema}.card (
    version_id text COLLATE "C" PRIMARY KEY, document_id text NOT NULL,
    name text NOT NULL, beginning text NOT NULL, name_words tsvector NOT NULL, words tsvector NOT NULL
);
CREATE INDEX IF NOT EXISTS card_words ON {schema}.card USING gin (words);
"""


class PostgresWords:
    """The engine, in the database that keeps everything else."""

    name = "postgresql full text 1"
    is_local = False

    def __init__(self, database: Database) -> None:
        """Take the database.

        Raises:
            WrongUse: it is not PostgreSQL.
        """
        if database.engine.dialect.name != "postgresql":
            raise WrongUse("words in PostgreSQL need MUNIMENT_DATABASE_URL to name a PostgreSQL database")
        self._database = database

    def open(self, folder: Path) -> PostgresKeywords:
        """See `Engine.open`."""
        return PostgresKeywords(self._database, folder.name)

    def files(self, folder: Path) -> list[Path]:  # noqa: ARG002 - nothing of it lies there
        """See `Engine.files`."""
        return []

    def discard(self, folder: Path) -> None:
        """See `Engine.discard`."""
        with self._database.write() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {_quoted(folder.name)} CASCADE"))

    def close(self) -> None:
        """See `Engine.close`."""


class PostgresKeywords:
    """Chunks and documents by the words they share with a query."""

    def __init__(self, database: Database, schema: str) -> None:
        """Take the schema of that name; if there is none it is made."""
        self._database = database
        self._schema = _quoted(schema)
        with self._writing() as connection:
            for statement in _SCHEMA.format(schema=self._schema).split(";\n"):
                if statement.strip():
                    connection.execute(text(statement))
            self._take_stock(connection)

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Hold these chunks, and the beginning of each version whose first chunk is among them."""
        if not chunks:
            return
        with self._writing() as connection:
            self._remove(connection, [chunk.id for chunk in chunks])
            self._execute(
                connection,
                "INSERT INTO {schema}.chunk VALUES (:id, :document, :version, :size,"
                " CAST(:words AS tsvector), CAST(:sequence AS tsvector))",
                [_chunk_row(chunk) for chunk in chunks],
            )
            cards = [
                _card_row(chunk, beginning(chunks, chunk.version_id)) for chunk in chunks if not chunk.ordinal
            ]
            if cards:
                self._execute(
                    connection,
                    "INSERT INTO {schema}.card VALUES (:version, :document, :name, :beginning,"
                    " CAST(:name_words AS tsvector), CAST(:words AS tsvector))"
                    " ON CONFLICT (version_id) DO UPDATE SET name = excluded.name,"
                    " beginning = excluded.beginning, name_words = excluded.name_words,"
                    " words = excluded.words",
                    cards,
                )
            self._take_stock(connection)

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more, nor versions without chunks; unknown ids are no error."""
        with self._writing() as connection:
            self._remove(connection, chunk_ids)
            self._execute(
                connection,
                "DELETE FROM {schema}.card AS card WHERE NOT EXISTS"
                " (SELECT 1 FROM {schema}.chunk AS chunk WHERE chunk.version_id = card.version_id)",
            )
            self._take_stock(connection)

    def search(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores (above zero, higher is better) of chunks, best first."""
        sought = _kept(terms.sought(query))
        if not sought or limit <= 0:
            return []
        counts = self._counts(sought)
        rarity = [math.log(1 + (self._chunks - counts[one] + 0.5) / (counts[one] + 0.5)) for one in sought]
        found = self._rows(
            "SELECT id, round(CAST(sum(rarity * often * :more / (often + :k1 * (1 - :b + :b * size / :mean)))"
            " AS numeric), :digits) AS score FROM ("
            " SELECT chunk.id, chunk.size, cardinality(held.positions) AS often, asked.rarity"
            " FROM {schema}.chunk AS chunk"
            " CROSS JOIN LATERAL unnest(chunk.words) AS held"
            " JOIN unnest(CAST(:terms AS text[]), CAST(:rarity AS float8[])) AS asked(term, rarity)"
            " ON asked.term = held.lexeme"
            " WHERE chunk.words @@ CAST(:query AS tsquery)"
            " AND (CAST(:among AS text[]) IS NULL OR chunk.document_id = ANY(CAST(:among AS text[])))"
            ") AS each GROUP BY id ORDER BY score DESC, id LIMIT :limit",
            terms=sought,
            rarity=rarity,
            query=_any(sought),
            among=None if document_ids is None else sorted(document_ids),
            more=_K1 + 1,
            k1=_K1,
            b=_B,
            mean=self._mean_size,
            digits=_DIGITS,
            limit=limit,
        )
        return [(row.id, float(row.score)) for row in found]

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and scores of documents whose name or beginning shares words with the query, best first."""
        # Not BM25: how often a title page repeats a word, and how long it is, says nothing here.
        sought = _kept(dict.fromkeys(map(terms.stem, query_terms(query))))
        if not sought:
            return []
        found = self._rows(
            "SELECT document_id, tsvector_to_array(words) AS words, tsvector_to_array(name_words) AS name"
            " FROM {schema}.card WHERE words @@ CAST(:query AS tsquery)",
            query=_any(sought),
        )
        held = [(row.document_id, set(row.words), set(row.name)) for row in found]
        scores: dict[str, float] = {}
        rarity = {}
        for one in sought:
            frequency = min(sum(one in words for _, words, _ in held), self._documents)
            rarity[one] = math.log(1 + (self._documents - frequency + 0.5) / (frequency + 0.5))
        for document_id, words, name in held:
            score = sum(
                rarity[one] * (_NAME_WEIGHT if one in name else 1.0) for one in sought if one in words
            )
            scores[document_id] = max(scores.get(document_id, 0.0), round(score, _DIGITS))
        ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return [pair for pair in ranked if document_ids is None or pair[0] in document_ids][: max(0, limit)]

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""
        wanted = [" <-> ".join(map(_literal, one)) for phrase in phrases if (one := _phrase(phrase))]
        if not wanted:
            return {}
        found = self._rows(
            "SELECT document_id, count(*) AS chunks FROM {schema}.chunk"
            " WHERE sequence @@ CAST(:query AS tsquery) GROUP BY document_id",
            query=" | ".join(f"({one})" for one in wanted),
        )
        return {row.document_id: int(row.chunks) for row in found}

    def spread(self, phrases: Iterable[str]) -> dict[str, int]:
        """See `KeywordStore.spread`."""
        return {one: len(self.stating((one,))) for one in phrases}

    def beginnings(self) -> dict[str, str]:
        """Each document's name and beginning."""
        found = self._rows("SELECT document_id, name, beginning FROM {schema}.card ORDER BY version_id")
        return {row.document_id: f"{row.name}\n{row.beginning}" for row in found}

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """In how many chunks each of these words of a query stands."""
        stems = {word: terms.stem(word) for word in words}
        counts = self._counts(_kept(dict.fromkeys(stems.values())))
        return {word: counts.get(one, 0) for word, one in stems.items()}

    def holders(self, words: Iterable[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each of these words of a query."""
        found = self._rows(
            "SELECT id, tsvector_to_array(words) AS words FROM {schema}.chunk"
            " WHERE id = ANY(CAST(:ids AS text[]))",
            ids=list(chunk_ids),
        )
        held = {row.id: set(row.words) for row in found}
        return {word: frozenset(one for one in held if terms.stem(word) in held[one]) for word in words}

    def ids(self) -> frozenset[str]:
        """Ids of all chunks held."""
        return frozenset(row.id for row in self._rows("SELECT id FROM {schema}.chunk"))

    def __len__(self) -> int:
        """How many chunks are held."""
        return self._chunks

    def close(self) -> None:
        """Nothing to give back: connections are the database's."""

    def _counts(self, sought: Sequence[str]) -> dict[str, int]:
        found = self._rows(
            "SELECT term,"
            " (SELECT count(*) FROM {schema}.chunk WHERE words @@ CAST(query AS tsquery)) AS chunks"
            " FROM unnest(CAST(:terms AS text[]), CAST(:queries AS text[])) AS asked(term, query)",
            terms=list(sought),
            queries=[_literal(one) for one in sought],
        )
        return {row.term: int(row.chunks) for row in found}

    def _remove(self, connection: Connection, chunk_ids: Sequence[str]) -> None:
        self._execute(
            connection,
            "DELETE FROM {schema}.chunk WHERE id = ANY(CAST(:ids AS text[]))",
            {"ids": list(chunk_ids)},
        )

    def _take_stock(self, connection: Connection) -> None:
        # Known between changes: only this process makes them.
        [held] = self._execute(connection, "SELECT count(*) AS chunks, avg(size) AS mean FROM {schema}.chunk")
        self._chunks, self._mean_size = int(held.chunks), max(1.0, float(held.mean or 1))
        [cards] = self._execute(
            connection, "SELECT count(DISTINCT document_id) AS documents FROM {schema}.card"
        )
        self._documents = int(cards.documents)

    def _rows(self, statement: str, **values: Any) -> list[Any]:
        with _as_it_was(), self._database.read() as connection:
            return list(self._execute(connection, statement, values))

    def _execute(self, connection: Connection, statement: str, values: Any = None) -> Any:
        return connection.execute(text(statement.replace("{schema}", self._schema)), values)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _as_it_was(), self._database.write() as connection:
            yield connection


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Tables that are not there, or not ours, are an index that is damaged."""
    try:
        yield
    except (ProgrammingError, DataError) as error:
        raise OSError("the keyword tables are not as they were made") from error


def _quoted(schema: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]{1,63}", schema):
        raise ValueError(f"{schema!r} cannot name a schema")
    return f'"{schema}"'


def _chunk_row(chunk: Chunk) -> dict[str, Any]:
    words = terms.stems([*terms.held(chunk.context), *terms.held(chunk.text)])
    return {
        "id": chunk.id,
        "document": chunk.document_id,
        "version": chunk.version_id,
        "size": len(words),
        "words": _vector(words),
        "sequence": _vector(terms.stems(terms.sequence(chunk.text))),
    }


def _card_row(chunk: Chunk, card: str) -> dict[str, Any]:
    return {
        "version": chunk.version_id,
        "document": chunk.document_id,
        "name": chunk.context.replace("\0", " "),
        "beginning": card.replace("\0", " "),
        "name_words": _vector(terms.stems(terms.held(chunk.context))),
        "words": _vector(terms.stems(terms.held(f"{chunk.context}\n{card}"))),
    }


def _vector(words: Sequence[str]) -> str:
    """A tsvector as PostgreSQL reads it: each word with the places where it stands."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, start=1):
        if len(word) <= _LONGEST_TERM:
            places.setdefault(word, []).append(str(place))
    return " ".join(f"{_literal(word)}:{','.join(at)}" for word, at in places.items())


def _literal(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _any(sought: Sequence[str]) -> str:
    return " | ".join(map(_literal, sought))


def _kept(words: Iterable[str]) -> list[str]:
    return [word for word in words if len(word) <= _LONGEST_TERM]


def _phrase(phrase: str) -> list[str]:
    stems = terms.stems(terms.sequence(phrase))
    return stems if _kept(stems) == stems else []
