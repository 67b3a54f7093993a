"""A version's card says what its first chunks say, whenever it was made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from storage.cards import card_of, mark
from storage.embedding import HashingEmbedder
from storage.records import Page, ReadBy, Scope
from storage.rooms import Rooms
from storage.tables import card

from .conftest import chunk_of, unit

TITLE = "SUPPLY AGREEMENT between Brimstone LLC and Haverley Ltd. " + "Goods are sold as they are. " * 60


@pytest.fixture
def take_in(library, scope, file_with):
    """A function that makes a document of these chunks live and gives its version's id."""

    def run(path: str, texts: Sequence[str]) -> str:
        got = library.receive(scope, path=path, data=file_with("".join(texts)), media_type="text/plain")
        library.save_pages(scope, got.version_id, [Page(1, "any", ReadBy.TEXT, 1.0)], title=None)
        chunks = [
            chunk_of(got.document_id, got.version_id, text, ordinal=at) for at, text in enumerate(texts)
        ]
        vectors = np.stack([unit(at, HashingEmbedder.dimensions) for at in range(len(texts))])
        library.save_chunks(scope, got.version_id, chunks, vectors)
        library.mark_indexed(scope, got.version_id)
        library.make_live(scope, got.version_id)
        return str(got.version_id)

    return run


def _parts(text: str) -> list[str]:
    return [text[first : first + 300] for first in range(0, len(text), 300)]


def _kept(library) -> list[str]:
    with library._database.read() as connection:
        return list(connection.execute(select(card.c.version_id).where(card.c.form == 1)).scalars())


def test_the_same_words_give_the_card_that_they_always_gave():
    """When this fails on purpose, `_FORM` has to be another one, or folders keep cards of the old form."""
    made = card_of("2019 Q3 Leases", "The TERMINATION of Zoë's § 8.2(b) payments: $5,931.50\n" * 40)
    assert made.name == " 2019 q3 leas "
    assert made.beginning == " the terminat of zoë s section 8.2 pay 5931.50" * 40 + " "
    stems = set(made.name.split()) | set(made.beginning.split())
    assert np.frombuffer(made.marks, dtype="<u4").tolist() == sorted(map(mark, stems))
    assert mark("zoë") == 3_349_081_364


def test_a_text_no_longer_than_a_beginning_is_known_by_its_name_alone():
    assert card_of("lease", "Brimstone " * 149).beginning.split() == []
    assert card_of("lease", "Brimstone " * 150).beginning.split() == ["brimston"] * 150


def test_a_card_is_kept_when_the_chunks_are_all_there_and_says_what_they_say(library, scope, take_in):
    version_id = take_in("a.txt", _parts(TITLE))
    assert _kept(library) == [version_id]
    kept = library.cards(scope, [version_id])
    with library._database.write() as connection:
        connection.execute(delete(card))
    assert library.cards(scope, [version_id]) == kept
    assert " brimston " in kept[version_id].beginning


def test_cards_that_are_missing_or_of_another_form_are_made_when_the_matter_is_opened(
    library, scope, take_in
):
    versions = [take_in(f"{number}.txt", _parts(f"{number} {TITLE}")) for number in range(3)]
    before = library.cards(scope, versions)
    with library._database.write() as connection:
        connection.execute(delete(card).where(card.c.version_id == versions[0]))
        connection.execute(update(card).where(card.c.version_id == versions[1]).values(form=0, name=" old "))
    assert library.cards(scope, versions) == before

    rooms = Rooms(library, HashingEmbedder())
    rooms.room(scope).check()
    rooms.close()

    assert sorted(_kept(library)) == sorted(versions)
    assert library.cards(scope, versions) == before


def test_only_what_is_live_and_in_scope_has_a_card_to_give(library, scope, take_in, actor):
    first, other = take_in("a.txt", _parts(TITLE)), take_in("b.txt", _parts(f"Other {TITLE}"))
    owner = library.document(scope, "a.txt").id
    elsewhere = Scope(library.create_matter("Elsewhere", actor), actor)
    assert set(library.cards(Scope(scope.matter, actor, frozenset([owner])), [first, other])) == {first}
    assert library.cards(elsewhere, [first, other]) == {}
    take_in("a.txt", _parts(f"New {TITLE}"))
    assert set(library.cards(scope, [first, other])) == {other}


def test_a_card_goes_with_its_document(library, scope, take_in):
    take_in("a.txt", _parts(TITLE))
    library.delete_document(scope, library.document(scope, "a.txt").id)
    assert _kept(library) == []
