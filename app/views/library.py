"""Library: bring documents in, see what was not read and mend it, open one.

All that stands here is SQL's own state, so that reloading the page, or closing it, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import listing, presenting, state, widgets
from app.jobs import INGEST
from app.views import document as document_view
from app.views import remedies, upload
from engine.counting import count
from storage.overview import UnreadPage
from storage.records import Document, JobState, ReadBy, Scope

_SEEN = "library_seen"
_FEW = 8
_TABLE_PX = 620
_ROW_PX = 36
_ALL, _PROBLEMS = "All", "With problems"


def page() -> None:
    """The page."""
    scope = widgets.scope_or_advice("Library")
    if scope is None:
        return
    documents = state.services().library.documents(scope)
    pages = _Pages(scope, documents)
    opened = document_view.opened(documents)
    if opened is not None:
        document_view.show(scope, documents, opened, family=pages.families.get(opened.id))
        return
    jobs = [job for job in state.services().jobs.jobs(scope) if job.kind == INGEST]
    uploads = [job for job in jobs if "reread" not in job.payload]
    refused = listing.refused_files(
        (job.result for job in uploads if job.result), (one.path for one in documents)
    )
    held = sum(one.page_count for one in documents)
    line = f"{count(len(documents), 'document')}, {count(held, 'page')}"
    widgets.heading("Library", f"{scope.matter.name}: {line}")
    if not documents and not refused:
        upload.drop_zone(scope)
        upload.unfinished(scope, uploads)
        _nothing_yet(scope)
        return
    found = listing.troubles(documents)
    going = [job for job in jobs if job.state in (JobState.QUEUED, JobState.RUNNING)]
    remedies.headline(
        documents, found, unread=pages.unread, refused=len(refused), busy=any(job in uploads for job in going)
    )
    upload.unfinished(scope, uploads)
    with st.expander("Add documents"):
        upload.drop_zone(scope)
    again = remedies.being_read_again(going)
    remedies.cases(scope, found, unread=pages.unread, refused=refused, again=again)
    _table(documents, found, pages)
    _open_by_name(scope, documents)
    upload.last_report(uploads)


def _nothing_yet(scope: Scope) -> None:
    if widgets.open_jobs(scope):
        widgets.empty("The files are on their way in", "They go on being read when this page is closed.")
        return
    widgets.empty(
        "No documents yet",
        "Drop files above, or choose a folder. They are read on this machine and can be asked about "
        "as soon as the table here says “ready”.",
    )


class _Pages:
    """What the page tells of all pages of the matter; counted anew only when a version has changed.

    It lies in the session of the person who may see it. Families take longest, so those of a moment ago
    are shown while documents come in.
    """

    def __init__(self, scope: Scope, documents: Sequence[Document]) -> None:
        library = state.services().library
        standing = hash(tuple((one.version_id, one.state, one.pages_read) for one in documents))
        kept: dict[str, Any] = st.session_state.get(_SEEN, {})
        if kept.get("matter") != scope.matter.id:
            kept = {"matter": scope.matter.id, "families": {}}
        if kept.get("standing") != standing:
            kept |= {
                "standing": standing,
                "unread": library.unread_pages(scope),
                "readers": library.readers(scope),
            }
        if kept.get("related") != standing and not widgets.open_jobs(scope):
            names = {one.id: one.path for one in documents}
            kept |= {"related": standing, "families": listing.relatives(library.families(scope), names)}
        st.session_state[_SEEN] = kept
        self.unread: Sequence[UnreadPage] = kept["unread"]
        self.readers: Mapping[str, Mapping[ReadBy, int]] = kept["readers"]
        self.families: Mapping[str, str] = kept["families"]


def _table(documents: Sequence[Document], found: listing.Troubles, pages: _Pages) -> None:
    shown = _filtered(documents, found)
    zone, people = state.time_zone(), state.people()
    named = listing.in_order(shown)
    rows = [
        {
            "Document": name,
            "State": listing.document_state(one),
            "Read": listing.pages_read(one),
            "How": listing.how_read(pages.readers.get(one.id, {})),
            "Family": pages.families.get(one.id, ""),
            "Type": listing.document_type(one),
            "When": presenting.when(one.added_at, zone),
            "By": presenting.who(one.added_by, people),
        }
        for one, name in named
    ]
    if not rows:
        widgets.empty("No document fits", "Widen the filter above.")
        return
    text = st.column_config.TextColumn
    config = {
        "Document": text(width=275),
        "State": text(width=150),
        "Read": text(width=70, alignment="right"),
        "How": text(width=78),
        "Family": text(width=190),
        "Type": text(width=72),
        "When": text(width=136, alignment="right"),
        "By": text(width=100),
    }
    if not any(row["Family"] for row in rows):
        rows = [{name: value for name, value in row.items() if name != "Family"} for row in rows]
    picked = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        # Another filter makes other rows, of which none is chosen.
        key=f"documents-{document_view.table_round()}-{hash(tuple(one.id for one, _ in named))}",
        column_config=config,
        row_height=_ROW_PX,
        height=min(_TABLE_PX, _ROW_PX * (len(rows) + 1) + 1),
    )
    selected = picked["selection"]["rows"]
    if selected and selected[0] < len(named):
        document_view.open_document(named[selected[0]][0].id)


def _filtered(documents: Sequence[Document], found: listing.Troubles) -> Sequence[Document]:
    """The documents that the table shows."""
    if len(documents) <= _FEW:
        return documents
    which, name = st.columns([2, 3], vertical_alignment="bottom")
    troubled = found.ids
    counts = {_ALL: len(documents), _PROBLEMS: len(troubled)}
    kind = which.segmented_control(
        "Documents",
        list(counts),
        default=_ALL,
        required=True,
        format_func=lambda one: f"{one} ({counts[one]:,})",
        label_visibility="collapsed",
        disabled=not troubled,
    )
    words = name.text_input(
        "Find by name", placeholder="Find by name", label_visibility="collapsed", autocomplete="off"
    )
    wanted = words.casefold().split() if words else []
    return [
        one
        for one in documents
        if (kind != _PROBLEMS or one.id in troubled) and all(word in one.path.casefold() for word in wanted)
    ]


def _open_by_name(scope: Scope, documents: Sequence[Document]) -> None:
    by_id = {one.id: one for one in documents}
    chosen = st.selectbox(
        "Open a document",
        list(by_id),
        index=None,
        format_func=lambda one: presenting.visible(by_id[one].path),
        placeholder="Choose one, or select a row above",
        key=f"open-{scope.matter.id}-{document_view.table_round()}",
    )
    if chosen is not None:
        document_view.open_document(chosen)
