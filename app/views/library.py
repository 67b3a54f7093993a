"""Library: bring documents in, see how far each has come, open one.

The table under the drop zone is SQL's own state, so that reloading the page, or closing it, changes nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import presenting, state, widgets
from app.jobs import INGEST, UploadedOriginal
from storage.records import Document, Job, JobState, Scope

_ROUND = "upload_round"
_OPEN = "open_document"
_PAGE = "open_page"
_SHOWN_PROBLEMS = 8
_STATE_PX = 150


def page() -> None:
    """The page."""
    scope = widgets.scope_or_advice("Library")
    if scope is None:
        return
    documents = state.services().library.documents(scope)
    pages = sum(one.page_count for one in documents)
    line = f"{presenting.count(len(documents), 'document')}, {presenting.count(pages, 'page')}"
    widgets.heading("Library", f"{scope.matter.name}: {line}")
    _upload(scope)
    _last_report(scope)
    if not documents and widgets.open_jobs(scope):
        widgets.empty("The files are on their way in", "They go on being read when this page is closed.")
        return
    if not documents:
        widgets.empty(
            "No documents yet",
            "Drop files above, or choose a folder. They are read on this machine and can be asked about "
            "as soon as the table here says “ready”.",
        )
        return
    _problems(documents)
    _table(documents)
    _opened(scope, documents)


def _upload(scope: Scope) -> None:
    limit = state.services().settings.max_file_mb
    round_number = st.session_state.setdefault(_ROUND, 0)
    files, folder = st.tabs(["Files", "A whole folder"])
    # A new key empties the widget, and with it the server's memory, once its files are on disk.
    chosen = files.file_uploader(
        f"PDF, Word, HTML, Markdown, text, e-mail or zip; up to {limit} MB each",
        accept_multiple_files=True,
        key=f"files-{scope.matter.id}-{round_number}",
    )
    chosen += folder.file_uploader(
        "A folder with everything in it; its subfolders are kept as part of the names",
        accept_multiple_files="directory",
        key=f"folder-{scope.matter.id}-{round_number}",
    )
    chosen = _within_limit(chosen)
    if not chosen:
        return
    total = presenting.size(sum(one.size for one in chosen))
    label = f"Add {presenting.count(len(chosen), 'file')} to this matter ({total})"
    if st.button(label, type="primary", key="add-files"):
        with st.spinner("Storing the files"):
            _submit(scope, chosen)
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


def _submit(scope: Scope, chosen: Sequence[UploadedFile]) -> None:
    services = state.services()
    with tempfile.TemporaryDirectory(prefix="upload-", dir=services.settings.home) as folder:
        originals = []
        for number, upload in enumerate(chosen):
            stored = Path(folder) / f"{number:06}"
            stored.write_bytes(upload.getbuffer())
            originals.append(UploadedOriginal(path=upload.name, file=stored))
        services.jobs.submit_ingest(scope, originals)


def _last_report(scope: Scope) -> None:
    """How the newest finished upload went, until the next one begins."""
    jobs = [job for job in state.services().jobs.jobs(scope) if job.kind == INGEST]
    if not jobs or jobs[0].state in (JobState.QUEUED, JobState.RUNNING):
        return
    newest = jobs[0]
    if newest.state is JobState.FAILED:
        widgets.problem(f"the upload of {_when(newest)} stopped: {newest.problem}")
    elif newest.result:
        _report(newest, newest.result)


def _when(job: Job) -> str:
    return presenting.when(job.updated_at, state.time_zone())


def _report(job: Job, report: Mapping[str, Any]) -> None:
    documents: Sequence[Mapping[str, Any]] = report["documents"]
    if not documents:
        return
    with st.expander(f"Last upload, {_when(job)}: {presenting.report_line(report)}"):
        rows = [
            [
                one["document"],
                presenting.report_status(one["status"]),
                f"{one['pages_read']:,} of {one['pages']:,}" if one["pages"] else presenting.NOTHING,
                "; ".join(presenting.report_problem(problem) for problem in one["problems"]),
            ]
            for one in documents
        ]
        st.html(presenting.table_html(["Document", "Result", "Read", "Remarks"], rows, right=frozenset({2})))


def _problems(documents: Sequence[Document]) -> None:
    lines = [line for line in map(presenting.problem_line, documents) if line]
    if not lines:
        return
    shown = "\n\n".join(presenting.plain(line) for line in lines[:_SHOWN_PROBLEMS])
    more = len(lines) - _SHOWN_PROBLEMS
    st.warning(shown + (f"\n\nand {presenting.count(more, 'more problem')} in the table" if more > 0 else ""))


def _table(documents: Sequence[Document]) -> None:
    zone = state.time_zone()
    people = state.people()
    rows = [
        {
            "Document": one.path,
            "State": presenting.document_state(one),
            "Read": presenting.pages_read(one),
            "Type": presenting.document_type(one),
            "When": presenting.when(one.added_at, zone),
            "Added by": presenting.who(one.added_by, people),
        }
        for one in documents
    ]
    picked = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="documents",
        column_config={"State": st.column_config.TextColumn(width=_STATE_PX)},
    )
    selected = picked["selection"]["rows"]
    if selected and selected[0] < len(documents):
        _choose(documents[selected[0]].id)


def _choose(document_id: str) -> None:
    if st.session_state.get("picked_row") != document_id:
        st.session_state["picked_row"] = document_id
        st.session_state[_OPEN] = document_id
        st.session_state[_PAGE] = 1


def _opened(scope: Scope, documents: Sequence[Document]) -> None:
    by_id = {one.id: one for one in documents}
    readable = [one.id for one in documents if one.page_count]
    current = st.session_state.get(_OPEN)
    opened = st.selectbox(
        "Open a document",
        readable,
        index=readable.index(current) if current in readable else None,
        format_func=lambda one: by_id[one].path,
        placeholder="Choose one, or select a row above",
        key=f"open-{scope.matter.id}-{current}",
    )
    if opened != current:
        st.session_state[_OPEN] = opened
        st.session_state[_PAGE] = 1
        st.rerun()
    if opened is not None:
        _document(scope, by_id[opened])


def _document(scope: Scope, document: Document) -> None:
    number = min(max(1, st.session_state.get(_PAGE, 1)), document.page_count)
    st.html(f'<div class="m-where">{presenting.escaped(document.path)}</div>')
    look, facts = st.container(key="beside-document").columns([3, 2], gap="large")
    with look:
        back, where, forward = st.columns([1, 2, 1], vertical_alignment="center")
        if back.button("Previous", disabled=number <= 1, width="stretch"):
            _turn_to(number - 1)
        where.html(
            f'<div class="m-quiet m-num" style="text-align:center">Page {number:,} of '
            f"{document.page_count:,}</div>"
        )
        if forward.button("Next", disabled=number >= document.page_count, width="stretch"):
            _turn_to(number + 1)
        widgets.page_of(scope, document, number)
    with facts:
        _facts(scope, document)


def _turn_to(number: int) -> None:
    st.session_state[_PAGE] = number
    st.rerun()


def _facts(scope: Scope, document: Document) -> None:
    pages = state.services().library.pages(scope, document.id)
    rows = [
        ["Title", document.title or presenting.NOTHING],
        ["Type", f"{presenting.document_type(document)}, {presenting.size(document.size)}"],
        ["Read", presenting.pages_read(document)],
        ["How", presenting.how_read(pages)],
        ["Added", presenting.when(document.added_at, state.time_zone())],
        ["By", presenting.who(document.added_by, state.people())],
        ["State", presenting.document_state(document)],
        ["SHA-256", document.sha256],
    ]
    rows += [["Remark", flag] for flag in document.flags]
    rows += [[f"Page {page.number}", page.problem] for page in pages if page.problem]
    st.html(presenting.table_html(["", ""], rows))
    widgets.links(
        widgets.link(
            "Download the original",
            widgets.address_of(scope, "document", document.id, "original"),
            download=True,
        )
    )
    with st.popover("Delete this document"):
        st.markdown(
            "The document, its pages and everything found in it leave this matter. "
            "Answers and summaries that quote it stay as they are. This cannot be undone."
        )
        if st.button("Delete it for good", key=f"delete-{document.id}"):
            _delete(scope, document)


def _delete(scope: Scope, document: Document) -> None:
    with st.spinner(f"Deleting {presenting.plain(document.path)} …"):
        state.services().rooms.delete_document(scope, document.id)
    for key in (_OPEN, _PAGE, "picked_row"):
        st.session_state.pop(key, None)
    st.rerun()
