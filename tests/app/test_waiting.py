"""Two people ask one model: the second is told their place, and can stop before it is their turn."""

from threading import Event

from app import answering
from app.views.ask import _Progress
from engine.answer_events import Finished
from engine.models.base import Waiting
from engine.models.scripted import ScriptedGenerator
from storage.errors import Refused

from .pages import calm, open_page, wait_for, words


class _Shown:
    """Keeps what was last drawn in one place of the page."""

    drawn = ""

    def html(self, drawn):
        self.drawn = drawn


def test_who_waits_sees_their_place_and_stops_before_it_is_their_turn(services, lease):
    opened = Event()
    services.generator._model = ScriptedGenerator(before_token=lambda _token: opened.wait(20))
    scope = services.access.scope(services.accounts.local_operator(), "Lease")

    def asked():
        return answering.events(
            services.assistant,
            scope,
            "What notice must the tenant give to end the lease?",
            thread_id="thread_1",
            allowed=lambda: True,
            attention=services.attention,
        )

    first, second = asked(), asked()
    next(first)
    wait_for(lambda: services.generator.running == 1, within_s=15)
    where = _Shown()
    progress = _Progress(where, _Shown())
    for event in second:
        progress.take(event)
        if isinstance(event, Waiting):
            break
    assert "Others are first: you are 1st in line" in where.drawn
    progress.take(Waiting(0))
    assert "Reading" in where.drawn
    second.close()
    wait_for(lambda: len(services.audit.entries(kinds=["answer.failed"])) == 1, within_s=15)
    assert services.generator.waiting == 0
    opened.set()
    assert any(isinstance(event, Finished) for event in first)


def test_a_question_that_the_model_failed_is_asked_again_by_a_button(services, signed_in, person, lease):
    failures = [Refused("the model is out of breath")]

    def fail_once(_token):
        if failures:
            raise failures.pop()

    services.generator._model = ScriptedGenerator(before_token=fail_once)
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value("What notice must the tenant give to end the lease?").run())
    assert "out of breath" in words(app)
    [again] = [one for one in app.button if one.label == "Ask again"]
    calm(again.click().run())
    assert "Answered by scripted" in words(app)
