"""An answer on its way: the engine works in a thread, the page reads what it says as it comes.

The page can thus show that time passes, stop at once when its person leaves or presses Stop, and look every
moment whether that person may still see the answer. A question that is stopped is cancelled in the engine,
which records it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

from app.attention import Attention
from engine.answer_events import AnswerEvent
from engine.assistant import Assistant
from storage.records import Scope

_TICK_S = 0.25
_RECHECK_S = 1.0


class NoLongerAllowed(Exception):
    """The person was signed out, or left the matter, while the answer came."""


def events(
    assistant: Assistant,
    scope: Scope,
    question: str,
    *,
    thread_id: str,
    allowed: Callable[[], bool],
    attention: Attention,
    consent: str | None = None,
) -> Iterator[AnswerEvent | None]:
    """Yield the answer's events, and None at least every quarter of a second in between.

    `consent` is the digest of what may be sent to the remote model; None asks the one on this machine.
    Closing the iterator cancels the answer. Loading of documents waits while the engine works on it.

    Raises:
        NoLongerAllowed: `allowed()`, asked about every second, said no.
        MunimentError: whatever the engine raised.
    """
    cancel = threading.Event()
    come: queue.Queue[AnswerEvent | BaseException | None] = queue.Queue()

    def work() -> None:
        try:
            with attention.asking():
                for event in assistant.stream(
                    scope, question, thread_id=thread_id, cancel=cancel, consent=consent
                ):
                    come.put(event)
        except Exception as error:  # noqa: BLE001 - raised again in the page's thread
            come.put(error)
        finally:
            come.put(None)

    threading.Thread(target=work, name="answer", daemon=True).start()
    checked = time.monotonic()
    try:
        while True:
            try:
                event = come.get(timeout=_TICK_S)
            except queue.Empty:
                yield None
            else:
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event
            if time.monotonic() - checked > _RECHECK_S:
                checked = time.monotonic()
                if not allowed():
                    raise NoLongerAllowed
    finally:
        cancel.set()
