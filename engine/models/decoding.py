"""One generation in a thread of its own: ids become events as they come, and a reader may leave at once.

Knows no model: what runs is a function that gives out ids. A failure in the thread is raised in the reader's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event as CancelEvent
from threading import Lock, Semaphore, Thread
from typing import Protocol, TypeAlias

from engine.models.base import Done, Event, FinishReason, OutOfMemory, Usage
from engine.models.dialects import Reader
from storage.errors import Broken, MunimentError

_POLL_S = 0.05


class Take(Protocol):
    """Takes the ids of one reply."""

    @property
    def over(self) -> bool:
        """Whether nobody wants more of it."""
        ...

    def __call__(self, token: int) -> bool:
        """Take one id; True when there shall be no more."""
        ...


Run: TypeAlias = Callable[[Take], bool]
"""Gives every id out; True when the model ended by itself, False when the limit ended it."""


def decode(
    run: Run, reader: Reader, *, prompt_tokens: int, turn: Lock | Semaphore, cancel: CancelEvent | None
) -> Iterator[Event]:
    """Wait for `turn`, run in a thread, and yield what is read. A cancel is answered at once.

    The thread and not this iterator gives the turn back: a reader who has left must not free a busy model.

    Raises:
        OutOfMemory: the machine has too little memory for this request; later ones may fit.
        Broken: the model failed.
    """
    while not turn.acquire(timeout=_POLL_S):
        if cancel is not None and cancel.is_set():
            yield Done(FinishReason.CANCELLED, Usage(prompt_tokens))
            return
    events: Queue[Event | Exception] = Queue()
    leave, reading = CancelEvent(), Lock()
    take = _Taking(reader, events, leave, reading)

    def work() -> None:
        try:
            ended = run(take)
            with reading:
                if not leave.is_set():
                    reason = FinishReason.STOP if ended or reader.ended else FinishReason.LENGTH
                    for event in reader.finish(reason, prompt_tokens):
                        events.put(event)
        except Exception as error:  # noqa: BLE001 - handed to the reader, who raises it in their own thread
            events.put(as_failure(error))
        finally:
            turn.release()

    Thread(target=work, name="model", daemon=True).start()
    try:
        while True:
            if cancel is not None and cancel.is_set():
                with reading:
                    leave.set()
                    last = reader.finish(FinishReason.CANCELLED, prompt_tokens)
                yield from last
                return
            try:
                event = events.get(timeout=_POLL_S)
            except Empty:
                continue
            if isinstance(event, Exception):
                raise event
            yield event
            if isinstance(event, Done):
                return
    finally:
        leave.set()


class _Taking:
    """Feeds the reader, until the one who asked has left."""

    def __init__(
        self, reader: Reader, events: Queue[Event | Exception], leave: CancelEvent, lock: Lock
    ) -> None:
        self._reader, self._events, self._leave, self._lock = reader, events, leave, lock

    @property
    def over(self) -> bool:
        return self._leave.is_set()

    def __call__(self, token: int) -> bool:
        with self._lock:
            if self._leave.is_set():
                return True
            for event in self._reader.feed(token):
                self._events.put(event)
            return self._reader.ended


@contextmanager
def nobody_running(turn: Semaphore, slots: int) -> Iterator[None]:
    """Wait until all `slots` of the turn are free, and keep them."""
    for _ in range(slots):
        turn.acquire()
    try:
        yield
    finally:
        turn.release(slots)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a device or in this machine."""
    words = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and ("out of memory" in words or "allocate memory" in words))
    )


def as_failure(error: Exception) -> MunimentError:
    """What a person is told of a model's failure, with its cause."""
    if isinstance(error, MunimentError):
        return error
    failure: MunimentError
    if is_out_of_memory(error):
        failure = OutOfMemory(
            "too little memory for this request; ask about fewer passages or try again later"
        )
    else:
        failure = Broken("the model failed while answering; ask again or see `muniment doctor`")
    failure.__cause__ = error
    return failure
