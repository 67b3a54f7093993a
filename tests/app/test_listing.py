from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import listing
from ingest import media
from storage.overview import UnreadPage
from storage.records import Document, Family, Page, ReadBy, Version, VersionState

_AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def _document(number=1, **changes) -> Document:
    fields = {
        "id": f"doc_{number}",
        "matter_id": "matter_1",
        "path": f"leases/Lease {number}.pdf",
        "version_id": f"version_{number}",
        "state": VersionState.LIVE,
        "media_type": media.PDF,
        "sha256": "00",
        "size": 1,
        "title": None,
        "page_count": 10,
        "pages_read": 10,
        "problem": None,
        "added_at": _AT,
        "added_by": "user_1",
    }
    return Document(**{**fields, **changes})


def _locked(number=1) -> Document:
    return _document(
        number,
        state=VersionState.FAILED,
        page_count=0,
        pages_read=0,
        problem=f"'leases/Lease {number}.pdf' is encrypted; give its password",
        remedies=("password",),
    )


def _version(number, state=VersionState.SUPERSEDED, **changes) -> Version:
    fields = {
        "id": f"version_{number}",
        "document_id": "doc_1",
        "state": state,
        "sha256": "00",
        "size": 1,
        "media_type": media.PDF,
        "received_at": _AT + timedelta(days=number),
        "received_by": "user_1",
        "page_count": 1,
        "pages_read": 1,
        "problem": None,
        "flags": (),
        "with_hidden": False,
        "ocr": "auto",
    }
    return Version(**{**fields, **changes})


def _report(documents, **options):
    return "; ".join(listing.report_parts(documents, listing.troubles(documents), **options))


def test_the_report_says_how_many_pages_and_documents_were_not_read():
    documents = [_document(1, page_count=214, pages_read=211), _locked(2), _locked(3)]
    assert _report(documents) == "3 of 214 pages could not be read; 2 of 3 documents need a password"


def test_hidden_text_that_is_left_out_stands_in_the_report():
    hiding = [_document(number, remedies=("accept_hidden",)) for number in (1, 2)]
    assert _report(hiding[:1]) == "1 document hides text, which is left out"
    assert _report(hiding) == "2 documents hide text, which is left out"


def test_a_page_that_was_read_in_part_is_not_called_lost():
    pages = [UnreadPage("doc_1", 3, "page 3 holds a picture that was not read", in_part=True)]
    said = _report([_document(pages_read=8)], unread=pages)
    assert said == "2 of 10 pages could not be read (1 of them in part)"


def test_only_when_all_is_read_and_nothing_is_coming_is_that_said_as_good():
    done, coming = _document(1), _document(2, state=VersionState.PARSED, page_count=0, pages_read=0)
    assert _report([done]) == ""
    assert listing.headline([done], [], busy=False) == ("Every page was read: 10 pages of 1 document", "good")
    for documents, busy in (([done, coming], False), ([done], True)):
        line, tone = listing.headline(documents, [], busy=busy)
        assert line == "Still reading, 1 document ready. So far every page was read"
        assert tone == "none"


def test_what_is_missing_is_marked_while_the_rest_is_coming():
    line, tone = listing.headline([_document()], ["3 of 10 pages could not be read"], busy=True)
    assert line == "Still reading, 1 document ready. So far 3 of 10 pages could not be read"
    assert tone == "some"


def test_a_new_version_that_failed_is_reported_though_the_old_one_is_ready():
    documents = [_document(problem="a newer version could not be read: it is damaged", remedies=("retry",))]
    assert _report(documents) == "1 of 1 document could not be read"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "ready"),
        ({"pages_read": 8}, "ready, 2 pages not read"),
        ({"state": VersionState.FAILED}, "could not be read"),
        ({"state": VersionState.FAILED, "remedies": ("password",)}, "needs a password"),
        ({"state": VersionState.RECEIVED}, "waiting to be read"),
    ],
)
def test_a_document_with_unread_pages_never_calls_itself_simply_ready(changes, words):
    assert listing.document_state(_document(**changes)) == words


def test_a_problem_is_told_without_the_name_that_stands_beside_it():
    assert listing.reason_alone(_locked()) == "is encrypted; give its password"


def test_pages_that_were_not_read_are_gathered_by_their_reason():
    pages = [UnreadPage("doc_1", n, f"page {n} is damaged", in_part=False) for n in (3, 7, 8, 9)]
    pages.append(UnreadPage("doc_1", 12, "sheet 'P&L' is too long", in_part=True))
    assert listing.unread_lines(pages) == [
        "pages 3, 7\u20139: each is damaged",
        "page 12: sheet 'P&L' is too long",
    ]
    assert listing.unread_lines(pages[:1]) == ["page 3 is damaged"]


@given(st.sets(st.integers(1, 60)))
def test_ranges_name_every_number_once(numbers):
    named = set()
    for one in filter(None, listing.ranges(sorted(numbers)).split(", ")):
        first, _, last = one.partition("\u2013")
        run = set(range(int(first), int(last or first) + 1))
        assert not run & named
        named |= run
    assert named == numbers


