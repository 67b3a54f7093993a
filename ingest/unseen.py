"""Characters that a person does not see: they can carry words past the eye, to a model.

They stay in the text, so that its offsets hold; here is what they are and, where they spell something, what.
Marks that scripts and emoji need (joiners inside Arabic or Indic words, flags) are not counted.
"""

from __future__ import annotations

import re
import unicodedata

from storage.records import Hidden

MAX_HIDDEN = 2_000
"""Characters of one hidden text that are kept."""
_AROUND = 20

_TAGS = re.compile("[\U000e0000-\U000e007f\U000e0100-\U000e01ef]{1,}")
_FLAG = "\N{WAVING BLACK FLAG}"
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060-\u2064\ufeff\u180e\u206a-\u206f]+")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_JOINERS = "\u200c\u200d"


def unseen(text: str) -> tuple[Hidden, ...]:
    """The zero-width, tag and bidirectional control characters of a page: one entry for each kind."""
    return tuple(one for one in (_tags(text), _zero_width(text), _bidi(text)) if one)


def _tags(text: str) -> Hidden | None:
    spelled = []
    for found in _TAGS.finditer(text):
        if found.start() and text[found.start() - 1] == _FLAG:
            continue
        spelled.append("".join(_spelled(one) for one in found[0]))
    return Hidden(" ".join(spelled)[:MAX_HIDDEN], "tag characters") if spelled else None


def _spelled(one: str) -> str:
    code = ord(one) - 0xE0000
    if 0x20 <= code < 0x7F:
        return chr(code)
    # The other range carries any byte, sixteen of them less than its own beginning.
    code = ord(one) - 0xE0100 + 16
    return chr(code) if 0x20 <= code < 0x7F else ""


def _zero_width(text: str) -> Hidden | None:
    places = []
    for found in _ZERO_WIDTH.finditer(text):
        at_start = found.start() == 0 and found[0] == "\ufeff"
        if not at_start and not (len(found[0]) == 1 and _joins(text, found.start())):
            places.append(found.span())
    return _shown(text, places, "zero-width characters")


def _bidi(text: str) -> Hidden | None:
    # Text that has letters from right to left needs these marks; other text has no use for them.
    if any(unicodedata.bidirectional(one) in ("R", "AL") for one in text):
        places = [found.span() for found in re.finditer("[\u202d\u202e]", text)]
    else:
        places = [found.span() for found in _BIDI.finditer(text)]
    return _shown(text, places, "characters that turn the direction of text round")


def _joins(text: str, at: int) -> bool:
    """True for a joiner between emoji or inside a word of a script that needs it."""
    if text[at] not in _JOINERS or not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    return all(ord(one) > 0x2FF and unicodedata.category(one)[0] in "LMS" for one in (before, after))


def _shown(text: str, places: list[tuple[int, int]], why: str) -> Hidden | None:
    if not places:
        return None
    count = sum(end - start for start, end in places)
    around = "; ".join(
        f"\u201c{_visible(text[max(0, start - _AROUND) : end + _AROUND])}\u201d" for start, end in places[:20]
    )
    return Hidden(f"{count} in {around}"[:MAX_HIDDEN], why)


def _visible(text: str) -> str:
    return "".join(one if one.isprintable() else "\N{WHITE SQUARE}" for one in " ".join(text.split()))
