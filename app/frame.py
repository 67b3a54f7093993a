"""What stands around every page: the matter, the ways to other pages, who is signed in, what is running."""

from __future__ import annotations

import streamlit as st

from app import presenting, state, widgets
from app.views import ask, audit, library, matters, password, people, summaries, system
from engine.counting import count
from storage.records import Actor, Role


def page(actor: Actor) -> None:
    """The frame and, in it, the page that the person is on."""
    pages = {
        "ask": st.Page(ask.page, title="Ask", url_path="ask", default=True),
        "library": st.Page(library.page, title="Library", url_path="library"),
        "summaries": st.Page(summaries.page, title="Summaries", url_path="summaries"),
        "matters": st.Page(matters.page, title="Matters", url_path="matters"),
        "audit": st.Page(audit.page, title="Audit", url_path="audit"),
        "password": st.Page(password.page, title="Your password", url_path="password"),
    }
    if actor.role is Role.ADMINISTRATOR:
        pages["people"] = st.Page(people.page, title="People", url_path="people")
        pages["system"] = st.Page(system.page, title="System", url_path="system")
    st.session_state[widgets.PAGES] = pages
    current = st.navigation(list(pages.values()), position="hidden")
    # Asked once: a job that ends meanwhile would leave the dot and take away the bar that draws it again.
    running = widgets.open_jobs(state.scope()) if state.chosen_matter() is not None else []
    with st.sidebar:
        _sidebar(actor, len(running))
    if running:
        per_file = current.url_path == "library"
        widgets.job_bars(widgets.standing(running, per_file=per_file), per_file=per_file)
    with widgets.told():
        _elsewhere()
        current.run()


def _elsewhere() -> None:
    """Say so where the address names a matter that is not the one shown: walled off, erased or mistyped."""
    wanted, chosen = state.address_matter(), state.chosen_matter()
    if wanted is not None and chosen is not None and wanted != chosen.id:
        widgets.doubt(f"The matter of this address is not open to you. This is {chosen.name}.")


def _sidebar(actor: Actor, running: int) -> None:
    pages = st.session_state[widgets.PAGES]
    widgets.brand()
    _matter_switcher()
    query = state.address_query()
    for name in ("ask", "library", "summaries"):
        st.page_link(pages[name], width="stretch", query_params=query)
    st.html('<hr class="m-rule">')
    for name in ("matters", "audit", "people", "system"):
        if name in pages:
            st.page_link(pages[name], width="stretch", query_params=query)
    role = "administrator" if actor.role is Role.ADMINISTRATOR else "member"
    services = state.services()
    identity = services.generator.identity
    approval = services.models.approval(identity.digest)
    details = presenting.model_details(identity, approval.by if approval else None)
    st.html(
        f'<div class="m-foot"><strong>{presenting.escaped(actor.name)}</strong>, {role}<br>'
        f"Answers by {presenting.escaped(presenting.model_line(identity))}<br>"
        f"{presenting.escaped(details)}<br>{presenting.escaped(_leaving())}{_running_dot(running)}</div>"
    )
    st.page_link(pages["password"], width="stretch", query_params=query)
    if st.button("Sign out", key="sign-out"):
        state.sign_out()
        widgets.go_to("/session/close")


def _leaving() -> str:
    remote = state.services().remote
    if remote is None:
        return "Nothing leaves this machine"
    return f"{remote.identity.device} is asked only where a matter allows it"


def _matter_switcher() -> None:
    mine = state.my_matters()
    chosen = state.chosen_matter()
    if chosen is None:
        st.html('<p class="m-quiet">You are in no matter yet.</p>')
        return
    picked = st.selectbox(
        "Matter",
        mine,
        index=[one.id for one in mine].index(chosen.id),
        format_func=lambda one: one.name,
        # A new key when the choice changed elsewhere; otherwise the box would change it back.
        key=f"switch-{chosen.id}",
    )
    if picked.id != chosen.id:
        state.choose_matter(picked)
        st.rerun()


def _running_dot(running: int) -> str:
    if not running:
        return ""
    return f'<br><span class="m-dot"></span>{count(running, "job")} running'
