"""A replay on its way: the engine works in a thread, so that the page can say so, and be left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from app.attention import Attention
from engine.replaying import Replayer
from engine.replays import Replay
from storage.records import Scope

_TICK_S = 0.25


def replayed(
    replayer: Replayer, scope: Scope, index: int, *, attention: Attention
) -> Iterator[Replay | None]:
    """Yield None a few times a second, and at last the result. Closing the iterator stops the model.

    Raises:
        MunimentError: whatever the replay raised.
    """
    cancel = threading.Event()

    def work() -> Replay:
        with attention.asking():
            return replayer.replay(scope, index, cancel=cancel)

    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")
    result = worker.submit(work)
    try:
        while True:
            try:
                yield result.result(timeout=_TICK_S)
            except NotYet:
                yield None
            else:
                return
    finally:
        cancel.set()
        worker.shutdown(wait=False)
