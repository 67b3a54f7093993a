"""Pictures of PDF pages, and where on them a passage stands, for whoever shows a citation.

One reading process serves the whole program: PDFium is not safe between threads, and a file that can take a
reader down must not take the program with it. Other formats have no picture; their text is shown instead.
"""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

from ingest.parsing import FileReader
from ingest.readers.boxes import Box


def locate_boxes(path: Path, page_number: int, start: int, end: int) -> list[Box]:
    """One box per line of the page's characters `start` up to `end`; none where the text has no known place.

    Raises:
        UnreadableSource: the file is not a PDF that opens, or has no such page.
    """
    return [Box(*box) for box in _reader().boxes(path, page_number, start, end)]


def render_page(path: Path, number: int, *, width_px: int) -> bytes:
    """A page as a PNG, `width_px` wide unless the page is very long.

    Raises:
        UnreadableSource: the file is not a PDF that opens, or has no such page.
    """
    return _reader().render(path, number, width_px=width_px)


@cache
def _reader() -> FileReader:
    reader = FileReader()
    atexit.register(reader.close)
    return reader
