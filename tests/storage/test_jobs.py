"""Jobs survive the process that did them."""

import pytest

from storage.errors import NotFound, WrongUse
from storage.jobs import Jobs
from storage.records import JobState, Scope


@pytest.fixture
def jobs(database):
    return Jobs(database)


def test_jobs_are_taken_once_each_and_in_order(jobs, scope):
    first = jobs.add(scope, "ingest", {"n": 1})
    second = jobs.add(scope, "ingest", {"n": 2})
    assert [jobs.claim("ingest").id, jobs.claim("ingest").id] == [first.id, second.id]
    assert jobs.claim("ingest") is None


def test_a_kind_takes_only_its_own_jobs(jobs, scope):
    jobs.add(scope, "summary", {})
    assert jobs.claim("ingest") is None


def test_what_a_dead_process_was_doing_is_queued_again(jobs, scope):
    made = jobs.add(scope, "ingest", {"paths": ["a.pdf"]})
    jobs.claim("ingest")
    assert jobs.requeue_interrupted() == 1
    again = jobs.claim("ingest")
    assert (again.id, again.payload) == (made.id, {"paths": ["a.pdf"]})


def test_progress_tells_the_worker_when_to_stop(jobs, scope):
    made = jobs.add(scope, "ingest", {})
    jobs.claim("ingest")
    assert jobs.report(made.id, {"done": 1, "total": 2, "label": "a.pdf"})
    jobs.request_cancel(scope, made.id)
    assert not jobs.report(made.id, {"done": 1, "total": 2, "label": "a.pdf"})
    assert jobs.cancelled(made.id)


def test_a_queued_job_that_is_cancelled_never_starts(jobs, scope):
    made = jobs.add(scope, "ingest", {})
    jobs.request_cancel(scope, made.id)
    assert jobs.claim("ingest") is None
    assert jobs.job(scope, made.id).state is JobState.CANCELLED


def test_how_a_job_ended_is_kept(jobs, scope):
    made = jobs.add(scope, "ingest", {})
    jobs.claim("ingest")
    jobs.finish(made.id, JobState.FAILED, problem="the disk is full")
    ended = jobs.job(scope, made.id)
    assert (ended.state, ended.problem, ended.result) == (JobState.FAILED, "the disk is full", None)
    assert jobs.open_count(scope) == 0


def test_another_matter_cannot_see_or_stop_a_job(jobs, scope, library, actor):
    made = jobs.add(scope, "ingest", {})
    other = Scope(library.create_matter("Other", actor), actor)
    with pytest.raises(NotFound):
        jobs.job(other, made.id)
    jobs.request_cancel(other, made.id)
    assert jobs.job(scope, made.id).state is JobState.QUEUED
    assert jobs.of_matter(other) == []


def test_the_more_urgent_job_goes_first_and_a_running_one_can_make_way(jobs, scope):
    large = jobs.add(scope, "ingest", {}, priority=2)
    running = jobs.claim("ingest")
    assert not jobs.more_urgent(running)
    small = jobs.add(scope, "ingest", {}, priority=1)
    assert jobs.more_urgent(running)
    jobs.requeue(large.id)
    assert [jobs.claim("ingest").id, jobs.claim("ingest").id] == [small.id, large.id]


def test_a_stopped_job_can_be_tried_again_and_one_that_is_done_cannot(jobs, scope):
    made = jobs.add(scope, "ingest", {"paths": ["a.pdf"]})
    jobs.request_cancel(scope, made.id)
    again = jobs.retry(scope, made.id)
    assert (again.state, again.cancel_requested, again.payload) == (JobState.QUEUED, False, made.payload)
    jobs.claim("ingest")
    jobs.finish(made.id, JobState.DONE, result={})
    with pytest.raises(WrongUse, match="is done"):
        jobs.retry(scope, made.id)
