"""Audit: who did what, when and in which matter; whether the log still proves it; the entries to take away.

Nobody sees more here than their matters allow: `app.visible` says what that is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import streamlit as st

from app import acts, presenting, state, visible, widgets
from app.repeating import replayed
from app.replay_text import headline
from engine.counting import count
from engine.replaying import REPLAYABLE
from storage.audit import Verification, parse_checkpoints
from storage.records import Actor, AuditEntry, Role

_PER_PAGE = 50
_RESULT = "audit_result"
_REPLAYS = "audit_replays"
_BEFORE = "audit_before"


def page() -> None:
    """The page."""
    actor = state.require_actor()
    seen = "in no matter" if actor.role is Role.ADMINISTRATOR else "of your own in no matter"
    widgets.heading(
        "Audit",
        f"Every act, in an order that can be proved. You see those in your matters, and those {seen}.",
    )
    _verification(actor)
    matters = {one.id: one.name for one in state.my_matters()}
    sought = _sought(matters, state.people())
    before = _before(sought)
    entries = visible.newest(state.services(), actor, sought, limit=_PER_PAGE, before=before)
    if not entries and before is None:
        widgets.empty("No entries fit", "Widen the filters above.")
        return
    chosen = _timeline(entries, matters, part=before or 0)
    _turning(sought, entries, before)
    _export(sought)
    if chosen is not None:
        _whole(chosen, matters)
        if chosen.kind in REPLAYABLE and chosen.matter_id in matters:
            _replay(chosen, matters[chosen.matter_id])


def _verification(actor: Actor) -> None:
    if st.button("Verify the log", type="primary"):
        st.session_state[_RESULT] = (_verified(actor), datetime.now(UTC))
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


def _sought(matters: Mapping[str, str], people: Mapping[str, str]) -> visible.Sought:
    who, what, where, since, until, words = st.container(key="filters").columns(6)
    by = who.selectbox("Who", [None, *people], format_func=lambda one: people.get(one, "Anybody"))
    group = what.selectbox("What", [None, *acts.GROUPS], format_func=lambda one: one or "Anything")
    matter = where.selectbox("Matter", [None, *matters], format_func=lambda one: matters.get(one, "Any"))
    first = since.date_input("From", value=None, format="DD/MM/YYYY")
    last = until.date_input("To", value=None, format="DD/MM/YYYY")
    text = words.text_input("Words", placeholder="anywhere in an entry")
    return visible.Sought(
        actor_id=by,
        group=group,
        matter_id=matter,
        since=_midnight(first) if isinstance(first, date) else None,
        until=_midnight(last + timedelta(days=1)) if isinstance(last, date) else None,
        words=text or None,
    )


def _export(sought: visible.Sought) -> None:
    """All entries that fit, and not only those on the page, to take away."""
    query = urlencode(sought.to_query())
    widgets.links(
        widgets.link("Export these entries", f"/audit/export?{query}".removesuffix("?"), download=True)
    )
    st.html(
        '<div class="m-quiet">All entries that fit, each with the bytes that are hashed. The whole log, as '
        "an auditor needs it, is exported at the command line: <code>muniment audit export</code></div>"
    )


def _midnight(day: date) -> datetime:
    zone = state.time_zone()
    return datetime.combine(day, time(), ZoneInfo(zone) if zone else UTC)


def _before(sought: visible.Sought) -> int | None:
    """The index below which the list begins, where somebody went back; other filters begin anew."""
    held: tuple[visible.Sought, int] | None = st.session_state.get(_BEFORE)
    return held[1] if held is not None and held[0] == sought else None


def _turning(sought: visible.Sought, entries: Sequence[AuditEntry], before: int | None) -> None:
    older, newest, _ = st.columns([2, 2, 5])
    if older.button("Older entries", disabled=len(entries) < _PER_PAGE, width="stretch"):
        st.session_state[_BEFORE] = (sought, entries[-1].index)
        st.rerun()
    if newest.button("Newest entries", disabled=before is None, width="stretch"):
        del st.session_state[_BEFORE]
        st.rerun()


def _timeline(entries: Sequence[AuditEntry], matters: Mapping[str, str], *, part: int) -> AuditEntry | None:
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
        # Other rows, of which none is chosen.
        key=f"audit-entries-{part}",
        column_config={
            "No.": st.column_config.NumberColumn(width="small", format="%d"),
            "What": st.column_config.TextColumn(width="large"),
        },
    )
    shown = count(len(entries), "entry", "entries")
    st.html(f'<div class="m-quiet">{shown}, newest first. Select a row to see it whole.</div>')
    selected = picked["selection"]["rows"]
    return entries[selected[0]] if selected and selected[0] < len(entries) else None


def _whole(entry: AuditEntry, matters: Mapping[str, str]) -> None:
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


def _replay(entry: AuditEntry, matter: str) -> None:
    """Make the chosen answer again; the result stays until another entry is chosen."""
    title = "Replay this summary" if entry.kind == "summary.finished" else "Replay this answer"
    results = st.session_state.setdefault(_REPLAYS, {})
    pressed = st.button(title)
    st.html(
        '<div class="m-quiet">The prompt is put together again from the record, and the model writes once '
        "more. The result is recorded, and names no words.</div>"
    )
    if pressed:
        services = state.services()
        scope = services.access.scope(state.require_actor(), matter)
        shown = st.empty()
        for made in replayed(services.replayer, scope, entry.index, attention=services.attention):
            if made is None:
                shown.text("Replaying")
            else:
                results[entry.index] = made
        shown.empty()
    if entry.index in results:
        made = results[entry.index]
        (st.success if made.confirmed else st.error)(presenting.plain(headline(made)), icon=None)
        rows = [
            [one.name, "same" if one.same else f"differs: {one.detail}"]
            for one in (*made.inputs, *made.surroundings)
        ]
        st.html(presenting.table_html(["Held against the record", ""], rows))
