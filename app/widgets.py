"""Pieces that several pages share: headings, notices, errors, running jobs, sources of an answer.

Text that people, documents or models wrote reaches the screen through `presenting` alone.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from app import presenting, progress, state
from storage.errors import MunimentError
from storage.records import Job, JobState, Scope

PAGES = "pages"
"""Where the frame keeps its pages in the session state, by name."""

GO_SCRIPT = 'location.replace(document.getElementById("m-go").dataset.to)'
"""Sends the browser to one of our own addresses. With `SLASH_SCRIPT`, the only scripts of ours."""

SLASH_SCRIPT = (
    'window.mSlash||=!document.addEventListener("keydown",e=>{'
    'const box=document.querySelector("[data-testid=stChatInputTextArea]");'
    'if(e.key!="/"||e.ctrlKey||e.metaKey||e.altKey||!box'
    '||e.target.closest("input,textarea,[contenteditable=true]"))return;'
    "e.preventDefault();box.focus()})"
)
"""Makes `/` go to the box for questions, where the page has one and nothing is being typed elsewhere."""

_MOST_BARS = 3
_INNER_QUOTES = str.maketrans("\u201c\u201d", "\u2018\u2019")
_OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
_log = logging.getLogger(__name__)


def heading(title: str, line: str = "") -> None:
    """A page's title, with one quiet line under it."""
    under = f"<p>{presenting.escaped(line)}</p>" if line else ""
    st.html(f'<div class="m-head"><h1>{presenting.escaped(title)}</h1>{under}</div>')


def doubt(line: str) -> None:
    """A line that a person should not pass over."""
    st.html(f'<div class="m-doubt">{presenting.escaped(line)}</div>')


def empty(title: str, line: str) -> None:
    """What stands where there is nothing yet: what it is, and what to do."""
    words = f"<strong>{presenting.escaped(title)}</strong>{presenting.escaped(line)}"
    st.html(f'<div class="m-empty">{words}</div>')


def problem(line: str) -> None:
    """One line of error, shown as it is."""
    st.error(presenting.plain(line[:1].upper() + line[1:]))


@contextmanager
def told() -> Iterator[None]:
    """Show an error in one line instead of letting it end the page.

    An error that is not meant for people gets a reference, under which the log holds where it happened;
    its message is left out of both, because it may hold a document's words.
    """
    try:
        yield
    except MunimentError as error:
        problem(str(error))
    except Exception as error:  # noqa: BLE001 - the rim: whatever went wrong, the person gets one line
        reference = secrets.token_hex(4)
        where = "".join(traceback.format_tb(error.__traceback__))
        _log.error("reference %s: %s\n%s", reference, type(error).__name__, where)
        problem(f"something went wrong (reference {reference}); the log says where")


def open_page(name: str) -> None:
    """Go to one of the frame's pages by its name."""
    st.switch_page(st.session_state[PAGES][name], query_params=state.address_query())


def go_to(address: str) -> None:
    """Send the browser to an address of this server."""
    target = f'<span id="m-go" data-to="{presenting.escaped(address)}"></span>'
    st.html(f"{target}<script>{GO_SCRIPT}</script>", unsafe_allow_javascript=True)


def brand() -> None:
    """The product's name, with the script that every page has."""
    st.html(
        f'<div class="m-brand">Muniment</div><script>{SLASH_SCRIPT}</script>', unsafe_allow_javascript=True
    )


def link(label: str, address: str, *, download: bool = False, new_tab: bool = False) -> str:
    """A real link that looks like a button; the browser sends the session's cookie along."""
    extra = " download" if download else ""
    extra += ' target="_blank" rel="noopener"' if new_tab else ""
    words = presenting.escaped(label)
    return f'<a class="m-link" href="{presenting.escaped(address)}"{extra}>{words}</a>'


def links(*anchors: str) -> None:
    """Links beside each other."""
    st.html(f"<div>{''.join(anchors)}</div>")


def address_of(scope: Scope, *parts: str, **query: str | int) -> str:
    """The address of one of our routes under a matter."""
    path = "/".join(quote(part, safe="") for part in ("matter", scope.matter.id, *parts))
    return f"/{path}?{urlencode(query)}" if query else f"/{path}"


