"""The public sets as their folders lay them out: documents, questions, and what answers each.

Documents go by their file's name alone, without the folder that would tell a subset. Of files with the same
bytes the first stands for all. Which questions are dropped with documents that a limit leaves out is said,
never silent.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from engine.evaluation.metrics import Stretch
from engine.evaluation.questions import Cited, File, Grades, Marked, Pages, Question, QuestionSet, Spans
from storage.errors import NotFound

T = TypeVar("T")
Loader: TypeAlias = Callable[[Path], list[QuestionSet]]
_NAMED = Path(__file__).with_name("named.jsonl")
_PAGES = Path(__file__).with_name("pages.jsonl")


def legalbench_rag(data: Path) -> list[QuestionSet]:
    """Contracts, policies and merger agreements in one index; the answer is a span of characters."""
    folder = _there(data / "legalbench_rag")
    corpus = sorted((folder / "corpus").glob("*/*.txt"))
    first_of: dict[bytes, str] = {}
    same: dict[str, str] = {}
    files = []
    for path in corpus:
        key = f"{path.parent.name}/{path.name}"
        digest = hashlib.sha256(path.read_bytes()).digest()
        same[key] = first_of.setdefault(digest, path.name)
        if same[key] == path.name:
            files.append(File(path.name, path.parent.name, path))
    questions = []
    for benchmark in sorted((folder / "benchmarks").glob("*.json")):
        for test in json.loads(benchmark.read_text(encoding="utf-8"))["tests"]:
            spans = tuple(Stretch(same[one["file_path"]], *one["span"]) for one in test["snippets"])
            group = _company(spans[0].document) if benchmark.stem == "cuad" else spans[0].document
            questions.append(Question(test["id"], test["query"], benchmark.stem, group, Spans(spans)))
    return [QuestionSet("legalbench-rag", tuple(files), tuple(questions), overall="mean of subsets")]


def acord(data: Path) -> list[QuestionSet]:
    """Clauses, each a document of its own; a query is asked of the clauses that were judged for it."""
    folder = _there(data / "acord")
    files = [
        File(f"{one['_id']}.txt", "clauses", one["text"]) for one in _json_lines(folder / "corpus.jsonl")
    ]
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for qrels in sorted((folder / "qrels").glob("*.tsv")):
        with qrels.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                grades[row["query-id"]][f"{row['corpus-id']}.txt"] = int(row["score"])
    questions = [
        Question(
            one["_id"],
            one["text"],
            "clauses",
            one["_id"],
            Grades(grades[one["_id"]]),
            frozenset(grades[one["_id"]]),
        )
        for one in _json_lines(folder / "queries.jsonl")
        if one["_id"] in grades
    ]
    return [QuestionSet("acord", tuple(files), tuple(questions))]


def pages(data: Path) -> list[QuestionSet]:
    """Annual reports; the answer is a page. Only questions with a known page are asked."""
    return [_uda_reports(_there(data / "uda_reports")), _erc2(_there(data / "erc2_annual_reports"))]


def kgrag(data: Path) -> list[QuestionSet]:
    """Quarterly reports of several companies; the answer cites documents."""
    folder = _there(data / "kgrag_10q")
    files = tuple(File(path.name, "10-Q", path) for path in sorted((folder / "docs").glob("*.pdf")))
    questions = tuple(
        Question(one["id"], one["question"], one["question_type"], one["id"], Cited(frozenset(cited)))
        for one in _json_lines(folder / "questions.jsonl")
        if (cited := one["docs_cited_in_answer"])
    )
    return [QuestionSet("kgrag", files, questions, overall="all questions")]


def named(data: Path) -> list[QuestionSet]:
    """Our own questions about documents of the sets: each names a document, section, term or figure.

    A place is marked by a few words of the document, not by its text.
    """
    asked: dict[str, list[Question]] = defaultdict(list)
    for one in _json_lines(_NAMED):
        name = Path(one["document"]).name
        gold = Marked(name, one.get("marker"))
        question = Question(one["id"], one["question"], one["kind"], one["id"], gold)
        asked[one["document"].partition("/")[0]].append(question)
    of_folder = {
        "legalbench_rag": legalbench_rag(data)[0],
        "kgrag_10q": kgrag(data)[0],
        "uda_reports": _uda_reports(_there(data / "uda_reports")),
    }
    return _of_our_own("named", of_folder, asked)


def own_pages(data: Path) -> list[QuestionSet]:
    """Our own questions about reports of the sets. The answer is a page.

    Figures, topics and amounts in another unit were written first; calculations, rows and passages later, in
    the forms of the public sets, from pages drawn by lot and before anything was done for them. The search
    was worked on with the first half, by document; of the second only sums were seen.
    """
    asked: dict[str, list[Question]] = defaultdict(list)
    for one in _json_lines(_PAGES):
        name = Path(one["document"]).name
        gold = Pages((frozenset((name, page) for page in one["pages"]),))
        subset = f"{one['half']} half, {one['kind']}s"
        asked[one["document"].partition("/")[0]].append(
            Question(one["id"], one["question"], subset, name, gold)
        )
    of_folder = {
        "uda_reports": _uda_reports(_there(data / "uda_reports")),
        "erc2_annual_reports": _erc2(_there(data / "erc2_annual_reports")),
        "kgrag_10q": kgrag(data)[0],
    }
    return _of_our_own("own pages", of_folder, asked)


SETS: Mapping[str, Loader] = {
    "legalbench-rag": legalbench_rag,
    "acord": acord,
    "pages": pages,
    "kgrag": kgrag,
    "named": named,
    "own-pages": own_pages,
}


def limited(whole: QuestionSet, *, documents: int | None, questions: int | None) -> QuestionSet:
    """At most so many documents and questions of each subset, spread over it and always the same ones.

    Documents that something is asked of go first; a question whose documents are not all kept is dropped.
    """
    if documents is not None:
        asked = {name for one in whole.questions for name in one.gold.documents}
        ordered = sorted(whole.files, key=lambda one: (one.name not in asked, _spread(one.name)))
        files = _first_of_each(ordered, documents, lambda one: one.subset)
        kept = frozenset(one.name for one in files)
        left = []
        for one in whole.questions:
            gold = one.gold.within(kept)
            if gold is not None:
                among = None if one.among is None else one.among & kept
                left.append(replace(one, gold=gold, among=among))
        whole = replace(whole, files=tuple(files), questions=tuple(left))
    if questions is not None:
        ordered_questions = sorted(whole.questions, key=lambda one: _spread(one.id))
        asked_of = _first_of_each(ordered_questions, questions, lambda one: one.subset)
        whole = replace(whole, questions=tuple(asked_of))
    return whole


def _of_our_own(
    name: str, of_folder: Mapping[str, QuestionSet], asked: Mapping[str, Sequence[Question]]
) -> list[QuestionSet]:
    """Our own questions, each asked of the documents of its folder's set."""
    return [
        QuestionSet(f"{name}, {whole.name}", whole.files, tuple(asked[folder]), "all questions", whole.name)
        for folder, whole in of_folder.items()
    ]


