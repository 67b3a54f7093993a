"""What was not read, on top of the Library: one line for each document, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import listing, presenting, state
from app.views import document as document_view
from engine.verdicts import without_name
from storage.overview import UnreadPage
from storage.records import Document, Job, OcrChoice, Scope, VersionState

T = TypeVar("T")

_SHOWN = 5
_AT_MOST = 100
_TRIED_AT_ONCE = 40
"""Each is work of its own, and no more work than that is listed at a time."""


def headline(
    documents: Sequence[Document],
    found: listing.Troubles,
    *,
    unread: Sequence[UnreadPage],
    refused: int,
    busy: bool,
) -> None:
    """What was not read of all documents, in one line; or that nothing is missing."""
    parts = listing.report_parts(documents, found, unread=unread, refused=refused)
    line, tone = listing.headline(documents, parts, busy=busy)
    st.html(f'<div class="m-report m-verdict m-{tone}">{presenting.escaped(line)}</div>')


def cases(
    scope: Scope,
    found: listing.Troubles,
    *,
    unread: Sequence[UnreadPage],
    refused: Mapping[str, str],
    again: frozenset[str],
) -> None:
    """Each document that was not read, or not in full, with what can be done about it.

    Args:
        scope: the matter.
        found: what is wrong with which document.
        unread: the pages that were not read.
        refused: files that were not taken in, with why.
        again: ids of documents that wait to be read again, or are being read.
    """
    pages: dict[str, list[UnreadPage]] = {}
    for one in unread:
        pages.setdefault(one.document_id, []).append(one)
    if found.locked:
        with _group("locked", "Locked: give the password"):
            idle = [one for one in found.locked if one.id not in again]
            if len(idle) > 1:
                _one_password(scope, idle)
            _each("locked", found.locked, lambda one: _locked(scope, one, busy=one.id in again))
    if found.failed:
        with _group("failed", "Could not be read"):
            _each("failed", found.failed, lambda one: _failed(scope, one, busy=one.id in again))
    if found.in_part:
        with _group("in-part", "Read, but not every page"):
            _each(
                "in-part",
                found.in_part,
                lambda one: _in_part(scope, one, pages.get(one.id, []), busy=one.id in again),
            )
    if refused:
        with _group("refused", "Not taken in"):
            _each("refused", list(refused.items()), lambda one: _line(one[0], without_name(*one)))
    if found.hiding:
        with _group("hiding", "Hides text, which is left out until somebody accepts it"):
            _each("hiding", found.hiding, _hiding)


def _group(name: str, title: str) -> DeltaGenerator:
    box = st.container(border=True, gap="small", key=f"trouble-{name}")
    box.html(f'<div class="m-group">{presenting.escaped(title)}</div>')
    return box


def _each(name: str, listed: Sequence[T], show: Callable[[T], None]) -> None:
    key = f"all-{name}"
    most = _AT_MOST if st.session_state.get(key) else _SHOWN
    for one in listed[:most]:
        show(one)
    left = len(listed) - most
    if left > 0 and most == _SHOWN:
        if st.button(f"Show {left:,} more", key=f"show-{key}"):
            st.session_state[key] = True
            st.rerun()
    elif left > 0:
        st.html(f'<div class="m-quiet">and {left:,} more; the lists below name all</div>')


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _line(name: str, words: str) -> None:
    named, why = presenting.escaped(name), presenting.escaped(_sentence(words))
    st.html(f'<div class="m-trouble"><strong>{named}</strong><span>{why}</span></div>')


def _one_password(scope: Scope, locked: Sequence[Document]) -> None:
    with st.form("password-for-all", border=False):
        words, field, go = st.columns([5, 3, 3], vertical_alignment="center")
        words.html(
            '<div class="m-trouble"><strong>One password for several files</strong>'
            "<span>It is tried on each of them</span></div>"
        )
        password = _password(field)
        some = locked[:_TRIED_AT_ONCE]
        which = f"all {len(locked):,}" if some == locked else f"{len(some):,} of {len(locked):,}"
        tried = go.form_submit_button(f"Try it on {which}", width="stretch")
    if tried and password:
        for one in some:
            state.services().jobs.submit_reread(scope, one.id, password=password)
        st.rerun()


def _password(field: DeltaGenerator) -> str:
    given = field.text_input(
        "Password of the file",
        type="password",
        autocomplete="off",
        label_visibility="collapsed",
        placeholder="Password",
    )
    return given or ""


def _locked(scope: Scope, one: Document, *, busy: bool) -> None:
    if busy:
        _line(one.path, "the password is being tried")
        return
    with st.form(f"locked-{one.id}", border=False):
        words, field, go = st.columns([5, 3, 3], vertical_alignment="center")
        with words:
            _line(one.path, listing.reason_alone(one))
        password = _password(field)
        tried = go.form_submit_button("Open with this password", width="stretch")
    if tried and password:
        state.services().jobs.submit_reread(scope, one.id, password=password)
        st.rerun()


def _failed(scope: Scope, one: Document, *, busy: bool) -> None:
    if busy:
        _line(one.path, "is being read again")
        return
    words, again, skip = st.columns([7, 2, 2], vertical_alignment="center")
    with words:
        _line(one.path, listing.reason_alone(one))
    if "retry" in one.remedies and again.button("Try again", key=f"retry-{one.id}", width="stretch"):
        _read_again(scope, one)
    if one.state is VersionState.FAILED:
        with skip.popover("Skip this file", width="stretch"):
            st.markdown("Its copy leaves this matter. Add the file again whenever a good one is at hand.")
            if st.button("Skip it", key=f"skip-{one.id}"):
                state.services().rooms.delete_document(scope, one.id)
                st.rerun()


def _in_part(scope: Scope, one: Document, unread: Sequence[UnreadPage], *, busy: bool) -> None:
    if busy:
        _line(one.path, "is being read again")
        return
    words, look, again = st.columns([7, 2, 2], vertical_alignment="center")
    with words:
        missing = f"{one.page_count - one.pages_read:,} of {one.page_count:,} {listing.pages_word(one)}"
        why = [_sentence(line) for line in listing.unread_lines(unread)]
        more = [f"{len(why) - _SHOWN:,} more reasons stand with the document"] if len(why) > _SHOWN else []
        _line(one.path, ". ".join([f"{missing} not read", *why[:_SHOWN], *more]))
    if unread and look.button("Look at it", key=f"look-{one.id}", width="stretch"):
        document_view.open_document(one.id, page=unread[0].number)
    if "ocr" in one.remedies:
        if again.button("Read with OCR", key=f"ocr-{one.id}", width="stretch"):
            _read_again(scope, one, ocr="always")
    elif "retry" in one.remedies and again.button("Read again", key=f"retry-{one.id}", width="stretch"):
        _read_again(scope, one)


def _hiding(one: Document) -> None:
    words, look = st.columns([7, 4], vertical_alignment="center")
    with words:
        told = [flag for flag in one.flags if flag.startswith("hides text")]
        _line(one.path, "; ".join(told) or "hides text")
    if look.button("Look at the hidden text", key=f"hidden-{one.id}", width="stretch"):
        document_view.open_document(one.id, hidden=True)


def _read_again(scope: Scope, one: Document, *, ocr: OcrChoice | None = None) -> None:
    state.services().jobs.submit_reread(scope, one.id, ocr=ocr)
    st.rerun()


def being_read_again(jobs: Sequence[Job]) -> frozenset[str]:
    """Ids of the documents that these open jobs read again."""
    return frozenset(str(job.payload["reread"]) for job in jobs if "reread" in job.payload)
