"""Which slot of llama.cpp reads a prompt, and whether it may keep the beginning that it holds already.

One token that is read alone is computed by other code than several together, and its last bits may differ.
So a beginning is kept only where that leaves no token alone, neither now nor when the whole prompt is read
anew: then both give the same bits. Knows ids alone and runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


class PromptSlots:
    """Slots, each with the prompt that it read last. For several threads."""

    def __init__(self, count: int, *, read_at_once: int) -> None:
        self._read_at_once = read_at_once
        self._free: dict[int, tuple[int, ...]] = dict.fromkeys(range(count), ())
        self._lock = Lock()

    def take(self, ids: Sequence[int]) -> tuple[int, bool]:
        """A free slot, of several the one that holds most of this prompt; and whether that may be kept."""
        with self._lock:
            slot = max(self._free, key=lambda one: shared(self._free[one], ids))
            held = self._free.pop(slot)
        return slot, may_keep(held, ids, read_at_once=self._read_at_once)

    def give(self, slot: int, held: Sequence[int]) -> None:
        """The slot is free again and has read `held`; nothing where a prompt was not read to its end."""
        with self._lock:
            self._free[slot] = tuple(held)


def shared(held: Sequence[int], ids: Sequence[int]) -> int:
    """How many ids both begin with."""
    for at, (one, other) in enumerate(zip(held, ids, strict=False)):
        if one != other:
            return at
    return min(len(held), len(ids))


def may_keep(held: Sequence[int], ids: Sequence[int], *, read_at_once: int) -> bool:
    """Whether a slot that holds `held`, and behind it an answer, may give `ids` the bits of an empty one."""
    kept = shared(held, ids)
    # Where all that is held is shared, part of the answer behind it may be too, and how much is not known.
    if not 0 < kept < min(len(held), len(ids)):
        return False
    return len(ids) % read_at_once != 1 and (len(ids) - kept) % read_at_once != 1
