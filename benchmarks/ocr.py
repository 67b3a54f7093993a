"""How much of a page comes back through OCR: pages of filings are drawn, read as scans, and compared.

The measure is each page's own text layer. Compared are, page by page and as multisets:
- words: runs of letters and digits (with the dots and commas inside figures), after NFKC and case folding;
- strict words: what stands between white space, after NFKC, with curly quotes and long dashes made plain;
- figures in table rows, digit by digit, with their sign in brackets or minus: those of the text layer's lines
  that have two figures or more, no years among them;
- rows: table rows whose figures stand on one line of the OCR text, in the same order.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import random
import re
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium

from ingest import media
from ingest.parsing import FileReader

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "ocr.json"
DPI = 200
_FOLDERS = ("kgrag_10q", "erc2_annual_reports", "uda_reports")
_WORD = re.compile(r"\d[\d.,]*\d|[^\W_]+")
_FIGURE = re.compile(r"\(?-?\d+(?:,\d+)*(?:\.\d+)?\)?%?")
_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u2212\u2010\u2011", "''\"\"-----")
_LEAST_WORDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the filings")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", choices=("picture", "pdf"), default="picture")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--show", action="store_true", help="print what was missed")
    options = parser.parse_args()
    chosen = choose(options.data, options.pages, options.seed)
    rows = []
    with FileReader() as reader, tempfile.TemporaryDirectory() as folder:
        for file, index in chosen:
            rows.append(measured(reader, file, index, Path(folder), options.kind, show=options.show))
            print(json.dumps(rows[-1]), flush=True)
    result = {"kind": options.kind, "dpi": DPI, "seed": options.seed, "machine": platform.machine()}
    result |= summary(rows) | {"each": rows}
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "each"}))


def choose(data: Path, count: int, seed: int) -> list[tuple[Path, int]]:
    """Pages with text, from each file in turn, every second one with a table where a file has such."""
    files = sorted(file for name in _FOLDERS for file in (data / name).rglob("*.pdf"))
    picks = random.Random(seed)
    chosen: list[tuple[Path, int]] = []
    turn = 0
    while len(chosen) < count and turn < count * 4:
        file = files[turn % len(files)]
        document = pdfium.PdfDocument(file)
        order = picks.sample(range(len(document)), len(document))
        wants_table = (turn // len(files)) % 2 == 0
        for index in order:
            text = document[index].get_textpage().get_text_range()
            enough = len(text.split()) >= _LEAST_WORDS and (not wants_table or len(table_rows(text)) >= 6)
            if enough and (file, index) not in chosen:
                chosen.append((file, index))
                break
        turn += 1
    return chosen


def measured(
    reader: FileReader, file: Path, index: int, folder: Path, kind: str, *, show: bool
) -> dict[str, Any]:
    page = pdfium.PdfDocument(file)[index]
    truth = page.get_textpage().get_text_range()
    picture = page.render(scale=DPI / 72).to_pil().convert("RGB")
    scan = folder / ("page.png" if kind == "picture" else "page.pdf")
    out = io.BytesIO()
    picture.save(out, "PNG" if kind == "picture" else "PDF", resolution=DPI)
    scan.write_bytes(out.getvalue())
    began = time.perf_counter()
    found = reader.read(scan, media.PNG if kind == "picture" else media.PDF, name=scan.name).pages[0]
    seconds = time.perf_counter() - began
    counts = {"words": words, "strict": strict}
    row: dict[str, Any] = {"file": file.name, "page": index + 1, "seconds": round(seconds, 2)}
    row["confidence"], row["problem"] = round(found.quality, 4), found.problem
    for name, of in counts.items():
        want, have = Counter(of(truth)), Counter(of(found.text))
        row[name] = [(want & have).total(), want.total()]
        if show:
            print(name, "missed", list((want - have).elements()), "extra", list((have - want).elements()))
    table = table_rows(truth)
    want = Counter(figure for line in table for figure in line)
    have = Counter(figures(found.text))
    row["figures"] = [(want & have).total(), want.total()]
    lines = [" ".join(amounts(line)) for line in found.text.split("\n")]
    row["rows"] = [sum(any(" ".join(line) in one for one in lines) for line in table), len(table)]
    if show:
        print("figures missed", list((want - have).elements()))
        print("rows missed", [line for line in table if not any(" ".join(line) in one for one in lines)])
    return row


def words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def strict(text: str) -> list[str]:
    return unicodedata.normalize("NFKC", text).translate(_PLAIN).split()


def figures(text: str) -> list[str]:
    return _FIGURE.findall(unicodedata.normalize("NFKC", text).translate(_PLAIN))


def amounts(text: str) -> list[str]:
    """Figures that are no years: those of table heads and dates stand on lines of their own at times."""
    return [one for one in figures(text) if not re.fullmatch(r"\(?(19|20)\d\d\)?", one)]


def table_rows(text: str) -> list[list[str]]:
    """The figures of each line that has two or more and fewer than twelve other words."""
    rows = []
    for line in text.splitlines():
        found = amounts(line)
        others = len(line.split()) - len(found)
        if len(found) >= 2 and others < 12 and sum(any(c in one for c in ",.()") for one in found) >= 2:
            rows.append(found)
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {"pages": len(rows)}
    for name in ("words", "strict", "figures", "rows"):
        found, of = (sum(row[name][i] for row in rows) for i in (0, 1))
        result[name] = {"found": found, "of": of, "share": round(found / max(1, of), 5)}
    result["worst_words"] = min(row["words"][0] / max(1, row["words"][1]) for row in rows)
    seconds = sorted(row["seconds"] for row in rows)
    result["seconds_per_page"] = {"median": seconds[len(seconds) // 2], "most": seconds[-1]}
    return result


if __name__ == "__main__":
    main()
