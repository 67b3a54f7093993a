"""Write several replies in one pass of the model a token: who asks later joins, who is done leaves.

A prompt is read alone, in pieces, a piece between two tokens of the others, so that its arithmetic is the
same whoever else is there. Written tokens share their passes: beside others the last bits of a score may
differ from those of a reply that is written alone. A failure while a prompt is read costs that request; one
while tokens are written costs all that were being written. A reply for which memory has no row beside the
others waits for one of them to end.
"""

from __future__ import annotations

import math
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event as Signal
from threading import Lock, Thread
from typing import Any

import torch
from torch import Tensor

from engine.models.attention import attending, make_known
from engine.models.decoding import Take, as_failure, is_out_of_memory
from engine.models.graphs import RecordedPasses
from engine.models.lookup import Guesser
from engine.models.reading import Heads, Reading
from engine.models.sampling import Sampler
from engine.models.seats import AHEAD, Seats, layers_of
from engine.models.ways import AS_READ, GROUPED, Way

_SHRINK = 4

Pass = Callable[[Any, Seats, Tensor], Tensor]
"""One pass of the model for new ids of every row, whose positions are set: the scores that follow each."""


@dataclass(eq=False, slots=True)
class _Reply:
    ids: list[int]
    """Prompt, and what is written."""
    left: int
    """Tokens that may still come."""
    stop_ids: frozenset[int]
    take: Take
    reading: Reading
    sampler: Sampler | None
    width: int
    ended: bool = False
    """The model ended it, or its reader did."""
    failure: Exception | None = None
    over: Signal = field(default_factory=Signal)
    _guesser: Guesser | None = None

    def guessed(self) -> list[int]:
        """What may come next; nothing for a reply that is drawn."""
        if self.sampler is not None:
            return []
        if self._guesser is None:
            self._guesser = Guesser(self.ids)
        guessed = self._guesser.guess(AHEAD)
        # Always as many, so that few shapes are in use; what is added is checked like the rest.
        return guessed + [0] * (AHEAD - len(guessed)) if guessed else []

    def write(self, token: int) -> bool:
        """Take one more token; True when it was the last."""
        self.ids.append(token)
        if self._guesser is not None:
            self._guesser.add(token)
        self.left -= 1
        stop = token in self.stop_ids
        self.ended = self.take(token) or stop
        return self.ended or self.left <= 0


