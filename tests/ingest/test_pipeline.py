import errno
import json

import numpy as np
import pytest

from ingest.pipeline import Importer
from ingest.report import IngestStatus
from ingest.sources import Source, gathered
from storage.errors import Broken
from storage.records import VersionState
from tests.data import make


@pytest.fixture
def take(importer, scope):
    """A function that takes paths in and gives the report."""

    def run(*paths, by=importer, **options):
        with gathered(paths) as sources:
            return by.run(scope, sources, **options)

    return run


@pytest.fixture
def lease(folder):
    return make.lease_pdf(folder / "lease.pdf")


class Dying:
    """Something of the store that dies when one of its methods is called for the nth time."""

    def __init__(self, real, method, error, *, after=0):
        self._real, self._method, self._error, self._left = real, method, error, after

    def __getattr__(self, name):
        if name != self._method:
            return getattr(self._real, name)
        self._left -= 1
        if self._left < 0:
            raise self._error
        return getattr(self._real, name)


def statuses(report):
    return {one.document: one.status.value for one in report.documents}


def kinds(audit):
    return [entry.kind for entry in audit.entries() if entry.kind.startswith("document.")]


def test_a_document_is_read_indexed_live_and_every_step_is_in_the_audit_log(
    take, lease, library, rooms, scope, audit
):
    report = take(lease)
    (document,) = library.documents(scope)
    assert document.state is VersionState.LIVE
    assert (document.path, document.page_count, document.pages_read) == ("lease.pdf", 3, 3)
    found = rooms.room(scope).keyword("annual rent", limit=1)
    ((chunk, _),) = library.chunks_with_vectors(scope, [found[0][0]])
    assert (chunk.span.page, "$120,000" in chunk.text) == (3, True)
    assert rooms.room(scope).check()
    assert set(kinds(audit)) == {"document.received", "document.parsed", "document.live"}
    assert report.documents[0].chunks == len(library.live_chunk_ids(scope))


def test_the_report_has_exactly_the_agreed_form(take, folder):
    (folder / "a.txt").write_text("One clause.")
    told = json.loads(json.dumps(take(folder).to_json()))
    assert set(told) == {"matter", "documents", "seconds", "pages_per_second"}
    (document,) = told["documents"]
    assert document.pop("document_id").startswith("doc_")
    assert document == {
        "document": "a.txt",
        "status": "complete",
        "pages": 1,
        "pages_read": 1,
        "ocr_pages": 0,
        "chunks": 1,
        "problems": [],
        "flags": [],
    }


def test_one_bad_file_never_stops_the_others(take, folder, lease, library, scope):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    make.pdf(folder / "secret.pdf", [["x"]], encrypt="password")
    report = take(folder)
    assert statuses(report) == {
        "broken.pdf": "failed",
        "empty.txt": "failed",
        "lease.pdf": "complete",
        "picture.txt": "failed",
        "secret.pdf": "failed",
    }
    assert all(one.problems[0].reason for one in report.documents if one.status is IngestStatus.FAILED)
    assert library.unfinished(scope) == []


def test_a_file_of_one_page_that_is_read_in_part_is_searchable_and_partial(take, folder, library, scope):
    (folder / "a.txt").write_bytes("Die Größe der Räume über dem Gewölbe.".encode() + b" Ende \xff.")
    report = take(folder)
    (told,) = report.documents
    assert told.status is IngestStatus.PARTIAL
    assert [one.reason for one in told.problems] == [
        "1 character was lost to a broken encoding, shown as \N{REPLACEMENT CHARACTER}; save it as UTF-8"
    ]
    assert ["Größe" in chunk.text for chunk, _ in library.live_chunks(scope)] == [True]


def test_the_same_bytes_again_are_unchanged_and_under_another_name_a_duplicate(take, lease, folder):
    take(lease)
    (folder / "copy.pdf").write_bytes(lease.read_bytes())
    report = take(folder)
    assert statuses(report) == {"copy.pdf": "duplicate", "lease.pdf": "unchanged"}
    assert "lease.pdf" in report.documents[0].flags[0]
    assert report.pages_per_second == 0


def test_two_copies_in_one_folder_are_one_document_and_a_duplicate(take, folder, library, rooms, scope):
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("One and the same clause.")
    report = take(folder)
    assert statuses(report) == {"a.txt": "complete", "b.txt": "duplicate", "c.txt": "duplicate"}
    assert [one.state for one in library.documents(scope)] == [VersionState.LIVE]
    assert rooms.room(scope).check()


def test_new_bytes_under_a_known_path_replace_the_old_text_everywhere(take, folder, library, rooms, scope):
    file = folder / "notice.txt"
    file.write_text("Notice is ninety days.")
    take(file)
    file.write_text("Notice is thirty days.")
    take(file)
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["Notice is thirty days."]
    assert rooms.room(scope).keyword("ninety", limit=5) == []
    assert rooms.room(scope).check()


def test_a_blank_document_is_complete_and_has_no_chunks(take, folder):
    report = take(make.pdf(folder / "blank.pdf", [None]))
    assert (statuses(report), report.documents[0].chunks) == ({"blank.pdf": "complete"}, 0)


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("begin_pages", VersionState.RECEIVED),
        ("add_pages", VersionState.RECEIVED),
        ("finish_pages", VersionState.RECEIVED),
        ("add_chunks", VersionState.PARSED),
        ("finish_chunks", VersionState.PARSED),
        ("mark_indexed", VersionState.EMBEDDED),
        ("make_live", VersionState.INDEXED),
    ],
)
def test_a_run_that_was_stopped_at_any_step_is_finished_by_resume(
    step, state, take, lease, library, rooms, embedder, audit, scope, importer
):
    dying = Importer(Dying(library, step, KeyboardInterrupt()), rooms, embedder, audit)
    with pytest.raises(KeyboardInterrupt):
        take(lease, by=dying)
    assert [one.state for one in library.unfinished(scope)] == [state]
    assert library.live_chunk_ids(scope) == frozenset()
    report = importer.resume(scope)
    assert statuses(report) == {"lease.pdf": "complete"}
    assert library.unfinished(scope) == []
    assert rooms.room(scope).check()


