"""What people read about work that goes on: a thin bar, what it is at, and a line for each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from app.presenting import escaped, shortened
from engine.counting import count
from storage.records import Job, JobState, JsonValue

_JOB_STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "stopped",
}
_TITLES = {"ingest": "Reading documents", "summary": "Writing a summary"}
_FILE_STATES = {
    "received": "waiting",
    "reading": "reading",
    "embedding": "indexing",
    "live": "ready",
    "failed": "could not be read",
}


def job_state(job: Job) -> str:
    """`waiting`, `running`, `done`, `failed`, `stopped`, or `stopping` in between."""
    if job.cancel_requested and job.state in (JobState.QUEUED, JobState.RUNNING):
        return "stopping"
    return _JOB_STATES[job.state]


def job_title(job: Job) -> str:
    """What a job does, in words."""
    return "Reading a document again" if "reread" in job.payload else _TITLES.get(job.kind, job.kind)


def progress_share(progress: Mapping[str, JsonValue]) -> float:
    """Done over total, between 0 and 1; 0 while the total is unknown."""
    done, total = progress.get("done"), progress.get("total")
    if not isinstance(done, int | float) or not isinstance(total, int | float) or total <= 0:
        return 0.0
    return min(1.0, max(0.0, done / total))


def pace(progress: Mapping[str, JsonValue]) -> str:
    """`4.2 pages a second, about 3 min left`, as far as it is known."""
    words = []
    rate, left = progress.get("pages_per_second"), progress.get("seconds_left")
    if isinstance(rate, int | float) and rate >= 0.05:
        words.append(f"{rate:,.1f} pages a second")
    if isinstance(left, int | float) and left > 0:
        words.append(
            f"about {left / 60:,.0f} min left" if left >= 90 else f"about {max(1, left):,.0f} s left"
        )
    return ", ".join(words)


def job_html(job: Job) -> str:
    """A thin bar with what the job is at."""
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    label = str(job.progress.get("label") or "")
    told = label if label not in ("", "waiting") else ""
    what = f"{job_title(job)}: {told}" if told else job_title(job)
    reached = [f"{done:,} of {total:,}" if isinstance(done, int) and isinstance(total, int) and total else ""]
    reached += [job_state(job), pace(job.progress) if job.state is JobState.RUNNING else ""]
    width = f"{progress_share(job.progress):.1%}"
    return (
        '<div class="m-job" role="status"><div class="m-job-line">'
        f"<span>{escaped(shortened(what, 110))}</span>"
        f"<span>{escaped(', '.join(part for part in reached if part))}</span></div>"
        f'<div class="m-bar"><i style="width:{width}"></i></div></div>'
    )


def files_html(job: Job) -> str:
    """A line for each file that a job is at or has just done; nothing where it tells of none."""
    told = job.progress.get("files")
    files = cast("Sequence[Mapping[str, Any]]", told if isinstance(told, list) else [])
    if not files:
        return ""
    rows = "".join(
        f'<tr class="m-file-{escaped(one["state"])}"><td>{escaped(one["path"])}</td>'
        f"<td>{escaped(_FILE_STATES.get(one['state'], one['state']))}</td>"
        f'<td class="m-right">{escaped(_pages(one))}</td></tr>'
        for one in files
    )
    return (
        '<div class="m-scroll m-files"><table class="m-table"><tbody>'
        f"{rows}</tbody></table></div>"
        '<div class="m-quiet">Reading goes on when this page is closed.</div>'
    )


def _pages(file: Mapping[str, Any]) -> str:
    done, total = file["pages_done"], file["pages"]
    if not total:
        return count(done, "page") if done else ""
    return f"{done:,} of {count(total, 'page')}"
