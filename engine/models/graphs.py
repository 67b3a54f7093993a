"""Record a pass once on a CUDA device and replay it: the same kernels, without the time to launch each one.

A recording belongs to one table of rows and one number of new ids, and goes with the table. Where a pass
cannot be recorded (a part of it waits for the device), or a recording gives other scores than the pass that
it was made from, every pass runs as it is, and `refused` says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.models.proving import is_other
from engine.models.seats import Seats

_log = logging.getLogger(__name__)
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class _Recorded:
    graph: Any
    ids: Tensor
    positions: Tensor
    scores: Tensor


class RecordedPasses:
    """A way to run passes, for a model on one CUDA device."""

    def __init__(self, run: Callable[[Any, Seats, Tensor], Tensor]) -> None:
        """`run` makes one pass."""
        self._run = run
        self._made: WeakKeyDictionary[Seats, dict[int, _Recorded]] = WeakKeyDictionary()
        self.refused = ""
        """Why nothing is recorded any more; empty while it works."""

    def __call__(self, model: Any, seats: Seats, ids: Tensor) -> Tensor:
        """The scores after each new id. They hold until the next pass."""
        if self.refused:
            return self._run(model, seats, ids)
        recorded = self._made.setdefault(seats, {}).get(ids.shape[1])
        if recorded is None:
            try:
                recorded = self._record(model, seats, ids)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._refuse(f"a pass cannot be recorded ({type(error).__name__})")
                torch.cuda.synchronize()
                return self._run(model, seats, ids)
            if recorded is None:
                return self._run(model, seats, ids)
            self._made[seats][ids.shape[1]] = recorded
        recorded.ids.copy_(ids)
        recorded.positions.copy_(seats.positions)
        recorded.graph.replay()
        return recorded.scores

    def _refuse(self, why: str) -> None:
        self.refused = why
        self._made.clear()
        _log.warning("%s, so each pass runs as it is", why)

    def _record(self, model: Any, seats: Seats, ids: Tensor) -> _Recorded | None:
        asked, kept = ids.clone(), seats.positions.clone()
        told, seats.positions = seats.positions, kept
        try:
            # What libraries do at their first call must not be recorded. The same ids at the same places: to
            # write them twice changes nothing.
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM_UP):
                    wanted = self._run(model, seats, asked)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                scores = self._run(model, seats, asked)
        finally:
            seats.positions = told
        graph.replay()
        if is_other(wanted, scores):
            self._refuse("a recorded pass gave other scores")
            return None
        return _Recorded(graph, asked, kept, scores)
