"""Several replies in one pass: joining, leaving, failing, and the same words as one alone."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import torch

from engine.models.base import Conversation, OutOfMemory, PromptPassage, gather
from engine.models.batching import Batch
from engine.models.host import ModelHost
from engine.models.line import Ticket
from engine.models.loading import LoadOptions
from engine.models.reading import Heads
from engine.models.seats import Seats
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.ways import PIECE_TOKENS
from storage.errors import Broken, MunimentError

LONG_S = 30.0
"""For what a test waits at most, so that a defect ends it."""
TEXTS = [
    "The notice period is ninety (90) days.",
    "Rent is due monthly. " * 8,
    "No sublease.",
    "All notices shall be in writing and sent by post. " * 30,
]


class Taker:
    """Keeps the ids of one reply. `at_each` is called before each is taken, with how many there are."""

    def __init__(self, at_each: Callable[[int], None] = lambda _count: None) -> None:
        self.ids: list[int] = []
        self.over = False
        self._at_each = at_each

    def __call__(self, token: int) -> bool:
        self._at_each(len(self.ids))
        if self.over:
            return True
        self.ids.append(token)
        return False


class Asker(Thread):
    """Asks for one reply in a thread and keeps what came of it."""

    def __init__(self, batch: Batch, ids: list[int], taker: Taker, **how: Any) -> None:
        super().__init__(daemon=True)
        self._batch, self._ids, self.taker, self._how = batch, ids, taker, how
        self.problem: MunimentError | None = None
        self.start()

    def run(self) -> None:
        how = {"max_tokens": 12, "stop_ids": (), "temperature": 0.0, "seed": 0} | self._how
        try:
            self._batch.run(self._ids, self.taker, **how)
        except MunimentError as error:
            self.problem = error

    def done(self) -> list[int]:
        self.join(LONG_S)
        assert not self.is_alive()
        return self.taker.ids


@pytest.fixture(scope="module", params=["gpt-oss", "chat template"])
def generator(
    request: pytest.FixtureRequest, tiny_gpt_oss: tuple[Path, Path], tiny_chat_model: Path
) -> Iterator[TransformersGenerator]:
    folder = tiny_gpt_oss[0] if request.param == "gpt-oss" else tiny_chat_model
    opened = TransformersGenerator(folder, options=LoadOptions(device="cpu", slots=4))
    yield opened
    opened.close()


def batch_of(generator: TransformersGenerator, *, guesses: bool = False) -> Batch:
    return Batch(generator._open().model, Heads(), guesses=guesses, free=gc.collect)


def prompts(generator: TransformersGenerator) -> list[list[int]]:
    return [
        generator.render(Conversation("Answer.", "What holds?", (PromptPassage(1, "a.pdf", 1, "", text),)))
        for text in TEXTS
    ]


def together(batch: Batch, asked: list[list[int]], **how: Any) -> list[Asker]:
    """All of them, the first of which writes no second word before all are asked."""
    begun, all_asked = Event(), Event()

    def wait(_count: int) -> None:
        begun.set()
        assert all_asked.wait(LONG_S)

    askers = [Asker(batch, asked[0], Taker(wait), **how)]
    assert begun.wait(LONG_S)
    askers += [Asker(batch, ids, Taker(), **how) for ids in asked[1:]]
    until(lambda: len(batch._asked) == len(asked) - 1)
    all_asked.set()
    return askers


def until(holds: Callable[[], bool]) -> None:
    """Give the other threads their turns until that holds."""
    turns = Event()
    for _ in range(int(LONG_S / 0.001)):
        if holds():
            return
        turns.wait(0.001)
    raise AssertionError("it never came to hold")


def test_a_reply_has_the_words_of_the_library_s_own_loop(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[dict[str, Any]] = [{}, {"temperature": 3.0, "seed": 1}, {"temperature": 3.0, "seed": 2}]
    ours = [
        gather(generator.generate(ids, max_tokens=20, **how)) for ids in prompts(generator) for how in ways
    ]
    monkeypatch.setattr(generator, "_batch", None)
    theirs = [
        gather(generator.generate(ids, max_tokens=20, **how)) for ids in prompts(generator) for how in ways
    ]
    assert ours == theirs


@pytest.mark.parametrize("temperature", [0.0, 3.0])
def test_replies_share_their_passes_and_each_has_the_words_that_it_has_alone(
    generator: TransformersGenerator, temperature: float
) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    alone = [Asker(batch, ids, Taker(), temperature=temperature).done() for ids in asked]
    apart, batch.passes = batch.passes, 0
    askers = together(batch, asked, temperature=temperature)
    assert [one.done() for one in askers] == alone
    assert batch.passes < apart / 2


def test_one_that_is_left_ends_and_the_others_go_on(generator: TransformersGenerator) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    alone = [Asker(batch, ids, Taker()).done() for ids in asked]
    askers = together(batch, asked)
    leaver = Taker()

    def leave(count: int) -> None:
        leaver.over = count == 2

    leaver._at_each = leave
    left = Asker(batch, asked[0], leaver).done()
    assert [one.done() for one in askers] == alone
    assert left == alone[0][:2]


def test_a_prompt_is_not_read_on_when_nobody_waits_for_it(generator: TransformersGenerator) -> None:
    batch = batch_of(generator)
    calls: list[int] = []
    gone = Taker()

    def forward(*_args: Any, input_ids: Any, **_named: Any) -> Any:
        calls.append(input_ids.shape[1])
        gone.over = True
        return original(input_ids=input_ids, **_named)

    model = generator._open().model
    original = model.forward
    model.forward = forward
    try:
        long = (prompts(generator)[0] * 100)[: 3 * PIECE_TOKENS]
        assert Asker(batch, long, gone).done() == []
    finally:
        del model.forward
    assert calls == [PIECE_TOKENS]


def test_others_write_on_while_a_long_prompt_is_read(generator: TransformersGenerator) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    long = (asked[1] * 100)[: 3 * PIECE_TOKENS]
    later: list[Asker] = []
    written: list[int] = []

    def ask(count: int) -> None:
        if count == 2:
            later.append(
                Asker(batch, long, Taker(lambda at: written.append(len(first.ids)) if at == 0 else None))
            )
            until(lambda: bool(batch._asked))

    first = Taker(ask)
    Asker(batch, asked[0], first).done()
    later[0].done()
    assert 4 <= written[0] < 12


class Failing:
    """The model's forward, of which the calls that are named raise; counted from 1."""

    def __init__(self, model: Any, failure: Exception, at: int) -> None:
        self._forward, self._failure, self._at, self._calls = model.forward, failure, at, 0

    def __call__(self, *args: Any, **named: Any) -> Any:
        self._calls += 1
        if self._calls == self._at:
            raise self._failure
        return self._forward(*args, **named)


