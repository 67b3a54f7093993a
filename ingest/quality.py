"""How good a page's text is, told from the text alone.

It finds debris of a broken encoding, words run together, words torn into letters, and letters that are no
language. It knows nothing of files, and keeps quiet where it cannot tell: of tables of figures, of a few
words, and of scripts that put no spaces between words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

USABLE = 0.85
"""Below this score a page's text is not to be relied on."""

_CID = re.compile(r"\(cid:\d+\)|(?:/[A-Za-z]{1,6}\d{1,5}){4,}")
"""Numbers and names of glyphs in place of letters."""
_UNSOUND = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff\U000f0000-\U0010ffff]")
_SPACED_WORD = re.compile(r"[A-Za-z\u00aa-\u02af\u0370-\u0484\u048a-\u052f\u0531-\u0587\u1e00-\u1fff]+")
"""Letters of scripts that part words by spaces and stand in a row: Latin, Greek, Cyrillic, Armenian."""
_OTHER_SCRIPTS = "\u0590"
_LONG_WORD = 30
_FEW_LONG_WORDS = 4
_LATIN_WORD = re.compile(r"(?<![\w\ufffd])[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{3,}(?![\w\ufffd])")
_ODD_INSIDE = re.compile(r"[A-Za-z][!\"#$%*<>?\\^`{|}~\u00a1-\u00ac\u00ae-\u00bf\u2200-\u25ff]+[A-Za-z]")
"""Between letters: what no spelling puts there."""

_FEW_LETTERS = 240
"""Fewer letters in words tell no language."""
_FEW_TOKENS = 40
_FEW_ODD = 16
_TICKER = 5
_ENOUGH_CHARS = 1_600
_LEAST_PAIRS = 0.45
_SURE_PAIRS = 0.62
"""Share of common letter pairs: plain text of a European language has more than the second, letters put in
for one another less than the first."""
_COMMON = (
    "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le "
    "sa si ar ve ra ld ur ch ei ie un ge be sc ic di la co el os ad do ue na ta ro io ne no ll me li "
    "ma pr tr ri em om ce ec us ul ss pe po mo ac ho il ot wi ai am ca ct ir id ns ly rs ee ut tu ni "
    "lo so im ol ke ag ig ab ap op nc nu qu vi za ze wa sz cz rz ow go ko ka ki ci ny ia mi da ak ek "
    "ok ja je ij aa oo uu ui va vo sk ty ky av af og ud eg ik aj az ba bo by du dz ev ez ga gh gr ht "
    "ib if ih iv iz jo ju kt ku lu lt mp mu nh od oi ov pa pi pl rd rm rn ru rt su sh sp ts tt uc ug "
    "um up ya ye ys yo "
)
_SPACE = ord(" ")
_IS_COMMON = np.zeros((128, 128), bool)
for _pair in _COMMON.split():
    _IS_COMMON[tuple(_pair.encode())] = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a page's text is worth."""

    score: float
    """0 (nothing usable) to 1 (nothing found against it)."""
    fault: str | None = None
    """What is wrong, in words that follow `its text`: named only below `USABLE`."""

    @property
    def usable(self) -> bool:
        """True if nothing speaks against relying on it."""
        return self.score >= USABLE


def judge(text: str) -> Verdict:
    """Score a page's text; an empty page is a good one."""
    score, fault = min(
        (
            (soundness(text), "is debris of a broken encoding"),
            (_apart(text), "runs its words together"),
            (_whole(text), "is torn into single letters"),
            (_plausible(text), "is no language that could be told: its letters stand for others"),
        ),
        key=lambda found: found[0],
    )
    return Verdict(score, fault if score < USABLE else None)


def soundness(text: str) -> float:
    """Share of characters that are text rather than debris of a broken encoding; 1 for an empty page."""
    if not text:
        return 1.0
    broken = len(_UNSOUND.findall(text)) + sum(len(one) for one in _CID.findall(text))
    return 1 - broken / len(text)


def _apart(text: str) -> float:
    """Share of letters that stand in words no longer than words are."""
    if max(map(len, text.split()), default=0) <= _LONG_WORD:
        return 1.0
    words = _SPACED_WORD.findall(text)
    long = [word for word in words if len(word) > _LONG_WORD and len(set(word)) > 2]
    # A long name, a compound or a line of fill-in letters is no proof.
    if len(set(long)) < _FEW_LONG_WORDS:
        return 1.0
    return 1 - sum(map(len, long)) / sum(map(len, words))


def _whole(text: str) -> float:
    """Low where most words are single letters."""
    tokens = text.split()
    # Few pages have enough of them to look closer.
    if list(map(len, tokens)).count(1) < _FEW_TOKENS / 2:
        return 1.0
    words = [word for word in tokens if word.isalpha() and word < _OTHER_SCRIPTS]
    if len(words) < _FEW_TOKENS:
        return 1.0
    single = sum(len(word) == 1 for word in words) / len(words)
    return 1.0 if single < 0.5 else 1 - single


def _plausible(text: str) -> float:
    """Low where Latin letters stand in an order that no language has."""
    # Abbreviations and tickers have no pairs to speak of.
    words = [word for word in _LATIN_WORD.findall(text) if len(word) > _TICKER or not word.isupper()]
    letters = sum(map(len, words))
    odd = len(_ODD_INSIDE.findall(text))
    if odd > max(_FEW_ODD, len(words)):
        return max(0.0, 0.8 - odd / max(1, len(text)))
    if len(words) < _FEW_TOKENS or letters < _FEW_LETTERS:
        return 1.0
    plain = " ".join(words)[:_ENOUGH_CHARS].lower()
    if not plain.isascii():
        plain = "".join(one for one in unicodedata.normalize("NFD", plain) if not unicodedata.combining(one))
    codes = np.frombuffer(plain.encode("ascii", "replace"), np.uint8)
    pairs = (codes[:-1] != _SPACE) & (codes[1:] != _SPACE)
    common = (_IS_COMMON[codes[:-1], codes[1:]] & pairs).sum() / pairs.sum()
    return min(1.0, max(0.0, (float(common) - _LEAST_PAIRS) / (_SURE_PAIRS - _LEAST_PAIRS) * USABLE))
