"""Where the processor time of an ingestion goes, in milliseconds a page.

The same PDFs are taken in twice in one process: with MiniLM, and with vectors that cost nothing, in which run
each stage's own time is counted on its thread. Embedding is measured alone, all chunks at once and in windows
as they come, and reading in this process, with PDFium's own work apart. What the parts do not add up to is
the price of running side by side: they share caches.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.settings import keep_libraries_at_home  # noqa: E402

keep_libraries_at_home()

from benchmarks.ingest import embedding_alone, muniment, processor_seconds, published  # noqa: E402
from ingest import chunking, embedding, open_reading, reading  # noqa: E402
from storage import embedding as embedders  # noqa: E402
from storage import index, keywords, library  # noqa: E402
from storage.audit import AuditLog  # noqa: E402
from storage.records import Vectors  # noqa: E402
from storage.room import Room  # noqa: E402

STAGES: dict[str, Sequence[tuple[Any, str]]] = {
    "taking pages from the reading process": [(open_reading.OpenReading, "__iter__")],
    "running lines and signature": [(reading._Notes, "feed")],
    "splitting": [(chunking.Splitter, "pieces")],
    "word pieces, to split": [(chunking.Splitter, "_token_starts")],
    "word pieces, to embed": [(embedders.MiniLmEmbedder, "pieces")],
    "SQL: pages": [
        (library.Library, name) for name in ("begin_pages", "add_pages", "finish_pages", "page_stream")
    ],
    "SQL: chunks and vectors": [
        (library.Library, name)
        for name in ("add_chunks", "finish_chunks", "chunk_keys", "vectors_for", "chunk_stream")
    ],
    "SQL: states": [
        (library.Library, name) for name in ("receive", "arrival", "outcome", "mark_indexed", "make_live")
    ],
    "audit log": [(AuditLog, "append")],
    "Chroma, its Python": [(index.ChromaIndex, "add")],
    "keyword index, its Python": [(keywords.KeywordIndex, "add")],
    "opening the indexes": [(Room, "_open")],
    "other steps of a window": [(embedding.Embedding, name) for name in ("take", "send", "settle")],
}


class Watch:
    """Processor seconds of threads, by the innermost stage that each is in."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inside = threading.local()

    def on(self, owner: Any, name: str, stage: str) -> None:
        """Count what this function, or what makes each item of this generator, takes."""
        watched: Callable[..., Any] = getattr(owner, name)

        def counted(work: Callable[[], Any]) -> Any:
            if not hasattr(self._inside, "stages"):
                self._inside.stages, self._inside.since = [], 0.0
            self._turn()
            self._inside.stages.append(stage)
            try:
                return work()
            finally:
                self._turn()
                self._inside.stages.pop()

        @functools.wraps(watched)
        def call(*given: Any, **named: Any) -> Any:
            return counted(lambda: watched(*given, **named))

        @functools.wraps(watched)
        def each(*given: Any, **named: Any) -> Iterator[Any]:
            items = watched(*given, **named)
            while (item := counted(lambda: next(items, self))) is not self:
                yield item

        setattr(owner, name, each if isgeneratorfunction(watched) else call)

    def _turn(self) -> None:
        now = time.thread_time()
        if self._inside.stages:
            self.seconds[self._inside.stages[-1]] += now - self._inside.since
        self._inside.since = now


class FreeVectors(embedders.MiniLmEmbedder):
    """MiniLM's word pieces, and vectors of no meaning."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, after the work on word pieces that real ones need."""
        for text in texts:
            self.pieces(text)
        found = np.random.default_rng(0).normal(size=(len(texts), self.dimensions))
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def one_run(files: list[Path], embedder: embedders.MiniLmEmbedder) -> tuple[float, float, int, list[str]]:
    """Processor seconds of this process and of those that read, pages, and the texts that were embedded."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ingest, embedded = muniment(files, Path(folder), embedder)
        both, children = processor_seconds(), _children()
        told = ingest()
        children = _children() - children
        both = processor_seconds() - both
        pages, _, _ = told()
        return both - children, children, len(pages), embedded()


def reading_alone(files: list[Path]) -> tuple[float, float]:
    """Processor seconds of PDFium to open all pages and list their text; and of reading them as we do."""
    import pypdfium2

    from ingest.readers.pdf import PdfReader
    from ingest.reading_child import _fields

    began = time.process_time()
    for file in files:
        document = pypdfium2.PdfDocument(file)
        for page in document:
            page.get_textpage().close()
            page.close()
    between = time.process_time()
    for file in files:
        for page in PdfReader().read(file).pages:
            json.dumps(_fields(page), ensure_ascii=False).encode()
    return between - began, time.process_time() - between


def embedding_in_windows(embedder: embedders.MiniLmEmbedder, texts: list[str]) -> float:
    """Processor seconds of embedding as many texts at a time as a run does, in the order of the run."""
    pieces = [embedder.pieces(text) for text in texts]
    began = processor_seconds()
    for first in range(0, len(pieces), embedding._WINDOW):
        embedder.embed_pieces(pieces[first : first + embedding._WINDOW])
    return processor_seconds() - began


def measure(files: list[Path]) -> dict[str, Any]:
    """Every stage, in milliseconds of processor time a page."""
    embedder = embedders.MiniLmEmbedder()
    parent, children, pages, texts = one_run(files, embedder)
    alone = embedding_alone(embedder, texts)["embed_only_cpu_seconds"]
    windows = embedding_in_windows(embedder, texts)
    pdfium, read = reading_alone(files)
    watch = Watch()
    for stage, places in STAGES.items():
        for owner, name in places:
            watch.on(owner, name, stage)
    rest, _, _, _ = one_run(files, FreeVectors())
    seconds = {
        "embedding alone, all chunks sorted by length": alone,
        "embedding, more in windows": windows - alone,
        "reading: PDFium opens pages and lists their text": pdfium,
        "reading: all else": read - pdfium,
        "reading: starting processes, and reading beside the rest": children - read,
        **dict(sorted(watch.seconds.items(), key=lambda one: -one[1])),
        "the indexes' own threads, and what is not watched": rest - sum(watch.seconds.values()),
        "running side by side": parent - windows - rest,
        "all": parent + children,
    }
    return {
        "files": [file.name for file in files],
        "pages": pages,
        "milliseconds_per_page": {stage: 1_000 * one / pages for stage, one in seconds.items()},
    }


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    found = result["milliseconds_per_page"]
    lines = [f"{len(result['files'])} filings, {result['pages']} pages.", ""]
    lines += ["| stage | processor ms a page | share |", "|---|---:|---:|"]
    lines += [f"| {stage} | {one:.2f} | {one / found['all']:.1%} |" for stage, one in found.items()]
    return "\n".join(lines)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of PDFs")
    parser.add_argument("--files", type=int, default=8, help="how many, by name (8)")
    asked = parser.parse_args()
    files = sorted(asked.data.resolve().glob("*.pdf"))[: asked.files]
    if not files:
        sys.exit(f"no PDF in {asked.data}; name a folder that has some")
    published("stages", measure(files), table, by="ingest_stages.py")


if __name__ == "__main__":
    main()
