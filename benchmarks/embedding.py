"""What each way of running MiniLM's network costs and finds: seconds interleaved, recall on the same chunks.

Three sets: clauses with graded relevance (ACORD, a hit has at least 3 of 5), contracts and policies with
marked words (LegalBench-RAG, a hit shares characters with them), filings (KG-RAG 10-Q, a hit states a figure
of the answer). Recall is the share of a question's relevant chunks among the first 8 or 64; of a filing's,
which states a figure many times, whether any is. `fused` joins the cosine ranking with the keyword index's by
reciprocal ranks. Differences come with the 95 % interval of a paired bootstrap over all questions.

    python -m benchmarks.embedding --data DIR
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from llama_index.core.schema import Document as PageDocument

from benchmarks.retrieval_floor import json_lines, matters
from ingest.nodes import PageSplitter, chunk_of
from storage.embedding import MiniLmEmbedder, searched_text
from storage.encoders import openvino_encoder, torch_encoder
from storage.keywords import KeywordIndex
from storage.records import Chunk, Span

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "embedding.json"
ENGINES: dict[str, Callable] = {
    "PyTorch float32": torch_encoder,
    "OpenVINO float32": lambda folder: openvino_encoder(folder, precision="f32"),
    "OpenVINO bfloat16": lambda folder: openvino_encoder(folder, precision="bf16"),
}
REFERENCE = "OpenVINO float32"
"""Equal to PyTorch's to six digits (tests/storage/test_embedding.py), and three times as fast."""
DEPTHS = (8, 64)
KEYWORD_WEIGHT, FUSION_K = 0.25, 60
TIMED_CHUNKS, TURNS = 192, 3
FIGURE = re.compile(r"\$\s?(\d[\d,.]*\d)|(\d{1,3}(?:,\d{3})+)")


@dataclass(frozen=True)
class Question:
    text: str
    relevant: frozenset[int]
    """Places in the set's list of chunks."""
    any_will_do: bool = False


@dataclass(frozen=True)
class Set:
    name: str
    chunks: list[Chunk]
    questions: list[Question]


def cut(name: str, pages: list[str], embedder: MiniLmEmbedder) -> list[Chunk]:
    splitter = PageSplitter(
        embedder.count_tokens, max_tokens=embedder.max_tokens, token_offsets=embedder.token_offsets
    )
    documents = [
        PageDocument(
            text=text, metadata={"document_id": name, "version_id": name, "document": name, "page": number}
        )
        for number, text in enumerate(pages, 1)
    ]
    return [chunk_of(node) for node in splitter.get_nodes_from_documents(documents)]


def clauses(data: Path, embedder: MiniLmEmbedder, limit: int) -> Set:
    relevant: dict[str, set[str]] = {}
    for split in ("train", "valid"):
        with (data / "acord" / "qrels" / f"{split}.tsv").open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                if int(row["score"]) >= 3:
                    relevant.setdefault(row["query-id"], set()).add(row["corpus-id"])
    wanted = set().union(*relevant.values())
    corpus = sorted(json_lines(data / "acord" / "corpus.jsonl"), key=lambda one: one["_id"] not in wanted)
    chunks: list[Chunk] = []
    of_clause: dict[str, list[int]] = {}
    for one in corpus[: max(limit, len(wanted))]:
        offsets = embedder.token_offsets(one["text"])[: embedder.max_tokens - 8]
        text = one["text"][: offsets[-1][1]] if offsets else one["text"]
        of_clause.setdefault(one["_id"], []).append(len(chunks))
        chunks.append(
            Chunk(one["_id"], one["_id"], one["_id"], 0, Span(1, 0, len(text)), (), text, context="")
        )
    texts = {one["_id"]: one["text"] for one in json_lines(data / "acord" / "queries.jsonl")}
    questions = [
        Question(texts[query], frozenset(place for one in ids for place in of_clause[one]))
        for query, ids in relevant.items()
    ]
    return Set("clauses", chunks, questions)


def contracts(data: Path, embedder: MiniLmEmbedder, limit: int) -> Set:
    corpus = data / "legalbench_rag" / "corpus"
    files = matters(data, limit)["contracts"][0]
    # Bytes as they are: the marked words count line ends too.
    chunks = [
        chunk
        for path in files
        for chunk in cut(path.relative_to(corpus).as_posix(), [path.read_bytes().decode()], embedder)
    ]
    kept = {chunk.document_id for chunk in chunks}
    questions = []
    for subset in sorted((data / "legalbench_rag" / "benchmarks").glob("*.json")):
        tests = json.loads(subset.read_text())["tests"]
        about = [test for test in tests if {each["file_path"] for each in test["snippets"]} <= kept]
        for test in about[:80]:
            places = {
                place
                for place, chunk in enumerate(chunks)
                for each in test["snippets"]
                if each["file_path"] == chunk.document_id
                and each["span"][0] < chunk.span.end
                and chunk.span.start < each["span"][1]
            }
            if places:
                questions.append(Question(test["query"], frozenset(places)))
    return Set("contracts", chunks, questions)