def _uda_reports(folder: Path) -> QuestionSet:
    """Asked twice: of all reports, and of the report that the question was written for.

    Half of the questions name neither company nor year, so only the second can be won throughout.
    """
    files = tuple(File(path.name, "reports", path) for path in sorted((folder / "pdfs").glob("*.pdf")))
    questions = []
    for one in _json_lines(folder / "questions.jsonl"):
        pages_of = [one["gold_page_1based"]] if "gold_page_1based" in one else []
        pages_of += one.get("pages_containing_answer_1based", [])
        if pages_of:
            gold = Pages((frozenset((one["doc"], page) for page in pages_of),))
            everywhere = Question(one["id"], one["question"], "uda, all reports", one["doc"], gold)
            questions.append(everywhere)
            questions.append(replace(everywhere, subset="uda, its report", among=frozenset({one["doc"]})))
    return QuestionSet("uda-reports", files, tuple(questions))


def _erc2(folder: Path) -> QuestionSet:
    file_of = {one["sha1"]: one["file"] for one in _json_lines(folder / "documents.jsonl")}
    files = tuple(File(name, "erc2", folder / "pdfs" / name) for name in sorted(file_of.values()))
    questions = []
    for one in _json_lines(folder / "questions.jsonl"):
        # Page indexes of this set count from 0.
        pools = tuple(
            frozenset((file_of[page["sha1"]], page["page_index"] + 1) for page in pool)
            for pool in one["evidence_page_pools"]
        )
        if pools:
            group = min(document for document, _ in pools[0])
            questions.append(Question(one["id"], one["question"], "erc2", group, Pages(pools)))
    return QuestionSet("erc2", files, tuple(questions))


def _company(name: str) -> str:
    """What a CUAD file's name begins with; one company's contracts are alike."""
    return re.split(r"[_\d]", name, maxsplit=1)[0]


def _first_of_each(ordered: Iterable[T], most: int, subset: Callable[[T], str]) -> list[T]:
    taken: Counter[str] = Counter()
    kept = []
    for one in ordered:
        taken[subset(one)] += 1
        if taken[subset(one)] <= most:
            kept.append(one)
    return kept


def _spread(name: str) -> bytes:
    """An order that has nothing to do with the names."""
    return hashlib.sha256(name.encode()).digest()


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise NotFound(f"there is no folder {str(folder)!r}; --data names the folder that holds it")
    return folder
