"""Tell what a page says from what frames it: page lines, headings, title blocks and signature blocks.

By form alone, English words. A short statement without a known verb may be taken for a heading.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engine.sentences import looks_like_row

_PAGE_LINE = re.compile(
    r"[^\n]{0,100}\bpage\s+\d{1,4}(?:\s+of\s+\d{1,4})?\s*|[\s\-\u2013|]*\d{1,4}[\s\-\u2013|]*", re.IGNORECASE
)
_SIGNATURE = re.compile(
    r"\b(?:in\s+witness\s+whereof|agreed\s+and\s+accepted|signed\s+(?:for|by|on\s+behalf)"
    r"|authori[sz]ed\s+signature)\b|^\s*(?:by|name|title|/s/)\s*:?\s*(?:_{2,}|/s/)|_{6,}",
    re.IGNORECASE | re.MULTILINE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|shall|will|may|must|can|cannot|could|should|would|has|have|had|does|do|did"
    r"|means?|agrees?|acknowledges?|represents?|includes?|remains?|applies|apply|grants?|makes?|gives?|takes?"
    r"|continues?|keeps?|ends?|begins?|becomes?|expires?|requires?|[a-z]{3,}ed|paid|rose|fell|grew|went|kept)\b"
)
_SENTENCE_END = re.compile(r"[.;!?][\"'\u201d\u2019)\]]*$")
_FEWEST = 6
"""Words that a statement without a known verb has at least."""
_LONG = 160
"""Characters from which words are taken to state something, whatever their form."""


def is_page_line(text: str) -> bool:
    """A running header or footer, or a page number alone."""
    return _PAGE_LINE.fullmatch(text.strip()) is not None


@lru_cache(maxsize=8_192)
def is_furniture(text: str) -> bool:
    """Whether a stretch states nothing by itself: only what names, numbers or signs a document or a part."""
    stripped = text.strip()
    if is_page_line(stripped) or _SIGNATURE.search(stripped):
        return True
    # A title block set with wide gaps over several lines looks like a table, too.
    if ("\n" not in stripped and looks_like_row(stripped)) or _VERB.search(stripped):
        return False
    words = stripped.split()
    plain = sum(word[:1].islower() for word in words)
    ends = _SENTENCE_END.search(stripped) is not None and len(words) >= _FEWEST and 2 * plain >= len(words)
    return not ends and len(" ".join(words)) < _LONG
