"""Your password: every person changes their own."""

from __future__ import annotations

import streamlit as st

from app import state, widgets


def page() -> None:
    """The page."""
    actor = state.require_actor()
    widgets.heading(
        "Your password",
        f"{actor.name}, at least 12 characters. Changing it ends your sessions in other browsers.",
    )
    with st.form("own-password", clear_on_submit=True, border=True):
        current = st.text_input("Password now", type="password", autocomplete="current-password")
        new = st.text_input("New password", type="password", autocomplete="new-password")
        again = st.text_input("New password once more", type="password", autocomplete="new-password")
        submitted = st.form_submit_button("Change the password", type="primary")
    if not submitted:
        return
    if new != again:
        widgets.problem("the two new passwords differ; type the same one twice")
        return
    state.services().accounts.change_password(actor, current=current, new=new)
    st.success("Your password is changed. Your sessions in other browsers are closed.")
