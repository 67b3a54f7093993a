"""How often the passages found, and the words quoted from them, hold the answer.

Four sets, asked through the product's own ingest, search and choice of quotes; no language model is needed.

- `lookups`: one figure of one period of one company, written for this benchmark from the filings' statements.
- `filings`: questions about one filing (KG-RAG) whose drafted answer states figures; a hit is a passage of
  that filing with one of them.
- `reports`: questions about one annual report, searched alone (UDA); a hit holds the answer's figure or
  words, or stands on the page it is calculated from.
- `contracts`: clauses and policies (LegalBench-RAG); a hit overlaps the marked words.

    python -m benchmarks.answers --data DIR [--home DIR] [--only SET] [--show]
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.retrieval_floor import BENCHMARK, json_lines, matters
from engine.evidence import Source, Stretch
from engine.quoting import best_quotes
from engine.retrieval import WHOLE, Retriever
from ingest.pipeline import Importer
from ingest.sources import gathered
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import MiniLmEmbedder
from storage.errors import NotFound
from storage.library import Library
from storage.records import Scope
from storage.rooms import Rooms

_DOCUMENTS = 36
_CLAUSES_PER_SUBSET = 60
_FIGURE = re.compile(r"\$\s?(\d[\d,.]*\d)|(\d[\d,.]*)\s?(?:%|percent|million|billion)|(\d{1,3}(?:,\d{3})+)")

# Period as it is asked for; then total revenue or net sales, operating income, net income, in millions.
_NVIDIA = (
    ("the third quarter of fiscal 2023", "5,931", "601", "680"),
    ("the first quarter of fiscal year 2024", "7,192", "2,140", "2,043"),
    ("Q2 of fiscal 2024", "13,507", "6,800", "6,188"),
    ("the three months ended October 29, 2023", "18,120", "10,417", "9,243"),
)
_AMAZON = (
    ("the third quarter of 2022", "127,101", "2,525", "2,872"),
    ("the quarter ended March 31, 2023", "127,358", "4,774", "3,172"),
    ("Q2 2023", "134,383", "7,681", "6,750"),
    ("the three months ended September 30, 2023", "143,083", "11,188", "9,879"),
)


@dataclass(frozen=True)
class Asked:
    """A question, where it is asked, and what a hit is."""

    question: str
    document: str | None
    """Searched alone when given."""
    holds: Callable[[Stretch], bool]


def stating(*figures: str, document: str | None = None) -> Callable[[Stretch], bool]:
    """A hit states one of the figures whole, in this document if one is named."""
    words = [r"\s+".join(map(re.escape, figure.split())) for figure in figures]
    patterns = [re.compile(rf"(?<![\d.,]){one}(?![\d]|[.,]\d)", re.IGNORECASE) for one in words]

    def holds(stretch: Stretch) -> bool:
        passage = stretch.source.passage
        right = document is None or passage.document == document
        return right and any(pattern.search(stretch.text) for pattern in patterns)

    return holds


def lookups() -> Iterator[Asked]:
    for company, sales, rows in (
        ("NVIDIA", "total revenue", _NVIDIA),
        ("Amazon", "total net sales", _AMAZON),
    ):
        for at, (period, *figures) in enumerate(rows):
            for metric, figure in zip((sales, "operating income", "net income"), figures, strict=True):
                billions = float(figure.replace(",", "")) / 1_000
                holds = stating(figure, f"{billions:.2f} billion", f"{billions:.1f} billion")
                question = (
                    f"What was {company}'s {metric} in {period}?",
                    f"How much {metric} did {company} report for {period}?",
                )[at % 2]
                yield Asked(question, None, holds)


def filings(data: Path) -> Iterator[Asked]:
    for one in json_lines(data / "kgrag_10q" / "questions.jsonl"):
        figures = {next(filter(None, found)) for found in _FIGURE.findall(one["answer"].split("SOURCE")[0])}
        figures = {figure.rstrip(".,") for figure in figures if len(figure) > 2}
        if len(one["source_docs"]) == 1 and figures:
            yield Asked(one["question"], None, stating(*figures, document=one["source_docs"][0]))


def reports(data: Path) -> Iterator[Asked]:
    """Those whose answer stands in the report; of those that must be calculated, the ones with a page."""
    for one in json_lines(data / "uda_reports" / "questions.jsonl"):
        if page := one.get("gold_page_1based"):
            yield Asked(one["question"], one["doc"], on_page(page))
        elif one["answer_type"] in ("span", "multi-span"):
            answers = [each.replace("$", "").strip() for each in ast.literal_eval(one["answers"])]
            yield Asked(one["question"], one["doc"], stating(*filter(None, answers)))


def on_page(page: int) -> Callable[[Stretch], bool]:
    """A hit stands on this page."""
    return lambda stretch: stretch.span.page == page


def contracts(data: Path) -> Iterator[Asked]:
    corpus = data / "legalbench_rag" / "corpus"
    kept = {path.relative_to(corpus).as_posix() for path in matters(data, _DOCUMENTS)["contracts"][0]}
    for subset in sorted((data / "legalbench_rag" / "benchmarks").glob("*.json")):
        tests = json.loads(subset.read_text())["tests"]
        about_kept = [test for test in tests if {each["file_path"] for each in test["snippets"]} <= kept]
        for test in about_kept[:_CLAUSES_PER_SUBSET]:
            yield Asked(test["query"], None, overlapping(corpus, test["snippets"]))


def overlapping(corpus: Path, snippets: list[dict]) -> Callable[[Stretch], bool]:
    """A hit shares characters with a marked span of its file."""

    def holds(stretch: Stretch) -> bool:
        for snippet in snippets:
            if Path(snippet["file_path"]).name == Path(stretch.source.passage.document).name:
                text = (corpus / snippet["file_path"]).read_text()
                first, last = snippet["span"]
                at = text.find(stretch.text)
                while at >= 0:
                    if at < last and first < at + len(stretch.text):
                        return True
                    at = text.find(stretch.text, at + 1)
        return False

    return holds


@dataclass(frozen=True)
class Outcome:
    """Where the first hit stands among the passages and among the quotes; 0 when there is none."""

    question: str
    passage: int
    quote: int
    quoted: str


def measured(retriever: Retriever, scope: Scope, library: Library, asked: Asked) -> Outcome:
    if asked.document is not None:
        document = next(one for one in library.documents(scope) if one.path == asked.document)
        scope = dataclasses.replace(scope, document_ids=frozenset({document.id}))
    passages = retriever.search(scope, asked.question, limit=10).passages
    sources = [
        Source(n, passage, library.page(scope, passage.chunk.document_id, passage.chunk.span.page).text)
        for n, passage in enumerate(passages, start=1)
    ]
    quotes = [quote.stretch for quote in best_quotes(asked.question, sources, limit=2)]
    return Outcome(
        asked.question,
        _first(asked.holds(Stretch(source, 0, len(source.text))) for source in sources),
        _first(asked.holds(quote) for quote in quotes),
        quotes[0].text if quotes else "",
    )


def _first(hits: Iterator[bool]) -> int:
    return next((at for at, hit in enumerate(hits, start=1) if hit), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the evaluation data")
    parser.add_argument("--home", type=Path, help="keep the store here, to measure again")
    parser.add_argument("--only", help="one set")
    parser.add_argument("--show", action="store_true", help="print each question that is not quoted first")
    options = parser.parse_args()
    sets = {
        "lookups": ("filings", list(lookups())),
        "filings": ("filings", list(filings(options.data))),
        "reports": ("reports", list(reports(options.data))),
        "contracts": ("contracts", list(contracts(options.data))),
    }
    with tempfile.TemporaryDirectory() as passing:
        home = options.home or Path(passing)
        home.mkdir(parents=True, exist_ok=True)
        database = Database.in_folder(home)
        audit, embedder = AuditLog(database), MiniLmEmbedder()
        library = Library(database, home, audit)
        rooms = Rooms(library, embedder)
        importer = Importer(library, rooms, embedder, audit)
        retriever = Retriever(library, rooms, embedder).by(WHOLE)
        plan = matters(options.data, _DOCUMENTS)
        print("| set | n | passage hit@1 | @5 | @8 | first quote | first two |")
        print("| --- " * 7 + "|")
        try:
            for name, (matter_name, questions) in sets.items():
                if options.only not in (None, name):
                    continue
                try:
                    scope = Scope(library.matter(matter_name), BENCHMARK)
                except NotFound:
                    scope = Scope(library.create_matter(matter_name, BENCHMARK), BENCHMARK)
                    with gathered(plan[matter_name][0]) as sources:
                        importer.run(scope, sources)
                outcomes = [measured(retriever, scope, library, asked) for asked in questions]
                shares = [
                    sum(1 <= one.passage <= 1 for one in outcomes),
                    sum(1 <= one.passage <= 5 for one in outcomes),
                    sum(1 <= one.passage <= 8 for one in outcomes),
                    sum(one.quote == 1 for one in outcomes),
                    sum(one.quote > 0 for one in outcomes),
                ]
                cells = " | ".join(f"{share / len(outcomes):.0%}" for share in shares)
                print(f"| {name} | {len(outcomes)} | {cells} |", flush=True)
                for one in outcomes if options.show else []:
                    if one.quote != 1:
                        print(f"    {one.passage:2} {one.quote} {one.question}\n         {one.quoted!r:.260}")
        finally:
            rooms.close()
            database.close()


if __name__ == "__main__":
    main()