def filings(data: Path, embedder: MiniLmEmbedder, limit: int) -> Set:
    import pypdfium2

    chunks: list[Chunk] = []
    for path in sorted((data / "kgrag_10q" / "docs").glob("*.pdf"))[:limit]:
        with pypdfium2.PdfDocument(path) as pdf:
            pages = [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in pdf]
        chunks += cut(path.name, pages, embedder)
    kept = {chunk.document_id for chunk in chunks}
    questions = []
    for one in json_lines(data / "kgrag_10q" / "questions.jsonl"):
        named = set(one["source_docs"]) & kept
        figures = {next(filter(None, found)) for found in FIGURE.findall(one["answer"].split("SOURCE")[0])}
        stated = [re.compile(rf"(?<![\d.,]){re.escape(figure)}(?!\d|[.,]\d)") for figure in figures]
        places = frozenset(
            place
            for place, chunk in enumerate(chunks)
            if chunk.document_id in named and any(figure.search(chunk.text) for figure in stated)
        )
        if places:
            questions.append(Question(one["question"], places, any_will_do=True))
    return Set("filings", chunks, questions)


def recalls(one: Set, embedder: MiniLmEmbedder, keywords: KeywordIndex) -> Iterator[tuple[str, list[float]]]:
    """Measure and its value for each question."""
    vectors = embedder.embed([searched_text(chunk) for chunk in one.chunks])
    place_of = {chunk.id: place for place, chunk in enumerate(one.chunks)}
    values: dict[str, list[float]] = {}
    queries = embedder.embed([question.text for question in one.questions])
    for question, query in zip(one.questions, queries, strict=True):
        dense = np.argsort(-(vectors @ query), kind="stable")[: max(DEPTHS)].tolist()
        scores = {place: 1 / (FUSION_K + rank) for rank, place in enumerate(dense, 1)}
        for rank, (chunk_id, _) in enumerate(keywords.search(question.text, limit=max(DEPTHS)), 1):
            place = place_of[chunk_id]
            scores[place] = scores.get(place, 0.0) + KEYWORD_WEIGHT / (FUSION_K + rank)
        fused = sorted(scores, key=lambda place: (-scores[place], place))
        for name, ranking in (("dense", dense), ("fused", fused)):
            for depth in DEPTHS:
                hits = len(question.relevant & set(ranking[:depth]))
                value = float(hits > 0) if question.any_will_do else hits / len(question.relevant)
                values.setdefault(f"{name} R@{depth}", []).append(value)
    yield from values.items()


def interval(differences: np.ndarray) -> tuple[float, float]:
    """95 % of the means of 10,000 samples of the questions, drawn with replacement."""
    drawn = np.random.default_rng(0).integers(0, len(differences), (10_000, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def speeds(texts: list[str], embedders: dict[str, MiniLmEmbedder]) -> dict[str, dict[str, float]]:
    """Best word pieces per second of a few turns; all engines take each turn."""
    for embedder in embedders.values():
        embedder.embed(texts)
    seconds: dict[str, list[float]] = {name: [] for name in embedders}
    for _ in range(TURNS):
        for name, embedder in embedders.items():
            began = time.perf_counter()
            embedder.embed(texts)
            seconds[name].append(time.perf_counter() - began)
    pieces = sum(next(iter(embedders.values())).count_tokens(text) + 2 for text in texts)
    slowest = min(next(iter(seconds.values())))
    return {
        name: {"pieces_per_second": pieces / min(each), "times_first": slowest / min(each)}
        for name, each in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the evaluation data")
    parser.add_argument("--documents", type=int, default=18, help="contracts, 6 of each kind (18)")
    parser.add_argument("--clauses", type=int, default=1_500, help="clauses to search among (1,500)")
    options = parser.parse_args()
    embedders = {name: MiniLmEmbedder(make_encoder=make) for name, make in ENGINES.items()}
    counter = embedders[REFERENCE]
    sets = [
        clauses(options.data, counter, options.clauses),
        contracts(options.data, counter, options.documents),
        filings(options.data, counter, 4),
    ]
    found: dict[str, dict[str, list[float]]] = {name: {} for name in ENGINES if name != "PyTorch float32"}
    for one in sets:
        with tempfile.TemporaryDirectory() as folder:
            keywords = KeywordIndex(Path(folder) / "keywords")
            keywords.add(one.chunks)
            for name, values in found.items():
                for measure, each in recalls(one, embedders[name], keywords):
                    values.setdefault(measure, []).extend(each)
                    values[f"{one.name}: {measure}"] = each
            keywords.close()
    result: dict = {
        "questions": {one.name: len(one.questions) for one in sets},
        "chunks": {one.name: len(one.chunks) for one in sets},
        "speed": speeds([searched_text(chunk) for chunk in sets[2].chunks[:TIMED_CHUNKS]], embedders),
        "recall": {},
    }
    print("| engine | word pieces/s | to PyTorch |\n|---|---:|---:|")
    for name, speed in result["speed"].items():
        print(f"| {name} | {speed['pieces_per_second']:,.0f} | {speed['times_first']:.2f} x |")
    print(
        "\n| engine | measure | recall | float32 | difference, points | 95 % |\n|---|---|---:|---:|---:|---|"
    )
    for name, values in found.items():
        for measure, each in values.items():
            if name != REFERENCE:
                before = np.array(found[REFERENCE][measure])
                differences = (np.array(each) - before) * 100
                low, high = interval(differences)
                result["recall"][f"{name}, {measure}"] = {
                    "recall": float(np.mean(each)),
                    "reference": float(before.mean()),
                    "points": float(differences.mean()),
                    "interval": [low, high],
                }
                print(
                    f"| {name} | {measure} | {np.mean(each):.2%} | {before.mean():.2%} "
                    f"| {differences.mean():+.2f} | {low:+.2f} to {high:+.2f} |"
                )
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
