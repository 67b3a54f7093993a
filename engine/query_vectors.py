"""Turn what is asked into directions, beside whatever else a search does meanwhile.

The last ones are remembered by their text: one embedder serves every matter, so they are the same in all.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from storage.embedding import Embedder
from storage.records import Vector

_REMEMBERED = 512
"""Directions kept; at MiniLM's size they take less than a megabyte."""
_SPECIAL_TOKENS = 2
_AT_ONCE = max(4, os.cpu_count() or 1)
"""Searches that have something done beside them; what others want done waits."""
_Made = TypeVar("_Made")


class QueryVectors:
    """Unit vectors of questions; safe to share between threads."""

    def __init__(self, embedder: Embedder) -> None:
        """Embed nothing yet."""
        self._embedder = embedder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="embed")

    def beside(self) -> Beside:
        """What one search has done meanwhile."""
        return Beside(self, self._pool)

    def known(self, text: str) -> Vector | None:
        """The direction of a text that is remembered."""
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
            return self._kept.get(text)

    def of(self, texts: Sequence[str]) -> list[Vector]:
        """One direction for each whole text: a long one is read in windows, whose mean it is."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, self._embedded(missing), strict=True))
        with self._lock:
            for text in texts:
                self._kept[text] = found[text]
                self._kept.move_to_end(text)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return [found[text] for text in texts]

    def _embedded(self, texts: Sequence[str]) -> list[Vector]:
        windows = [self._windows(text) for text in texts]
        rows = self._embedder.embed([window for parts in windows for window in parts])
        directions, first = [], 0
        for parts in windows:
            mean = rows[first : first + len(parts)].mean(axis=0)
            direction: Vector = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
            directions.append(direction)
            first += len(parts)
        return directions

    def _windows(self, text: str) -> list[str]:
        window = self._embedder.max_tokens - _SPECIAL_TOKENS
        # No word piece is without a letter: most questions need not be cut to be counted.
        if len(text) <= window:
            return [text]
        offsets = self._embedder.token_offsets(text)
        parts = [
            text[offsets[first][0] : offsets[min(first + window, len(offsets)) - 1][1]]
            for first in range(0, len(offsets), window)
        ]
        return parts or [text]


class Beside:
    """What is done meanwhile for one search, one thing after another, in one other thread.

    In several they would be no sooner done on two cores: they would push the search itself aside, and what
    follows from a direction would wait for a thread to be woken. What is asked for first comes first.
    """

    def __init__(self, vectors: QueryVectors, pool: Executor) -> None:
        """Begin nothing yet."""
        self._vectors = vectors
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._is_busy = False
        self._directions: dict[str, Future[Vector]] = {}

    def direction(self, text: str) -> Future[Vector]:
        """Have a text embedded, once; what is remembered need not wait its turn."""
        if text not in self._directions:
            known = self._vectors.known(text)
            if known is None:
                self._directions[text] = self.begin(lambda: self._vectors.of([text])[0])
            else:
                self._directions[text] = Future()
                self._directions[text].set_result(known)
        return self._directions[text]

    def begin(self, work: Callable[[], _Made]) -> Future[_Made]:
        """Have something done, which may wait for what was asked for before."""
        future: Future[_Made] = Future()
        with self._lock:
            self._waiting.append((future, work))
            is_busy, self._is_busy = self._is_busy, True
        if not is_busy:
            self._pool.submit(self._work)
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_busy = False
                    return
                future, work = self._waiting.popleft()
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                future.set_exception(error)
