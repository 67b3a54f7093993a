"""Long work goes on where a dead process left it, and says how it ended."""

import shutil

import pytest

from app.jobs import INGEST, SummaryRequest, UploadedOriginal
from storage.jobs import Jobs
from storage.records import JobState, Role, VersionState

_STEPS = 600


@pytest.fixture
def scope(services, muniment):
    muniment("matter", "create", "Deal")
    return services.access.scope(services.accounts.local_operator(), "Deal")


@pytest.fixture
def upload(tmp_path):
    """A function that makes an uploaded file."""

    def make(path, text):
        file = tmp_path / f"upload-{abs(hash(path))}"
        file.write_text(text)
        return UploadedOriginal(path, file)

    return make


def _ended(services, scope, job):
    """The job once it has ended; its threads are asked to finish what they do."""
    for thread in services.jobs._threads:
        for _ in range(_STEPS):
            if services.jobs.job(scope, job.id).state not in (JobState.QUEUED, JobState.RUNNING):
                break
            thread.join(0.1)
    return services.jobs.job(scope, job.id)


def test_uploaded_files_are_live_when_their_job_is_done_and_no_copy_is_left(services, scope, upload, home):
    job = services.jobs.submit_ingest(
        scope, [upload("a/one.txt", "The fee is $5."), upload("two.bin", "\0\1")]
    )
    services.jobs.start()
    ended = _ended(services, scope, job)
    assert ended.state is JobState.DONE
    assert [one["status"] for one in ended.result["documents"]] == ["complete", "failed"]
    assert [one.path for one in services.library.documents(scope)] == ["a/one.txt"]
    assert list((home / "matters" / scope.matter.id / "incoming").iterdir()) == []


def test_a_job_that_a_dead_process_was_doing_is_done_at_the_next_start(services, scope, upload):
    job = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    assert Jobs(services.database).claim(INGEST).id == job.id
    services.jobs.start()
    assert _ended(services, scope, job).state is JobState.DONE


def test_what_a_killed_command_left_is_finished_at_the_next_start(services, scope, tmp_path):
    file = tmp_path / "one.txt"
    file.write_text("The fee is $5.")
    services.library.receive(scope, path="one.txt", data=file, media_type="text/plain")
    services.jobs.start()
    [job] = services.jobs.jobs(scope)
    assert _ended(services, scope, job).state is JobState.DONE
    assert services.library.document(scope, "one.txt").state is VersionState.LIVE


def test_a_stopped_upload_leaves_nothing_unfinished_and_says_what_was_not_read(
    services, scope, upload, tmp_path
):
    job = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    left = tmp_path / "left.txt"
    left.write_text("received, and no more")
    services.library.receive(scope, path="left.txt", data=left, media_type="text/plain")
    Jobs(services.database).claim(INGEST)
    services.jobs.cancel(scope, job.id)
    services.jobs.start()
    assert _ended(services, scope, job).state is JobState.CANCELLED
    assert services.library.unfinished(scope) == []
    assert "stopped" in services.library.document(scope, "left.txt").problem


def test_a_stopped_upload_leaves_alone_what_was_received_before_it(services, scope, upload, tmp_path):
    earlier = tmp_path / "earlier.txt"
    earlier.write_text("received by another load")
    services.library.receive(scope, path="earlier.txt", data=earlier, media_type="text/plain")
    job = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    Jobs(services.database).claim(INGEST)
    services.jobs.cancel(scope, job.id)
    services.jobs.start()
    assert _ended(services, scope, job).state is JobState.CANCELLED
    assert [one.path for one in services.library.unfinished(scope)] == ["earlier.txt"]


def test_a_job_whose_files_are_gone_names_them(services, scope, upload, home):
    job = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    shutil.rmtree(home / "matters" / scope.matter.id / "incoming")
    services.jobs.start()
    [document] = _ended(services, scope, job).result["documents"]
    assert (document["document"], document["status"]) == ("one.txt", "failed")


def test_a_summary_job_keeps_its_summary_under_its_own_id(services, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    job = services.jobs.submit_summary(scope, SummaryRequest(title="Lease", length="short"))
    services.jobs.start()
    assert _ended(services, scope, job).state is JobState.DONE
    assert services.shelf.summary(scope, job.id).title == "Lease"


def test_a_job_of_somebody_who_has_left_the_matter_is_not_done(services, scope, upload, muniment):
    added = services.accounts.add_user("ben", Role.MEMBER, by=services.accounts.local_operator())
    services.access.add_member(scope, added.user.id)
    signed_in = services.accounts.sign_in("ben", added.password).actor
    his = services.access.scope(signed_in, "Deal")
    job = services.jobs.submit_ingest(his, [upload("one.txt", "The fee is $5.")])
    services.access.remove_member(scope, added.user.id)
    services.jobs.start()
    ended = _ended(services, scope, job)
    assert ended.state is JobState.FAILED
    assert services.library.documents(scope) == []


def test_a_file_that_is_read_again_keeps_its_document_and_adds_a_version(services, scope, upload):
    first = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    services.jobs.start()
    _ended(services, scope, first)
    document = services.library.document(scope, "one.txt")
    again = services.jobs.submit_reread(scope, document.id, ocr="never")
    assert _ended(services, scope, again).state is JobState.DONE
    states = [one.state for one in services.library.versions(scope, document.id)]
    assert states == [VersionState.LIVE, VersionState.SUPERSEDED]


def test_a_password_for_a_file_is_in_no_table(services, scope, upload, home):
    services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")], passwords=["hunter2hunter2"])
    assert not any(b"hunter2hunter2" in file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_a_stopped_upload_can_be_tried_again(services, scope, upload):
    job = services.jobs.submit_ingest(scope, [upload("one.txt", "The fee is $5.")])
    services.jobs.cancel(scope, job.id)
    services.jobs.retry(scope, job.id)
    services.jobs.start()
    assert _ended(services, scope, job).state is JobState.DONE
    assert services.library.document(scope, "one.txt").state is VersionState.LIVE


def test_uploads_that_no_job_speaks_for_are_cleared_away(services, scope, home):
    stray = home / "matters" / scope.matter.id / "incoming" / "job_gone"
    stray.mkdir(parents=True)
    services.jobs.start()
    assert not stray.exists()
