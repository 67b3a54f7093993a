"""What recording decides, with a made-up device: a recording is a function that is called again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.models.graphs import RecordedPasses
from engine.models.seats import Layer, Seats

CPU = torch.device("cpu")


class Device:
    """Stands for torch.cuda. What runs inside `graph` is recorded; `replay` does it again, by its inputs."""

    def __init__(self, *, failure: Exception | None = None, off_by: float = 0.0) -> None:
        self.failure, self.off_by = failure, off_by
        self.recording: Any = None
        self.recorded = self.replayed = self.ran = 0

    def run(self, _model: Any, seats: Seats, ids: Tensor) -> Tensor:
        """A pass: its scores follow from ids and positions."""
        self.ran += 1

        def scores() -> Tensor:
            return (ids * 2 + seats_positions).float()[..., None] + torch.arange(4)

        seats_positions = seats.positions
        made = scores()
        if self.recording is not None:
            self.recording.again = lambda: made.copy_(scores() * (1 + self.off_by))
        return made

    def CUDAGraph(self) -> Any:  # noqa: N802 - torch's name
        return _Graph(self)

    @contextmanager
    def graph(self, graph: Any, **_named: Any) -> Iterator[None]:
        if self.failure is not None:
            raise self.failure
        self.recording = graph
        self.recorded += 1
        yield
        self.recording = None

    def Stream(self) -> Any:  # noqa: N802 - torch's name
        return _Stream()

    def current_stream(self) -> Any:
        return _Stream()

    def stream(self, _stream: Any) -> Any:
        return nullcontext()

    def synchronize(self) -> None:
        """Nothing is under way."""


class _Graph:
    def __init__(self, device: Device) -> None:
        self._device = device
        self.again: Callable[[], object] = lambda: None

    def replay(self) -> None:
        self._device.replayed += 1
        self.again()


class _Stream:
    def wait_stream(self, _other: Any) -> None:
        """One after the other anyway."""


def on(monkeypatch: pytest.MonkeyPatch, device: Device) -> RecordedPasses:
    for name in ("CUDAGraph", "graph", "Stream", "current_stream", "stream", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, getattr(device, name))
    return RecordedPasses(device.run)


def table(rows: int = 2) -> Seats:
    return Seats((Layer(None, 1, 2, torch.float32, CPU),), rows=rows, width=256)


def asked(passes: RecordedPasses, seats: Seats, first: int, many: int = 1) -> tuple[list[Any], list[Any]]:
    """The scores of a pass, and those that it should have."""
    ids = torch.arange(first, first + seats.rows * many).view(seats.rows, many)
    seats.positions = ids + 100
    got = passes(None, seats, ids).clone()
    wanted = (ids * 2 + ids + 100).float()[..., None] + torch.arange(4)
    return got.tolist(), wanted.tolist()


def test_a_pass_is_recorded_once_for_a_table_and_a_number_of_ids_and_then_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Device()
    passes, seats, other = on(monkeypatch, device), table(), table(4)
    for at in range(5):
        for shape in ((seats, 1), (seats, 3), (other, 1)):
            got, wanted = asked(passes, shape[0], at, shape[1])
            assert got == wanted
    assert device.recorded == 3
    assert device.ran == 3 * 3
    assert passes.refused == ""


def test_a_recording_goes_with_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device()
    passes, seats = on(monkeypatch, device), table()
    asked(passes, seats, 1)
    assert len(passes._made) == 1
    del seats
    assert len(passes._made) == 0


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (Device(failure=RuntimeError("a part waits for the device")), "cannot be recorded (RuntimeError)"),
        (Device(off_by=0.2), "gave other scores"),
    ],
)
def test_what_cannot_be_recorded_or_is_other_when_replayed_runs_as_it_is_and_it_is_said_why(
    monkeypatch: pytest.MonkeyPatch, device: Device, why: str
) -> None:
    passes, seats = on(monkeypatch, device), table()
    for at in range(3):
        got, wanted = asked(passes, seats, at)
        assert got == wanted
    assert why in passes.refused
    assert device.recorded <= 1


def test_memory_that_runs_out_while_recording_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = on(monkeypatch, Device(failure=torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(torch.OutOfMemoryError):
        asked(passes, table(), 1)
    assert passes.refused == ""
