"""Which encoding a text is in: told by its byte order mark, proved by UTF-8, else guessed and said to be.

Nothing is dropped: bytes that stand for no character become U+FFFD, which readers count and report.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_SAMPLE = 8_192
_ENOUGH = 16
_SAMPLE_BYTES = 256 * 1024
_READABLE = "LNPZMS"
_USUAL = "cp1252"
_CLOSE = 0.02
_DOUBTFUL = 0.1
_FEW = 8
_APART = "\u201a\u201e\u2020\u2021\u2030"
# Seven-bit encodings pass for UTF-8; their escapes give them away.
_JAPANESE_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\([BJI])")
_KOREAN_ESCAPE = b"\x1b$)C"
# What browsers and mail programs read where a label is narrower than what people wrote under it.
_WIDENED = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_ext",
    "tis-620": "cp874",
}
_OTHER_LABELS = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-gbk": "gb18030",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
    "unicode": "utf-16",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how its encoding was known."""

    text: str
    encoding: str
    guessed: bool = False
    doubtful: bool = False
    """The guess is a weak one: another encoding would read about as well."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should know of it."""
        if self.doubtful:
            return (
                f"read as {self.encoding}, which is a weak guess: accents and signs may be wrong; "
                "save it as UTF-8",
            )
        return (f"read as {self.encoding}, which is a guess",) if self.guessed else ()


def decoded(data: bytes, declared: str | None = None) -> Decoded:
    """The text of bytes, a byte order mark included; `declared` is what the file says of itself.

    A declaration is believed only where the bytes bear it out. Never raises for bad bytes.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(data.decode(encoding, errors="replace"), encoding)
    if wide := unmarked_wide(data):
        return Decoded(data.decode(wide, errors="replace"), wide)
    known = known_encoding(declared)
    if known and known.startswith(("utf-16", "utf-32")):
        known = None  # Two bytes a character would have shown; such a label comes from a careless export.
    for candidate in (_seven_bit(data, known), "utf-8", known):
        if candidate:
            try:
                return Decoded(data.decode(candidate), candidate)
            except (UnicodeDecodeError, LookupError):
                continue
    if _is_broken_utf8(data):
        return Decoded(data.decode("utf-8", errors="replace"), "utf-8")
    return _guess(data, known)


def known_encoding(label: str | None) -> str | None:
    """Python's name of an encoding that a file declares, widened as browsers do; None if there is none."""
    label = (label or "").strip(" \t\"';").lower()
    label = _OTHER_LABELS.get(label, label)
    try:
        name = codecs.lookup(label).name
        # Some of Python's codecs are for other things than text.
        b"\x80".decode(name, errors="replace")
    except (LookupError, ValueError):
        return None
    return _WIDENED.get(name, name)


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
        scored = {one: _readable(sample[: len(sample) // width * width], one, width) for one in encodings}
        best = max(scored, key=lambda one: scored[one])
        if scored[best] > 0.95:
            return best
    return None


def replaced(text: str) -> str | None:
    """A problem in words if characters of a page were lost to its encoding, or None."""
    lost = text.count("\N{REPLACEMENT CHARACTER}")
    if not lost:
        return None
    what = "1 character was" if lost == 1 else f"{lost:,} characters were"
    return f"{what} lost to a broken encoding, shown as \N{REPLACEMENT CHARACTER}; save it as UTF-8"


def _readable(data: bytes, encoding: str, width: int) -> float:
    """Share of characters that a text may hold; nothing without a plain one, which every text has."""
    # The sample may end inside a character.
    text = data.decode(encoding, errors="ignore")
    if not text or len(text) * width < len(data) * 0.95 or not any(one < "\x7f" for one in text):
        return 0.0
    good = sum(one in "\t\n\r\f\ufeff" or unicodedata.category(one)[0] in _READABLE for one in text)
    # Plain Latin text with its bytes swapped reads as rare ideographs, all of them assigned.
    latin = sum(" " <= one <= "~" or one in "\t\n\r" for one in text)
    swapped = sum(ord(one) & 0xFF == 0 and ord(one) > 0xFF for one in text)
    # Few bytes, or plain ones with a stray NUL among them, would pass for ideographs.
    wide_for_sure = len(text) >= _ENOUGH and not data.isascii()
    return good / len(text) if latin >= (swapped if wide_for_sure else len(text) * 0.7) else 0.0


def _seven_bit(data: bytes, declared: str | None) -> str | None:
    if _JAPANESE_ESCAPE.search(data):
        return "iso2022_jp_ext"
    if _KOREAN_ESCAPE in data:
        return "iso2022_kr"
    return declared if declared in ("utf-7", "hz") else None


def _is_broken_utf8(data: bytes) -> bool:
    """True if a few bytes spoil what is UTF-8 otherwise: read as anything else, all its accents would be."""
    text = data.decode("utf-8", errors="replace")
    lost = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(one > "\x7f" for one in text) - lost >= lost * 4


def _guess(data: bytes, declared: str | None) -> Decoded:
    # Imported here: most files' encoding is known, and every reading process would wait for the import.
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE_BYTES]
    found = from_bytes(sample)
    best = found.best()
    near = {one for match in found for one in (match.encoding, *match.could_be_from_charset)}
    choice = best.encoding if best else _USUAL
    # Its neighbours differ in a few accents that a short text does not settle.
    if best is None or any(
        _USUAL in one.could_be_from_charset and one.chaos <= best.chaos + _CLOSE for one in found
    ):
        choice = _USUAL
    if choice.startswith("mac_"):
        choice = "mac_roman"
    rivals = [
        choice,
        *([declared] if declared else []),
        _USUAL,
        "cp1250",
        "mac_roman",
        "koi8_r",
        "cp1251",
        "cp850",
    ]
    choice = min(rivals, key=lambda one: oddness(sample, one) - (_CLOSE if one == choice else 0))
    text = data.decode(choice, errors="replace")
    doubtful = (
        oddness(sample, choice) > _DOUBTFUL
        or (best is None and declared is None)
        or (choice not in near and sum(byte > 127 for byte in sample) < _FEW)
    )
    return Decoded(text, choice, guessed=True, doubtful=doubtful)


def oddness(data: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that stand where no language puts them."""
    text = data.decode(encoding, errors="replace")
    beyond = odd = 0
    for before, one, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if one <= "\x7f":
            continue
        beyond += 1
        odd += _is_odd(before, one, after)
    return odd / beyond if beyond else 0.0


def _is_odd(before: str, one: str, after: str) -> bool:
    kind = unicodedata.category(one)
    if one == "\N{REPLACEMENT CHARACTER}" or kind in ("Cc", "Cn", "Co") or "\uff61" <= one <= "\uff9f":
        return True
    if kind == "Lu":
        return before.islower() or (after.islower() and before.isupper())
    if kind[0] == "L":
        mixed = any(side.isalpha() and _script(side) != _script(one) for side in (before, after))
        return mixed and _script(one) in ("LATIN", "GREEK", "CYRILLIC")
    # An apostrophe may stand between letters; a sign of money, a box or an opening quotation mark may not.
    return (kind[0] == "S" or kind == "No" or one in _APART) and before.isalpha() and after.isalpha()


@lru_cache(maxsize=4096)
def _script(one: str) -> str:
    return unicodedata.name(one, "").partition(" ")[0]
