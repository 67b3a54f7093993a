"""Plain text and Markdown: one page, which is the decoded file exactly, line ends and byte order mark too."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from storage.records import Page, ReadBy

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES = 256 * 1024
_USUAL = "cp1252"
_CLOSE = 0.02


class TextReader:
    """Reads text in any encoding; says so when it had to guess which."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        text, flags = decode(path.read_bytes())
        return Reading(1, iter([Page(1, storable(text), ReadBy.TEXT, quality(text))]), flags=flags)


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of bytes in an unknown encoding, and a flag if the encoding is a guess.

    Raises:
        Unreadable: no encoding fits.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), ()
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        encoding = guessed_encoding(data)
    return data.decode(encoding, errors="replace"), (f"read as {encoding}, which is a guess",)


def guessed_encoding(data: bytes) -> str:
    """The likeliest encoding of bytes that are not UTF-8; Windows Western unless another reads better."""
    found = from_bytes(data[:_SAMPLE_BYTES])
    best = found.best()
    if best is None:
        raise Unreadable("is in no text encoding that we know; save it as UTF-8")
    # Its neighbours differ in a few accents that a short text does not settle.
    usual = [one for one in found if _USUAL in one.could_be_from_charset]
    if any(one.chaos <= best.chaos + _CLOSE for one in usual):
        return _USUAL
    return best.encoding


def quality(text: str) -> float:
    """Share of characters that decoding did not have to replace."""
    return 1 - text.count("\N{REPLACEMENT CHARACTER}") / len(text) if text else 1.0