class Batch:
    """The replies that one model writes now. A thread of its own works while there is anything to do."""

    def __init__(
        self,
        model: Any,
        heads: Heads,
        *,
        guesses: bool,
        forward: Pass | None = None,
        free: Callable[[], None],
    ) -> None:
        """Starts nothing.

        Args:
            model: in memory, and of a kind that `can_sit_together`.
            heads: what is kept of prompts.
            guesses: whether a greedy reply that is alone gets its next tokens guessed from its prompt.
            forward: a faster way for a pass.
            free: gives unused memory back after a failure.
        """
        self._model, self._heads, self._guesses, self._free = model, heads, guesses, free
        self._forward = forward or plain_pass
        self._lock = Lock()
        self._asked: deque[_Reply] = deque()
        self._working = False
        self._reading: deque[_Reply] = deque()
        self._ready: deque[_Reply] = deque()
        # How many rows memory did not bear one more of; none is tried before one of them is free.
        self._most = math.inf
        self._rows: list[_Reply | None] = []
        self._seats: Seats | None = None
        self.passes = 0
        """Passes that wrote tokens, since the beginning."""

    def run(
        self,
        ids: Sequence[int],
        take: Take,
        *,
        max_tokens: int,
        stop_ids: Sequence[int],
        temperature: float,
        seed: int,
    ) -> bool:
        """Write one reply and give its ids to `take`; True when the model ended it. Waits until it is done.

        Raises:
            OutOfMemory: memory ran out for it.
            Broken: the model failed.
        """
        reply = _Reply(
            list(ids),
            max_tokens,
            frozenset(stop_ids),
            take,
            Reading(self._model, list(ids), self._heads),
            Sampler(temperature, seed) if temperature > 0 else None,
            Seats.width_for(len(ids) + max_tokens),
        )
        with self._lock:
            self._asked.append(reply)
            if not self._working:
                self._working = True
                Thread(target=self._work, name="model-batch", daemon=True).start()
        reply.over.wait()
        if reply.failure is not None:
            raise as_failure(reply.failure)
        return reply.ids[-1] in reply.stop_ids

    def _work(self) -> None:
        with torch.inference_mode():
            while True:
                with self._lock:
                    self._reading.extend(self._asked)
                    self._asked.clear()
                    if not self._reading and not self._ready and not self._seated:
                        self._rows, self._seats = [], None
                        self._working = False
                        return
                # What is read takes memory too, so nothing is read for which there may be no row.
                if self._reading and not self._ready:
                    self._read_a_piece(self._reading[0])
                self._seat_the_ready()
                if self._seated:
                    self._write_a_token()

    @property
    def _kept(self) -> list[int]:
        return [at for at, one in enumerate(self._rows) if one is not None]

    @property
    def _seated(self) -> list[_Reply]:
        return [one for one in self._rows if one is not None]

    def _read_a_piece(self, reply: _Reply) -> None:
        try:
            if reply.take.over:
                self._reading.popleft()
                self._end(reply)
            elif reply.reading.step():
                self._reading.popleft()
                first = self._draw(reply, reply.reading.logits)
                if reply.write(first):
                    self._end(reply)
                else:
                    self._ready.append(reply)
        except Exception as error:  # noqa: BLE001 - handed to the asker, who raises it in their own thread
            if self._reading and self._reading[0] is reply:
                self._reading.popleft()
            self._fail([reply], error)

    def _seat_the_ready(self) -> None:
        while self._ready:
            reply = self._ready[0]
            if not reply.take.over and len(self._seated) >= self._most:
                return
            self._ready.popleft()
            if reply.take.over:
                self._end(reply)
                continue
            try:
                self._seat(reply)
                self._most = math.inf
            except Exception as error:  # noqa: BLE001 - handed to the asker, or tried again
                if not (self._seated and is_out_of_memory(error)):
                    self._fail([reply], error)
                    continue
                traceback.clear_frames(error.__traceback__)
                self._ready.appendleft(reply)
                self._most = len(self._seated)
                self._free()
                return

    def _seat(self, reply: _Reply) -> None:
        """Give it a row, in a larger table where none is left that is free and wide enough."""
        read, kept, seats = reply.reading.cache, self._kept, self._seats
        if seats is None or not kept:
            # The old table goes first: there may be no room for both.
            self._seats = seats = None
            seats = Seats(layers_of(read), rows=1, width=reply.width)
            self._rows = [None]
        elif None not in self._rows or reply.width > seats.width:
            seats = seats.resized(kept, rows=_rows_for(len(kept) + 1), width=max(seats.width, reply.width))
            self._moved(kept, seats.rows)
        row = self._rows.index(None)
        seats.place(row, read)
        self._seats, self._rows[row] = seats, reply
        reply.reading.release()

    def _write_a_token(self) -> None:
        seats = self._seats
        assert seats is not None
        seated = self._seated
        try:
            guessed = seated[0].guessed() if self._guesses and len(seated) == 1 else []
            scores = self._pass(seats, guessed)
            best = scores.argmax(-1).tolist()
            for row, reply in enumerate(self._rows):
                if reply is None:
                    continue
                words = best[row] if reply.sampler is None else [self._draw(reply, scores[row])]
                if self._write(reply, words, guessed):
                    self._rows[row] = None
                    self._end(reply)
            self._shrink(seats)
        except Exception as error:  # noqa: BLE001 - handed to the askers, who raise it in their own threads
            self._rows, self._seats = [], None
            self._fail(seated, error)

    def _shrink(self, seats: Seats) -> None:
        kept = self._kept
        if not kept or len(kept) * _SHRINK > seats.rows:
            return
        try:
            self._seats = seats.resized(kept, rows=_rows_for(len(kept)), width=seats.width)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            # No room for both tables: the large one serves as well.
            return
        self._moved(kept, self._seats.rows)

    def _pass(self, seats: Seats, guessed: list[int]) -> Tensor:
        """The scores after the last id of each row, and after each guessed one: rows, ids, vocabulary."""
        ids, first = [], []
        for reply in self._rows:
            ids.append([0 if reply is None else reply.ids[-1], *guessed])
            first.append(0 if reply is None else len(reply.ids) - 1)
        device = seats.positions.device
        ahead = torch.arange(1 + len(guessed), device=device)
        seats.positions = torch.tensor(first, device=device)[:, None] + ahead
        self.passes += 1
        return self._forward(self._model, seats, torch.tensor(ids, device=device))

    def _write(self, reply: _Reply, words: list[int], guessed: list[int]) -> bool:
        """Take the first word, and each next one for which the guess before it was right."""
        for at, word in enumerate(words):
            if reply.write(word):
                return True
            if at >= len(guessed) or guessed[at] != word:
                break
        return False

    def _draw(self, reply: _Reply, scores: Tensor) -> int:
        drawn = scores.float() if reply.sampler is None else reply.sampler(None, scores.float())
        return int(drawn[0].argmax(-1))

    def _end(self, reply: _Reply) -> None:
        reply.reading.release()
        reply.over.set()

    def _fail(self, replies: list[_Reply], error: Exception) -> None:
        # A traceback holds the frames of the model, and those the memory that ran out.
        traceback.clear_frames(error.__traceback__)
        for one in replies:
            one.failure = as_failure(error)
            self._end(one)
        self._free()

    def _moved(self, kept: list[int], rows: int) -> None:
        stayed: list[_Reply | None] = [self._rows[at] for at in kept]
        self._rows = stayed + [None] * (rows - len(kept))


def passes_by(way: Way) -> Pass:
    """How passes are run that way."""
    if way.writing == AS_READ:
        return plain_pass
    make_known()

    def grouped(model: Any, seats: Seats, ids: Tensor) -> Tensor:
        with attending(model, GROUPED):
            return plain_pass(model, seats, ids)

    return RecordedPasses(grouped) if way.graphs else grouped


def plain_pass(model: Any, seats: Seats, ids: Tensor) -> Tensor:
    """One pass of the model as it is."""
    out = model(
        input_ids=ids,
        position_ids=seats.positions,
        attention_mask=seats.masks(model.dtype),
        past_key_values=seats,
        use_cache=True,
    )
    scores: Tensor = out.logits
    return scores


def _rows_for(replies: int) -> int:
    """A power of two, so that few shapes are in use."""
    return 1 << (replies - 1).bit_length()
