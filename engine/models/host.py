"""Owns the weights and shares one model between many: a line, its turns, memory, and what follows a failure.

A request is one `generate` on a lane, the view of the model for one person and purpose. It waits in a bounded
line, runs in a thread, and ends by itself when its reader leaves. A failure costs the request that met it:
before the next one the model must answer a tiny prompt, else its weights are loaded anew, once.

What it does not know: how to stop a model that no longer looks at its cancel event. The reader is freed, the
model's slot is not.
"""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PythonGenerator
from contextlib import closing
from threading import Condition, Thread
from threading import Event as CancelEvent
from time import monotonic
from typing import TypedDict, cast

from engine.models.base import (
    Conversation,
    Done,
    Event,
    Generator,
    OutOfMemory,
    gather,
)
from engine.models.decoding import as_failure
from engine.models.lanes import Lane
from engine.models.line import Line, Ticket
from engine.models.loading import free_bytes
from engine.models.passing import Passing
from engine.models.requests import Limits, Request
from engine.models.schemas import Schema, held_to_schemas
from storage.errors import Broken, MunimentError, Refused

_log = logging.getLogger(__name__)
_HEADROOM = 1.1
_TRY_AGAIN_S = 60.0
_MIB = 1 << 20
_NO_LIMITS = Limits()
_TEST = Conversation(rules="Answer with one word.", question="Are you ready?")


class _Options(TypedDict):
    max_tokens: int
    temperature: float
    seed: int
    cancel: CancelEvent


