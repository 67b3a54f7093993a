"""Words as the checks compare them: lower case, common endings off, empty words left out."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from engine.invisible import visible
from storage.word_stems import stem

__all__ = ["STOPWORDS", "content_stems", "said_of", "stem", "word_set", "words"]

_WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019-]*[A-Za-z]|[A-Za-z]|\d[\d,.]*\d|\d")


def word_set(text: str) -> frozenset[str]:
    """The words of a space-separated list."""
    return frozenset(text.split())


STOPWORDS = word_set(
    """a an and any are as at be been being but by can could did do does for from had has have having he
    her his how i if in into is it its itself may me might more most much must my of on or our out over
    own per shall she should so some such than that the their them then there these they this those
    through to under until up upon us very was we were what when where whether which while who whom
    whose why will with within would you your also about between during each other both all same say
    says said state states stated according provide provides provided pursuant herein hereof hereto
    hereunder thereof thereto therein document documents passage passages please tell give show list
    answer question yes"""
)


def words(text: str) -> list[str]:
    """All words and figures, as printed: what stands invisibly inside them does not part them."""
    return _WORD.findall(visible(text))


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, repeats kept."""
    return [stem(word) for word in words(text) if word.lower() not in STOPWORDS]


def said_of(stems: Collection[str], text: str) -> frozenset[str]:
    """Those of the stems that a text's words have, stopwords aside, without reading its other words."""
    # As bytes, since these know no capitals but those of the words.
    plain = visible(text).encode(errors="replace").lower()
    return frozenset(one for one in stems if _says(plain, one))


def _says(plain: bytes, wanted: str) -> bool:
    # A stem is how its words begin, but for a `y` in place of `ies`; apostrophes are printed in two manners.
    begun = (wanted.removesuffix("y") or wanted).partition("'")[0].encode()
    at = plain.find(begun)
    while at >= 0:
        start, end = plain.rfind(b" ", 0, at) + 1, plain.find(b" ", at)
        end = len(plain) if end < 0 else end
        if wanted in _stems_between_blanks(plain[start:end]):
            return True
        at = plain.find(begun, end)
    return False


@lru_cache(maxsize=8_192)
def _stems_between_blanks(plain: bytes) -> frozenset[str]:
    return frozenset(content_stems(plain.decode()))
