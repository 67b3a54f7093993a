"""Summaries: choose what to summarise, watch it being written, read it with its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import streamlit as st

from app import page_view, presenting, state, widgets
from app.jobs import SUMMARY, SummaryRequest
from app.payloads import actor_of
from engine.counting import count
from engine.summaries.templates import lengths, templates
from storage.records import Document, Job, JobState, Scope, VersionState
from storage.shelf import KeptSummary

_SHOWN = "shown_summary"
_SOURCE = "summary_source"


def page() -> None:
    """The page."""
    scope = widgets.scope_or_advice("Summaries")
    if scope is None:
        return
    services = state.services()
    widgets.heading("Summaries", scope.matter.name)
    ready = [one for one in services.library.documents(scope) if one.state is VersionState.LIVE]
    if not ready:
        widgets.empty(
            "Nothing to summarise yet", "Add documents in the Library; they can be summarised once ready."
        )
        return
    _order(scope, ready)
    _last_failure(scope)
    kept = services.shelf.summaries(scope)
    if not kept and any(job.kind == SUMMARY for job in widgets.open_jobs(scope)):
        widgets.empty("The first summary is being written", "It goes on when this page is closed.")
        return
    if not kept:
        widgets.empty(
            "No summaries yet",
            "A summary is written section by section. Every statement in it points at the passage that it "
            "rests on, and its first line says how many pages it covers.",
        )
        return
    _summary(scope, _chosen(kept))


def _order(scope: Scope, ready: Sequence[Document]) -> None:
    by_id = {one.id: one for one in ready}
    whole = f"The whole matter ({count(len(ready), 'document')})"
    with st.form("order-summary", border=True):
        what, how, size, go = st.columns([5, 4, 2, 2], vertical_alignment="bottom")
        chosen = what.selectbox(
            "What",
            [None, *by_id],
            format_func=lambda one: whole if one is None else presenting.visible(by_id[one].path),
        )
        template = how.selectbox("Template", list(templates()), format_func=templates().__getitem__)
        length = size.selectbox("Length", lengths(), index=lengths().index("standard"))
        if go.form_submit_button("Summarise", type="primary", width="stretch"):
            title = scope.matter.name if chosen is None else by_id[chosen].path
            wanted = SummaryRequest(title=title, document_id=chosen, template=template, length=length)
            # A second click finds the summary that the first one ordered.
            job = _ordered(scope, wanted) or state.services().jobs.submit_summary(scope, wanted)
            st.session_state[_SHOWN] = job.id
            st.rerun()


def _ordered(scope: Scope, wanted: SummaryRequest) -> Job | None:
    """The person's own summary of the same that waits or is being written."""
    for job in widgets.open_jobs(scope):
        mine = job.kind == SUMMARY and actor_of(job.payload["actor"]).id == scope.actor.id
        if mine and not job.cancel_requested and asdict(wanted).items() <= job.payload.items():
            return job
    return None


def _last_failure(scope: Scope) -> None:
    newest = next((job for job in state.services().jobs.jobs(scope) if job.kind == SUMMARY), None)
    if newest is None:
        return
    when = presenting.when(newest.updated_at, state.time_zone())
    if newest.state is JobState.FAILED:
        widgets.problem(f"the summary of {when} failed: {newest.problem}")
    elif newest.state is JobState.CANCELLED:
        st.info(f"The summary of {when} was stopped; nothing of it was kept.")


def _chosen(kept: Sequence[KeptSummary]) -> KeptSummary:
    by_id = {one.id: one for one in kept}
    wanted = st.session_state.get(_SHOWN)
    if len(kept) == 1:
        return kept[0]
    zone = state.time_zone()
    picked = st.selectbox(
        "Finished summaries",
        list(by_id),
        index=list(by_id).index(wanted) if wanted in by_id else 0,
        format_func=lambda one: f"{by_id[one].title}, {presenting.when(by_id[one].made_at, zone)}",
        key=f"summaries-{wanted if wanted in by_id else kept[0].id}",
    )
    st.session_state[_SHOWN] = picked
    return by_id[picked]


def _summary(scope: Scope, kept: KeptSummary) -> None:
    source = st.session_state.get(_SOURCE)
    cited = source[1] if source and source[0] == kept.id else None
    body = kept.body
    labels = widgets.labels_of(scope, [body])
    left, right = widgets.beside_or_below(wide=cited is not None)
    with left:
        _document(scope, kept, body, labels)
    if cited is not None and right is not None:
        shown = body["citations"][cited - 1]
        with right:
            label = labels.get((shown["document_id"], shown["page"]))
            page_view.cited_passage(scope, shown, close_key=_SOURCE, label=label)


def _document(
    scope: Scope, kept: KeptSummary, body: Mapping[str, Any], labels: Mapping[tuple[str, int], str]
) -> None:
    st.html(presenting.summary_head_html(body, presenting.when(kept.made_at, state.time_zone())))
    widgets.links(
        *(
            widgets.link(
                f"Export .{kind}",
                widgets.address_of(scope, "export", "summary", f"{kept.id}.{kind}"),
                download=True,
            )
            for kind in ("docx", "md")
        )
    )
    missing = presenting.coverage_problems(body)
    if missing:
        with st.expander(f"Not covered: {count(len(missing), 'place')}"):
            st.html(presenting.table_html(["Document", "Page", "Why"], missing, right=frozenset({1})))
    sections = groupby(body["statements"], key=lambda one: (one["document"], one["section"]))
    for (document, section), statements in sections:
        named = document if len(body["documents"]) > 1 else ""
        st.html(presenting.statements_html(named, section, list(statements)))
    if not body["statements"]:
        widgets.empty(
            "Nothing to state", "No statement in the chosen pages could be supported by their text."
        )
    st.html('<div class="m-quiet">Sources</div>')
    widgets.source_buttons(kept.id, body["citations"], state_key=_SOURCE, labels=labels)
