"""Ingestion, side by side: Muniment's own pipeline, LlamaIndex's default one and LangChain's default one.

The same filings, the same MiniLM weights and a Chroma store on disk for each, in one run. Every measurement
is a child process of its own, so that peak memory belongs to one system; the systems take turns, so that a
noisy machine is noisy for all. Importing and loading the model are not timed; reading, splitting, embedding
and storing are. With `--torch`, Muniment is measured a second time through PyTorch, the frameworks' own
engine. Each of its runs is followed by the embedding of the same chunks alone, their word pieces ready: no
pipeline with this engine can be faster. Processor seconds tell more than the clock where others work too.

What counts as represented: the characters (white space left out) of page text that MiniLM really read, each
once. It reads 256 word pieces, two of them its own; the rest of a longer chunk has no part in its vector.
"""

from __future__ import annotations

import argparse
import compileall
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.ingest_peers import Covered, Ingest, Pages, Told, langchain, llamaindex  # noqa: E402

if TYPE_CHECKING:
    from storage.embedding import Embedder, MiniLmEmbedder

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
SYSTEMS = ("muniment", "llamaindex", "langchain")
THROUGH_TORCH = "muniment-torch"
NAMES = {
    "muniment": "Muniment",
    THROUGH_TORCH: "Muniment through PyTorch",
    "llamaindex": "LlamaIndex defaults",
    "langchain": "LangChain defaults",
}


def muniment(files: list[Path], folder: Path, embedder: Embedder) -> tuple[Ingest, Callable[[], list[str]]]:
    """The product as it is used (durable SQL, audit log, sandboxed reading, both indexes); and its texts."""
    from app.settings import Settings
    from app.wiring import build
    from engine.models.scripted import ScriptedGenerator
    from ingest.sources import gathered
    from storage.embedding import searched_text

    services = build(Settings(home=folder), embedder=embedder, generator=ScriptedGenerator(""))
    embedder.embed(["warm"])
    actor = services.accounts.local_operator()
    services.library.create_matter("bench", actor)
    scope = services.access.scope(actor, "bench")
    library = services.library

    def ingest() -> Told:
        with gathered(files, services.limits) as sources:
            services.importer.run(scope, sources)

        def told() -> tuple[Pages, Covered, int]:
            pages = {
                (d.id, p.number): p.text for d in library.documents(scope) for p in library.pages(scope, d.id)
            }
            chunks = [chunk for chunk, _ in library.live_chunks(scope)]
            covered = [(c.document_id, c.span.page, c.span.start, c.span.end) for c in chunks]
            return pages, covered, len(chunks)

        return told

    def embedded() -> list[str]:
        # Equal texts are embedded once.
        return list(dict.fromkeys(searched_text(chunk) for chunk, _ in library.live_chunks(scope)))

    return ingest, embedded


def embedding_alone(embedder: MiniLmEmbedder, texts: list[str]) -> dict[str, float]:
    """What embedding takes when nothing else is done and the texts are cut into word pieces beforehand."""
    pieces = [embedder.pieces(text) for text in texts]
    began, busy = time.perf_counter(), processor_seconds()
    embedder.embed_pieces(pieces)
    return {
        "embed_only_seconds": time.perf_counter() - began,
        "embed_only_cpu_seconds": processor_seconds() - busy,
    }


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
    from storage.embedding import MiniLmEmbedder
    from storage.encoders import torch_encoder

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if system in ("muniment", THROUGH_TORCH):
            embedder = MiniLmEmbedder(make_encoder=torch_encoder if system == THROUGH_TORCH else None)
            ingest, embedded = muniment(files, Path(folder), embedder)
        else:
            embedder = None
            ingest = {"llamaindex": llamaindex, "langchain": langchain}[system](files, Path(folder))
        began, busy = time.perf_counter(), processor_seconds()
        told = ingest()
        seconds, busy = time.perf_counter() - began, processor_seconds() - busy
        mebibytes = peak_mebibytes()
        pages, covered, vectors = told()
        seen, total = represented(pages, covered)
        alone = embedding_alone(embedder, embedded()) if embedder else {}
    return {
        "seconds": seconds,
        "cpu_seconds": busy,
        "pages": len(pages),
        "vectors": vectors,
        "characters": total,
        "characters_represented": seen,
        "share_represented": seen / total,
        "pages_per_second": len(pages) / seconds,
        "characters_represented_per_second": seen / seconds,
        "peak_memory_mib": mebibytes,
        **alone,
    }


