"""The library: what is stored is found again, exactly, and nothing is live in part."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import inspect

from storage import cards, chunk_store, index_source, tables
from storage import live as live_documents
from storage.errors import NotFound, WrongUse
from storage.prepared import Prepared
from storage.records import Page, ReadBy, Scope, VersionState

from .conftest import chunk_of, unit


def test_the_migrations_make_the_tables_that_the_code_declares(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        assert set(inspect(connection).get_table_names()) > set(tables.metadata.tables)


def test_a_document_comes_back_as_it_was_stored(library, scope, load):
    got = load("leases/2019.txt", "Six months' notice.")
    document = library.document(scope, "leases/2019.txt")
    assert (document.id, document.state, document.page_count, document.pages_read) == (
        got.document_id,
        VersionState.LIVE,
        1,
        1,
    )
    assert library.page(scope, document.id, 1).text == "Six months' notice."
    assert library.original(scope, document.id).read_text() == "Six months' notice."
    [(chunk, vector)] = library.live_chunks(scope)
    assert (chunk.text, chunk.heading_path) == ("Six months' notice.", ("Term",))
    assert np.array_equal(vector, unit(len(chunk.text)))


def test_the_same_bytes_twice_are_one_document(library, scope, load, file_with):
    load("a.txt", "the same")
    again = library.receive(scope, path="a.txt", data=file_with("the same"), media_type="text/plain")
    copy = library.receive(scope, path="b.txt", data=file_with("the same"), media_type="text/plain")
    assert (again.status, copy.status) == ("unchanged", "duplicate")
    assert [one.path for one in library.documents(scope)] == ["a.txt"]


def test_new_bytes_under_a_known_path_replace_the_old_version_at_once(library, scope, load):
    first = load("a.txt", "ninety days")
    second = load("a.txt", "one hundred and twenty days")
    assert second.document_id == first.document_id
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["one hundred and twenty days"]
    assert library.chunks_of(scope, first.version_id)[0][0].text == "ninety days"


def test_an_old_version_put_back_is_live_again(library, scope, load):
    load("a.txt", "ninety days")
    load("a.txt", "thirty days")
    back = load("a.txt", "ninety days")
    assert back.status == "resumed"
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["ninety days"]


def test_superseded_bytes_under_another_path_are_a_document_of_their_own(library, scope, load):
    load("a.txt", "ninety days")
    load("a.txt", "thirty days")
    load("old/a.txt", "ninety days")
    assert sorted(chunk.text for chunk, _ in library.live_chunks(scope)) == ["ninety days", "thirty days"]


def test_nothing_of_a_version_is_seen_before_it_is_live(library, scope, file_with):
    got = library.receive(scope, path="a.txt", data=file_with("text"), media_type="text/plain")
    library.save_pages(scope, got.version_id, [Page(1, "text", ReadBy.TEXT, 1.0)], title=None)
    chunk = chunk_of(got.document_id, got.version_id, "text")
    library.save_chunks(scope, got.version_id, [chunk], np.stack([unit(1)]))
    library.mark_indexed(scope, got.version_id)
    assert library.live_chunk_ids(scope) == frozenset()
    assert library.chunks_with_vectors(scope, [chunk.id]) == []
    assert [one.state for one in library.unfinished(scope)] == [VersionState.INDEXED]
    library.make_live(scope, got.version_id)
    assert library.live_chunk_ids(scope) == {chunk.id}
    assert library.unfinished(scope) == []


def test_a_newer_version_that_cannot_be_read_leaves_the_old_one_live_and_says_so(
    library, scope, load, file_with
):
    load("a.txt", "good")
    broken = library.receive(scope, path="a.txt", data=file_with("bad"), media_type="text/plain")
    library.fail(scope, broken.version_id, "it is truncated")
    document = library.document(scope, "a.txt")
    assert document.state is VersionState.LIVE
    assert document.problem == "a newer version could not be read: it is truncated"


def test_a_failed_file_can_be_tried_again(library, scope, file_with):
    first = library.receive(scope, path="a.txt", data=file_with("x"), media_type="text/plain")
    library.fail(scope, first.version_id, "no")
    again = library.receive(scope, path="a.txt", data=file_with("x"), media_type="text/plain")
    assert (again.status, again.version_id) == ("resumed", first.version_id)
    assert library.document(scope, "a.txt").problem is None


def test_a_page_that_was_not_read_keeps_its_number_and_its_reason(library, scope, file_with):
    got = library.receive(scope, path="a.pdf", data=file_with("%PDF"), media_type="application/pdf")
    pages = [
        Page(1, "one", ReadBy.TEXT, 1.0),
        Page(2, "", ReadBy.NONE, 0.0, "the page is a picture"),
        Page(3, "three", ReadBy.TEXT, 1.0),
    ]
    library.save_pages(scope, got.version_id, pages, title="A lease")
    assert library.pages(scope, got.document_id) == pages
    document = library.document(scope, got.document_id)
    assert (document.page_count, document.pages_read, document.title) == (3, 2, "A lease")


def test_another_matter_sees_nothing_of_it(library, scope, load, actor, file_with):
    got = load("a.txt", "privileged")
    other = Scope(library.create_matter("Other", actor), actor)
    [(chunk, _)] = library.live_chunks(scope)
    assert library.documents(other) == []
    assert library.chunks_with_vectors(other, [chunk.id]) == []
    for use in (
        lambda: library.page(other, got.document_id, 1),
        lambda: library.fail(other, got.version_id, "no"),
        lambda: library.make_live(other, got.version_id),
        lambda: library.chunks_of(other, got.version_id),
        lambda: library.delete_document(other, got.document_id),
    ):
        with pytest.raises(NotFound):
            use()


def test_a_scope_of_some_documents_hides_the_others(library, scope, load):
    shown = load("a.txt", "shown")
    hidden = load("b.txt", "hidden")
    narrow = replace(scope, document_ids=frozenset({shown.document_id}))
    assert [one.path for one in library.documents(narrow)] == ["a.txt"]
    assert [chunk.text for chunk, _ in library.live_chunks(narrow)] == ["shown"]
    with pytest.raises(NotFound):
        library.document(narrow, hidden.document_id)


def test_a_deleted_document_leaves_no_bytes_and_one_record(library, scope, load, audit):
    got = load("a.txt", "forget me")
    original = library.original(scope, got.document_id)
    [chunk_id] = library.live_chunk_ids(scope)
    assert library.delete_document(scope, got.document_id) == [chunk_id]
    assert not original.exists()
    assert library.documents(scope) == []
    assert audit.entries(limit=1)[0].kind == "document.deleted"


def test_a_deleted_matter_takes_its_folder_with_it(library, scope, load):
    load("a.txt", "text")
    folder = library.room_folder(scope.matter)
    library.delete_matter(scope)
    assert not folder.exists()
    assert library.matters() == []


def test_folders_of_matters_that_are_gone_are_swept(library, scope, home):
    orphan = home / "matters" / "matter_gone"
    orphan.mkdir(parents=True)
    kept = library.room_folder(scope.matter)
    library.sweep()
    assert kept.exists()
    assert not orphan.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_matter_needs_a_usable_name(library, actor, name):
    with pytest.raises(WrongUse, match="1 to 120"):
        library.create_matter(name, actor)


def test_two_matters_cannot_share_a_name(library, actor):
    library.create_matter("Deal", actor)
    with pytest.raises(WrongUse, match="another name"):
        library.create_matter(" Deal ", actor)


def test_vectors_and_chunks_must_be_as_many(library, scope, file_with):
    got = library.receive(scope, path="a.txt", data=file_with("x"), media_type="text/plain")
    with pytest.raises(ValueError, match="1 chunks but 0 vectors"):
        library.save_chunks(
            scope, got.version_id, [chunk_of(got.document_id, got.version_id, "x")], np.zeros((0, 8))
        )


def test_sweeping_removes_what_a_killed_load_had_unpacked(library):
    (library.unpacking_folder() / "muniment-left").write_text("a member of an archive")
    library.sweep()
    assert list(library.unpacking_folder().iterdir()) == []


def test_one_search_sees_a_document_as_it_was_when_it_was_first_asked_for(library, scope, load):
    got = load("a.txt", "first")
    live = library.live(scope)
    before = live.versions([got.document_id, "unknown"])
    assert list(before) == [got.document_id]
    load("a.txt", "second")
    load("b.txt", "third")
    assert live.versions([got.document_id]) == before
    assert library.live(scope).versions([got.document_id]) != before
    assert (live.total(), library.live(scope).total()) == (1, 2)


def test_what_is_out_of_scope_of_another_matter_or_not_live_is_no_live_document(
    library, scope, file_with, load, actor
):
    ours = load("a.txt", "first").document_id
    coming = library.receive(scope, path="b.txt", data=file_with("b"), media_type="text/plain").document_id
    other = Scope(library.create_matter("other", actor), actor)
    narrower = Scope(scope.matter, actor, frozenset({coming}))
    assert library.live(scope).paths([ours, coming]) == {ours: "a.txt"}
    assert library.live(other).paths([ours]) == {}
    assert library.live(narrower).paths([ours, coming]) == {}
    assert (library.live(narrower).total(), library.live(other).total()) == (1, 0)


def test_no_statement_of_a_search_goes_through_a_whole_matter(database, scope):
    values = {"matter": scope.matter.id, "wanted": "[]", "most": 4, "characters": 9}
    asked = [
        one
        for of in (chunk_store, live_documents, cards)
        for one in vars(of).values()
        if isinstance(one, Prepared)
    ]
    assert len(asked) > 5
    for one in asked:
        statement, parameters = one.filled(database.engine.dialect, values)
        with database.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        steps = [row.detail for row in plan if "json_each" not in row.detail]
        whole = [step for step in steps if step.startswith("SCAN") or step.endswith("(matter_id=?)")]
        # Documents are counted; all else is sought by its own id.
        assert [step for step in whole if " document " not in step] == []


def test_the_ids_that_an_index_must_hold_are_read_without_texts_and_vectors(database, scope):
    (ids,) = [one for one in vars(index_source).values() if isinstance(one, Prepared)]
    statement, parameters = ids.filled(database.engine.dialect, {"matter": scope.matter.id, "states": "[]"})
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    (of_chunks,) = [row.detail for row in plan if " chunk " in row.detail]
    assert "COVERING INDEX" in of_chunks
