"""People: who may sign in. For administrators."""

from __future__ import annotations

import streamlit as st

from app import presenting, state, widgets
from storage.accounts import User
from storage.errors import Refused
from storage.passwords import make_password
from storage.records import Role

_MADE = "made_password"


def page() -> None:
    """The page."""
    if not state.is_administrator():
        raise Refused("only an administrator manages people")
    widgets.heading("People", "Who may sign in. What each person can read is decided by their matters.")
    _made_password()
    _add()
    for user in state.services().accounts.users():
        _person(user)


def _made_password() -> None:
    made = st.session_state.get(_MADE)
    if made is None:
        return
    name, password = made
    with st.container(border=True):
        st.html(
            f'<div class="m-where">A password made for {presenting.escaped(name)}</div>'
            '<div class="m-quiet">Hand it over in person. It is shown only here, and only now; '
            "they can change it under Your password.</div>"
        )
        st.code(password, language=None)
        if st.button("I have handed it over"):
            del st.session_state[_MADE]
            st.rerun()


def _add() -> None:
    with st.form(widgets.form_key("add-person"), border=True):
        words, what, go = st.columns([4, 3, 2], vertical_alignment="bottom")
        name = words.text_input("New person", placeholder="The name to sign in with")
        role = what.selectbox("Role", [Role.MEMBER, Role.ADMINISTRATOR], format_func=lambda one: one.value)
        submitted = go.form_submit_button("Add", type="primary", width="stretch")
    if submitted:
        made = state.services().accounts.add_user(name, role, by=state.require_actor())
        widgets.form_taken("add-person")
        st.session_state[_MADE] = (made.user.name, made.password)
        st.rerun()


def _person(user: User) -> None:
    accounts, actor = state.services().accounts, state.require_actor()
    with st.container(border=True):
        who, reset, switch = st.columns([4, 2, 2], vertical_alignment="center")
        standing = "cannot sign in" if user.disabled else "may sign in"
        who.html(
            f'<div class="m-where">{presenting.escaped(user.name)}</div>'
            f'<div class="m-quiet">{user.role.value}, {standing}</div>'
        )
        if user.id == actor.id:
            switch.html('<div class="m-quiet">This is you</div>')
            return
        if reset.button("New password", key=f"reset-{user.id}", width="stretch", disabled=user.disabled):
            password = make_password()
            accounts.set_password(user.id, password, by=actor)
            st.session_state[_MADE] = (user.name, password)
            st.rerun()
        label = "Let in again" if user.disabled else "Disable"
        # A key for each: the second of two clicks must not undo the first.
        if switch.button(label, key=f"{label}-{user.id}", width="stretch"):
            (accounts.enable if user.disabled else accounts.disable)(user.id, by=actor)
            st.rerun()
