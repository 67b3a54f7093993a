"""The search beside LlamaIndex's and LangChain's default retrievers, and what it costs as matters grow.

Quality: the same documents, read once by Muniment, the same embedder, the same questions and measures.
Size: matters of real text cut anew (`benchmarks.retrieval_scale`); each question is searched for, then
another one is embedded and looked up in the same Chroma store without anything around it.
What was built stays under --keep and is used again. Times are by the clock and of this process's CPU.

    python -m benchmarks.retrieval --data DIR --keep FOLDER [--sizes 1000 10000 100000 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.process import answer_promptly
from app.settings import Settings, keep_libraries_at_home
from app.wiring import Services, build
from benchmarks import retrieval_peers as peers
from benchmarks.retrieval_scale import Real, in_turn, measured
from engine.evaluation.questions import QuestionSet
from engine.evaluation.reporting import differences, evaluation
from engine.evaluation.running import SETTINGS, Evaluator
from engine.evaluation.sets import SETS, limited
from ingest.sources import Source
from storage.embedding import MiniLmEmbedder
from storage.records import Scope

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "retrieval.json"
QUALITY = ("legalbench-rag", "kgrag")
PRODUCT = "Muniment"
TIMED = 150
"""Questions of each subset that are timed, half of them by the search: the slowest twentieth is a dozen."""
PEERS: dict[str, Callable[..., peers.Peer]] = {
    "LlamaIndex": peers.llamaindex,
    "LangChain": peers.langchain,
}


@contextmanager
def opened(home: Path) -> Iterator[Services]:
    services = build(Settings(home=home, sample=False))
    try:
        yield services
    finally:
        services.close()


def taken_in(services: Services, asked: QuestionSet) -> Scope:
    """A matter with the set's documents; what is there already is not read again."""
    actor = services.accounts.local_operator()
    matter = f"{asked.name} {len(asked.files)}"
    if all(one.name != matter for one in services.library.matters()):
        services.library.create_matter(matter, actor)
    scope = services.access.scope(actor, matter)
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for at, one in enumerate(asked.files):
            file = one.content
            if isinstance(file, str):
                file = Path(folder) / f"{at}.txt"
                file.write_bytes(one.data())
            sources.append(Source(one.name, file, file.stat().st_size))
        services.importer.resume(scope)
        services.importer.run(scope, sources)
    return scope


def side_by_side(services: Services, asked: QuestionSet, embedder: MiniLmEmbedder) -> dict[str, Any]:
    scope = taken_in(services, asked)
    documents = services.library.documents(scope)
    pages = peers.pages_of(services.library, scope)
    systems: dict[str, Any] = {PRODUCT: services.retriever}
    systems |= {name: make(pages, embedder) for name, make in PEERS.items()}
    outcomes = {}
    for name, system in systems.items():
        evaluator = Evaluator(system, scope, asked, documents)
        outcomes[name] = evaluator.run(SETTINGS["fused"], tell=lambda _done: None)
    told = {name: evaluation(asked, name, found, worst=0).to_json() for name, found in outcomes.items()}
    against = {
        name: [row.to_json() for row in differences(asked, outcomes[name], outcomes[PRODUCT])]
        for name in PEERS
    }
    return {
        "set": asked.name,
        "documents": len(asked.files),
        "questions": len(asked.questions),
        "systems": told,
        "product_gains": against,
    }


def real_of(services: Services) -> Real | None:
    """The chunks of all matters that the quality part took in; None where it has not run yet."""
    actor = services.accounts.local_operator()
    pairs = [
        pair
        for matter in services.library.matters()
        for pair in services.library.live_chunks(services.access.scope(actor, matter.name))
    ]
    return Real.of(pairs) if pairs else None


def machine() -> dict[str, Any]:
    return {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}


def kept(result: dict[str, Any]) -> None:
    """Merge into what stands there: sizes and sets that were not measured now stay."""
    before = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for part, values in result.items():
        before[part] = {**before.get(part, {}), **values} if isinstance(values, dict) else values
    RESULT.write_text(json.dumps(before, indent=1) + "\n", encoding="utf-8")


def questions_of(data: Path) -> Sequence[str]:
    whole = SETS["legalbench-rag"](data)[0]
    return [one.text for one in limited(whole, documents=None, questions=TIMED).questions]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--keep", type=Path, required=True, help="where matters are built and kept")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--documents", type=int, default=10, help="documents of each subset (10)")
    parser.add_argument("--questions", type=int, default=25, help="questions of each subset (25)")
    parser.add_argument("--matters", type=int, default=200, help="matters searched in turn (200)")
    parser.add_argument("--without-quality", action="store_true", help="sizes alone")
    asked = parser.parse_args()
    keep_libraries_at_home()
    answer_promptly()
    embedder = MiniLmEmbedder()
    with opened(asked.keep / "quality") as services:
        if not asked.without_quality:
            for name in QUALITY:
                for whole in SETS[name](asked.data):
                    some = limited(whole, documents=asked.documents, questions=asked.questions)
                    kept(
                        {
                            "machine": machine(),
                            "quality": {whole.name: side_by_side(services, some, embedder)},
                        }
                    )
        real = real_of(services)
    if real is None:
        parser.error(f"{asked.keep} holds no documents yet; run once without --without-quality")
    questions = questions_of(asked.data)
    for size in asked.sizes:
        kept(
            {
                "machine": machine(),
                "sizes": {str(size): measured(asked.keep, size, real, embedder, questions)},
            }
        )
    if asked.matters:
        kept({"matters": in_turn(asked.keep / "matters", asked.matters, real, embedder, questions)})
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
