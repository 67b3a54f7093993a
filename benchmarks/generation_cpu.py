"""The embedded model through our stream, through the model host, and llama.cpp alone, in one process.

llama.cpp alone is its server called as a function with the same ids, and a callback that only looks at the
clock. All three have a server of their own, loaded from the same file with the same threads and slots.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from threading import Barrier, Thread
from typing import Any

from benchmarks.generation_systems import (
    QUESTION,
    Ask,
    LlamaAlone,
    Render,
    Timed,
    asked,
    conversation,
    passages_in,
    prompt_of,
)
from engine.models.base import Conversation, Generator, Speaker, Turn
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.gpt_oss_gguf import GptOssGguf
from engine.models.host import ModelHost
from storage.errors import Broken

FOLLOW_UP = "Which of these duties cost money, and how much in a year?"
OURS, HOST, ALONE = "our stream", "through the model host", "llama.cpp alone"
ITS_ATTENTION = "llama.cpp alone, its own attention"
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Plan:
    turns: int = 3
    users: tuple[int, ...] = (1, 4)
    tokens: int = 96
    context_tokens: int = 4_096
    prompt_tokens: int = 1_000
    long_prompt_tokens: int = 8_000
    """As many of them as the context takes."""
    follow_up_tokens: int = 500
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def decode_threads(self) -> int:
        """As the embedded model takes them."""
        return max(1, self.threads // 2)


@contextmanager
def only(name: str, plan: Plan, *, slots: int = 1) -> Iterator[Ask]:
    """One system, loaded and warm."""
    if name in {ALONE, ITS_ATTENTION}:
        alone = _alone(plan, slots, its_attention=name == ITS_ATTENTION)
        try:
            alone.ask([100, 200, 300], 2)
            yield alone.ask
        finally:
            alone.close()
        return
    stream = EmbeddedGenerator(context_tokens=plan.context_tokens, threads=plan.threads, slots=slots)
    model: Generator = stream if name == OURS else ModelHost(stream)
    try:
        asked(model, [100, 200, 300], 2)
        yield lambda ids, tokens: asked(model, ids, tokens)
    finally:
        model.close()


def _alone(plan: Plan, slots: int, *, its_attention: bool = False) -> LlamaAlone:
    weights = embedded_weights()
    if weights is None:
        raise Broken("the embedded model is not installed; `make run` installs its weights")
    return LlamaAlone(
        weights,
        context_tokens=plan.context_tokens,
        threads=plan.threads,
        decode_threads=plan.decode_threads,
        slots=slots,
        its_attention=its_attention,
    )


@contextmanager
def systems(plan: Plan, names: tuple[str, ...], *, slots: int = 1) -> Iterator[tuple[Render, dict[str, Ask]]]:
    """These, each with a server of its own, and what renders for all of them."""
    with ExitStack() as opened:
        writer = EmbeddedGenerator(context_tokens=256)
        opened.callback(writer.close)
        asks = {name: opened.enter_context(only(name, plan, slots=slots)) for name in names}
        yield writer.render, asks


def numbered(render: Render, number: int) -> Render:
    """Prompts that differ from the first words on, so that no system can have read their beginning."""
    return lambda one: render(replace(one, rules=f"Question {number}. {one.rules}"))


def in_turns(names: list[str], turns: int) -> Iterator[str]:
    """Each name `turns` times: forwards, then backwards, so that no place in the order is anybody's own."""
    for turn in range(turns):
        yield from names if turn % 2 == 0 else reversed(names)