@pytest.mark.parametrize("failure", [torch.OutOfMemoryError("CUDA out of memory"), ValueError("a defect")])
@pytest.mark.parametrize(("at", "lost"), [(3, 1), (8, 4)])
def test_memory_that_runs_out_costs_the_prompt_being_read_or_the_replies_being_written_and_no_more(
    generator: TransformersGenerator, failure: Exception, at: int, lost: int
) -> None:
    model, freed = generator._open().model, []
    batch = Batch(model, Heads(), guesses=False, free=lambda: freed.append(True))
    asked = [prompts(generator)[0]] * 4
    alone = Asker(batch, asked[0], Taker()).done()
    # The four prompts are calls 1, 3, 5 and 7; after each of them those that are read write a token.
    model.forward = Failing(model, failure, at)
    try:
        askers = together(batch, asked)
        told = [one.done() for one in askers]
    finally:
        del model.forward
    problems = [one.problem for one in askers if one.problem is not None]
    wanted = OutOfMemory if isinstance(failure, torch.OutOfMemoryError) else Broken
    assert [type(one) for one in problems] == [wanted] * lost
    assert len(freed) == 1
    assert sum(one == alone for one in told) == 4 - lost
    assert Asker(batch, asked[0], Taker()).done() == alone


def rows_at_most(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Memory that bears tables of so many rows; what was asked for is in the list."""
    asked, made = [], Seats.__init__

    def limited(self: Seats, layers: Any, *, rows: int, width: int) -> None:
        asked.append(rows)
        if rows > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        made(self, layers, rows=rows, width=width)

    monkeypatch.setattr(Seats, "__init__", limited)
    return asked


def test_who_finds_no_memory_beside_the_others_waits_for_one_of_them_to_end(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[bool] = []
    batch = Batch(generator._open().model, Heads(), guesses=False, free=lambda: freed.append(True))
    asked = [*prompts(generator), *prompts(generator)[:2]]
    alone = [Asker(batch, ids, Taker()).done() for ids in asked]
    tables = rows_at_most(monkeypatch, 2)
    askers = together(batch, asked)
    assert [one.done() for one in askers] == alone
    assert [one.problem for one in askers] == [None] * len(asked)
    refused = [rows for rows in tables if rows > 2]
    assert 4 in refused
    assert len(freed) == len(refused)


def test_who_waits_for_memory_may_leave(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    alone = Asker(batch, asked[0], Taker()).done()
    rows_at_most(monkeypatch, 1)
    leaver, left = Taker(), []

    def leave(count: int) -> None:
        if count == 1:
            left.append(Asker(batch, asked[2], leaver))
            until(lambda: bool(batch._asked))
        if count == 5:
            assert batch._ready
            leaver.over = True
        if count == 7:
            assert not batch._ready

    assert Asker(batch, asked[0], Taker(leave)).done() == alone
    assert len(left[0].done()) == 1


def test_one_that_finds_no_memory_even_alone_is_told_so(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    with monkeypatch.context() as patched:
        rows_at_most(patched, 0)
        asker = Asker(batch, asked[0], Taker())
        asker.done()
        assert isinstance(asker.problem, OutOfMemory)
    assert len(Asker(batch, asked[0], Taker()).done()) == 12


def test_a_large_table_goes_on_where_memory_has_no_room_for_a_smaller_one_beside_it(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, asked = batch_of(generator), prompts(generator)
    alone = [Asker(batch, ids, Taker()).done() for ids in asked]
    resized, refused = Seats.resized, []

    def limited(self: Seats, kept: list[int], *, rows: int, width: int) -> Seats:
        if rows < self.rows:
            refused.append(rows)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return resized(self, kept, rows=rows, width=width)

    monkeypatch.setattr(Seats, "resized", limited)
    askers = together(batch, asked)
    assert [one.done() for one in askers] == alone
    assert refused


def test_guesses_save_passes_and_change_no_word(generator: TransformersGenerator) -> None:
    plain, guessing = batch_of(generator), batch_of(generator, guesses=True)
    for ids in prompts(generator):
        # What the model will say stands in the prompt, as in an answer that quotes.
        said = Asker(plain, ids, Taker()).done()
        quoting = [*said, *ids]
        plain.passes = guessing.passes = 0
        assert Asker(guessing, quoting, Taker()).done() == Asker(plain, quoting, Taker()).done()
        assert guessing.passes < plain.passes


def test_a_drawn_reply_and_one_beside_others_get_no_guesses(generator: TransformersGenerator) -> None:
    guessing, asked = batch_of(generator, guesses=True), prompts(generator)
    Asker(guessing, asked[0] * 2, Taker(), temperature=1.0).done()
    assert guessing.passes == 11


def test_a_host_lets_as_many_write_together_as_the_model_bears(generator: TransformersGenerator) -> None:
    host = ModelHost(generator)
    asked = prompts(generator)
    alone = [gather(generator.generate(ids, max_tokens=8)).text for ids in asked]
    texts: dict[int, str] = {}

    def ask(at: int) -> None:
        texts[at] = gather(host.lane(Ticket(f"user {at}")).generate(asked[at], max_tokens=8)).text

    threads = [Thread(target=ask, args=(at,), daemon=True) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert host.capacity.slots == 4
    assert [texts[at] for at in range(4)] == alone
