"""The top of the Library: files come in here, and here stands how the newest upload ended."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import listing, presenting, state, widgets
from app.jobs import UploadedOriginal
from engine.counting import count
from storage.records import Job, JobState, Scope

_ROUND = "upload_round"


def drop_zone(scope: Scope) -> None:
    """Where files or a whole folder are dropped, with the passwords that they may need."""
    limit = state.services().settings.max_file_mb
    round_number = st.session_state.setdefault(_ROUND, 0)
    files, folder = st.tabs(["Files", "A whole folder"])
    # A new key empties the widget, and with it the server's memory, once its files are on disk.
    chosen = files.file_uploader(
        f"{listing.ACCEPTED}. Up to {limit} MB each",
        accept_multiple_files=True,
        key=f"files-{scope.matter.id}-{round_number}",
    )
    chosen += folder.file_uploader(
        f"A folder with everything in it; its subfolders are kept as part of the names. {listing.ACCEPTED}",
        accept_multiple_files="directory",
        key=f"folder-{scope.matter.id}-{round_number}",
    )
    chosen = _within_limit(chosen)
    if not chosen:
        return
    total = presenting.size(sum(one.size for one in chosen))
    add, locked = st.columns([3, 2], vertical_alignment="center")
    with locked.popover("Passwords for locked files", width="stretch"):
        passwords = st.text_area(
            "One to a line; each is tried on every file that needs one, and kept nowhere",
            key=f"passwords-{scope.matter.id}-{round_number}",
        )
    label = f"Add {count(len(chosen), 'file')} to this matter ({total})"
    if add.button(label, type="primary", key="add-files"):
        with st.spinner("Storing the files"):
            _submit(scope, chosen, passwords=[one for one in passwords.splitlines() if one])
        st.session_state[_ROUND] = round_number + 1
        st.rerun()


def _within_limit(chosen: Sequence[UploadedFile]) -> list[UploadedFile]:
    """The files that may be added; the others are named, with what to do."""
    most = state.services().limits.max_file_bytes
    for one in chosen:
        if one.size > most:
            widgets.problem(
                f"the file {one.name} is left out: it has {presenting.size(one.size)} and the limit is "
                f"{presenting.size(most)}; split it, or ask an administrator to raise the limit"
            )
    return [one for one in chosen if one.size <= most]


def _submit(scope: Scope, chosen: Sequence[UploadedFile], *, passwords: Sequence[str]) -> None:
    services = state.services()
    with tempfile.TemporaryDirectory(prefix="upload-", dir=services.settings.home) as folder:
        originals = []
        for number, upload in enumerate(chosen):
            stored = Path(folder) / f"{number:06}"
            stored.write_bytes(upload.getbuffer())
            originals.append(UploadedOriginal(path=upload.name, file=stored))
        services.jobs.submit_ingest(scope, originals, passwords=passwords)


def unfinished(scope: Scope, uploads: Sequence[Job]) -> None:
    """That the newest upload failed or was stopped, until the next one begins; it can be tried again."""
    newest = next(iter(uploads), None)
    if newest is None or newest.state not in (JobState.FAILED, JobState.CANCELLED):
        return
    when = presenting.when(newest.updated_at, state.time_zone())
    words, again = st.columns([5, 1], vertical_alignment="center")
    with words:
        if newest.state is JobState.FAILED:
            widgets.problem(f"the upload of {when} stopped: {newest.problem}")
        else:
            st.info(f"The upload of {when} was stopped. What had been read by then is here.")
    if again.button("Try again", key=f"again-{newest.id}", width="stretch"):
        state.services().jobs.retry(scope, newest.id)
        st.rerun()


def _remarks(one: Mapping[str, Any]) -> list[str]:
    return [*(presenting.report_problem(one["document"], told) for told in one["problems"]), *one["flags"]]


def last_report(uploads: Sequence[Job]) -> None:
    """What became of each file of the newest upload, once that has ended."""
    newest = next(iter(uploads), None)
    if newest is None or not newest.result:
        return
    report = cast("Mapping[str, Any]", newest.result)
    documents: Sequence[Mapping[str, Any]] = report["documents"]
    if not documents:
        return
    when = presenting.when(newest.updated_at, state.time_zone())
    with st.expander(f"Last upload, {when}: {presenting.report_line(report)}"):
        rows = [
            [
                one["document"],
                presenting.report_status(one["status"]),
                f"{one['pages_read']:,} of {one['pages']:,}" if one["pages"] else presenting.NOTHING,
                "; ".join(_remarks(one)),
            ]
            for one in documents
        ]
        st.html(presenting.table_html(["Document", "Result", "Read", "Remarks"], rows, right=frozenset({2})))
