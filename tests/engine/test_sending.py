"""Only what was shown and agreed to leaves, only from matters that allow it, and it is on record first."""

import itertools
import json

import pytest

from engine.answers import Outcome
from engine.assistant import Assistant
from engine.models.base import FinishReason
from engine.models.scripted import ScriptedGenerator
from engine.sending import Route, Sender, route
from storage.errors import Broken, Refused
from storage.ids import canonical_json
from storage.records import Sending

from .test_assistant import (
    QUESTION,
    SCOPE,
    FailingLog,
    FixedSearch,
    Found,
    MemoryShelf,
    OnePageLibrary,
    kinds,
    log,  # noqa: F401 - a fixture
    passage,
    recorded,
)

NAMED = "Ms. Dubois may terminate this Agreement upon ninety (90) days' prior written notice."


class Elsewhere(ScriptedGenerator):
    """A remote model in this process: its payload is what it was told."""

    def payload(self, prompt_ids, *, max_tokens, temperature=0.0, seed=0):
        told = self._rendered[tuple(prompt_ids)]
        content = "\n".join([*(one.text for one in told.passages), told.question])
        return canonical_json({"messages": [{"role": "user", "content": content}], "max_tokens": max_tokens})


class Fixed:
    """A matter's policy, that a test can change."""

    def __init__(self, sending):
        self.now = sending

    def sending(self, scope):
        return self.now


class World:
    def __init__(self, audit, sending, *, reply="90 days [1].", here=None, text=NAMED, written_to=None):
        self.policy = Fixed(sending)
        self.here = here or ScriptedGenerator("90 days' prior written notice [1].")
        self.elsewhere = Elsewhere(reply, name="elsewhere")
        self.search = FixedSearch(Found([passage(text)]))
        library = OnePageLibrary()
        page = library.page(SCOPE, "doc_1", 1)
        library.page = lambda *_: type(page)(1, text, page.how, 1.0)
        self.assistant = Assistant(
            library,
            self.search,
            self.here,
            written_to or audit,
            MemoryShelf(),
            sender=Sender(self.elsewhere, self.policy, written_to or audit),
        )

    def preview(self):
        return self.assistant.preview(SCOPE, QUESTION)

    def ask(self, consent=None):
        return self.assistant.ask(SCOPE, QUESTION, consent=consent)


def test_every_case_of_the_route():
    said = {}
    for sending, wanted, there in itertools.product(Sending, [False, True], [False, True]):
        try:
            said[sending, wanted, there] = route(sending, remote_wanted=wanted, remote_set=there)
        except Refused:
            said[sending, wanted, there] = None
    assert {case: way for case, way in said.items() if way is not Route.HERE and way is not None} == {
        (Sending.REDACT, True, True): Route.REDACTED,
        (Sending.ALLOWED, True, True): Route.REMOTE,
    }
    assert {way for (_, wanted, _), way in said.items() if not wanted} == {Route.HERE}
    # Nothing that was to be sent is answered here without a word.
    assert Route.HERE not in {way for (_, wanted, _), way in said.items() if wanted}


def test_a_local_matter_never_reaches_the_remote_model(log):  # noqa: F811
    world = World(log, Sending.LOCAL_ONLY)
    with pytest.raises(Refused, match="local only"):
        world.preview()
    with pytest.raises(Refused, match="local only"):
        world.ask(consent="0" * 64)
    assert world.ask().model.id == "scripted"
    assert world.elsewhere.conversations == []


@pytest.mark.parametrize("sending", list(Sending))
@pytest.mark.parametrize(
    "here", [ScriptedGenerator("x", fails_after=0), ScriptedGenerator("x", ends=FinishReason.INCOMPLETE)]
)
def test_a_local_failure_does_not_reach_the_remote_model_under_any_policy(log, sending, here):  # noqa: F811
    world = World(log, sending, here=here)
    world.ask()
    assert world.elsewhere.conversations == []
    assert "question.sent" not in kinds(log)


def test_a_remote_failure_is_told_and_the_local_model_is_not_asked_instead(log):  # noqa: F811
    world = World(log, Sending.ALLOWED)
    world.elsewhere._fails_after = 0
    answer = world.ask(world.preview().digest)
    assert answer.outcome is Outcome.FAILED
    assert world.here.conversations == []


def test_what_was_agreed_to_is_sent_and_is_on_record_before_the_answer(log):  # noqa: F811
    world = World(
        log, Sending.ALLOWED, reply="Ms. Dubois may terminate upon 90 days' prior written notice [1]."
    )
    shown = world.preview()
    assert world.elsewhere.generations == 0
    answer = world.ask(shown.digest)
    assert (answer.model.id, answer.outcome) == ("elsewhere", Outcome.GROUNDED)
    assert kinds(log) == ["question.asked", "question.sent", "answer.given"]
    entry = recorded(log, "question.sent")
    assert (entry["payload_sha256"], entry["policy"]) == (shown.digest, "remote_allowed")
    assert [one["chunk_id"] for one in entry["passages"]] == ["chunk_1"]
    assert "Dubois" not in json.dumps(entry)
    assert world.here.conversations == []


def test_a_redacted_question_leaves_without_names_and_the_answer_has_them(log):  # noqa: F811
    world = World(
        log, Sending.REDACT, reply="[PERSON_1] may terminate upon 90 days' prior written notice [1]."
    )
    shown = world.preview()
    assert "Dubois" not in shown.payload.decode()
    assert shown.redacted == {"person": 1}
    answer = world.ask(shown.digest)
    assert answer.outcome is Outcome.GROUNDED
    assert answer.text == "Ms. Dubois may terminate upon 90 days' prior written notice. [1]"
    assert answer.citations[0].quote == NAMED
    assert "Dubois" not in "".join(one.text for one in world.elsewhere.conversations[-1].passages)


def test_something_else_than_what_was_shown_is_not_sent(log):  # noqa: F811
    world = World(log, Sending.ALLOWED)
    shown = world.preview()
    world.search.found = Found([passage(f"{NAMED} And more.")])
    with pytest.raises(Refused, match="has changed since it was shown"):
        world.ask(shown.digest)
    assert world.elsewhere.generations == 0
    assert kinds(log) == ["question.asked", "answer.failed"]


def test_a_matter_that_became_local_in_between_is_not_sent(log):  # noqa: F811
    world = World(log, Sending.ALLOWED)
    shown = world.preview()
    world.policy.now = Sending.LOCAL_ONLY
    with pytest.raises(Refused, match="local only"):
        world.ask(shown.digest)
    assert world.elsewhere.generations == 0


def test_consent_to_the_open_words_is_none_to_the_redacted_ones(log):  # noqa: F811
    world = World(log, Sending.ALLOWED)
    shown = world.preview()
    world.policy.now = Sending.REDACT
    with pytest.raises(Refused, match="has changed"):
        world.ask(shown.digest)


def test_what_cannot_be_recorded_is_not_sent(log):  # noqa: F811
    world = World(log, Sending.ALLOWED, written_to=FailingLog(log, good=1))
    with pytest.raises(Broken):
        world.ask(world.preview().digest)
    assert world.elsewhere.generations == 0


def test_where_no_model_would_be_asked_there_is_nothing_to_send(log):  # noqa: F811
    world = World(log, Sending.ALLOWED)
    world.search.found = Found([passage()], confident=False)
    assert world.preview() is None
    assert world.ask("0" * 64).outcome is Outcome.ABSTAINED
    assert world.elsewhere.conversations == []
