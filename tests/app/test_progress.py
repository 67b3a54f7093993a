from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import progress
from storage.records import Job, JobState

_AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def _job(**changes) -> Job:
    fields = {
        "id": "job_1",
        "kind": "ingest",
        "matter_id": "matter_1",
        "requested_by": "user_1",
        "state": JobState.RUNNING,
        "payload": {},
        "progress": {"done": 3, "total": 12, "label": "<b>lease</b>.pdf"},
        "result": None,
        "problem": None,
        "cancel_requested": False,
        "created_at": _AT,
        "updated_at": _AT,
    }
    return Job(**{**fields, **changes})


@given(st.integers(-5, 50), st.integers(-5, 50))
def test_progress_stays_between_nothing_and_all(done, total):
    assert 0.0 <= progress.progress_share({"done": done, "total": total}) <= 1.0


def test_a_job_that_was_asked_to_stop_says_so_until_it_has():
    shown = progress.job_html(_job(cancel_requested=True))
    assert "3 of 12, stopping" in shown
    assert "<b>" not in shown


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"pages_per_second": 4.21, "seconds_left": 184.0}, "4.2 pages a second, about 3 min left"),
        ({"pages_per_second": 0.0, "seconds_left": 12.4}, "about 12 s left"),
        ({"pages_per_second": 0.0, "seconds_left": None}, ""),
    ],
)
def test_pace_tells_what_is_known_of_it(told, words):
    assert progress.pace(told) == words


def test_each_file_has_a_line_with_its_state():
    files = [
        {"path": "a <b>.pdf", "state": "reading", "pages_done": 12, "pages": 62},
        {"path": "c.pdf", "state": "failed", "pages_done": 0, "pages": 0},
        {"path": "d.pdf", "state": "received", "pages_done": 0, "pages": None},
    ]
    shown = progress.files_html(_job(progress={"done": 0, "total": 3, "label": "", "files": files}))
    assert "a &lt;b&gt;.pdf" in shown
    assert "12 of 62 pages" in shown
    assert "could not be read" in shown
    assert "0 of" not in shown


def test_a_job_that_tells_of_no_files_has_no_lines():
    assert progress.files_html(_job()) == ""
