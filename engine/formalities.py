"""Passages of a report that say nothing of the company: lists of exhibits, contents, certificates, covers.

They name everything that a report is about, and answer hardly anything. English, as filed with the SEC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# All are looked for in small letters.
_LISTED = re.compile(
    r"incorporated\s+(?:herein\s+)?by\s+reference\s+(?:to|from|herein)|filed\s+(?:as\s+(?:an\s+)?exhibit|herewith)"
    r"|furnished\s+herewith|previously\s+filed"
)
_CONTENTS = re.compile(r"^\s*(?:item\s+\d{1,2}[abc]?\b|part\s+[iv]{1,3}\b)[^\n]*\d$", re.MULTILINE)
_CERTIFIED = re.compile(
    r"sarbanes.oxley\s+act|18\s+u\.?s\.?c|i,\s[^,\n]{3,40},\s+certify|power\s+of\s+attorney|attorney-in-fact"
    r"|pursuant\s+to\s+the\s+requirements\s+of\s+(?:section\s+13|the\s+securities\s+exchange)"
)
_COVER = re.compile(
    r"check\s?mark|commission\s+file\s+n|trading\s+symbol|securities\s+registered\s+pursuant|accelerated\s+filer"
    r"|employer\s+identification|exact\s+name\s+of\s+registrant"
)
# Without one of these words none of the phrases is there: most passages are known by that.
_OF_LISTED = ("incorporated", "filed", "furnished")
_OF_CERTIFIED = ("sarbanes", "u.s.c", "us.c", "u.sc", "usc", "certify", "attorney", "requirements")
_OF_COVER = ("check", "commission", "trading", "registered", "accelerated", "employer", "exact")
_ASKED_FOR = re.compile(
    r"\b(?:exhibits?|certif\w+|sign(?:ed|ature)\w*|symbols?|ticker|exchange|listed|filer|incorporated|outstanding"
    r"|address|headquarters|telephone|phone|identification|registered|file\s+number|contents|items?)\b",
    re.IGNORECASE,
)
_LEAST_LISTED, _LEAST_LINES = 2, 4


def asks_for_formality(question: str) -> bool:
    """Whether such a passage may answer."""
    return _ASKED_FOR.search(question) is not None


def is_formality(text: str) -> bool:
    """Whether a passage is one."""
    plain = text.lower()
    return (
        (_has(plain, _OF_LISTED) and len(_LISTED.findall(plain)) >= _LEAST_LISTED)
        or (
            plain.count("item") + plain.count("part") >= _LEAST_LINES
            and len(_CONTENTS.findall(plain)) >= _LEAST_LINES
        )
        or (_has(plain, _OF_CERTIFIED) and len({one[:8] for one in _CERTIFIED.findall(plain)}) > 1)
        or (_has(plain, _OF_COVER) and len({one[:8] for one in _COVER.findall(plain)}) > 1)
    )


def _has(plain: str, parts: Iterable[str]) -> bool:
    return any(one in plain for one in parts)
