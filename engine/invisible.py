"""Take out of a text what nobody sees, before a model reads it: such characters can carry words past the eye.

The stored text keeps them, so that offsets hold and a quote is the page's own; whoever added the document is
told of them when it is read.
"""

from __future__ import annotations

import re
import unicodedata

# Unicode's "default ignorable" characters: soft hyphens, marks of direction, joiners, fillers, variation
# selectors and tags.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
_LAST_LATIN = 0x2FF


def visible(text: str) -> str:
    """The text without invisible characters; joiners stay inside words of scripts that need them."""
    return text if text.isascii() else _INVISIBLE.sub(_kept, text)


def _kept(found: re.Match[str]) -> str:
    text, at = found.string, found.start()
    if found[0] not in _JOINERS or not 0 < at < len(text) - 1:
        return ""
    beside = (text[at - 1], text[at + 1])
    return found[0] if all(map(_needs_joiners, beside)) else ""


def _needs_joiners(one: str) -> bool:
    return ord(one) > _LAST_LATIN and unicodedata.category(one)[0] in "LM" and not _INVISIBLE.match(one)
