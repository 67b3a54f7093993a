"""Summaries: choose what to summarise, watch it being written, read it with its sources."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import presenting, state, widgets
from app.jobs import SUMMARY, SummaryRequest
from storage.records import Document, JobState, Scope, VersionState
from storage.shelf import KeptSummary

_SHOWN = "shown_summary"
_SOURCE = "summary_source"
_WHOLE = "The whole matter"


def page() -> None:
    """The page."""
    if state.chosen_matter() is None:
        widgets.heading("Summaries")
        widgets.empty("You are in no matter yet", "Create one under Matters, or ask to be added to one.")
        return
    scope = state.scope()
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
    if not kept:
        widgets.empty(
            "No summaries yet",
            "A summary is written section by section. Every statement in it points at the passage it rests on, "
            "and the first line says how many pages it covers.",
        )
        return
    _show(scope, _chosen(kept))
