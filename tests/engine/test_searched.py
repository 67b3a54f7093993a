from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from engine.searched import Searched, can_be_searched_line, searched_line, searched_note, searched_of
from storage.records import Document, VersionState

_AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def _document(number: int, state: VersionState, pages: int = 0, read: int = 0) -> Document:
    return Document(
        f"doc_{number}", "matter_1", f"{number}.pdf", f"ver_{number}", state, "application/pdf", "0" * 64,
        1, None, pages, read, None, _AT, "user_1",
    )  # fmt: skip


_MATTER = [
    _document(1, VersionState.LIVE, 8, 8),
    _document(2, VersionState.LIVE, 7, 6),
    _document(3, VersionState.FAILED),
    _document(4, VersionState.RECEIVED),
]


def test_what_could_not_be_read_is_told_and_not_called_searched():
    found = searched_of(_MATTER, None)
    assert found == Searched(documents=2, pages=14, pages_unread=1, documents_unread=1, coming=1)
    assert searched_line(found.to_json()) == (
        "Searched 2 documents, 14 pages; 1 document and 1 page could not be read; "
        "1 document still being read, not searched"
    )
    assert searched_note(found) == "2 documents were searched. 2 documents could not be."
    assert can_be_searched_line(found) == "2 documents, 14 pages; 2 documents cannot be searched"


def test_where_all_was_read_nothing_else_is_said():
    found = searched_of(_MATTER[:1], None)
    assert searched_line(found.to_json()) == "Searched 1 document, 8 pages"
    assert searched_note(found) == "1 document was searched."
    assert can_be_searched_line(found) == "1 document, 8 pages"


def test_of_a_narrower_scope_only_its_documents_are_counted():
    assert searched_of(_MATTER, {"doc_2"}) == Searched(1, 6, 1, 0, 0)


@given(st.lists(st.tuples(st.sampled_from(VersionState), st.integers(0, 9), st.integers(0, 9))))
def test_every_document_is_counted_once_and_no_unread_page_as_searched(drawn):
    documents = [
        _document(number, state, max(pages, read), read) for number, (state, pages, read) in enumerate(drawn)
    ]
    found = searched_of(documents, None)
    assert found.documents + found.documents_unread + found.coming == len(documents)
    live = [one for one in documents if one.state is VersionState.LIVE]
    assert found.pages + found.pages_unread == sum(one.page_count for one in live)
    assert found.pages_unread == sum(one.page_count - one.pages_read for one in live)
