"""How much of what PDF readers see on a page is in our page text.

For each page the words that PDFium or pypdf gives are compared with ours. A word is what stands between white
space, after Unicode NFKC (a ligature is its letters) and without soft hyphens and zero-width signs; upper and
lower case and all punctuation count. Seen is each word as often as the reader that gives it most often gives
it. It is found if our page has it as often; `share_strict` is the share of those. The two readers part words
differently ("ten percent" and "tenpercent", "$" and "$12"), so that no text could hold all the words of both:
`share` also counts a word as found where our page has its characters in a row once white space is taken away,
as often as it was seen. Pictures are not read here: recall of scans is measured elsewhere.

    python -m benchmarks.text_recall --data ../shared/data [--pypdf-pages 40]
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import pypdfium2 as pdfium
from pypdf import PdfReader as Pypdf

from ingest.readers.base import ReadOptions
from ingest.readers.pdf import PdfReader

_FOLDERS = ("kgrag_10q/docs", "erc2_annual_reports/pdfs", "uda_reports/pdfs")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LINE_END_HYPHENS = ("\x02", "\ufffe")
_WANTED = 0.995
_EXAMPLES = 12


@dataclass
class Recall:
    """Words of one file, or of all."""

    pages: int = 0
    pages_asked_of_pypdf: int = 0
    words: int = 0
    found_strictly: int = 0
    found: int = 0
    hidden: int = 0
    """Of those not found, how many are among what the page's reader set apart as hidden."""
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, other: Recall) -> None:
        """Take in the words of a page or a file."""
        self.pages += other.pages
        self.pages_asked_of_pypdf += other.pages_asked_of_pypdf
        self.words += other.words
        self.found_strictly += other.found_strictly
        self.found += other.found
        self.hidden += other.hidden
        self.missing += other.missing

    def as_json(self) -> dict[str, object]:
        """The figures, and the words missed most often."""
        figures = {name: value for name, value in asdict(self).items() if name != "missing"}
        return {
            **figures,
            "share": round(self.found / self.words, 5) if self.words else 1.0,
            "share_strict": round(self.found_strictly / self.words, 5) if self.words else 1.0,
            "missed_most": dict(self.missing.most_common(_EXAMPLES)),
        }


def words(text: str) -> list[str]:
    """The words of a text, normalised as the module says."""
    for mark in _LINE_END_HYPHENS:
        text = text.replace(mark, "-")
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).split()


def compared(ours: str, hidden: str, others: list[str]) -> Recall:
    """One page's text, what was set apart of it, and what other readers see on it."""
    seen: Counter[str] = Counter()
    for other in others:
        seen |= Counter(words(other))
    own = Counter(words(ours))
    joined, set_apart = "".join(words(ours)), "".join(words(hidden))
    found = Recall(pages=1, words=seen.total())
    for word, times in seen.items():
        strictly = min(times, own[word])
        anyhow = max(strictly, min(times, joined.count(word)))
        found.found_strictly += strictly
        found.found += anyhow
        if anyhow < times:
            found.missing[word] = times - anyhow
            found.hidden += min(times - anyhow, set_apart.count(word))
    return found


def measure(path: Path, *, pypdf_pages: int) -> Recall:
    """All pages of a file; pypdf is asked for `pypdf_pages` of them, spread over it."""
    total = Recall()
    document = pdfium.PdfDocument(path)
    second = Pypdf(path)
    step = max(1, -(-len(document) // pypdf_pages)) if pypdf_pages else 0
    for page in PdfReader().read(path, ReadOptions(ocr="never")).pages:
        others = [document[page.number - 1].get_textpage().get_text_range()]
        if step and (page.number - 1) % step == 0:
            others.append(second.pages[page.number - 1].extract_text())
            total.pages_asked_of_pypdf += 1
        total.add(compared(page.text, "\n".join(one.text for one in page.hidden), others))
    return total


def main() -> None:
    """Measure the filings and reports of a data folder, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--pypdf-pages", type=int, default=10_000, help="pages of each file that pypdf is asked for"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "text_recall.json")
    arguments = parser.parse_args()
    # It tells at length of each font that it finds odd.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    started = time.monotonic()
    files, total = {}, Recall()
    for path in _files(arguments.data):
        found = measure(path, pypdf_pages=arguments.pypdf_pages)
        files[f"{path.parent.parent.name}/{path.name}"] = found.as_json()
        total.add(found)
        print(f"{path.name}: {found.found / found.words:.4f} of {found.words:,} words", flush=True)
    result = {
        "command": f"python -m benchmarks.text_recall --data DATA --pypdf-pages {arguments.pypdf_pages}",
        "versions": {name: version(name) for name in ("pypdfium2", "pypdf")},
        "wanted": _WANTED,
        "reached": total.found >= _WANTED * total.words,
        "all": total.as_json(),
        "files": files,
        "seconds": round(time.monotonic() - started),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(f"all: {total.found / total.words:.4f} ({total.found_strictly / total.words:.4f} strictly)")


def _files(data: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from sorted((data / folder).glob("*.pdf"))


if __name__ == "__main__":
    main()
