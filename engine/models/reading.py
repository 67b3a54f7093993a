"""Read prompts in pieces, and keep what their fixed heads left behind.

A head is always read apart from what follows it, so that a kept one changes no arithmetic. The caller reads
one prompt at a time.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import Any

from engine.models.ways import PIECE_TOKENS

_KEPT_HEADS = 4


class Heads:
    """The heads of prompts that were rendered, the last few of them read."""

    def __init__(self, *, piece_tokens: int = PIECE_TOKENS) -> None:
        self.piece_tokens = piece_tokens
        """Tokens that are read in one pass; another number gives other last bits."""
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def know(self, head: tuple[int, ...]) -> None:
        """Prompts will come that begin so."""
        with self._lock:
            self._kept.setdefault(head, None)
            while len(self._kept) > _KEPT_HEADS:
                self._kept.popitem(last=False)

    def forget(self) -> None:
        """Give their memory back."""
        with self._lock:
            self._kept.clear()

    @property
    def read(self) -> int:
        """How many are kept as read."""
        with self._lock:
            return sum(kept is not None for kept in self._kept.values())

    def begin(self, model: Any, ids: list[int]) -> Any:
        """A cache that holds the head of these ids, if it is a known one; else an empty one."""
        from transformers import DynamicCache

        with self._lock:
            heads = dict(self._kept)
        fitting = [head for head in heads if len(head) < len(ids) and ids[: len(head)] == list(head)]
        if not fitting:
            return DynamicCache(config=model.config)
        head = max(fitting, key=len)
        kept = heads[head]
        if kept is None:
            kept = DynamicCache(config=model.config)
            for _logits in _pieces(model, list(head), kept, self.piece_tokens):
                pass
            with self._lock:
                if head in self._kept:
                    self._kept[head] = kept
                    self._kept.move_to_end(head)
        # Sliding layers forget, so a used cache cannot be cut back to its head: each prompt gets a copy.
        return copy.deepcopy(kept)


class Reading:
    """One prompt on its way into a cache."""

    def __init__(self, model: Any, ids: list[int], heads: Heads) -> None:
        self._model, self._ids, self._heads = model, ids, heads
        self._steps: Iterator[Any] | None = None
        self._done = 0
        self.cache: Any = None
        self.logits: Any = None
        """The scores of what follows the prompt, once `step` said that all is read."""

    def step(self) -> bool:
        """Read the next piece, the known head first; True when all is read."""
        if self.cache is None:
            self.cache = self._heads.begin(self._model, self._ids)
            self._done = self.cache.get_seq_length()
            left = self._ids[self._done :]
            self._steps = _pieces(self._model, left, self.cache, self._heads.piece_tokens)
            if self._done:
                return False
        assert self._steps is not None
        self.logits = next(self._steps)
        self._done = self.cache.get_seq_length()
        return self._done >= len(self._ids)

    def release(self) -> None:
        """Give the cache's memory back."""
        self.cache = self.logits = self._steps = None


def _pieces(model: Any, ids: list[int], cache: Any, size: int) -> Iterator[Any]:
    import torch

    for piece in torch.split(torch.tensor([ids], device=model.device), size, 1):
        yield model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
