from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Event as Signal
from threading import Semaphore, Thread
from typing import Any, cast

import psutil
import pytest

from engine.models.base import (
    Busy,
    Capacity,
    Conversation,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    Generator,
    OutOfMemory,
    Waiting,
    gather,
)
from engine.models.host import ModelHost, lane_of
from engine.models.line import Priority, Ticket
from engine.models.requests import Limits
from engine.models.scripted import ScriptedGenerator
from storage.errors import Broken, MunimentError, Refused

ASKING = Conversation("Answer.", "What is the notice period?")
WORDS = "The notice period is ninety days."
LONG_S = 20.0
"""For what a test waits at most, so that a defect ends it."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """Called before each token: lets as many pass as it was told to, and reports who came."""

    def __init__(self) -> None:
        self._allowed = Semaphore(0)
        self.came = Semaphore(0)

    def __call__(self, _token: int) -> None:
        self.came.release()
        assert self._allowed.acquire(timeout=LONG_S)

    def arrival(self) -> None:
        assert self.came.acquire(timeout=LONG_S)

    def open(self) -> None:
        self._allowed.release(1_000_000)


class Failing(ScriptedGenerator):
    """Raises at the generations that are told, counted from 1, those of tests too."""

    def __init__(self, failure: Exception, *at: int) -> None:
        super().__init__(WORDS)
        self._failure, self._at = failure, at

    def generate(self, prompt_ids: Sequence[int], **options: Any) -> Iterator[Event]:
        events = super().generate(prompt_ids, **options)
        if self.generations in self._at:
            raise self._failure
        return events


class Asker(Thread):
    """Reads one reply in a thread, and keeps what came of it."""

    def __init__(self, generator: Generator, *, user: str, cancel: Signal | None = None, leaves: int = 99):
        super().__init__(daemon=True)
        self._generator, self._user, self._cancel, self._leaves = generator, user, cancel, leaves
        self.events: list[Event] = []
        self.problem: MunimentError | None = None
        self.first = Signal()
        """Set when the first event has come, or the request is over."""
        self.start()

    def run(self) -> None:
        lane = lane_of(self._generator, Ticket(self._user))
        events = lane.generate(lane.render(ASKING), max_tokens=50, cancel=self._cancel)
        try:
            with closing(cast("Any", events)):
                for number, event in enumerate(events, start=1):
                    self.events.append(event)
                    self.first.set()
                    if number == self._leaves:
                        return
        except MunimentError as error:
            self.problem = error
        finally:
            self.first.set()

    def over(self) -> Asker:
        self.join(LONG_S)
        assert not self.is_alive()
        return self

    @property
    def finish(self) -> FinishReason | None:
        last = self.events[-1] if self.events else None
        return last.finish_reason if isinstance(last, Done) else None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, FinalDelta))


def ask(host: ModelHost, user: str = "mara") -> str:
    lane = host.lane(Ticket(user))
    return gather(lane.generate(lane.render(ASKING), max_tokens=50)).text


def idle(host: ModelHost) -> None:
    """Return when nothing runs and nothing waits."""
    with host._changed:
        assert host._changed.wait_for(lambda: not (host._running or len(host._line)), timeout=LONG_S)


@pytest.mark.parametrize("slots", [1, 3])
def test_of_a_hundred_askers_as_many_as_fit_are_served_and_the_others_hear_busy_at_once(slots: int) -> None:
    gate = Gate()
    host = ModelHost(ScriptedGenerator(WORDS, before_token=gate, capacity=Capacity(slots)), length=20)
    askers = []
    for number in range(100):
        askers.append(Asker(host, user=f"user {number}"))
        if number < slots:
            gate.arrival()
        else:
            assert askers[-1].first.wait(LONG_S)
    assert (host.running, host.waiting) == (slots, 20)
    refused = [one.over() for one in askers if isinstance(one.problem, Busy)]
    assert len(refused) == 100 - 20 - slots
    gate.open()
    served = [one.over() for one in askers if one.problem is None]
    assert [one.text for one in served] == [WORDS] * (20 + slots)
    assert ask(host) == WORDS
    host.close()


def test_who_waits_is_told_the_place_as_it_changes() -> None:
    gate = Gate()
    host = ModelHost(ScriptedGenerator(WORDS, before_token=gate))
    running = Asker(host, user="a")
    gate.arrival()
    first = Asker(host, user="b", cancel=(leaving := Signal()))
    assert first.first.wait(LONG_S)
    second = Asker(host, user="c")
    assert second.first.wait(LONG_S)
    assert second.events == [Waiting(2)]
    leaving.set()
    assert first.over().finish is FinishReason.CANCELLED
    gate.open()
    assert running.over().text == second.over().text == WORDS
    places = [event.place for event in second.events if isinstance(event, Waiting)]
    assert sorted(set(places), reverse=True) == [2, 1, 0]
    host.close()


def test_a_reader_who_leaves_gives_the_place_or_the_slot_to_the_next() -> None:
    gate = Gate()
    host = ModelHost(ScriptedGenerator(WORDS, before_token=gate))
    running = host.lane(Ticket("a")).generate(host.render(ASKING), max_tokens=50)
    first = Thread(target=lambda: next(running), daemon=True)
    first.start()
    gate.arrival()
    waiting = host.lane(Ticket("b")).generate(host.render(ASKING), max_tokens=50)
    assert next(waiting) == Waiting(1)
    cast("Any", waiting).close()
    assert host.waiting == 0
    gate.open()
    first.join(LONG_S)
    cast("Any", running).close()
    idle(host)
    assert ask(host) == WORDS
    host.close()


def test_cancels_and_disconnects_at_random_leave_nothing_behind() -> None:
    chance = random.Random(5)
    host = ModelHost(ScriptedGenerator(WORDS, capacity=Capacity(2)), length=8)
    for _round in range(5):
        askers = []
        for number in range(20):
            cancel = Signal()
            leaves = chance.choice([1, 2, 4, 99])
            askers.append(Asker(host, user=f"user {number % 4}", cancel=cancel, leaves=leaves))
            if chance.random() < 0.4:
                cancel.set()
        for one in askers:
            one.over()
            whole = one.finish is FinishReason.STOP and one.text == WORDS
            stopped = one.finish is FinishReason.CANCELLED
            left = one.finish is None and bool(one.events)
            assert isinstance(one.problem, Busy) or whole or stopped or left
    idle(host)
    assert ask(host) == WORDS
    host.close()


def test_a_question_that_waits_too_long_hears_that_others_were_first() -> None:
    gate, clock = Gate(), Clock()
    host = ModelHost(
        ScriptedGenerator(WORDS, before_token=gate), clock=clock, limits=Limits(wait_s=60, answer_s=600)
    )
    running = Asker(host, user="a")
    gate.arrival()
    late = Asker(host, user="b")
    assert late.first.wait(LONG_S)
    lane = host.lane(Ticket("c", Priority.SUMMARY))
    summary = lane.generate(lane.render(ASKING), max_tokens=50)
    assert next(summary) == Waiting(2)
    clock.now = 61
    assert str(late.over().problem) == "busy: others were first for 61 s; ask again in a few minutes"
    gate.open()
    assert gather(summary).text == running.over().text == WORDS
    host.close()


def test_a_reply_that_is_not_whole_at_its_deadline_is_incomplete_and_keeps_its_text() -> None:
    clock = Clock()

    def stall(token: int) -> None:
        clock.now = 700.0 if token == 3 else 0.0

    host = ModelHost(ScriptedGenerator(WORDS, before_token=stall), clock=clock)
    lane = host.lane(Ticket("a"))
    reply = gather(lane.generate(lane.render(ASKING), max_tokens=50))
    assert reply.finish_reason is FinishReason.INCOMPLETE
    assert WORDS.startswith(reply.text)
    assert 0 < len(reply.text) < len(WORDS)
    host.close()


def test_a_deadline_of_the_ticket_counts_from_asking() -> None:
    gate, clock = Gate(), Clock()
    host = ModelHost(ScriptedGenerator(WORDS, before_token=gate), clock=clock)
    running = Asker(host, user="a")
    gate.arrival()
    lane = host.lane(Ticket("b", Priority.GRID, deadline_s=5))
    events = lane.generate(lane.render(ASKING), max_tokens=50)
    assert next(events) == Waiting(1)
    clock.now = 5.0
    with pytest.raises(Busy):
        list(events)
    gate.open()
    running.over()
    host.close()


@pytest.mark.parametrize("failure", [MemoryError(), OutOfMemory("too little memory"), RuntimeError("defect")])
@pytest.mark.parametrize("at", [1, 3])
def test_a_failure_costs_the_request_that_met_it_and_the_next_works(failure: Exception, at: int) -> None:
    model = Failing(failure, at)
    host = ModelHost(model)
    for _ in range(1, at):
        assert ask(host) == WORDS
    with pytest.raises(Broken if isinstance(failure, RuntimeError) else OutOfMemory):
        ask(host)
    assert ask(host) == WORDS
    # The fifth or third one in all is the test that a model must pass after a failure.
    assert model.generations == at + 2
    host.close()


def test_a_model_that_was_killed_is_loaded_anew_once() -> None:
    opened: list[ScriptedGenerator] = []

    def reopen() -> Generator:
        opened.append(ScriptedGenerator(WORDS))
        return opened[-1]

    killed = ScriptedGenerator(WORDS)
    host = ModelHost(killed, reopen=reopen)
    killed.close()
    with pytest.raises(Broken):
        ask(host)
    assert ask(host) == WORDS
    assert len(opened) == 1
    host.close()


def test_a_model_that_stays_broken_says_so_and_is_tried_again_a_minute_later() -> None:
    clock = Clock()
    opened: list[Generator] = [ScriptedGenerator(WORDS), Failing(RuntimeError("defect"), *range(9))]
    host = ModelHost(Failing(RuntimeError("defect"), *range(9)), reopen=opened.pop, clock=clock)
    with pytest.raises(Broken, match="the model failed while answering"):
        ask(host)
    idle_and_recovered(host)
    with pytest.raises(Broken, match="could not be loaded again; try again in a minute"):
        ask(host)
    clock.now = 61.0
    assert ask(host) == WORDS
    assert opened == []
    host.close()


def idle_and_recovered(host: ModelHost) -> None:
    with host._changed:
        assert host._changed.wait_for(lambda: not (host._running or host._recovering), timeout=LONG_S)


def test_those_who_wait_for_a_model_that_stays_broken_are_told() -> None:
    failed = Signal()

    def fail(_token: int) -> None:
        assert failed.wait(LONG_S)
        raise RuntimeError("defect")

    host = ModelHost(ScriptedGenerator(WORDS, before_token=fail))
    first = Asker(host, user="a")
    waiting = Asker(host, user="b")
    assert waiting.first.wait(LONG_S) or first.first.wait(LONG_S)
    failed.set()
    assert isinstance(first.over().problem, Broken)
    assert isinstance(waiting.over().problem, Broken)
    host.close()


def test_a_request_that_needs_more_memory_than_is_free_is_refused_and_a_smaller_one_served() -> None:
    model = ScriptedGenerator(WORDS, capacity=Capacity(2, bytes_per_token=1_000_000))
    host = ModelHost(model, free=lambda _device: 100_000_000)
    ids = host.render(ASKING)
    with pytest.raises(OutOfMemory, match=r"needs .* MiB and 95 MiB are free"):
        gather(host.generate(ids, max_tokens=200))
    assert gather(host.generate(ids, max_tokens=50)).text == WORDS
    assert model.generations == 1
    host.close()


def test_two_that_do_not_fit_together_are_answered_one_after_the_other() -> None:
    gate = Gate()
    model = ScriptedGenerator(WORDS, before_token=gate, capacity=Capacity(2, bytes_per_token=1_000_000))
    host = ModelHost(model, free=lambda _device: 100_000_000)
    first = Asker(host, user="a")
    gate.arrival()
    second = Asker(host, user="b")
    assert second.first.wait(LONG_S)
    assert (host.running, host.waiting) == (1, 1)
    gate.open()
    assert first.over().text == second.over().text == WORDS
    host.close()


def test_a_prompt_that_is_too_long_is_refused_by_its_tokens_and_never_cut() -> None:
    model = ScriptedGenerator(WORDS, context_tokens=60)
    host = ModelHost(model)
    ids = host.render(ASKING)
    with pytest.raises(
        Refused, match=f"a prompt of {len(ids)} and an answer of 100 tokens are more than the 60"
    ):
        gather(host.generate(ids, max_tokens=100))
    assert model.generations == 0
    host.close()


def test_a_closed_host_ends_who_waits_and_takes_nobody() -> None:
    gate = Gate()
    host = ModelHost(ScriptedGenerator(WORDS, before_token=gate))
    running = Asker(host, user="a")
    gate.arrival()
    waiting = Asker(host, user="b")
    assert waiting.first.wait(LONG_S)
    host.close()
    assert isinstance(waiting.over().problem, Broken)
    with pytest.raises(Broken, match="closed"):
        ask(host)
    gate.open()
    running.over()


def test_memory_stays_within_five_percent_over_hundreds_of_requests() -> None:
    host = ModelHost(ScriptedGenerator(WORDS, capacity=Capacity(2)), length=8)

    def resident_after(requests: int) -> int:
        for number in range(requests):
            events = host.lane(Ticket(f"user {number}")).generate(host.render(ASKING), max_tokens=50)
            for _ in range(number % 7):
                next(events)
            cast("Any", events).close()
        idle(host)
        gc.collect()
        return psutil.Process().memory_info().rss

    before = resident_after(100)
    assert resident_after(400) < 1.05 * before
    host.close()


def line_has(host: ModelHost, count: int) -> bool:
    """Give the other threads their turns until so many wait."""
    turns = Signal()
    return any(host.waiting == count or turns.wait(0.001) for _ in range(int(LONG_S / 0.001)))


def test_nothing_is_written_beside_a_request_that_is_to_run_alone() -> None:
    class Many(ScriptedGenerator):
        @property
        def capacity(self) -> Capacity:
            return Capacity(slots=4)

    gate = Gate()
    host = ModelHost(Many(WORDS, before_token=gate))
    ids = host.render(ASKING)
    tickets = [Ticket("Anna"), Ticket("Ben"), Ticket("Chris", alone=True), Ticket("Dora")]
    threads, most = [], []

    def ask(ticket: Ticket) -> None:
        gather(host.lane(ticket).generate(ids, max_tokens=3))

    for ticket in tickets:
        threads.append(Thread(target=ask, args=(ticket,), daemon=True))
        threads[-1].start()
        if ticket.user_id in ("Anna", "Ben"):
            gate.arrival()
        else:
            assert line_has(host, len(threads) - 2)
        most.append(host.running)
    gate.open()
    for thread in threads:
        thread.join(LONG_S)
        assert not thread.is_alive()
    assert most == [1, 2, 2, 2]
