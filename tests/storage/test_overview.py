"""What lists of documents show is counted over the live versions of one matter, and of no other."""

import numpy as np
import pytest

from storage.errors import NotFound
from storage.overview import UnreadPage
from storage.records import Hidden, Page, ReadBy, Scope

from .conftest import chunk_of, unit

_PAGES = (
    Page(1, "The rent", ReadBy.TEXT, 1.0, label="P&L", hidden=(Hidden("buy", "white"),)),
    Page(2, "is due", ReadBy.OCR, 0.9, problem="page 2 holds a picture that was not read"),
    Page(3, "", ReadBy.NONE, 0.0, problem="page 3 is damaged"),
)


@pytest.fixture
def book(library, scope, file_with):
    """A live document of `_PAGES`."""
    got = library.receive(scope, path="book.xlsx", data=file_with("bytes"), media_type="text/plain")
    library.save_pages(scope, got.version_id, _PAGES, title=None)
    chunk = chunk_of(got.document_id, got.version_id, "The rent")
    library.save_chunks(scope, got.version_id, [chunk], np.stack([unit(1)]))
    library.mark_indexed(scope, got.version_id)
    library.make_live(scope, got.version_id)
    return got


@pytest.fixture
def other(library, actor):
    return Scope(library.create_matter("Another", actor), actor)


def test_readers_are_counted_by_document(library, scope, book, load):
    letter = load("letter.txt", "Dear tenant")
    each = {ReadBy.TEXT: 1, ReadBy.OCR: 1, ReadBy.NONE: 1}
    assert library.readers(scope) == {book.document_id: each, letter.document_id: {ReadBy.TEXT: 1}}
    assert library.readers_of(scope, book.version_id) == each


def test_unread_pages_say_why_and_whether_some_text_is_there(library, scope, book):
    expected = [
        UnreadPage(book.document_id, 2, "page 2 holds a picture that was not read", in_part=True),
        UnreadPage(book.document_id, 3, "page 3 is damaged", in_part=False),
    ]
    assert library.unread_pages(scope) == expected
    assert library.unread_pages(scope, book.version_id) == expected


def test_pages_on_which_something_hides_are_found(library, scope, book):
    [page] = library.hidden_pages(scope, book.version_id)
    assert (page.number, page.hidden) == (1, (Hidden("buy", "white"),))


def test_pages_are_named_where_they_have_a_name(library, scope, book):
    wanted = [(book.document_id, 1), (book.document_id, 2), ("doc_unknown", 1)]
    assert library.labels(scope, wanted) == {(book.document_id, 1): "P&L"}
    assert library.labels(scope, []) == {}


def test_another_matter_shows_nothing_of_it(library, other, book):
    assert library.readers(other) == {}
    assert library.unread_pages(other) == []
    assert library.unread_pages(other, book.version_id) == []
    assert library.labels(other, [(book.document_id, 1)]) == {}
    with pytest.raises(NotFound):
        library.hidden_pages(other, book.version_id)
    with pytest.raises(NotFound):
        library.readers_of(other, book.version_id)
