"""Ask: a question, an answer that is checked as it comes, and the page that each statement rests on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import answering, page_view, presenting, state, suggesting, surveys, why, widgets
from app.views import sending
from engine.answer_events import Delta, Finished, Retrieved, SentenceChecked, Withdrawn
from engine.answers import Outcome, Sentence
from engine.counting import count
from engine.models.base import Waiting
from engine.searched import can_be_searched_line, searched_line, searched_of
from engine.verdicts import verdict
from storage.ids import random_id
from storage.records import Document, Scope, VersionState
from storage.shelf import KeptAnswer

_THREAD = "thread_id"
_SOURCE = "answer_source"
_NEXT = "next_question"
_UNDER_WAY = "question_under_way"
_LEFT_OVER = 6


def page() -> None:
    """The page."""
    scope = widgets.scope_or_advice("Ask")
    if scope is None:
        return
    documents = state.services().library.documents(scope)
    ready = [one for one in documents if one.state is VersionState.LIVE]
    _head(scope, documents)
    # No length here: the box would cut a long question short where the assistant refuses it in words.
    typed = st.chat_input(
        "Ask about the documents in this matter",
        disabled=not ready,
        submit_mode="disable",
        key="question",
    )
    if not ready:
        line = "Add documents in the Library; they can be asked about as soon as they are ready."
        widgets.empty("There is nothing to ask yet", line)
        return
    kept = state.services().shelf.thread(scope, _thread(scope))
    decided = sending.decided()
    question = typed or st.session_state.pop(_NEXT, None)
    cited = _cited(kept)
    labels = widgets.labels_of(scope, (one.body for one in kept))
    left, right = widgets.beside_or_below(wide=cited is not None)
    with left:
        for one in kept:
            _exchange(scope, one, labels)
        _stopped(kept)
        if decided is not None:
            _answer(scope, decided.question, consent=decided.consent)
        elif question and not _held(scope, question):
            _answer(scope, question)
        elif sending.step(scope) or kept:
            pass
        else:
            _suggestions(scope)
    if cited is not None and right is not None:
        with right:
            label = labels.get((cited["document_id"], cited["page"]))
            page_view.cited_passage(scope, cited, close_key=_SOURCE, label=label)


def _head(scope: Scope, documents: Sequence[Document]) -> None:
    line = can_be_searched_line(searched_of(documents, None))
    title, history, new = st.columns([4, 3, 2], vertical_alignment="center")
    with title:
        widgets.heading("Ask", f"{scope.matter.name}: {line}")
    threads = state.services().shelf.threads(scope)
    with history.popover("Earlier questions", width="stretch", disabled=not threads):
        for one in threads:
            asked = presenting.when(one.asked_at, state.time_zone())
            label = f"{presenting.shortened(one.question, 70)} ({asked})"
            if st.button(presenting.plain(label), key=f"thread-{one.thread_id}", width="stretch"):
                _go_to_thread(one.thread_id)
    if new.button("New thread", width="stretch"):
        _go_to_thread(None)


def _go_to_thread(thread_id: str | None) -> None:
    st.session_state.pop(_THREAD, None)
    st.session_state.pop(_SOURCE, None)
    state.name_thread(thread_id)
    st.rerun()


def _thread(scope: Scope) -> str:
    """The thread that the person is in; threads belong to their matter."""
    held = st.session_state.get(_THREAD)
    if named := state.address_thread():
        held = (scope.matter.id, named)
    elif held is None or held[0] != scope.matter.id:
        held = (scope.matter.id, random_id("thread"))
    st.session_state[_THREAD] = held
    return str(held[1])


def _cited(kept: Sequence[KeptAnswer]) -> Mapping[str, Any] | None:
    owner, number = st.session_state.get(_SOURCE) or (None, 0)
    for one in kept:
        if one.id == owner:
            citations: Sequence[Mapping[str, Any]] = one.body["citations"]
            return citations[number - 1]
    return None


def _suggestions(scope: Scope) -> None:
    key = f"suggested-{scope.matter.id}"
    if not st.session_state.get(key):
        st.session_state[key] = suggesting.questions(state.services().library, scope)
    widgets.empty(
        "Every statement in an answer points at the passage that it rests on",
        "Ask in your own words, or begin with one of these:",
    )
    for number, one in enumerate(st.session_state[key]):
        if st.button(presenting.plain(one), key=f"suggestion-{number}", width="stretch"):
            st.session_state[_NEXT] = one
            st.rerun()


def _held(scope: Scope, question: str) -> bool:
    """Whether the question waits for a look at what would be sent; one that cannot be asked is told."""
    with widgets.told():
        if not sending.hold(scope, question):
            return False
    return True


def _stopped(kept: Sequence[KeptAnswer]) -> None:
    """A question whose answer never came, because it was stopped or the page went on without it."""
    question = st.session_state.pop(_UNDER_WAY, None)
    # One that was stopped while the model wrote is kept with its end, and shown as such above.
    if question is None or (kept and kept[-1].question == question):
        return
    st.html(presenting.question_html(question, ""))
    st.info("Stopped before the answer was complete.")
    if st.button("Ask again", key="ask-again"):
        st.session_state[_NEXT] = question
        st.rerun()


def _answer(scope: Scope, question: str, *, consent: str | None = None) -> None:
    """Ask, and show the answer as it comes; once it is kept, the page is drawn again from what is kept."""
    services = state.services()
    st.session_state.pop(_SOURCE, None)
    st.session_state[_UNDER_WAY] = question
    if state.address_thread() is None:
        state.name_thread(_thread(scope))
    st.html(presenting.question_html(question, "now"))
    where, words, stop = st.empty(), st.empty(), st.empty()
    stop.button("Stop", key="stop-answer")
    for _ in range(_LEFT_OVER):
        # Until a run ends, Streamlit leaves what the run before drew below: here the suggestions.
        st.empty()
    progress = _Progress(where, words)
    progress.take(None)
    with widgets.told():
        try:
            for event in answering.events(
                services.assistant,
                scope,
                question,
                thread_id=_thread(scope),
                allowed=_still_allowed(scope),
                attention=services.attention,
                consent=consent,
            ):
                progress.take(event)
        except answering.NoLongerAllowed:
            words.empty()
            st.session_state.pop(_UNDER_WAY, None)
            st.rerun()
    st.session_state.pop(_UNDER_WAY, None)
    if progress.finished:
        st.rerun()
    # Refused, broken or withdrawn: nothing is under way any more, and what came does not stay.
    for one in (where, words, stop):
        one.empty()
    if progress.withdrawn is not None:
        widgets.problem(progress.withdrawn)


def _still_allowed(scope: Scope) -> Any:
    services, token = state.services(), state.session_token()

    def allowed() -> bool:
        actor = services.accounts.actor_for(token)
        return actor is not None and any(
            one.id == scope.matter.id for one in services.access.matters_of(actor)
        )

    return allowed


class _Progress:
    """What has come of an answer, on the screen."""

    def __init__(self, where: DeltaGenerator, words: DeltaGenerator) -> None:
        self._where = where
        self._words = words
        self._began = time.monotonic()
        self._doing = self._reading = "Searching"
        self._settled: list[Sentence] = []
        self._running = ""
        self.finished = False
        self.withdrawn: str | None = None

    def take(self, event: object) -> None:
        match event:
            case None:
                pass
            case Retrieved(given=given) if given:
                self._doing = self._reading = f"Reading {count(given, 'passage')}"
            case Waiting(place=0):
                self._doing = self._reading
            case Waiting(place=place):
                self._doing = f"Others are first: you are {presenting.ordinal(place)} in line"
            case Delta(text=text):
                self._doing = "Answering"
                self._running += text
            case SentenceChecked(sentence=sentence):
                self._settled.append(sentence)
                self._running = ""
            case Withdrawn(reason=reason):
                self.withdrawn = reason
            case Finished():
                self.finished = True
        seconds = int(time.monotonic() - self._began)
        self._where.html(f'<div class="m-quiet m-num" role="status">{self._doing} … {seconds} s</div>')
        if self._settled or self._running:
            self._words.html(presenting.streaming_html(self._settled, self._running))


def _exchange(scope: Scope, kept: KeptAnswer, labels: Mapping[tuple[str, int], str]) -> None:
    body = kept.body
    st.html(presenting.question_html(kept.question, presenting.when(kept.asked_at, state.time_zone())))
    st.html(surveys.survey_html(body) if body.get("documents") else presenting.answer_html(body))
    words, tone = verdict(body)
    # Answers of earlier releases hold no count, and today's documents are not those of then.
    searched = f"{searched_line(body['searched'])}. " if body.get("searched") else ""
    st.html(
        f'<div class="m-verdict m-{tone}">{presenting.escaped(words)}</div>'
        f'<div class="m-quiet m-num">{presenting.escaped(searched + presenting.answered_by(body))}</div>'
    )
    if body["outcome"] == Outcome.FAILED.value and st.button("Ask again", key=f"again-{kept.id}"):
        st.session_state[_NEXT] = kept.question
        st.rerun()
    widgets.source_buttons(kept.id, body["citations"], state_key=_SOURCE, labels=labels)
    _behind(scope, kept)


def _behind(scope: Scope, kept: KeptAnswer) -> None:
    body = kept.body
    if body["passages"] and not body.get("documents"):
        given = [one for one in body["passages"] if one["rank"] in body["given"]]
        rest = [one for one in body["passages"] if one["rank"] not in body["given"]]
        with st.expander(f"What the model was given ({count(len(given), 'passage')})"):
            if not given:
                st.html('<div class="m-quiet">Nothing: no model was asked.</div>')
            for one in given:
                st.html(why.passage_html(one))
        if rest:
            with st.expander(f"Found but not given to the model ({count(len(rest), 'passage')})"):
                for one in rest:
                    st.html(why.passage_html(one))
    if body["passages"]:
        with st.expander("Why these passages?"):
            if line := why.route_line(body.get("route")):
                st.html(f'<div class="m-quiet">{presenting.escaped(line)}</div>')
            st.html(why.scores_html(body["passages"]))
    if body["sentences"]:
        widgets.links(
            *(
                widgets.link(
                    f"Export .{kind}",
                    widgets.address_of(scope, "export", "answer", f"{kept.id}.{kind}"),
                    download=True,
                )
                for kind in ("docx", "md")
            )
        )
