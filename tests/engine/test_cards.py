"""Words tell a document by how few others have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cards import CardReader, Cards, Held
from storage.cards import card_of
from storage.records import Scope
from tests.engine.test_retrieval import Desk

TITLE = (
    "DISTRIBUTION AGREEMENT between Brimstone LLC and Haverley Ltd. "
    + "The goods are sold as they are. " * 60
)
OTHER = (
    "DISTRIBUTION AGREEMENT between Corvane Inc and Dunmere plc. " + "The goods are sold as they are. " * 60
)
NOTE = "Brimstone asked for convenience."
STEMS = ("acm", "ope", "text", "corp")


def _in_parts(text: str) -> list[str]:
    return [text[first : first + 500] for first in range(0, len(text), 500)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.rooms.close()
    made.database.close()


def _cards(desk: Desk, query: str) -> Cards:
    return CardReader(desk.library).cards(
        desk.library.live(desk.scope), desk.rooms.room(desk.scope), query, limit=9
    )


def test_a_party_tells_its_agreement_and_the_word_agreement_does_not(desk: Desk) -> None:
    ours = desk.ingest("ours.txt", _in_parts(TITLE))
    other = desk.ingest("other.txt", _in_parts(OTHER))

    cards = _cards(desk, "Does the agreement of Brimstone allow it?")

    assert cards.telling(ours, "Brimstone") == 1.0
    assert cards.telling(other, "Brimstone") is None
    assert cards.scores()[ours] > 2 * cards.scores().get(other, 0.0)


def test_a_short_document_is_named_by_its_name_alone(desk: Desk) -> None:
    note = desk.ingest("corvane note.txt", [NOTE])

    cards = _cards(desk, "Did Brimstone write the Corvane note?")

    assert cards.telling(note, "Brimstone") is None
    assert cards.telling(note, "Corvane") is not None


def test_a_word_of_many_documents_is_a_subject_and_no_name() -> None:
    spread = {("cap",): 60, ("snotarator",): 1}
    cards = Cards(4_000, spread, Held({"one": card_of("cap", ""), "two": card_of("snotarator", "")}, spread))

    assert set(cards.scores()) == {"two"}
    told = cards.telling("one", "cap")
    assert told is not None
    assert told < 0.2


def test_common_words_that_stand_together_as_a_name_tell_its_document(desk: Desk) -> None:
    ours = desk.ingest("ours.txt", _in_parts(f"Open Text Corp. {TITLE}"))
    for number in range(3):
        desk.ingest(f"other {number}.txt", [f"The text of schedule {number} is open."])

    named = _cards(desk, "What does Open Text sell?")
    mentioned = _cards(desk, "Which text is open?")

    assert named.telling(ours, "Text") == 1.0
    assert max(named.scores(), key=lambda one: named.scores()[one]) == ours
    assert mentioned.telling(ours, "text") == 0.0


def test_a_card_is_read_anew_when_its_document_has_changed(desk: Desk) -> None:
    reader, room = CardReader(desk.library), desk.rooms.room(desk.scope)
    desk.ingest("ours.txt", _in_parts(TITLE))
    before = reader.cards(desk.library.live(desk.scope), room, "Corvane", limit=9)

    changed = desk.ingest("ours.txt", _in_parts(OTHER))

    assert before.scores() == {}
    assert set(reader.cards(desk.library.live(desk.scope), room, "Corvane", limit=9).scores()) == {changed}


def test_a_reader_that_remembers_sees_documents_come_change_and_go(desk: Desk) -> None:
    reader, room = CardReader(desk.library), desk.rooms.room(desk.scope)
    first = desk.ingest("ours.txt", _in_parts(TITLE))
    assert (
        reader.cards(desk.library.live(desk.scope), room, "Brimstone", limit=9).telling(first, "Brimstone")
        == 1.0
    )

    second = desk.ingest("like it.txt", _in_parts(f"{TITLE} So be it."))
    told = reader.cards(desk.library.live(desk.scope), room, "Brimstone", limit=9)
    assert told.spread == {("brimston",): 2}
    assert set(told.held.holders(("brimston",))) == {first, second}

    before = desk.library.live_versions(desk.scope, [first])[first]
    desk.ingest("ours.txt", _in_parts(OTHER))
    room.remove(desk.library.chunk_ids_of(desk.scope, before.version_id))
    changed = reader.cards(desk.library.live(desk.scope), room, "Brimstone Corvane", limit=9)
    assert changed.telling(first, "Brimstone") is None
    assert changed.spread == {("brimston",): 1, ("corvan",): 1}

    desk.rooms.delete_document(desk.scope, second)
    assert reader.cards(desk.library.live(desk.scope), room, "Brimstone", limit=9).spread == {}


_phrases = st.lists(st.sampled_from(STEMS), max_size=6).map(" ".join)


@given(
    named=st.lists(st.tuples(_phrases, _phrases, st.booleans()), min_size=1, max_size=4),
    asked=st.lists(
        st.one_of(st.tuples(st.sampled_from(STEMS)), st.tuples(*[st.sampled_from(STEMS)] * 2)), unique=True
    ),
)
def test_a_card_has_what_stands_in_it_word_after_word_and_the_name_counts_double(
    named: list[tuple[str, str, bool]], asked: list[tuple[str, ...]]
) -> None:
    cards = {
        str(at): card_of(name, text + " other" * 300 * is_long)
        for at, (name, text, is_long) in enumerate(named)
    }
    held = Held(cards, asked)

    for at, (name, text, is_long) in enumerate(named):
        begun = [one for one in asked if is_long and f" {' '.join(one)} " in f" {text} "]
        called = [one for one in asked if f" {' '.join(one)} " in f" {name} "]
        # In this order, since what is added up depends on it in its last digits.
        expected = {**dict.fromkeys(begun, 1.0), **dict.fromkeys(called, 2.0)}
        assert list(held.of(str(at)).items()) == list(expected.items())
        assert {one for one in asked if str(at) in held.holders(one)} == set(expected)
    assert set(held.said()) == {one for at in cards for one in held.of(at)}


def test_two_matters_with_the_same_words_have_cards_of_their_own(desk: Desk) -> None:
    reader = CardReader(desk.library)
    ours = desk.ingest("ours.txt", _in_parts(TITLE))
    reader.cards(desk.library.live(desk.scope), desk.rooms.room(desk.scope), "Brimstone", limit=9)

    other = Scope(desk.library.create_matter("Other", desk.scope.actor), desk.scope.actor)

    assert reader.cards(desk.library.live(other), desk.rooms.room(other), "Brimstone", limit=9).spread == {}
    assert desk.library.live_versions(other, [ours]) == {}
