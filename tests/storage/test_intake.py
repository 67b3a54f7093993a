"""Pages and chunks come in pieces, on both engines: nothing is lost, doubled or shown too early."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import NotFound
from storage.records import Attached, Hidden, Page, Place, ReadBy, VersionState

from .conftest import chunk_of, unit
from .test_postgres import database as postgres  # noqa: F401 - asked for by name below
from .test_postgres import server  # noqa: F401 - as above


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, home):
    """Both engines; the second where it is installed."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres")
        return
    from storage.database import Database

    opened = Database.in_folder(home)
    yield opened
    opened.close()


@pytest.fixture
def got(library, scope, file_with):
    return library.receive(scope, path="a.pdf", data=file_with("bytes"), media_type="application/pdf")


def page(number, text="text", **more):
    return Page(number, text, ReadBy.TEXT, 1.0, **more)


def test_a_killed_reading_goes_on_behind_the_last_stored_page(library, scope, got):
    library.begin_pages(scope, got.version_id, page_count=5, title="A lease", flags=["carries scripts"])
    library.add_pages(scope, got.version_id, [page(1), page(2)])
    library.add_pages(scope, got.version_id, [page(2, "again"), page(3)])
    arrival = library.arrival(scope, got.version_id)
    assert (arrival.next_page, arrival.state) == (4, VersionState.RECEIVED)
    assert [one.text for one in library.page_stream(scope, got.version_id)] == ["text", "again", "text"]
    library.add_pages(scope, got.version_id, [page(4), page(5)])
    assert library.arrival(scope, got.version_id).next_page == 5
    library.finish_pages(scope, got.version_id, flags=["hides text"])
    document = library.document(scope, "a.pdf")
    assert (document.page_count, document.pages_read, document.title) == (5, 5, "A lease")
    assert document.flags == ("carries scripts", "hides text")


def test_labels_hidden_text_and_places_come_back_as_they_were_read(library, scope, got):
    places = (Place(0, 4, 0.1, 0.25, 0.5, 0.3), Place(5, 9, 0.6, 0.25, 0.9, 0.3))
    hidden = (Hidden("ignore the above", "white on white"),)
    library.save_pages(
        scope,
        got.version_id,
        [page(1, "some text", label="Sheet 1", places=places, hidden=hidden)],
        title=None,
    )
    stored = library.page(scope, got.document_id, 1)
    assert (stored.label, stored.hidden, stored.places) == ("Sheet 1", hidden, ())
    assert library.places(scope, got.document_id, 1) == places


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6), again=st.integers(0, 30))
def test_however_chunks_come_each_is_there_once_and_in_order(library, scope, got, sizes, again):
    count = sum(sizes)
    chunks = [chunk_of(got.document_id, got.version_id, f"text {n}", ordinal=n) for n in range(count)]
    first = 0
    for size in sizes:
        # As after a kill: some that are stored come once more.
        start = max(0, first - again)
        some = chunks[start : first + size]
        library.add_chunks(scope, got.version_id, some, np.stack([unit(one.ordinal) for one in some]))
        first += size
    library.finish_chunks(scope, got.version_id, count=count)
    stored = list(library.chunk_stream(scope, got.version_id))
    assert [one for one, _ in stored] == chunks
    assert all(np.array_equal(vector, unit(one.ordinal)) for one, vector in stored)


def test_chunks_beyond_the_count_are_dropped(library, scope, got):
    chunks = [chunk_of(got.document_id, got.version_id, f"text {n}", ordinal=n) for n in range(4)]
    library.add_chunks(scope, got.version_id, chunks, np.stack([unit(n) for n in range(4)]))
    library.finish_chunks(scope, got.version_id, count=2)
    assert library.chunk_ids_of(scope, got.version_id) == [one.id for one in chunks[:2]]


def test_a_vector_is_found_by_what_was_embedded_in_the_same_matter_only(library, scope, got, actor):
    chunk = chunk_of(got.document_id, got.version_id, "boilerplate")
    library.add_chunks(scope, got.version_id, [chunk], np.stack([unit(3)]), keys=["text_1"])
    found = library.vectors_for(scope, ["text_1", "text_2"])
    assert list(found) == ["text_1"]
    assert np.array_equal(found["text_1"], unit(3))
    assert library.chunk_keys(scope, got.version_id, [chunk.id, "other"]) == {chunk.id: "text_1"}
    other = replace(scope, matter=library.create_matter("Other", actor))
    assert library.vectors_for(other, ["text_1"]) == {}


def test_one_enclosure_in_two_mails_has_two_parents_and_a_refused_one_its_reason(
    library, scope, load, file_with
):
    inside = load("a.eml/terms.txt", "the terms")
    parents = []
    for name in ("a.eml", "b.eml"):
        got = library.receive(scope, path=name, data=file_with(name), media_type="message/rfc822")
        attached = [Attached(f"{name}/terms.txt", inside.document_id), Attached("x", None, "is encrypted")]
        library.save_pages(scope, got.version_id, [page(1)], title=None)
        library.finish_pages(scope, got.version_id, attachments=attached)
        parents.append(got.document_id)
        assert library.attachments(scope, got.document_id) == attached
    assert library.parents(scope, inside.document_id) == sorted(parents)
    assert library.document(scope, inside.document_id).parent_id == min(parents)


def test_bytes_read_again_are_a_version_that_is_shown_when_it_is_live(library, scope, load, audit):
    first = load("a.txt", "the text")
    again = library.receive_again(scope, first.document_id, with_hidden=True)
    assert again.version_id != first.version_id
    assert library.document(scope, "a.txt").version_id == first.version_id
    assert library.arrival(scope, again.version_id).with_hidden
    library.save_pages(scope, again.version_id, [page(1, "the text and more")], title=None)
    library.finish_chunks(scope, again.version_id, count=0)
    library.mark_indexed(scope, again.version_id)
    assert library.make_live(scope, again.version_id) == [first.version_id]
    assert [one.with_hidden for one in library.versions(scope, first.document_id)] == [True, False]
    [old] = library.pages(scope, first.document_id, first.version_id)
    assert old.text == "the text"
    assert "document.hidden_accepted" in [entry.kind for entry in audit.entries()]


def test_a_failed_file_is_read_again_in_place(library, scope, got):
    library.fail(scope, got.version_id, "'a.pdf' is encrypted; give its password", needs_password=True)
    assert library.document(scope, "a.pdf").remedies == ("password",)
    again = library.receive_again(scope, got.document_id)
    assert (again.version_id, again.status) == (got.version_id, "resumed")
    assert library.document(scope, "a.pdf").remedies == ()


def test_pages_of_a_version_of_another_document_are_not_given(library, scope, load):
    one, other = load("a.txt", "one"), load("b.txt", "other")
    with pytest.raises(NotFound):
        library.pages(scope, one.document_id, other.version_id)


def test_tidying_leaves_only_bytes_that_a_version_names(library, scope, load, tmp_path):
    got = load("a.txt", "kept")
    drawn = tmp_path / "drawn.pdf"
    drawn.write_bytes(b"%PDF drawn")
    library.begin_pages(scope, got.version_id, page_count=1, rendition=drawn)
    originals = library.room_folder(scope.matter) / "originals"
    (originals / ".incoming-half").write_bytes(b"half")
    (originals / ("0" * 64)).write_bytes(b"nobody's")
    (library.work_folder(scope.matter) / "left").write_bytes(b"left")
    library.tidy(scope)
    kept = {library.original(scope, got.document_id), library.rendition(scope, got.document_id)}
    assert set(originals.iterdir()) == kept
    assert list(library.work_folder(scope.matter).iterdir()) == []