def processor_seconds() -> float:
    """That this process has used, and those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mebibytes() -> float:
    """Of this process and of the largest that has read files for it."""
    kib = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kib / 1024


def in_process_of_its_own(*arguments: str) -> dict[str, float]:
    """What this script prints when it is called with these arguments."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments[:2])} failed:\n{done.stderr[-3000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def side_by_side(files: list[Path], repeats: int, systems: Sequence[str]) -> dict[str, Any]:
    """All systems in turn, `repeats` times; medians, and each as a ratio to Muniment's."""
    runs: dict[str, list[dict[str, float]]] = {system: [] for system in systems}
    for turn in range(repeats):
        for system in (*systems[turn % len(systems) :], *systems[: turn % len(systems)]):
            runs[system].append(in_process_of_its_own("--one", system, *map(str, files)))
            print(f"{turn + 1}/{repeats} {system}: {runs[system][-1]['seconds']:.1f} s", file=sys.stderr)
    median = {s: {key: statistics.median(r[key] for r in runs[s]) for key in runs[s][0]} for s in systems}
    ratios: dict[str, dict[str, Any]] = {
        system: {
            key: median["muniment"][key] / median[system][key]
            for key in median[system]
            if key in median["muniment"]
        }
        for system in systems[1:]
    }
    for key in ("seconds", "cpu_seconds", "pages_per_second", "characters_represented_per_second"):
        for system in systems[1:]:
            pairs = zip(runs["muniment"], runs[system], strict=True)
            ratios[system][f"{key}_by_turn"] = [ours[key] / theirs[key] for ours, theirs in pairs]
    return {
        "files": [file.name for file in files],
        "repeats": repeats,
        "systems": list(systems),
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
        "median": median,
        "muniment_to_peer": ratios,
        "runs": runs,
    }


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        f"{len(result['files'])} filings, {result['median']['muniment']['pages']:.0f} pages; median of "
        f"{result['repeats']} interleaved runs, each in a process of its own.",
        "",
        "| | pages/s | characters in vectors/s | share of characters | vectors | peak memory, MiB "
        "| processor s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for system in result["systems"]:
        m = result["median"][system]
        lines.append(
            f"| {NAMES[system]} | {m['pages_per_second']:.2f} "
            f"| {m['characters_represented_per_second']:,.0f} "
            f"| {m['share_represented']:.1%} | {m['vectors']:.0f} | {m['peak_memory_mib']:,.0f} "
            f"| {m['cpu_seconds']:.1f} |"
        )
    for system in result["systems"][1:]:
        m = result["muniment_to_peer"][system]
        lines.append(
            f"| Muniment to {NAMES[system]} | {m['pages_per_second']:.2f} x "
            f"| {m['characters_represented_per_second']:.2f} x | {m['share_represented']:.2f} x "
            f"| {m['vectors']:.2f} x | {m['peak_memory_mib']:.2f} x | {m['cpu_seconds']:.2f} x |"
        )
    for system in {"muniment", THROUGH_TORCH} & set(result["systems"]):
        by_clock, by_processor = (
            statistics.median(run[f"embed_only_{key}"] / run[key] for run in result["runs"][system])
            for key in ("seconds", "cpu_seconds")
        )
        lines += [
            "",
            f"{NAMES[system]}: {by_clock:.0%} of what embedding alone would do by the clock, "
            f"{by_processor:.0%} by processor time.",
        ]
    return "\n".join(lines)


