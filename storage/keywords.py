"""A matter's words in a tantivy index: chunks and documents by BM25.

A query is words, never a language: quotes and operators in it mean nothing, and numbers such as `5,931`
or `8.2(b)` are looked for whole (`storage.terms`). Tantivy holds terms; ids and beginnings lie beside it.
What is removed is found no more, but its terms stay on the disk until the folder is made anew, and counts
include them until then. It does not know whether what it finds is still live; `storage.rooms` does.
One thread may use an index at a time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tantivy import DocAddress, Index, IndexWriter, Occur, Query, Schema, SchemaBuilder, Searcher

from storage import terms
from storage.keyword_changes import Change, beginning, of_card, of_chunk
from storage.keyword_rows import KeywordRows
from storage.records import Chunk
from storage.terms import query_terms

__all__ = ["KeywordIndex", "query_terms"]

_ROWS = "rows.db"
_WORDS = "words"
_STEMMING = "stemming"
_NAME_WEIGHT = 2.0
_WRITER_BYTES = 64_000_000
"""Terms kept in memory before they become a segment: about 50,000 chunks."""
_TIES = 16
_MOST_TIES = 4_096
_DIGITS = 4
"""Decimals of a score: further ones depend on the order in which its parts were added up."""
_FEW = 64
"""So many documents or fewer are gone through one by one sooner than as a set of all their chunks."""
_FLAGS = 20
"""Terms that one query tells apart: a score is a float of 24 bits."""


def _schema() -> Schema:
    builder = SchemaBuilder()
    for number in ("row", "document", "version"):
        builder.add_unsigned_field(number, indexed=True, fast=True)
    # Words with context are ranked; text without it is where phrases stand; cards and names stand for
    # documents, where a word counts once however often it is there.
    builder.add_text_field("words", tokenizer_name=_STEMMING, index_option="freq")
    builder.add_text_field("text", tokenizer_name=_STEMMING, index_option="position")
    builder.add_text_field("card", tokenizer_name=_STEMMING, index_option="basic")
    builder.add_text_field("name", tokenizer_name=_STEMMING, index_option="basic")
    # Each word of the chunks that came with the first one: documents are counted by it, not chunk by chunk.
    builder.add_text_field("held", tokenizer_name=_STEMMING, index_option="basic")
    return builder.build()


class KeywordIndex:
    """Chunks and documents by the words they share with a query."""

    def __init__(self, folder: Path) -> None:
        """Open the index in `folder`; an empty or missing folder becomes an empty index."""
        words = folder / _WORDS
        words.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._rows = KeywordRows(folder / _ROWS)
        try:
            with _panics_as_errors():
                self._index = Index(_schema(), path=str(words))
                self._index.config_reader(reload_policy="manual")
                self._index.register_tokenizer(_STEMMING, terms.stemming())
                self._found: Searcher = self._index.searcher()
        except BaseException:
            self._rows.close()
            raise
        self._schema = self._index.schema
        self._writer: IndexWriter | None = None
        self._is_behind = False

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Hold these chunks, and the beginning of each version whose first chunk is among them."""
        with self._changing() as change:
            change.remove([chunk.id for chunk in chunks])
            versions: dict[str, tuple[int, int]] = {}
            words: defaultdict[str, set[str]] = defaultdict(set)
            for chunk in chunks:
                if chunk.version_id not in versions:
                    versions[chunk.version_id] = change.rows.version(chunk.version_id, chunk.document_id)
                version, document = versions[chunk.version_id]
                held, sequence = terms.held_and_sequence(chunk.text)
                words[chunk.version_id].update(sequence)
                made = of_chunk(chunk.context, held, sequence, document)
                change.put("row", change.rows.insert(chunk.id, version), made)
            for chunk in chunks:
                if chunk.ordinal == 0:
                    version, document = versions[chunk.version_id]
                    card = beginning(chunks, chunk.version_id)
                    change.rows.set_card(version, name=chunk.context, card=card)
                    made = of_card(chunk.context, card, words[chunk.version_id], document)
                    change.put("version", version, made)
            change.rows.came(version for version, _ in versions.values())

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more, nor versions without chunks; unknown ids are no error."""
        with self._changing() as change:
            change.remove(chunk_ids)

    def search(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores (above zero, higher is better) of chunks, best first."""
        wanted = [self._term("words", one) for one in terms.sought(query)]
        found = self._best("row", _any(wanted), limit, document_ids)
        return _ranked(found, self._rows.ids_of(found), limit)

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and scores of documents whose name or beginning shares words with the query, best first."""
        # Not BM25: how often a title page repeats a word, and how long it is, says nothing here.
        total = len(self._rows.documents)
        scored = []
        counts = self._frequencies("card", map(terms.stem, query_terms(query)))
        for term, count in counts.items():
            frequency = min(count, total)
            rarity = math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
            scored.append(Query.const_score_query(self._term("card", term), rarity))
            scored.append(Query.const_score_query(self._term("name", term), (_NAME_WEIGHT - 1) * rarity))
        found = self._best("document", _any(scored), limit, document_ids)
        return _ranked(found, self._rows.names, limit)

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""
        wanted = [self._phrase(one) for phrase in phrases if (one := terms.stems(terms.sequence(phrase)))]
        if not wanted or not self._rows.documents:
            return {}
        size = len(self._rows.documents)
        by_document = {"counts": {"terms": {"field": "document", "size": size, "segment_size": size}}}
        with _panics_as_errors():
            buckets = self._searcher().aggregate(_any(wanted), by_document)["counts"]["buckets"]
        counts = {int(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}
        names = self._rows.names
        return {names[number]: count for number, count in counts.items() if number in names}

    def spread(self, phrases: Iterable[str]) -> dict[str, int]:
        """In how many documents each of these phrases stands: `stating`, counted."""
        said = {one: terms.stems(terms.sequence(one)) for one in phrases}
        words = {one: stems[0] for one, stems in said.items() if len(stems) == 1 and self._rows.are_plain}
        held = self._frequencies("held", words.values())
        return {one: held[words[one]] if one in words else len(self.stating((one,))) for one in said}

    def beginnings(self) -> dict[str, str]:
        """Each document's name and beginning, as `documents` looks at them."""
        return {document_id: f"{name}\n{card}" for document_id, name, card in self._rows.cards()}

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """In how many chunks each of these words of a query stands."""
        stems = {word: terms.stem(word) for word in words}
        counts = self._frequencies("words", stems.values())
        return {word: counts[one] for word, one in stems.items()}

    def holders(self, words: Iterable[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each of these words of a query."""
        stems, ids = {word: terms.stem(word) for word in words}, self._rows.rows_of(chunk_ids)
        found = self._holders("row", ids, "words", stems.values())
        return {word: frozenset(ids[row] for row in found[one]) for word, one in stems.items()}

    def ids(self) -> frozenset[str]:
        """Ids of all chunks held."""
        return self._rows.ids()

    def __len__(self) -> int:
        """How many chunks are held."""
        return self._rows.chunks

    def close(self) -> None:
        """Write what is not written yet, and give the files back."""
        try:
            if self._writer is not None:
                with _panics_as_errors():
                    self._writer.commit()
                    self._writer.wait_merging_threads()
        finally:
            self._writer = None
            self._rows.close()

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        """Terms are committed when somebody looks for them: a commit for each call would take longest."""
        with _panics_as_errors():
            if self._writer is None:
                self._writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
            self._is_behind = True
            change = Change(self._writer, self._schema, self._rows)
            try:
                with self._rows.changing():
                    yield change
            except BaseException:
                change.undo()
                raise

    def _searcher(self) -> Searcher:
        if self._is_behind and self._writer is not None:
            self._writer.commit()
            self._index.reload()
            self._found = self._index.searcher()
            self._is_behind = False
        return self._found

    def _best(
        self, field: str, query: Query, limit: int, document_ids: frozenset[str] | None
    ) -> dict[int, float]:
        """The best scores by number, and those equal to the last of them, so that ids can decide."""
        if limit <= 0 or not self._rows.documents:
            return {}
        if document_ids is not None and not document_ids >= self._rows.documents.keys():
            numbers = [self._rows.documents[one] for one in document_ids if one in self._rows.documents]
            if not numbers:
                return {}
            query = _both(self._of(numbers), query)
        depth = limit + _TIES
        with _panics_as_errors():
            searcher = self._searcher()
            while True:
                hits = searcher.search(query, depth, count=False).hits
                scores = [round(score, _DIGITS) for score, _ in hits]
                if len(hits) < depth or scores[limit - 1] > scores[-1] or depth >= limit + _MOST_TIES:
                    break
                depth = limit + (depth - limit) * 4
            found = _numbers(searcher, field, hits)
        # Best first: of a document's two versions the better one counts.
        return dict(zip(reversed(found), reversed(scores), strict=True))

    def _holders(
        self, field: str, numbers: Iterable[int], of: str, stems: Iterable[str]
    ) -> dict[str, set[int]]:
        """Which of the numbered hold each term: one query for many, whose scores are sums of flags."""
        among, holders = list(numbers), {one: set[int]() for one in stems}
        if not among:
            return holders
        chosen = _any([self._term(field, number) for number in among])
        distinct = list(holders)
        for first in range(0, len(distinct), _FLAGS):
            some = distinct[first : first + _FLAGS]
            # Each term by itself among the chosen: all terms together would be gone through from end to end.
            flags = [
                _both(chosen, Query.const_score_query(self._term(of, one), 2.0**at))
                for at, one in enumerate(some)
            ]
            with _panics_as_errors():
                searcher = self._searcher()
                hits = searcher.search(_any(flags), 2 * len(among), count=False).hits
                found = _numbers(searcher, field, hits)
            for (score, _), number in zip(hits, found, strict=True):
                for at, one in enumerate(some):
                    if int(score) >> at & 1:
                        holders[one].add(number)
        return holders

    def _frequencies(self, field: str, stems: Iterable[str]) -> dict[str, int]:
        """How many have each term, in the order in which the terms came."""
        with _panics_as_errors():
            searcher = self._searcher()
            return {one: searcher.doc_freq(field, one) for one in stems}

    def _term(self, field: str, value: str | int) -> Query:
        return Query.term_query(self._schema, field, value, index_option="freq")

    def _of(self, numbers: Sequence[int]) -> Query:
        """What belongs to any of these documents."""
        if len(numbers) > _FEW:
            return Query.term_set_query(self._schema, "document", numbers)
        return _any([self._term("document", one) for one in numbers])

    def _phrase(self, stems: Sequence[str]) -> Query:
        return (
            self._term("text", stems[0])
            if len(stems) == 1
            else Query.phrase_query(self._schema, "text", list(stems))
        )


def _ranked(scores: Mapping[int, float], ids: Mapping[int, str], limit: int) -> list[tuple[str, float]]:
    """Best first, and equal scores by id; numbers that stand for nothing any more are left out."""
    ranked = sorted([(-score, ids[number]) for number, score in scores.items() if number in ids])
    return [(one, -score) for score, one in ranked[: max(0, limit)]]


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, one) for one in queries])


def _both(among: Query, scored: Query) -> Query:
    """What both find, with the score of the second."""
    return Query.boolean_query([(Occur.Must, Query.const_score_query(among, 0.0)), (Occur.Must, scored)])


def _numbers(searcher: Searcher, field: str, hits: Sequence[tuple[float, DocAddress]]) -> list[int]:
    values = searcher.fast_field_values(field, [address for _, address in hits])
    return [int(value) for value in values if value is not None]


@contextmanager
def _panics_as_errors() -> Iterator[None]:
    """A damaged file makes tantivy panic, which Python must not take for the end of the program."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise OSError("the keyword index cannot be read") from error