class ModelHost(Passing):
    """One model for all. As a `Generator` itself it serves whoever has no name, in a lane of their own."""

    def __init__(
        self,
        model: Generator,
        *,
        reopen: Callable[[], Generator] | None = None,
        length: int = 20,
        limits: Limits = _NO_LIMITS,
        free: Callable[[str], int] = free_bytes,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Loads nothing.

        Args:
            model: what answers; it is closed with the host.
            reopen: gives the same model unloaded; None where that cannot be had.
            length: how many questions may wait; as many summaries and as many grids.
            limits: how long they may wait and run.
            free: bytes that are free on a device.
            clock: seconds.
        """
        self._model = model
        self._reopen = reopen
        self._limits = limits
        self._free = free
        self.clock = clock
        """Seconds, as the host counts them."""
        self._changed = Condition()
        self._line: Line[Request] = Line(length)
        self._running: set[Request] = set()
        self._recovering = self._closed = False
        self._broken_at: float | None = None

    @property
    def _behind(self) -> Generator:
        return self._model

    @property
    def waiting(self) -> int:
        """How many wait now."""
        with self._changed:
            return len(self._line)

    @property
    def running(self) -> int:
        """How many are answered now."""
        with self._changed:
            return len(self._running)

    def lane(self, ticket: Ticket) -> Lane:
        """The model as one person sees it, for one purpose."""
        return Lane(self, ticket)

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
        schema: Schema | None = None,
    ) -> Iterator[Event]:
        """As a lane's, for nobody in particular."""
        return self.lane(Ticket("")).generate(
            prompt_ids,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            cancel=cancel,
            schema=schema,
        )

    def close(self) -> None:
        """End what runs and what waits, then give the memory back. Twice is allowed."""
        with self._changed:
            self._closed = True
            self._fail_all(Broken("the model is closed; start Muniment again"))
            for request in self._running:
                request.stop.set()
        # A model waits for its own generations; threads of ours end with those.
        self._model.close()

    def submit(
        self,
        ticket: Ticket,
        prompt_ids: Sequence[int],
        max_tokens: int,
        temperature: float,
        seed: int,
        schema: Schema | None = None,
    ) -> Request:
        """Put a request into the line, or at once to work.

        Raises:
            Busy: the line is full.
            Refused: prompt and answer are longer than the model takes, or it takes no schema.
            Broken: the model failed for good, or the host is closed.
        """
        if schema is not None:
            held_to_schemas(self._model)
        model, tokens = self._model, len(prompt_ids) + max_tokens
        if tokens > model.context_tokens:
            raise Refused(
                f"a prompt of {len(prompt_ids)} and an answer of {max_tokens} tokens are more than the "
                f"{model.context_tokens} that the model takes; ask about fewer passages"
            )
        now = self.clock()
        request = Request(
            ticket=ticket,
            prompt_ids=prompt_ids,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            schema=schema,
            asked_at=now,
            bytes_needed=int(_HEADROOM * tokens * model.capacity.bytes_per_token),
            limits=self._limits,
        )
        with self._changed:
            if self._closed:
                raise Broken("the model is closed; start Muniment again")
            if self._broken_at is not None:
                if now - self._broken_at < _TRY_AGAIN_S:
                    raise _out_of_order()
                self._broken_at, self._recovering = None, True
                Thread(target=self._recover, name="model-recovery", daemon=True).start()
            self._line.join(request, ticket, now=now)
            self._dispatch()
        return request

    def leave(self, request: Request) -> None:
        """Nobody reads this request any more."""
        request.stop.set()
        with self._changed:
            if self._line.leave(request):
                self._dispatch()

    def _dispatch(self) -> None:
        """Begin what can be begun, and tell the others where they stand. Call it with the lock held."""
        while len(self._line) and not (self._recovering or self._closed):
            if len(self._running) >= self._model.capacity.slots:
                break
            request, now = self._order()[0], self.clock()
            if self._running and any(one.ticket.alone for one in (request, *self._running)):
                break
            if now >= request.until:
                # Its reader sees the time by itself, if there is one.
                self._line.leave(request)
                continue
            if request.bytes_needed:
                free = self._free(self._model.capacity.device)
                if request.bytes_needed + sum(one.bytes_needed for one in self._running) > free:
                    if self._running:
                        break  # What runs will give memory back; a smaller one behind does not overtake.
                    self._line.leave(request)
                    request.events.put(_too_large(request, free))
                    continue
            self._line.take(request, request.ticket.user_id)
            request.begin(now)
            self._running.add(request)
            Thread(target=self._run, args=(request,), name="model-host", daemon=True).start()
        for place, request in enumerate(self._order(), start=1):
            request.tell_place(place)

    def _order(self) -> list[Request]:
        users = {one.ticket.user_id for one in self._running}
        return self._line.order(users, now=self.clock())

    def _run(self, request: Request) -> None:
        problem: MunimentError | None = None
        try:
            self._pump(request)
        except Exception as error:  # noqa: BLE001 - handed to the reader, who raises it in their own thread
            problem = as_failure(error)
            # A traceback holds the frames of the model, and those the memory that ran out.
            for one in (error, problem.__cause__):
                if one is not None:
                    traceback.clear_frames(one.__traceback__)
                    one.__traceback__ = None
        with self._changed:
            self._running.discard(request)
            ill = problem is not None and not isinstance(problem, Refused) and not self._closed
            first = ill and not self._recovering
            self._recovering = self._recovering or first
            if problem is not None:
                request.events.put(problem)
            self._dispatch()
            self._changed.notify_all()
        if first:
            _log.warning("the model failed (%s) and is tested", type(problem).__name__)
            self._recover()

    def _pump(self, request: Request) -> None:
        options = _Options(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            cancel=request.stop,
        )
        if request.schema is None:
            events = self._model.generate(request.prompt_ids, **options)
        else:
            model = held_to_schemas(self._model)
            events = model.generate(request.prompt_ids, schema=request.schema, **options)
        # Every generator's events come from a Python generator; the seam does not ask for `close` by name.
        with closing(cast("PythonGenerator[Event, None, None]", events)):
            for event in events:
                request.events.put(event)
                # The time is looked at here too: a reader may stall.
                if isinstance(event, Done) or request.stop.is_set() or self.clock() >= request.until:
                    return
        raise Broken("the model stopped without an end; ask again")

    def _recover(self) -> None:
        """Go on with the model if it answers, or with its weights loaded anew, or say that it is broken."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running or self._closed)
        gc.collect()
        well = self._answers() or (self._loaded_anew() and self._answers())
        with self._changed:
            self._recovering = False
            if not well and not self._closed:
                self._broken_at = self.clock()
                self._fail_all(_out_of_order())
            self._dispatch()
            self._changed.notify_all()

    def _answers(self) -> bool:
        try:
            gather(self._model.generate(self._model.render(_TEST), max_tokens=1))
        except Exception as error:  # noqa: BLE001 - whatever it is, the model does not answer
            _log.warning("the model does not answer a test (%s)", type(error).__name__)
            return False
        return True

    def _loaded_anew(self) -> bool:
        if self._reopen is None or self._closed:
            return False
        _log.warning("the model's weights are loaded anew")
        try:
            self._model.close()
            self._model = self._reopen()
        except MunimentError as error:
            _log.error("the model could not be loaded again: %s", error)
            return False
        return True

    def _fail_all(self, problem: MunimentError) -> None:
        for request in self._order():
            self._line.leave(request)
            request.events.put(problem)


def lane_of(generator: Generator, ticket: Ticket) -> Generator:
    """The generator for one request: a host's lane; a model that nobody shares is its own."""
    return generator.lane(ticket) if isinstance(generator, ModelHost) else generator


def _too_large(request: Request, free: int) -> OutOfMemory:
    return OutOfMemory(
        f"a request of {len(request.prompt_ids) + request.max_tokens} tokens needs "
        f"{request.bytes_needed / _MIB:,.0f} MiB and {free / _MIB:,.0f} MiB are free; "
        "ask about fewer passages or try again later"
    )


def _out_of_order() -> Broken:
    return Broken(
        "the model failed and could not be loaded again; try again in a minute, free memory, or see "
        "`muniment doctor`"
    )