def one_reader(plan: Plan) -> dict[str, Any]:
    """Tokens per second and time to the first token, for a prompt of about 1k and for the longest."""
    report: dict[str, Any] = {}
    longest = min(plan.long_prompt_tokens, plan.context_tokens - plan.tokens)
    for name, tokens, turns, names in (
        ("prompt", plan.prompt_tokens, plan.turns, (ALONE, OURS, HOST, ITS_ATTENTION)),
        ("long_prompt", longest, 1, (ALONE, OURS, HOST)),
    ):
        with systems(plan, names) as (render, asks):
            prompts = [prompt_of(numbered(render, turn), tokens) for turn in range(turns)]
            runs: dict[str, list[Timed]] = {one: [] for one in asks}
            processor: dict[str, list[float]] = {one: [] for one in asks}
            for one in in_turns(list(asks), turns):
                began = time.process_time()
                runs[one].append(asks[one](prompts[len(runs[one])], plan.tokens))
                processor[one].append(time.process_time() - began)
        report[name] = {"prompt_tokens": len(prompts[0]), **_summed(runs, processor)}
    return report


def _summed(runs: dict[str, list[Timed]], processor: dict[str, list[float]]) -> dict[str, Any]:
    same = [[one.text for one in runs[name]] == [one.text for one in runs[ALONE]] for name in (OURS, HOST)]
    rows = {
        name: {
            "tokens": timed[0].tokens,
            "tokens_per_second": round(median(one.per_second for one in timed), 2),
            "first_token_s": round(median(one.first_s for one in timed), 3),
            "processor_s": round(median(processor[name]), 3),
            "runs": [[round(one.first_s, 3), round(one.last_s, 3)] for one in timed],
        }
        for name, timed in runs.items()
    }
    return {"same_text": all(same), "systems": rows, "ratios": ratios(rows)}


