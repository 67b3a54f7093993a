"""What a keyword index in tantivy takes in: chunks and cards as terms, beside their ids and numbers.

It knows nothing of searches, nor when what it writes is seen (`storage.keywords`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tantivy import Document, IndexWriter, Query, Schema

from storage import terms
from storage.keyword_rows import KeywordRows
from storage.records import Chunk

_CARD_CHARACTERS = 1_500
"""How much of its beginning stands for a document: title page, parties, period."""


class Change:
    """Terms and rows that change together."""

    def __init__(self, writer: IndexWriter, schema: Schema, rows: KeywordRows) -> None:
        """Nothing is changed yet."""
        self.rows = rows
        self._writer = writer
        self._schema = schema
        self._put: list[tuple[str, int]] = []

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Forget chunks, and the cards of versions that are left without any."""
        rows, versions = self.rows.delete(chunk_ids)
        for row in rows:
            self._drop("row", row)
        for version in versions:
            self._drop("version", version)

    def put(self, field: str, number: int, document: Document) -> None:
        """Take in a chunk (`field` is "row") or a version's card ("version"), in place of one before."""
        if field == "version":
            self._drop(field, number)
        document.add_unsigned(field, number)
        self._put.append((field, number))
        self._writer.add_document(document)

    def undo(self) -> None:
        """Drop the terms that were put; the rows are for their transaction to take back."""
        for field, number in self._put:
            self._drop(field, number)

    def _drop(self, field: str, number: int) -> None:
        # By query: given a number alone, tantivy looks for a signed one, and these are not.
        self._writer.delete_documents_by_query(Query.term_query(self._schema, field, number))


def of_chunk(context: str, held: Iterable[str], sequence: Iterable[str], document: int) -> Document:
    """A chunk's terms: those that it is ranked by, and those that phrases are found in."""
    made = Document()
    made.add_unsigned("document", document)
    made.add_text("words", " ".join([*terms.held(context), *held]))
    made.add_text("text", " ".join(sequence))
    return made


def of_card(name: str, card: str, held: Iterable[str], document: int) -> Document:
    """The terms of a document's name and beginning, and each word of the chunks that came with it."""
    made = Document()
    made.add_unsigned("document", document)
    made.add_text("name", " ".join(terms.held(name)))
    made.add_text("card", " ".join(terms.held(f"{name}\n{card}")))
    made.add_text("held", " ".join(held))
    return made


def beginning(chunks: Sequence[Chunk], version_id: str) -> str:
    """The first characters of a version whose first chunks these are: title page, parties, period."""
    text = ""
    for chunk in sorted(chunks, key=lambda chunk: chunk.ordinal):
        if chunk.version_id == version_id and len(text) < _CARD_CHARACTERS:
            text += chunk.text + "\n"
    return text[:_CARD_CHARACTERS]
