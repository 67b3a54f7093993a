"""Turn what is asked into directions, beside whatever else a search does meanwhile.

The last ones are remembered by their text: one embedder serves every matter, so they are the same in all.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from storage.embedding import Embedder
from storage.records import Vector

_REMEMBERED = 512
"""Directions kept; at MiniLM's size they take less than a megabyte."""
_SPECIAL_TOKENS = 2
_AT_ONCE = 4
"""Texts and what is begun with their directions, of two searches."""
_Made = TypeVar("_Made")


class QueryVectors:
    """Unit vectors of questions; safe to share between threads."""

    def __init__(self, embedder: Embedder) -> None:
        """Embed nothing yet."""
        self._embedder = embedder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._begun: dict[str, Future[Vector]] = {}
        self._aside = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="embed")

    def soon(self, text: str) -> Callable[[], Vector]:
        """Begin to embed a text; what is given waits for its direction, and raises what embedding raised."""
        with self._lock:
            known = self._kept.get(text)
            if known is not None:
                return lambda: known
            # What is left of a question is often all of it, asked for again before the first is done.
            if text not in self._begun:
                self._begun[text] = self._aside.submit(self._alone, text)
            return self._begun[text].result

    def then(self, soon: Callable[[], Vector], make: Callable[[Vector], _Made]) -> Callable[[], _Made]:
        """Begin what needs a direction as soon as it is there; what is given waits for the outcome."""
        # Begun after what it waits for, so that some worker always has that done.
        return self._aside.submit(lambda: make(soon())).result

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

    def _alone(self, text: str) -> Vector:
        try:
            return self.of([text])[0]
        finally:
            with self._lock:
                del self._begun[text]

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
