"""Matters: the rooms of the signed-in person, who is in them, and a new one."""

from __future__ import annotations

import streamlit as st

from app import presenting, sending_words, state, widgets
from engine.counting import count
from engine.models.base import ModelIdentity
from storage.records import Actor, Matter, Role, Scope, Sending


def page() -> None:
    """The page."""
    actor = state.require_actor()
    mine = state.my_matters()
    widgets.heading(
        "Matters",
        "A matter is a room that nothing crosses: documents, questions and summaries stay inside it.",
    )
    if actor.role is Role.ADMINISTRATOR:
        _create(actor)
    if not mine:
        line = "Name one above." if actor.role is Role.ADMINISTRATOR else widgets.advice_without_matter()
        widgets.empty("You are in no matter yet", line)
    for matter in mine:
        _matter(actor, matter)


def _create(actor: Actor) -> None:
    with st.form(widgets.form_key("new-matter"), border=True):
        words, go = st.columns([5, 2], vertical_alignment="bottom")
        name = words.text_input("New matter", placeholder="Client and subject, for example Northgate lease")
        submitted = go.form_submit_button("Create matter", type="primary", width="stretch")
    if not submitted:
        return
    services = state.services()
    made = services.library.create_matter(name, actor)
    widgets.form_taken("new-matter")
    state.choose_matter(made)
    st.rerun()


def _matter(actor: Actor, matter: Matter) -> None:
    services = state.services()
    scope = services.access.scope(actor, matter.name)
    documents = services.library.documents(scope)
    members = services.access.members(scope)
    inside = ", ".join(one.name for one in members) or "nobody"
    pages = sum(one.page_count for one in documents)
    with st.container(border=True):
        name, go = st.columns([5, 2], vertical_alignment="center")
        facts = (
            f"{count(len(documents), 'document')}, {count(pages, 'page')}; "
            f"since {presenting.when(matter.created_at, state.time_zone())}"
        )
        name.html(
            f'<div class="m-where">{presenting.escaped(matter.name)}</div>'
            f'<div class="m-quiet">{presenting.escaped(facts)}</div>'
            f'<div class="m-quiet">Members: {presenting.escaped(inside)}</div>'
            f'<div class="m-quiet">{presenting.escaped(_leaving(scope))}</div>'
        )
        if go.button("Work in this matter", key=f"go-{matter.id}", width="stretch"):
            state.choose_matter(matter)
            widgets.open_page("ask")
        if actor.role is Role.ADMINISTRATOR:
            with go.popover("Members", width="stretch"):
                _members(scope)
            if services.remote is not None:
                with go.popover("Remote model", width="stretch"):
                    _sending(scope, services.remote.identity)


def _leaving(scope: Scope) -> str:
    words = sending_words.POLICIES[state.services().access.sending(scope)]
    return words[:1].upper() + words[1:]


def _sending(scope: Scope, remote: ModelIdentity) -> None:
    services = state.services()
    now = services.access.sending(scope)
    st.html(
        f'<div class="m-quiet">May a question of this matter be sent to {presenting.escaped(remote.id)} at '
        f"<strong>{presenting.escaped(remote.device)}</strong>? Each is shown before it is sent.</div>"
    )
    picked = st.radio(
        "What may leave this machine",
        [one.value for one in Sending],
        index=list(Sending).index(now),
        format_func=lambda one: sending_words.CHOICES[Sending(one)],
        captions=[sending_words.POLICIES[one].partition(": ")[2] for one in Sending],
        # A new key when it was changed elsewhere; otherwise the old choice would stay in the box.
        key=f"sending-{scope.matter.id}-{now}",
    )
    chosen = Sending(picked)
    if chosen is Sending.REDACT:
        widgets.doubt(sending_words.WARNING)
    if st.button("Save", key=f"sending-go-{scope.matter.id}", disabled=chosen is now):
        services.access.set_sending(scope, chosen)
        st.rerun()


def _members(scope: Scope) -> None:
    services = state.services()
    inside = services.access.members(scope)
    for one in inside:
        who, out = st.columns([3, 2], vertical_alignment="center")
        who.text(one.name)
        if out.button("Remove", key=f"remove-{scope.matter.id}-{one.user_id}", width="stretch"):
            services.access.remove_member(scope, one.user_id)
            st.rerun()
    ids = {one.user_id for one in inside}
    outside = {
        one.id: one.name for one in services.accounts.users() if one.id not in ids and not one.disabled
    }
    if not outside:
        st.html('<div class="m-quiet">Everybody who may sign in is a member.</div>')
        return
    chosen = st.selectbox(
        "Add somebody", list(outside), format_func=outside.__getitem__, key=f"add-{scope.matter.id}"
    )
    if st.button("Add to this matter", key=f"add-go-{scope.matter.id}"):
        services.access.add_member(scope, chosen)
        st.rerun()
