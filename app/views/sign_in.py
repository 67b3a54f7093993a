"""Sign in, and the one form that nobody is signed in for: the first administrator's."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from app import state, widgets
from storage.records import Actor


def page() -> None:
    """The page that stands in place of all others until somebody is signed in."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.html('<div class="m-brand" style="font-size:1.9rem;margin-top:8vh">Muniment</div>')
        code = st.query_params.get("welcome")
        if code and not state.services().accounts.users():
            _first_administrator(code)
        else:
            _sign_in()


def _sign_in() -> None:
    st.html('<div class="m-quiet">Documents and questions stay on this machine. Every act is recorded.</div>')
    if "again" in st.query_params:
        st.info("That sign-in was not finished in time. Please sign in again.")
    with st.form("sign-in", border=True):
        name = st.text_input("Name", autocomplete="username")
        password = st.text_input("Password", type="password", autocomplete="current-password")
        submitted = st.form_submit_button("Sign in", type="primary", width="stretch")
    if submitted:
        with widgets.told():
            opened = state.services().accounts.sign_in(name, password, address=state.client_address())
            _hand_over(opened.token)


def _first_administrator(code: str) -> None:
    st.html(
        '<div class="m-quiet">Create the first administrator. This link works once; '
        "the administrator lets everybody else in.</div>"
    )
    with st.form("welcome", border=True):
        name = st.text_input("Name", autocomplete="username")
        password = st.text_input(
            "Password", type="password", autocomplete="new-password", help="At least 12 characters"
        )
        again = st.text_input("Password once more", type="password", autocomplete="new-password")
        submitted = st.form_submit_button("Create the first administrator", type="primary", width="stretch")
    if not submitted:
        return
    if password != again:
        widgets.problem("the two passwords differ; type the same one twice")
        return
    with widgets.told():
        accounts = state.services().accounts
        opened = accounts.redeem_welcome(code, name, password, address=state.client_address())
        _let_into_all(opened.actor)
        _hand_over(opened.token)


def _let_into_all(first: Actor) -> None:
    """What the command line has made so far has no members; nobody else could let anyone in."""
    services = state.services()
    operator = services.accounts.local_operator()
    for matter in services.access.matters_of(operator):
        services.access.add_member(services.access.scope(operator, matter.name), first.id)


def _hand_over(token: str) -> None:
    """Let the browser swap a one-time ticket for the cookie, which scripts cannot set or read."""
    ticket = state.services().accounts.hand_over(token)
    widgets.go_to("/session/open?" + urlencode({"ticket": ticket, "matter": state.address_matter() or ""}))
    st.html('<div class="m-quiet">Signing in …</div>')