def ratios(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Ours over llama.cpp alone, for every figure."""
    base = rows[ALONE]
    figures = [one for one in ("tokens_per_second", "first_token_s", "processor_s", "seconds") if one in base]
    return {
        name: {one: round(row[one] / base[one], 3) for one in figures}
        for name, row in rows.items()
        if name != ALONE
    }


def readers(plan: Plan, users: int) -> dict[str, Any]:
    """So many readers at once, each with a prompt of their own, and a slot for each."""
    with systems(plan, (ALONE, OURS, HOST), slots=users) as (render, asks):
        seconds: dict[str, list[float]] = {one: [] for one in asks}
        processor: dict[str, list[float]] = {one: [] for one in asks}
        tokens: dict[str, int] = {}
        for name in in_turns(list(asks), plan.turns):
            number = 100 * len(seconds[name])
            prompts = [numbered(render, number + n)(conversation(1 + n % 4)) for n in range(users)]
            began, start = time.process_time(), time.perf_counter()
            answers = at_once(asks[name], prompts, plan.tokens)
            seconds[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - began)
            tokens[name] = sum(one.tokens for one in answers)
    rows = {
        name: {
            "tokens": tokens[name],
            "tokens_per_second": round(tokens[name] / median(seconds[name]), 2),
            "seconds": round(median(seconds[name]), 3),
            "processor_s": round(median(processor[name]), 3),
        }
        for name in tokens
    }
    return {"users": users, "systems": rows, "ratios": ratios(rows)}


def at_once(ask: Ask, prompts: list[list[int]], tokens: int) -> list[Timed]:
    """All asked at the same moment."""
    answers: list[Timed | Exception] = []
    gate = Barrier(len(prompts))

    def one(ids: list[int]) -> None:
        gate.wait()
        try:
            answers.append(ask(ids, tokens))
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            answers.append(error)

    threads = [Thread(target=one, args=(ids,)) for ids in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return [one for one in answers if isinstance(one, Timed)]


def follow_up(plan: Plan) -> list[dict[str, Any]]:
    """A second question after the first, with llama.cpp's prompt cache and without.

    Once on the same passages, and once as the next turn: earlier turns stand before the passages.
    """
    with systems(plan, (OURS,)) as (render, asks):
        alone = _alone(plan, 1)
        first = prompt_of(render, plan.follow_up_tokens)
        count = passages_in(render, plan.follow_up_tokens)
        turns = (Turn(Speaker.USER, QUESTION), Turn(Speaker.ASSISTANT, alone.ask(first, plan.tokens).text))
        rows = []
        for name, before in (("the same passages", ()), ("the next turn", turns)):
            second = render(conversation(count, question=FOLLOW_UP, turns=before))
            fresh = alone.ask(second, plan.tokens)
            alone.ask(first, 1, cache=True)
            cached = alone.ask(second, plan.tokens, cache=True)
            asks[OURS](first, 1)
            ours = asks[OURS](second, plan.tokens)
            rows.append(
                {
                    "second_question": name,
                    "prompt_tokens": len(second),
                    "shared_with_the_first": _shared(first, second),
                    "reused": ours.reused,
                    "first_token_s": {
                        f"{ALONE}, no cache": round(fresh.first_s, 3),
                        f"{ALONE}, cache": round(cached.first_s, 3),
                        OURS: round(ours.first_s, 3),
                    },
                    "same_text": {"cache": cached.text == fresh.text, OURS: ours.text == fresh.text},
                }
            )
        alone.close()
    return rows


def _shared(first: list[int], second: list[int]) -> int:
    for at, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return at
    return min(len(first), len(second))


def tiny_gpt_oss(plan: Plan) -> dict[str, Any]:
    """The tests' tiny gpt-oss: are the words through our stream those that it wrote, and what they cost."""
    from tests.engine.models.checkpoints import gpt_oss_pair
    from tests.engine.models.gguf_checkpoint import gpt_oss_gguf

    with tempfile.TemporaryDirectory() as folder:
        plain, _ = gpt_oss_pair(Path(folder))
        path = gpt_oss_gguf(plain, Path(folder) / "tiny.gguf")
        ours = GptOssGguf(path, context_tokens=1_024, threads=plan.threads)
        alone = LlamaAlone(path, context_tokens=1_024, threads=plan.threads, decode_threads=plan.threads)
        ids = ours.render(Conversation("Rules.", "What is the notice period?"))
        theirs = alone.ask(ids, 64)
        read = asked(ours, ids, 64)
        runs: dict[str, list[float]] = {OURS: [], ALONE: []}
        for name in in_turns([ALONE, OURS], plan.turns):
            began = time.process_time()
            _ = asked(ours, ids, 64) if name == OURS else alone.ask(ids, 64)
            runs[name].append(time.process_time() - began)
        ours.close()
        alone.close()
    return {
        "answer_is_the_end_of_what_it_wrote": bool(read.text) and read.text in theirs.text,
        "processor_s": {name: round(median(spent), 4) for name, spent in runs.items()},
    }


def peak_memory(plan: Plan) -> dict[str, float]:
    """MiB at most of a process of its own that answers one prompt, for each system."""
    with systems(plan, ()) as (render, _):
        ids = prompt_of(render, plan.follow_up_tokens)
    found = {}
    for name in (ITS_ATTENTION, ALONE, OURS, HOST):
        code = (
            "import json, sys; from benchmarks.generation_cpu import Plan, peak_of; "
            f"print('peak', peak_of({name!r}, Plan(threads={plan.threads}), json.load(sys.stdin)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, input=json.dumps(ids)
        )
        found[name] = float(done.stdout.split()[-1])
    return found


def peak_of(name: str, plan: Plan, ids: list[int]) -> float:
    """Of this process, after one answer: call it in a process of its own."""
    with only(name, plan) as ask:
        ask(ids, 8)
        return round(_peak_bytes() / (1 << 20), 1)


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.is_file():
        # What `getrusage` tells begins with the memory of the process that started this one.
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def measured(plan: Plan) -> dict[str, Any]:
    """All of it."""
    return {
        **one_reader(plan),
        "users": [readers(plan, users) for users in plan.users if users > 1],
        "follow_up": follow_up(plan),
        "tiny_gpt_oss": tiny_gpt_oss(plan),
        "peak_mib": peak_memory(plan),
    }
