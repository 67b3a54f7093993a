"""Passages of a report that say nothing of the company: lists of exhibits, contents, certificates, covers.

They name everything that a report is about, and answer hardly anything. English, as filed with the SEC.
"""

from __future__ import annotations

import re

_LISTED = re.compile(
    r"incorporated\s+(?:herein\s+)?by\s+reference\s+(?:to|from|herein)|filed\s+(?:as\s+(?:an\s+)?exhibit|herewith)"
    r"|furnished\s+herewith|previously\s+filed",
    re.IGNORECASE,
)
_CONTENTS = re.compile(
    r"^\s*(?:item\s+\d{1,2}[abc]?\b|part\s+[iv]{1,3}\b)[^\n]*\d$", re.IGNORECASE | re.MULTILINE
)
_CERTIFIED = re.compile(
    r"sarbanes.oxley\s+act|18\s+u\.?s\.?c|i,\s[^,\n]{3,40},\s+certify|power\s+of\s+attorney|attorney-in-fact"
    r"|pursuant\s+to\s+the\s+requirements\s+of\s+(?:section\s+13|the\s+securities\s+exchange)",
    re.IGNORECASE,
)
_COVER = re.compile(
    r"check\s?mark|commission\s+file\s+n|trading\s+symbol|securities\s+registered\s+pursuant|accelerated\s+filer"
    r"|employer\s+identification|exact\s+name\s+of\s+registrant",
    re.IGNORECASE,
)
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
    return (
        len(_LISTED.findall(text)) >= _LEAST_LISTED
        or len(_CONTENTS.findall(text)) >= _LEAST_LINES
        or len({one[0].lower()[:8] for one in _CERTIFIED.finditer(text)}) > 1
        or len({one[0].lower()[:8] for one in _COVER.finditer(text)}) > 1
    )
