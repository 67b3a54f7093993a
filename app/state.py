"""Where the pages find the services, the person, and the matter they look at.

The services are one set for the process. Everything that belongs to one person lies in Streamlit's session
state or is read from SQL again on every run; nothing of theirs is cached across sessions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from app.guards import SESSION_COOKIE
from storage.errors import NotFound, Refused
from storage.records import Actor, Matter, Role, Scope

if TYPE_CHECKING:
    from app.wiring import Services

_installed: list[Services] = []
_THREAD_ID = re.compile(r"thread_[0-9a-f]{24}")
_MATTER = "matter_id"
_ADDRESS, _THREAD = "matter", "thread"
"""What the page's address calls the matter: a reload, a second tab and the way back stay in it."""


def install(services: Services) -> None:
    """Make these the services of the process's pages."""
    _installed[:] = [services]


def services() -> Services:
    """The services of the process."""
    if not _installed:
        raise RuntimeError("the pages have no services; start them with `muniment serve`")
    return _installed[0]


def session_token() -> str | None:
    """The session token that the browser sent when it opened this page."""
    token = st.context.cookies.get(SESSION_COOKIE)
    return str(token) if token else None


def current_actor() -> Actor | None:
    """Who is signed in at this moment, read from SQL: a revoked session is nobody at once."""
    return services().accounts.actor_for(session_token())


def require_actor() -> Actor:
    """Who is signed in.

    Raises:
        Refused: nobody, or nobody any more.
    """
    actor = current_actor()
    if actor is None:
        raise Refused("you are signed out; open this page again to sign in")
    return actor


def is_administrator() -> bool:
    """Whether the signed-in person is an administrator."""
    return require_actor().role is Role.ADMINISTRATOR


def my_matters() -> list[Matter]:
    """The matters of the signed-in person, by name."""
    return sorted(services().access.matters_of(require_actor()), key=lambda one: one.name.casefold())


def chosen_matter() -> Matter | None:
    """The matter that the pages are about; the first of the person's own until they choose another."""
    mine = my_matters()
    by_id = {one.id: one for one in mine}
    for wanted in (st.query_params.get(_ADDRESS), st.session_state.get(_MATTER)):
        if wanted in by_id:
            return by_id[wanted]
    return mine[0] if mine else None


def choose_matter(matter: Matter) -> None:
    """Make the pages be about this matter from the next run on."""
    st.session_state[_MATTER] = matter.id
    st.query_params.from_dict({_ADDRESS: matter.id})


def address_query() -> dict[str, str]:
    """What the addresses of pages carry, so that they are about the same matter wherever they are opened."""
    chosen = chosen_matter()
    return {} if chosen is None else {_ADDRESS: chosen.id}


def address_thread() -> str | None:
    """The thread of questions that the address names, if it has the form of one."""
    named = st.query_params.get(_THREAD, "")
    return named if _THREAD_ID.fullmatch(named) else None


def name_thread(thread_id: str | None) -> None:
    """Let the address name a thread, so that a reload stays in it; None names none."""
    st.query_params.from_dict(address_query() | ({_THREAD: thread_id} if thread_id else {}))


def address_matter() -> str | None:
    """The id of the matter that the address names, whether or not the person may open it."""
    return st.query_params.get(_ADDRESS)


def scope() -> Scope:
    """Permission to read the chosen matter, checked now.

    Raises:
        NotFound: no matter is chosen, or the person is no longer a member of it.
    """
    matter = chosen_matter()
    if matter is None:
        raise NotFound("you are in no matter yet; create one, or ask an administrator to add you")
    return services().access.scope(require_actor(), matter.name)


def time_zone() -> str | None:
    """The IANA name of the browser's time zone, where it says one."""
    return st.context.timezone


def client_address() -> str | None:
    """The address that the browser came from, as far as the server knows it."""
    return st.context.ip_address


def people() -> dict[str, str]:
    """Names by id of those whom the person may know of: all to an administrator, else in their matters."""
    actor, known = require_actor(), services()
    if actor.role is Role.ADMINISTRATOR:
        return {one.id: one.name for one in known.accounts.users()}
    scopes = [known.access.scope(actor, matter.name) for matter in my_matters()]
    met = {one.user_id: one.name for of in scopes for one in known.access.members(of)}
    return met | {actor.id: actor.name}


def sign_out() -> None:
    """Close the session in SQL; the browser's cookie is worth nothing from here on."""
    token = session_token()
    if token is not None:
        services().accounts.sign_out(token)
