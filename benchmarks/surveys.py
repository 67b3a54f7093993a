"""How right "which documents" questions are answered: rows that say found, against the sets' labels.

Each question is ours; a contract has what is asked for where its set marks a passage for that clause. CUAD's
and ContractNLI's questions are kept only where a mark stands once in its text, so a few contracts that have a
clause count as if they had not: precision is rather better than shown. A question is asked of the documents
of its own set, through the product's own pass.

    python -m benchmarks.surveys --data DIR [--home DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.retrieval_floor import BENCHMARK
from engine.answers import RowStatus
from engine.models.base import ModelIdentity
from engine.survey_questions import survey_of
from engine.surveying import Surveyor
from ingest.pipeline import Importer
from ingest.sources import gathered
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import MiniLmEmbedder
from storage.errors import NotFound
from storage.library import Library
from storage.records import Scope
from storage.rooms import Rooms

NOBODY = ModelIdentity("none", "none", "none", "none", "none")
MATTER = "legalbench-rag"
ASKED = {
    "cuad": {
        "anti-assignment": "Which agreements restrict assignment?",
        "cap on liability": "Which agreements have a cap on liability?",
        "terminated for convenience": "Which agreements allow termination for convenience?",
        "audit rights": "Which contracts contain audit rights?",
        "an exclusivity agreement": "Which agreements provide for exclusivity?",
        "insurance requirements": "Which agreements require insurance?",
        "revenue or profit-sharing": "Which agreements have revenue or profit sharing?",
        "minimum commitment": "Which agreements contain a minimum purchase commitment?",
        "covenant not to sue": "Which agreements contain a covenant not to sue?",
        "non-compete": "Which agreements contain a non-compete clause?",
        "right of first refusal": "List all agreements with a right of first refusal.",
        "change of control": "Which agreements mention a change of control?",
        "warranties": "Which agreements state the duration of a warranty?",
        "irrevocable or perpetual": "Which agreements grant an irrevocable or perpetual license?",
        "solicitation of employees": "Which agreements prohibit the solicitation of employees?",
        "most favored nation": "Which agreements contain a most favored nation clause?",
        "non-disparagement": "Which agreements contain a non-disparagement clause?",
        "joint intellectual property": "Which agreements provide for joint ownership of inventions or works?",
    },
    "contractnli": {
        "with their employees": "Which agreements allow sharing confidential information with employees?",
        "survive the termination": "Which agreements say that obligations survive termination?",
        "verbally conveyed": "Which agreements cover information disclosed orally?",
        "by law, regulation": "Which agreements require notice of a disclosure compelled by law?",
        "independently develop": "Which agreements mention independently developed information?",
        "destroy or return": "Which agreements require the return or destruction of information?",
        "agreed upon or negotiated": "Which agreements forbid disclosing that the agreement or talks exist?",
        "create a copy": "Which agreements permit making copies of confidential information?",
        "from soliciting": "Which agreements prohibit soliciting the other party's employees?",
        "reverse engineer": "Which agreements prohibit reverse engineering?",
    },
}
"""By set: words of the set's own question, and how we ask for the documents."""


@dataclass(frozen=True)
class Outcome:
    """How one question fared."""

    set: str
    question: str
    documents: int
    having: int
    """Documents that are marked."""
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.having


def marked(data: Path) -> Iterator[tuple[str, str, frozenset[str], frozenset[str]]]:
    """Set, question, documents asked of, and those that have it; by file name."""
    for name, questions in ASKED.items():
        tests = json.loads((data / "legalbench_rag" / "benchmarks" / f"{name}.json").read_text())["tests"]
        files = [
            ({Path(each["file_path"]).name for each in test["snippets"]}, test["query"]) for test in tests
        ]
        everything = frozenset().union(*(names for names, _ in files))
        for words, question in questions.items():
            having = frozenset().union(*(names for names, query in files if words in query.partition(";")[2]))
            yield name, question, everything, having


def measured(surveyor: Surveyor, library: Library, scope: Scope, data: Path) -> Iterator[Outcome]:
    ids = {Path(one.path).name: one.id for one in library.documents(scope)}
    for name, question, everything, having in marked(data):
        survey = survey_of(question)
        if survey is None:
            raise SystemExit(f"not read as a question about every document: {question}")
        # Of two files with the same bytes one is a document.
        there, have = everything & ids.keys(), having & ids.keys()
        within = dataclasses.replace(scope, document_ids=frozenset(ids[one] for one in there))
        rows = surveyor.answer(within, question, survey, NOBODY).documents
        found = {Path(row.document).name for row in rows if row.status is RowStatus.FOUND}
        yield Outcome(name, question, len(there), len(have), len(found), len(found & have))


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| set | question | documents | have it | found | precision | recall |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for one in outcomes:
        yield (
            f"| {one.set} | {one.question} | {one.documents} | {one.having} | {one.found} "
            f"| {one.precision:.0%} | {one.recall:.0%} |"
        )
    for name in (*ASKED, "all"):
        group = [one for one in outcomes if name in (one.set, "all")]
        precision = sum(one.precision for one in group) / len(group)
        recall = sum(one.recall for one in group) / len(group)
        base = sum(one.having / one.documents for one in group) / len(group)
        yield f"| {name} | mean of {len(group)} | | {base:.0%} | | {precision:.0%} | {recall:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the evaluation data")
    parser.add_argument("--home", type=Path, help="keep the store here, to measure again")
    parser.add_argument("--json", type=Path, help="write every figure here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = options.home or Path(passing)
        home.mkdir(parents=True, exist_ok=True)
        database = Database.in_folder(home)
        audit, embedder = AuditLog(database), MiniLmEmbedder()
        library = Library(database, home, audit)
        rooms = Rooms(library, embedder)
        try:
            try:
                scope = Scope(library.matter(MATTER), BENCHMARK)
            except NotFound:
                scope = Scope(library.create_matter(MATTER, BENCHMARK), BENCHMARK)
                corpus = options.data / "legalbench_rag" / "corpus"
                with gathered(
                    [path for name in ASKED for path in sorted((corpus / name).iterdir())]
                ) as sources:
                    Importer(library, rooms, embedder, audit).run(scope, sources)
            outcomes = list(measured(Surveyor(library, rooms, embedder), library, scope, options.data))
        finally:
            rooms.close()
            database.close()
    print("\n".join(table(outcomes)))
    if options.json is not None:
        options.json.write_text(json.dumps([dataclasses.asdict(one) for one in outcomes], indent=1) + "\n")


if __name__ == "__main__":
    main()
