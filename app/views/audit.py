"""Audit: who did what, when and in which matter; whether the log still proves it; the log to take away.

Administrators see every entry; others see the entries of their own matters and their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from app import acts, presenting, state, widgets
from storage.audit import Verification, parse_checkpoints
from storage.records import Actor, AuditEntry, Role

_PER_PAGE = 50
_RESULT = "audit_result"


def page() -> None:
    """The page."""
    actor = state.require_actor()
    everything = actor.role is Role.ADMINISTRATOR
    line = "Every act, in an order that can be proved."
    if not everything:
        line += " You see your own acts and those in your matters."
    widgets.heading("Audit", line)
    _verification(actor, everything)
    matters = {one.id: one.name for one in state.my_matters()}
    people = state.people()
    entries = _filtered(actor, everything, matters, people)
    if not entries:
        widgets.empty("No entries fit", "Widen the filters above.")
        return
    names = matters if not everything else _all_matter_names(matters)
    chosen = _timeline(entries, names)
    if chosen is not None:
        _whole(chosen, names)


def _verification(actor: Actor, everything: bool) -> None:  # noqa: FBT001
    check, export, _ = st.columns([2, 2, 4], vertical_alignment="center")
    if check.button("Verify the log", type="primary", width="stretch"):
        st.session_state[_RESULT] = (_verified(actor), datetime.now(UTC))
    if everything:
        with export:
            widgets.links(widgets.link("Export the log", "/audit/export", download=True))
    if _RESULT in st.session_state:
        result, at = st.session_state[_RESULT]
        words = presenting.plain(acts.verification_line(result))
        when = presenting.plain(presenting.when(at, state.time_zone()))
        (st.success if result.ok else st.error)(f"{words} Checked {when}.", icon=None)


def _verified(actor: Actor) -> Verification:
    services = state.services()
    kept = [
        checkpoint
        for file in sorted(services.checkpoints.glob("*.json"))
        for checkpoint in parse_checkpoints(file.read_text())
    ]
    shown = st.empty()

    def tell(done: int) -> None:
        shown.text(f"Verifying: {done:,} entries")

    result = services.audit.verify(checkpoints=kept, on_progress=tell)
    shown.empty()
    services.audit.append("audit.verified", actor, data={"ok": result.ok, "size": result.size})
    return result


def _filtered(
    actor: Actor,
    everything: bool,  # noqa: FBT001
    matters: dict[str, str],
    people: dict[str, str],
) -> Sequence[AuditEntry]:
    who, what, where, since, until, words = st.container(key="filters").columns(6)
    by = who.selectbox("Who", [None, *people], format_func=lambda one: people.get(one, "Anybody"))
    kinds = what.selectbox("What", [None, *acts.GROUPS], format_func=lambda one: one or "Anything")
    matter = where.selectbox("Matter", [None, *matters], format_func=lambda one: matters.get(one, "Any"))
    first = since.date_input("From", value=None, format="DD/MM/YYYY")
    last = until.date_input("To", value=None, format="DD/MM/YYYY")
    text = words.text_input("Words", placeholder="anywhere in an entry")
    wanted: dict[str, Any] = {
        "kinds": acts.GROUPS[kinds] if kinds else None,
        "since": _midnight(first) if isinstance(first, date) else None,
        "until": _midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
        "text": text or None,
        "limit": _PER_PAGE,
    }
    audit = state.services().audit
    ids = [matter] if matter else None
    if everything:
        return audit.entries(actor=by, matter_ids=ids, **wanted)
    found = {one.index: one for one in audit.entries(actor=by, matter_ids=ids or list(matters), **wanted)}
    if ids is None and by in (None, actor.id):
        found |= {one.index: one for one in audit.entries(actor=actor.id, **wanted)}
    return sorted(found.values(), key=lambda one: one.index, reverse=True)[:_PER_PAGE]


def _midnight(day: date) -> datetime:
    zone = state.time_zone()
    return datetime.combine(day, time(), ZoneInfo(zone) if zone else UTC)


def _all_matter_names(mine: dict[str, str]) -> dict[str, str]:
    return {one.id: one.name for one in state.services().library.matters()} | mine


def _timeline(entries: Sequence[AuditEntry], matters: dict[str, str]) -> AuditEntry | None:
    zone = state.time_zone()
    rows = [
        {
            "No.": one.index,
            "When": presenting.when(one.at, zone),
            "Who": acts.actor_line(json.loads(one.canonical)),
            "What": acts.act_line(json.loads(one.canonical)),
            "Matter": matters.get(one.matter_id or "", "") if one.matter_id else "",
        }
        for one in entries
    ]
    picked = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="audit-entries",
        column_config={
            "No.": st.column_config.NumberColumn(width="small", format="%d"),
            "What": st.column_config.TextColumn(width="large"),
        },
    )
    st.html(
        f'<div class="m-quiet">The newest {_PER_PAGE} entries that fit. Select a row to see it whole.</div>'
    )
    selected = picked["selection"]["rows"]
    return entries[selected[0]] if selected and selected[0] < len(entries) else None


def _whole(entry: AuditEntry, matters: dict[str, str]) -> None:
    value = json.loads(entry.canonical)
    with st.container(border=True):
        title = presenting.escaped(acts.act_line(value))
        st.html(f'<div class="m-where">Entry {entry.index}: {title}</div>')
        st.html(presenting.table_html(["", ""], acts.entry_rows(value, matters, state.time_zone())))
        st.html('<div class="m-quiet">Canonical bytes, as they are hashed</div>')
        st.code(entry.canonical.decode(errors="replace"), language=None, wrap_lines=True)
        st.html(
            f'<div class="m-quiet">Leaf hash {entry.leaf_hash}<br>Root of the log so far {entry.head}</div>'
        )