def open_jobs(scope: Scope) -> list[Job]:
    """The matter's jobs that wait or run, newest first."""
    return [job for job in state.services().jobs.jobs(scope) if job.state in _OPEN_STATES]


@st.fragment(run_every=1.0)
def job_bars(seen: Sequence[str], *, per_file: bool) -> None:
    """The matter's running jobs, each with its progress and a Stop.

    Args:
        seen: `standing` of the jobs when the page was drawn; it is drawn again when that has changed.
        per_file: whether the page also shows each file, and what each finished one changes.
    """
    with told():
        scope = state.scope()
        running = open_jobs(scope)
        # Running before waiting; a hundred files with one password are a hundred jobs.
        ordered = sorted(running, key=lambda one: one.state is not JobState.RUNNING)
        for job in ordered[:_MOST_BARS]:
            bar, stop = st.columns([8, 1], vertical_alignment="center")
            bar.html(progress.job_html(job))
            if stop.button("Stop", key=f"stop-{job.id}", disabled=job.cancel_requested, width="stretch"):
                state.services().jobs.cancel(scope, job.id)
                st.rerun(scope="fragment")
            if per_file and (files := progress.files_html(job)):
                st.html(files)
        if len(ordered) > _MOST_BARS:
            st.html(f'<div class="m-quiet m-num">and {len(ordered) - _MOST_BARS:,} more waiting</div>')
        if standing(running, per_file=per_file) != list(seen):
            st.rerun()


def standing(jobs: Sequence[Job], *, per_file: bool) -> list[str]:
    """What a page that shows these jobs depends on: which are open and, `per_file`, how far each is."""
    return [f"{job.id} {job.progress.get('done') if per_file else ''}" for job in jobs]


def form_key(name: str) -> str:
    """The key of a form until it is `form_taken`.

    What was typed stays until then, so that a second click, or a mistake, does not lose it; and a second
    click that comes after it belongs to a form that is gone.
    """
    return f"{name}-{st.session_state.setdefault(f'{name}-form', 0)}"


def form_taken(name: str) -> None:
    """Empty a form by giving it another key: what it held was taken."""
    st.session_state[f"{name}-form"] += 1


def scope_or_advice(title: str) -> Scope | None:
    """The chosen matter's scope; for somebody in no matter, words on what to do, and None."""
    if state.chosen_matter() is None:
        heading(title)
        empty("You are in no matter yet", advice_without_matter())
        return None
    return state.scope()


def advice_without_matter() -> str:
    """What somebody who is in no matter can do."""
    if state.is_administrator():
        return "Create one under Matters."
    return "An administrator can add you to one."


def source_buttons(
    owner: str,
    citations: Sequence[Mapping[str, Any]],
    *,
    state_key: str,
    labels: Mapping[tuple[str, int], str],
) -> None:
    """A button per citation; the pressed one is kept under `state_key` as (owner, number)."""
    chosen = st.session_state.get(state_key)
    listed = st.container(gap="xsmall")
    for one in citations:
        where = presenting.cited_place(one, labels.get((one["document_id"], one["page"])))
        quoted = presenting.shortened(one["quote"], 70).translate(_INNER_QUOTES)
        words = f"[{one['n']}]  {where}  “{quoted}”"
        pressed = listed.button(
            presenting.plain(words),
            key=f"source-{owner}-{one['n']}",
            type="primary" if chosen == (owner, one["n"]) else "secondary",
            width="stretch",
        )
        if pressed:
            st.session_state[state_key] = (owner, one["n"])
            st.rerun()


def labels_of(scope: Scope, bodies: Iterable[Mapping[str, Any]]) -> Mapping[tuple[str, int], str]:
    """What the pages are called that answers or summaries cite, where they have a name."""
    cited = {(one["document_id"], one["page"]) for body in bodies for one in body["citations"]}
    return state.services().library.labels(scope, cited) if cited else {}


def beside_or_below(*, wide: bool) -> tuple[Any, Any]:
    """Two places: beside each other on a wide screen, below each other on a narrow one."""
    holder = st.container(key="beside")
    if not wide:
        return holder, None
    left, right = holder.columns([9, 10], gap="medium")
    return left, right
