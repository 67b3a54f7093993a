"""Reads the text of pictures inside Office files: scanned pages pasted into them, screenshots, stamps.

Only pictures large enough to hold lines of text are looked at; logos and icons are not.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ingest.readers.base import ReadOptions
from ingest.readers.metafiles import read_metafile
from ingest.readers.ooxml import Package

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_LEAST_WIDTH, _LEAST_HEIGHT = 400, 150
_MOST_PIXELS = 60_000_000
_MOST_A_PAGE = 10
_METAFILES = (".emf", ".wmf", ".emz", ".wmz")
_ICON_WORDS = 3
"""Words under the icon of an embedded file, at most."""
_UNREAD = "{0} of its pictures may hold text that is not read; {1}"


class Pictures:
    """Reads each picture of a file once, however often the file shows it."""

    def __init__(self, package: Package, options: ReadOptions) -> None:
        self._package, self._options = package, options
        self._read: dict[str, tuple[str, str | None]] = {}

    def lines(self, parts: Iterable[str]) -> tuple[list[str], str | None]:
        """What the pictures of one page say, and a problem if some of them could not be read."""
        found: list[str] = []
        problems: list[str] = []
        for count, part in enumerate(dict.fromkeys(parts)):
            if count >= _MOST_A_PAGE:
                problems.append("there are too many for one page; print the document to PDF")
                continue
            if part not in self._read:
                self._read[part] = self._text(part)
            text, problem = self._read[part]
            if text:
                found.append(f"[text in a picture]\n{text}")
            if problem:
                problems.append(problem)
        return found, _UNREAD.format(len(problems), problems[0]) if problems else None

    def _text(self, part: str) -> tuple[str, str | None]:
        from PIL import Image, UnidentifiedImageError

        # Beside one there is a picture of it, for programs that do not know its kind.
        if part.lower().endswith(".svg"):
            return "", None
        data = self._package.part(part)
        if data is None:
            return "", "one is missing from the file; ask its author for it"
        if part.lower().endswith(_METAFILES):
            return _drawn(data)
        try:
            with Image.open(io.BytesIO(data)) as picture:
                width, height = picture.size
                if width < _LEAST_WIDTH or height < _LEAST_HEIGHT:
                    return "", None
                if self._options.ocr == "never":
                    return "", "reading pictures was switched off"
                if width * height > _MOST_PIXELS:
                    return "", "one is too large; look at it yourself"
                # White behind what is transparent: black letters on black say nothing.
                plain = Image.new("RGB", picture.size, "white")
                whole = picture.convert("RGBA")
                plain.paste(whole, mask=whole.getchannel("A"))
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
            return "", "one is damaged; look at it yourself"
        return _recognised(plain)


def _drawn(data: bytes) -> tuple[str, str | None]:
    """What a drawing made of lines says."""
    found = read_metafile(data)
    if found is None:
        return "", "one is a damaged drawing; look at it yourself"
    if found.holds_picture:
        return found.text, "one is a drawing around a picture; save the document as PDF and add that"
    return (found.text, None) if len(found.text.split()) > _ICON_WORDS else ("", None)


def _recognised(picture: Picture) -> tuple[str, str | None]:
    from ingest.ocr import OcrMissing, doubt, read_picture

    try:
        found = read_picture(picture)
    except OcrMissing:
        return "", "what reads pictures is not installed"
    except Exception:  # noqa: BLE001 - the words around a picture must not be lost with it
        return "", "one could not be read; look at it yourself"
    return found.text, doubt(found)
