"""Cards: the name and the beginning of each version as stems, kept ready for questions that may name it.

To take a title page apart and stem its words takes a hundred times as long as to read the stems. A card says
nothing that the version's chunks do not say, and goes when the version goes. A matter whose cards are of an
earlier release, or not there, gets them when it is opened (`CardStore.make_cards`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from sqlalchemy import Connection, and_, bindparam, delete, insert, select

from storage.among import among, listed
from storage.chunk_store import BEGINNING_CHUNKS, ChunkStore
from storage.prepared import Prepared
from storage.records import Scope, VersionState
from storage.tables import card, chunk, version
from storage.terms import sequence
from storage.word_stems import stem

_FORM = 1
"""Another one whenever the same words would give another card: those of other forms are made anew."""
_CHARACTERS = 1_500
"""Title page, parties, period; a document that ends before is no longer than its beginning."""
_MADE_AT_ONCE = 250
_SEARCHED = (VersionState.LIVE, VersionState.INDEXED)

_CARDS = Prepared(
    select(card.c.version_id, card.c.name, card.c.beginning, card.c.marks, version.c.document_id)
    .join(version, version.c.id == card.c.version_id)
    .where(
        card.c.form == _FORM,
        # Joined to nothing, the matter is no index: see `storage.chunk_store`.
        version.c.matter_id.concat("") == bindparam("matter"),
        version.c.state == VersionState.LIVE,
        among(card.c.version_id, "wanted"),
    )
)


class Card(NamedTuple):
    """A version's name and beginning: stems in order, each between blanks."""

    name: str
    beginning: str
    """Empty of words where the version is no longer than a beginning: it has no title page."""
    marks: bytes
    """The `mark` of every stem of either, four bytes each; two stems may have the same."""


def mark(one: str) -> int:
    """A number for a stem, the same in every process."""
    return crc32(one.encode(errors="replace"))


class CardStore(ChunkStore):
    """The library's side that gives cards out."""

    def cards(self, scope: Scope, version_ids: Collection[str]) -> dict[str, Card]:
        """The cards of these live versions in scope; those of others are left out."""
        held = self._database.ask(_CARDS, matter=scope.matter.id, wanted=listed(version_ids))
        reach = scope.document_ids
        found = {one: Card(*kept) for one, *kept, owner in held if reach is None or owner in reach}
        missing = [one for one in version_ids if one not in found]
        if missing:
            begun = self.beginnings(scope, missing, characters=_CHARACTERS)
            found |= {one: card_of(name, text) for one, (name, text) in begun.items()}
        return found

    def make_cards(self, scope: Scope) -> None:
        """Make the cards that the matter's versions lack: those that an earlier release took in."""
        kept = and_(card.c.version_id == version.c.id, card.c.form == _FORM)
        lacking = (
            select(version.c.id)
            .outerjoin(card, kept)
            .where(
                version.c.matter_id == scope.matter.id,
                version.c.state.in_(_SEARCHED),
                card.c.version_id.is_(None),
            )
        )
        with self._database.read() as connection:
            wanted = connection.execute(lacking).scalars().all()
        for first in range(0, len(wanted), _MADE_AT_ONCE):
            with self._database.write() as connection:
                keep_cards(connection, wanted[first : first + _MADE_AT_ONCE])


def card_of(name: str, text: str) -> Card:
    """The card of a version with this name and these first characters."""
    named = [stem(one) for one in sequence(name)]
    begun = [stem(one) for one in sequence(text)] if len(text) >= _CHARACTERS else []
    marks = sorted({mark(one) for one in (*named, *begun)})
    return Card(f" {' '.join(named)} ", f" {' '.join(begun)} ", np.array(marks, dtype="<u4").tobytes())


def keep_cards(connection: Connection, version_ids: Sequence[str]) -> None:
    """Make the cards of a few versions whose chunks are all stored, in place of any before."""
    first_chunks = (
        select(chunk.c.version_id, chunk.c.context, chunk.c.text)
        .where(chunk.c.version_id.in_(version_ids), chunk.c.ordinal < BEGINNING_CHUNKS)
        .order_by(chunk.c.version_id, chunk.c.ordinal)
    )
    held: Iterable[Any] = connection.execute(first_chunks)
    made = []
    for version_id, of_version in groupby(held, key=itemgetter(0)):
        _, contexts, texts = zip(*of_version, strict=True)
        begun = "".join(f"{text}\n" for text in texts)[:_CHARACTERS]
        values = card_of(contexts[0], begun)._asdict()
        made.append({"version_id": version_id, "form": _FORM, **values})
    connection.execute(delete(card).where(card.c.version_id.in_(version_ids)))
    if made:
        connection.execute(insert(card), made)
