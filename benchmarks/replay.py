"""Is an answer written again, word for word? Many answers, each replayed at random moments between others.

    python -m benchmarks.replay --times 200
    python -m benchmarks.replay --times 200 --model scripted
    python -m benchmarks.replay --times 40 --slots 4 --at-once 4

The documents are short clauses made here, with a question to each. Replays come in a shuffled order, so that
the model has written something else before each; halfway it is loaded anew. Prints one JSON object. Speed is
no subject, so it may run under `nice` beside other work.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from app.settings import Settings, keep_libraries_at_home
from app.wiring import Services, build
from engine.models.base import Generator
from engine.models.embedded import EmbeddedGenerator
from engine.models.scripted import ScriptedGenerator
from engine.replays import Replay
from ingest.sources import gathered
from storage.embedding import HashingEmbedder
from storage.records import Scope

_MATTER = "Replay"
_PARTIES = ("tenant", "landlord", "guarantor", "agent", "lender", "borrower", "trustee", "insurer")
_DUTIES = (
    ("give notice of an assignment", "at least {n} days before it"),
    ("pay the annual fee", "of ${n},500 within {n} days of the invoice"),
    ("keep the books of account", "for {n} years after the end of the term"),
    ("return the deposit", "of ${n},000 no later than {n} days after the closing date"),
    ("cure a breach", "within {n} days after a written demand"),
)


def clauses() -> Iterator[tuple[str, str, str]]:
    """File name, its one clause, and a question that the clause answers."""
    for at, (party, (duty, how)) in enumerate((p, d) for p in _PARTIES for d in _DUTIES):
        text = f"{at + 1}. The {party} shall {duty} {how.format(n=at + 11)}."
        yield f"clause-{at + 1:02}.txt", text, f"When must the {party} {duty}?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=200, help="replays in all")
    parser.add_argument("--model", choices=("embedded", "scripted"), default="embedded")
    parser.add_argument("--slots", type=int, default=1, help="generations that the model runs at once")
    parser.add_argument("--at-once", type=int, default=1, help="replays asked for at the same time")
    parser.add_argument("--answers", type=int, default=40, help="different answers, at most 40")
    parser.add_argument(
        "--threads", type=int, help="of the model while it replays, where other than recorded"
    )
    asked = parser.parse_args()
    keep_libraries_at_home()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(Path(folder), asked), indent=1))


def measured(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Ask, replay, count."""
    settings = Settings(home=folder / "home", sample=False)
    written = list(clauses())[: asked.answers]
    services = build(settings, embedder=HashingEmbedder(), generator=_model(asked))
    indexes = _answers(services, folder / "documents", written)
    services.close()
    order = [indexes[at % len(indexes)] for at in range(asked.times)]
    random.Random(0).shuffle(order)
    half = len(order) // 2
    made: list[Replay] = []
    for part in (order[:half], order[half:]):
        # Loaded anew for each half: a replay long after must not depend on what the process did before.
        services = build(settings, embedder=HashingEmbedder(), generator=_model(asked, threads=asked.threads))
        scope = _scope(services)
        with ThreadPoolExecutor(max_workers=asked.at_once) as workers:
            made += workers.map(partial(services.replayer.replay, scope), part)
        model, log = services.generator.identity.to_json(), services.audit.verify()
        services.close()
    return {
        "model": model,
        "slots": asked.slots,
        "at_once": asked.at_once,
        "answers": len(indexes),
        "replays": len(made),
        "inputs_equal": sum(one.inputs_equal for one in made),
        "output_equal": sum(one.output == "equal" for one in made),
        "confirmed": sum(one.confirmed for one in made),
        "others": sorted({f"entry {one.index}: {one.detail}" for one in made if not one.confirmed}),
        "surroundings_that_differ": sorted(
            {check.name for one in made for check in one.surroundings if not check.same}
        ),
        "log_holds": log.ok,
        "processor_s": round(time.process_time(), 1),
    }


def _model(asked: argparse.Namespace, *, threads: int | None = None) -> Generator:
    if asked.model == "scripted":
        return ScriptedGenerator()
    return EmbeddedGenerator(
        slots=asked.slots, threads=threads, context_tokens=1_024, preferred_output_tokens=24
    )


def _answers(services: Services, folder: Path, written: Sequence[tuple[str, str, str]]) -> list[int]:
    """Indexes of the entries of one answer to each question, asked of its own document."""
    operator = services.accounts.local_operator()
    services.library.create_matter(_MATTER, operator)
    folder.mkdir()
    for name, text, _ in written:
        (folder / name).write_text(text)
    scope = _scope(services)
    with gathered([folder], services.limits) as sources:
        services.importer.run(scope, sources)
    documents = {one.path: one.id for one in services.library.documents(scope)}
    indexes = []
    for name, _, question in written:
        of_one = services.access.scope(operator, _MATTER, documents=[documents[name]])
        audit = services.assistant.ask(of_one, question).audit
        assert audit is not None, "every answer is on record"
        indexes.append(audit.index)
    return indexes


def _scope(services: Services) -> Scope:
    return services.access.scope(services.accounts.local_operator(), _MATTER)


if __name__ == "__main__":
    main()
