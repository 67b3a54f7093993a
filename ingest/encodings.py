"""Which encoding a text is in: told by its byte order mark, proved by UTF-8, else guessed and said to be."""

from __future__ import annotations

import codecs
import unicodedata

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_SAMPLE = 8_192
_READABLE = ("L", "N", "P", "Z", "M", "S")


def is_text(head: bytes) -> bool:
    """True if bytes look like the beginning of a text in some encoding."""
    if any(head.startswith(mark) for mark, _ in _MARKS):
        return True
    if b"\0" in head:
        return unmarked_wide(head) is not None
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head)
    return controls * 100 <= len(head)


def unmarked_wide(data: bytes) -> str | None:
    """The two- or four-byte encoding that bytes without a byte order mark are in, or None."""
    sample = data[:_WIDE_SAMPLE]
    if b"\0" not in sample:
        return None
    for width, encodings in ((4, ("utf-32-le", "utf-32-be")), (2, ("utf-16-le", "utf-16-be"))):
        if len(data) % width and len(data) < _WIDE_SAMPLE:
            continue
        scored = {one: _readable(sample[: len(sample) // width * width], one) for one in encodings}
        best = max(scored, key=lambda one: scored[one])
        if scored[best] > 0.95:
            return best
    return None


def _readable(data: bytes, encoding: str) -> float:
    """Share of characters that a text may hold, weighed towards those that every text has."""
    # The sample may end inside a character.
    text = data.decode(encoding, errors="ignore")
    if len(text) * (4 if "32" in encoding else 2) < len(data) * 0.95:
        return 0.0
    good = sum(one in "\t\n\r\f\ufeff" or unicodedata.category(one)[0] in _READABLE for one in text)
    plain = sum(one < "\x7f" for one in text)
    return good / len(text) - (0.0 if plain else 0.5) if text else 0.0
