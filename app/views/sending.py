"""The step before a question leaves the machine: all that would be sent, and three ways on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import presenting, sending_words, state, widgets
from engine.sending import Outgoing
from storage.records import Scope, Sending

_PENDING = "question_to_be_sent"
_DECIDED = "question_decided"
_ROLES = {"system": "Rules", "user": "Passages and question", "assistant": "Earlier answer"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A question, and the digest of what of it may be sent; None where it is asked on this machine."""

    question: str
    consent: str | None


def hold(scope: Scope, question: str) -> bool:
    """Whether the question has to be looked at before it may be asked; if so, `step` shows it."""
    services = state.services()
    st.session_state.pop(_PENDING, None)
    if services.remote is None or services.access.sending(scope) is Sending.LOCAL_ONLY:
        return False
    outgoing = services.assistant.preview(scope, question)
    if outgoing is None:
        # No model would be asked at all, so there is nothing to send.
        return False
    st.session_state[_PENDING] = (scope.matter.id, question, outgoing)
    return True


def decided() -> Decided | None:
    """What the person decided in the run before, once."""
    found: Decided | None = st.session_state.pop(_DECIDED, None)
    return found


def step(scope: Scope) -> bool:
    """Draw the step where a question of this matter waits for it."""
    held = st.session_state.get(_PENDING)
    if held is None or held[0] != scope.matter.id:
        return False
    _matter_id, question, outgoing = held
    st.html(presenting.question_html(question, "not asked yet"))
    with st.container(border=True):
        _what(outgoing)
        send, here, cancel = st.columns(3)
        if send.button(f"Send to {outgoing.host}", key="send-go", type="primary", width="stretch"):
            _decide(Decided(question, outgoing.digest))
        if here.button("Ask on this machine", key="send-here", width="stretch"):
            _decide(Decided(question, None))
        if cancel.button("Cancel", key="send-cancel", width="stretch"):
            _decide(None)
    return True


def _what(outgoing: Outgoing) -> None:
    st.html(
        '<div class="m-where">This will leave the machine</div>'
        f'<div class="m-quiet">To {presenting.escaped(outgoing.model)} at '
        f"<strong>{presenting.escaped(outgoing.host)}</strong></div>"
    )
    lines = list(sending_words.facts(outgoing))
    if sending_words.WARNING in lines:
        lines.remove(sending_words.WARNING)
        widgets.doubt(sending_words.WARNING)
    st.html("".join(f'<div class="m-quiet m-num">{presenting.escaped(line)}</div>' for line in lines))
    for role, text in outgoing.messages:
        # The rules are ours and the same each time; what is the firm's lies open.
        with st.expander(_ROLES.get(role, role), expanded=role != "system"):
            st.html(f'<div class="m-text-page m-outgoing">{presenting.escaped(text)}</div>')


def _decide(what: Decided | None) -> None:
    st.session_state.pop(_PENDING, None)
    if what is not None:
        st.session_state[_DECIDED] = what
    st.rerun()