def long_file(path: Path, pages: int, texts: list[str]) -> None:
    """A PDF of so many text pages: those of real filings in turn, each line with words of its own."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pageCompression=1)
    for number in range(pages):
        for row, line in enumerate(texts[number % len(texts)].splitlines()[:70]):
            canvas.setFont("Helvetica", 7)
            canvas.drawString(40, 810 - 11 * row, f"{line[:150]} {number:04}-{row:02}")
        canvas.showPage()
    canvas.save()


def measure_long(kind: str, file: Path) -> dict[str, float]:
    """One long file, with MiniLM or with a stand-in that takes hardly any time."""
    from storage.embedding import HashingEmbedder, MiniLmEmbedder

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        embedder: Embedder = MiniLmEmbedder() if kind == "minilm" else HashingEmbedder()
        ingest, _ = muniment([file], Path(folder), embedder)
        began = time.perf_counter()
        told = ingest()
        seconds = time.perf_counter() - began
        mebibytes = peak_mebibytes()
        pages, _, vectors = told()
    return {
        "pages": len(pages),
        "vectors": vectors,
        "seconds": seconds,
        "milliseconds_per_page": seconds / len(pages) * 1_000,
        "peak_memory_mib": mebibytes,
    }


def scaling(files: list[Path]) -> dict[str, Any]:
    """Time and memory by length, with MiniLM (minutes for the longest) and with the stand-in."""
    import pypdfium2

    texts = []
    for file in files:
        with pypdfium2.PdfDocument(file) as pdf:
            texts += [page.get_textpage().get_text_bounded() for page in pdf]
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for pages in (100, 500, 5_000):
            file = Path(folder) / f"{pages}.pdf"
            long_file(file, pages, texts)
            for kind in ("minilm", "stand-in"):
                measured = in_process_of_its_own("--long", kind, str(file))
                print(f"{pages} {kind}: {measured['seconds']:.1f} s", file=sys.stderr)
                runs.append({"embedder": kind, **measured})
    return {"files": [file.name for file in files], "runs": runs}


def scale_table(result: dict[str, Any]) -> str:
    """The scaling result as Markdown."""
    lines = [
        "One text PDF of each length. The stand-in hashes words in place of MiniLM: what grows with the",
        "length of a file shows more with it.",
        "",
        "| embedder | pages | ms per page | peak memory, MiB | vectors |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {run['embedder']} | {run['pages']:,} | {run['milliseconds_per_page']:.1f} "
        f"| {run['peak_memory_mib']:,.0f} | {run['vectors']:,} |"
        for run in result["runs"]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=ROOT / "app" / "samples" / "documents", help="folder of PDFs"
    )
    parser.add_argument("--files", type=int, default=2, help="how many, by name (2)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each system (2)")
    parser.add_argument("--torch", action="store_true", help="measure Muniment through PyTorch as well")
    parser.add_argument("--scale", action="store_true", help="one long file instead: 100, 500, 5,000 pages")
    parser.add_argument("--one", nargs="+", metavar=("SYSTEM", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--long", nargs=2, metavar=("EMBEDDER", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one or asked.long:
        from app.settings import keep_libraries_at_home

        keep_libraries_at_home()
        if asked.one:
            print(json.dumps(measure(asked.one[0], [Path(name) for name in asked.one[1:]])))
        else:
            print(json.dumps(measure_long(asked.long[0], Path(asked.long[1]))))
        return
    files = sorted(asked.data.resolve().glob("*.pdf"))[: asked.files]
    if not files:
        sys.exit(f"no PDF in {asked.data}; name a folder that has some with --data")
    # As installers do for everybody: a reading process keeps nothing that it compiles.
    for part in ("app", "engine", "ingest", "storage"):
        compileall.compile_dir(ROOT / part, quiet=1)
    if asked.scale:
        published("scale", scaling(files), scale_table)
    else:
        systems = (*SYSTEMS, THROUGH_TORCH) if asked.torch else SYSTEMS
        published("ingest", side_by_side(files, asked.repeats, systems), table)


def published(
    name: str, result: dict[str, Any], told: Callable[[dict[str, Any]], str], *, by: str = "ingest.py"
) -> None:
    """Keep a result as JSON, and as a table in the page of benchmarks; `by` is the script that made it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    begin, end = f"<!-- {name}: written by benchmarks/{by} -->", f"<!-- /{name} -->"
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    page = f"{head}{begin}\n\n{told(result)}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page, encoding="utf-8")
    print(told(result))


if __name__ == "__main__":
    main()
