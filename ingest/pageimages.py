"""Pictures of pages, and where on them a passage stands, for whoever shows a citation.

PDF and picture files are drawn; so is any document through its rendition, which is a PDF. One reading process
serves the whole program: PDFium is not safe between threads, and a file that can take a reader down must not
take the program with it. Other formats have no picture; their text is shown instead.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ingest import media
from ingest.parsing import FileReader
from ingest.readers.base import ReadOptions
from ingest.readers.boxes import Box, merged
from storage.records import Place

PICTURES = frozenset({media.PNG, media.JPEG, media.TIFF, media.GIF, media.BMP, media.WEBP, media.PNM})
DRAWN = PICTURES | {media.PDF}
"""Media types that are drawn as they are."""


def locate_boxes(
    path: Path,
    page_number: int,
    start: int,
    end: int,
    *,
    media_type: str = media.PDF,
    with_hidden: bool = False,
) -> list[Box]:
    """One box per line of the page's characters `start` up to `end`; none where the text has no known place.

    In a picture no text has: what was read there keeps its places (`placed`).
    `with_hidden`: the page was read with its hidden text as part of it.

    Raises:
        UnreadableSource: the file is not of that type or does not open, or has no such page.
    """
    if media_type in PICTURES:
        return []
    options = ReadOptions(with_hidden=with_hidden)
    return [Box(*box) for box in _reader().boxes(path, page_number, start, end, options=options)]


def placed(places: Iterable[Place], start: int, end: int) -> list[Box]:
    """One box per line of the characters `start` up to `end`, from the places kept with their page."""
    return merged(
        [Box(one.x0, one.y0, one.x1, one.y1) for one in places if start < one.end and one.start < end]
    )


def render_page(path: Path, number: int, *, width_px: int, media_type: str = media.PDF) -> bytes:
    """A page as a PNG, `width_px` wide unless the page is very long or a picture of fewer dots.

    Raises:
        UnreadableSource: the file is not of that type or does not open, or has no such page.
    """
    return _reader().render(path, number, width_px=width_px, media_type=media_type)


@cache
def _reader() -> FileReader:
    reader = FileReader()
    atexit.register(reader.close)
    return reader