def test_readers_are_counted_and_one_that_read_everything_needs_no_count():
    assert listing.how_read({ReadBy.OCR: 2, ReadBy.TEXT: 60}) == "text 60, OCR 2"
    assert listing.how_read({ReadBy.OCR: 2}) == "OCR"


@pytest.mark.parametrize(
    ("page", "doubted"),
    [
        (Page(1, "words", ReadBy.TEXT, 1.0), False),
        (Page(1, "words", ReadBy.OCR, 0.99), False),
        (Page(1, "words", ReadBy.OCR, 0.93), True),
        (Page(1, "words", ReadBy.SECOND_READER, 0.9), True),
        (Page(1, "", ReadBy.OCR, 0.0), False),
        (Page(1, "", ReadBy.NONE, 0.0), False),
    ],
)
def test_a_reader_is_told_when_to_compare_the_words_with_the_page(page, doubted):
    assert listing.is_doubtful(page) is doubted
    assert (("check" in listing.how_sure(page)) or ("compare" in listing.how_sure(page))) is doubted


def test_how_sure_ocr_was_is_never_rounded_up_to_certainty():
    assert "99 % sure" in listing.how_sure(Page(1, "words", ReadBy.OCR, 0.9999))


@pytest.mark.parametrize(
    ("kind", "label", "words"),
    [
        (media.PDF, None, "page 3"),
        (media.XLSX, "P&L", "sheet \u201cP&L\u201d"),
        (media.PPTX, "Outlook", "slide 3 \u201cOutlook\u201d"),
        (media.PPTX, None, "slide 3"),
    ],
)
def test_a_page_is_called_what_people_call_it(kind, label, words):
    assert listing.page_name(_document(media_type=kind), 3, label) == words


def test_near_duplicates_are_told_on_both_and_never_as_wholly_the_same():
    names = {"a": "drafts/Lease v1.docx", "b": "Lease v2.docx", "c": "Lease v3.docx"}
    pair = listing.relatives([Family((("a", 1.0), ("b", 0.998)))], names)
    assert pair == {"a": "99 % the same as Lease v2.docx", "b": "99 % the same as Lease v1.docx"}
    three = listing.relatives([Family((("a", 1.0), ("b", 0.94), ("c", 0.8)))], names)
    assert three["a"] == "2 others nearly the same"
    assert three["c"] == "80 % the same as Lease v1.docx"


def test_a_family_of_which_one_is_left_is_none():
    assert listing.relatives([Family((("a", 1.0), ("gone", 0.9)))], {"a": "Lease.pdf"}) == {}


def test_files_inside_a_mail_stand_under_it_and_no_document_is_left_out():
    mail = _document(1, path="mail/a.eml")
    between = _document(2, path="mail/a.eml 2")
    inside = _document(3, path="mail/a.eml/report.pdf", parent_id="doc_1")
    deeper = _document(4, path="mail/a.eml/report.pdf/annex.txt", parent_id="doc_3")
    elsewhere = _document(5, path="report.pdf", parent_id="doc_1")
    rows = listing.in_order([mail, between, inside, deeper, elsewhere])
    assert [one.id for one, _ in rows] == ["doc_1", "doc_3", "doc_4", "doc_2", "doc_5"]
    assert rows[1][1].endswith("report.pdf")
    assert "mail/" not in rows[1][1]
    assert rows[4][1] == "report.pdf"


def test_versions_say_which_is_now_and_when_the_others_made_way():
    versions = [_version(3, VersionState.LIVE), _version(2, VersionState.FAILED), _version(1, ocr="always")]
    shown = listing.readable(versions)
    assert listing.version_name(shown, 0, None) == "now (25 Nov 2026, 14:05)"
    assert (
        listing.version_name(shown, 1, None)
        == "23 Nov 2026, 14:05, read with OCR, replaced on 25 Nov 2026, 14:05"
    )


def test_a_file_that_was_refused_is_named_until_it_comes_in():
    refused = {"document": "a.7z", "document_id": None, "problems": [{"reason": "'a.7z' is a 7z archive"}]}
    taken = {"document": "b.pdf", "document_id": "doc_1", "problems": []}
    assert listing.refused_files([{"documents": [taken, refused]}], ["b.pdf"]) == {
        "a.7z": "'a.7z' is a 7z archive"
    }
    later = {**refused, "document_id": "doc_2", "problems": []}
    assert listing.refused_files([{"documents": [later]}, {"documents": [refused]}], []) == {}
    assert listing.refused_files([{"documents": [refused]}], ["a.7z"]) == {}


def test_every_kind_that_is_read_has_a_word():
    kinds = {value for name, value in vars(media).items() if name.isupper() and "/" in str(value)}
    assert all(listing.document_type(_document(media_type=kind, path="x")) != "File" for kind in kinds)