@pytest.mark.parametrize(
    "step", ["add_pages", "finish_pages", "add_chunks", "finish_chunks", "mark_indexed", "make_live"]
)
def test_adding_the_same_file_again_goes_on_where_a_stopped_run_left_it(
    step, take, lease, library, rooms, embedder, audit, scope
):
    dying = Importer(Dying(library, step, KeyboardInterrupt()), rooms, embedder, audit)
    with pytest.raises(KeyboardInterrupt):
        take(lease, by=dying)
    assert statuses(take(lease)) == {"lease.pdf": "complete"}
    assert rooms.room(scope).check()


def test_a_new_version_that_was_stopped_after_reading_is_finished_while_the_old_one_is_live(
    take, folder, library, rooms, embedder, audit, scope, importer
):
    file = folder / "notice.txt"
    file.write_text("Notice is ninety days.")
    take(file)
    file.write_text("Notice is thirty days.")
    with pytest.raises(KeyboardInterrupt):
        take(file, by=Importer(Dying(library, "add_chunks", KeyboardInterrupt()), rooms, embedder, audit))
    importer.resume(scope)
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["Notice is thirty days."]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("receive", OSError(errno.ENOSPC, "No space left on device")),
        ("add_chunks", Broken("the disk that holds the data folder is full; free some space and try again")),
    ],
)
def test_a_full_disk_stops_the_run_and_nothing_partial_is_live(
    step, error, take, folder, lease, library, rooms, embedder, audit, scope, importer
):
    (folder / "a.txt").write_text("A note that fits.")
    with pytest.raises(Broken, match=r"disk .* is full; free some space"):
        take(folder, by=Importer(Dying(library, step, error, after=1), rooms, embedder, audit))
    assert all(
        one.state in (VersionState.LIVE, VersionState.PARSED, VersionState.RECEIVED)
        for one in library.documents(scope)
    )
    take(folder)
    assert {one.state for one in library.documents(scope)} == {VersionState.LIVE}


def test_a_bug_in_one_file_fails_that_file_alone_and_a_later_try_can_succeed(
    take, folder, library, rooms, embedder, audit, scope, caplog
):
    (folder / "a.txt").write_text("Alpha clause.")
    (folder / "b.txt").write_text("Beta clause.")
    buggy = Importer(Dying(library, "add_chunks", LookupError("Alpha clause")), rooms, embedder, audit)
    report = take(folder, by=buggy)
    assert statuses(report) == {"a.txt": "failed", "b.txt": "failed"}
    assert "defect in Muniment (LookupError)" in report.documents[0].problems[0].reason
    assert "embedding.py" in caplog.text
    assert "Alpha" not in caplog.text
    assert statuses(take(folder)) == {"a.txt": "complete", "b.txt": "complete"}


def test_a_cancelled_run_says_so_and_leaves_the_rest_for_resume(take, folder, library, scope, importer):
    for n in range(4):
        (folder / f"{n}.txt").write_text(f"Clause number {n}.")
    done = []
    report = take(folder, on_progress=done.append, cancelled=lambda: any(p.files_done for p in done))
    assert report.cancelled
    assert [one.status.value for one in report.documents] == ["complete"]
    importer.resume(scope)
    assert library.unfinished(scope) == []


def test_progress_counts_files_and_pages_up_to_the_end(take, folder, lease):
    (folder / "z.txt").write_text("Last.")
    seen = []
    take(folder, on_progress=seen.append)
    assert {one.current for one in seen if one.current} == {"lease.pdf", "z.txt"}
    assert {(one.path, one.state.value) for one in seen[-1].files} == {
        ("lease.pdf", "live"),
        ("z.txt", "live"),
    }
    assert (seen[-1].files_done, seen[-1].files_total, seen[-1].pages_done) == (2, 2, 4)
    assert seen[-1].seconds_left == 0


def test_an_entry_that_was_refused_is_reported_and_recorded(importer, scope, audit):
    report = importer.run(
        scope, [Source("../x", None, problem="'../x' has a name that leads out of its folder")]
    )
    assert statuses(report) == {"../x": "failed"}
    assert report.documents[0].problems[0].stage == "gather"
    assert kinds(audit) == ["document.failed"]


def test_vectors_stand_in_the_order_of_their_chunks(take, folder, library, scope, embedder):
    from storage.embedding import searched_text

    (folder / "a.md").write_text(
        "".join(f"# Part {n}\n\n{'word ' * (40 + 37 * n % 100)}\n\n" for n in range(9))
    )
    take(folder)
    for chunk, vector in library.live_chunks(scope):
        np.testing.assert_allclose(vector, embedder.embed([searched_text(chunk)])[0], atol=1e-6)


def test_a_text_of_windows_that_are_embedded_side_by_side_is_embedded_once(
    take, folder, embedder, monkeypatch
):
    monkeypatch.setattr("ingest.embedding._WINDOW", 1)
    embed, embedded = embedder.embed, []

    def counted(texts):
        embedded.extend(texts)
        return embed(texts)

    monkeypatch.setattr(embedder, "embed", counted)
    clause = " ".join(f"The tenant keeps part {n} of the premises in repair." for n in range(11))
    (folder / "standard.md").write_text("\n\n".join([clause] * 12), encoding="utf-8")

    [document] = take(folder).documents

    assert document.chunks == 12
    assert len(embedded) == len(set(embedded)) == 1
