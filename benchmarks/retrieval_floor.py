"""Where searches that can be answered part from others, through the product's own ingest and search.

Three matters: quarterly filings, contracts and policies, annual reports. Each question is asked of its own
matter (it can be answered there) and of the two others (it cannot: at most a document of the same kind is
there). The floor is chosen on one half of the questions, as the highest that refuses at most 2 % of those
that can be answered; all that is reported comes from the other half.

    python -m benchmarks.retrieval_floor --data DIR [--home DIR] [--limit N]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.closeness import FLOOR, closeness
from engine.retrieval import Retriever, SearchResult
from ingest.pipeline import Importer
from ingest.sources import gathered
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import MiniLmEmbedder
from storage.errors import NotFound
from storage.library import Library
from storage.records import Actor, Role, Scope
from storage.rooms import Rooms

REFUSED_AT_MOST = 0.02
CONTRACT_BYTES = 60_000
QUESTIONS_PER_MATTER = 90
BENCHMARK = Actor("benchmark", "benchmark", Role.ADMINISTRATOR, "system")


@dataclass(frozen=True)
class Asked:
    question: str
    asked_of: str
    belongs_to: str
    result: SearchResult

    @property
    def answerable(self) -> bool:
        return self.asked_of == self.belongs_to

    @property
    def for_choosing(self) -> bool:
        return hashlib.sha256(self.question.encode()).digest()[0] % 2 == 0

    @property
    def closeness(self) -> float:
        return closeness(self.result.nearness, self.result.coverage)


def json_lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def matters(data: Path, limit: int) -> dict[str, tuple[list[Path], list[str]]]:
    """Files and questions of each matter."""
    contracts = data / "legalbench_rag"
    files: list[Path] = []
    questions: list[str] = []
    for subset in sorted((contracts / "benchmarks").glob("*.json")):
        tests = json.loads(subset.read_text())["tests"]
        named = {snippet["file_path"] for test in tests for snippet in test["snippets"]}
        small = [one for one in sorted(named) if (contracts / "corpus" / one).stat().st_size < CONTRACT_BYTES]
        kept = set(small[: max(1, limit // 3)])
        files += [contracts / "corpus" / one for one in sorted(kept)]
        questions += [
            test["query"] for test in tests if {snippet["file_path"] for snippet in test["snippets"]} <= kept
        ][: QUESTIONS_PER_MATTER // 3]
    filings = sorted((data / "kgrag_10q" / "docs").glob("*.pdf"))[:limit]
    reports = sorted((data / "uda_reports" / "pdfs").glob("*.pdf"))[:limit]
    names = {path.name for path in filings}
    asked_of_filings = [
        one["question"]
        for one in json_lines(data / "kgrag_10q" / "questions.jsonl")
        if set(one["source_docs"]) <= names
    ]
    asked_of_reports = [
        one["question"]
        for one in json_lines(data / "uda_reports" / "questions.jsonl")
        if one["doc"] in {path.name for path in reports}
    ]
    return {
        "filings": (filings, asked_of_filings[:QUESTIONS_PER_MATTER]),
        "contracts": (files, questions),
        "reports": (reports, asked_of_reports[:QUESTIONS_PER_MATTER]),
    }


def searched(home: Path, plan: dict[str, tuple[list[Path], list[str]]]) -> list[Asked]:
    database = Database.in_folder(home)
    audit, embedder = AuditLog(database), MiniLmEmbedder()
    library = Library(database, home, audit)
    rooms = Rooms(library, embedder)
    importer = Importer(library, rooms, embedder, audit)
    retriever = Retriever(library, rooms, embedder)
    scopes = {}
    try:
        for name, (files, _) in plan.items():
            try:
                matter = library.matter(name)
            except NotFound:
                matter = library.create_matter(name, BENCHMARK)
            scopes[name] = Scope(matter, BENCHMARK)
            with gathered(files) as sources:
                importer.run(scopes[name], sources)
        return [
            Asked(question, asked_of, belongs_to, retriever.search(scope, question))
            for belongs_to, (_, questions) in plan.items()
            for question in questions
            for asked_of, scope in scopes.items()
        ]
    finally:
        rooms.close()
        database.close()


def highest_floor(asked: list[Asked]) -> float:
    """The highest floor that refuses at most the allowed share of what can be answered."""
    answerable = sorted(one.closeness for one in asked if one.answerable and one.for_choosing)
    return answerable[int(len(answerable) * REFUSED_AT_MOST)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the evaluation data")
    parser.add_argument("--home", type=Path, help="keep the store here, to measure again")
    parser.add_argument("--limit", type=int, default=36, help="documents per matter")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = options.home or Path(passing)
        home.mkdir(parents=True, exist_ok=True)
        asked = searched(home, matters(options.data, options.limit))
    floor = highest_floor(asked)
    print(f"floor by the criterion on the choosing half: {floor:.3f}; the product's: {FLOOR:.3f}\n")
    print("| questions about | asked of | n | refused by ours | by the criterion's | 2 % | median | 98 % |")
    print("| --- " * 8 + "|")
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        if not one.for_choosing:
            groups[one.belongs_to, one.asked_of].append(one)
            groups["all", "their own matter" if one.answerable else "another matter"].append(one)
    for (belongs_to, asked_of), group in sorted(groups.items()):
        near = sorted(one.closeness for one in group)
        ours = sum(not one.result.confident for one in group) / len(group)
        criterion = sum(value < floor for value in near) / len(group)
        spread = " | ".join(f"{near[int(share * (len(near) - 1))]:.2f}" for share in (0.02, 0.5, 0.98))
        print(f"| {belongs_to} | {asked_of} | {len(group)} | {ours:.1%} | {criterion:.1%} | {spread} |")


if __name__ == "__main__":
    main()
