"""How much of what is asked one statement of a passage holds.

Where the words of a question stand in one sentence they are said of one another; scattered over a passage
they need not be. Rare words count more, rare among the passages compared. What a question calls the document
itself ("this agreement", "the policy") and words that say nothing do not count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping

from engine.words import STOPWORDS, stem, word_set
from storage.keywords import query_terms

_END = re.compile(r"(?<=[.;:?!])\s+|\n{2,}")
_LONGEST_ENDING = 2
"""Letters that a stem may have and its words lack: those of `ate` without its last, for `ation`."""
_ITSELF = word_set(
    "agreement contract document policy lease report filing clause provision section article information"
)
"""What questions call a document and its parts."""


def held_together(asked: str, texts: Mapping[str, str]) -> dict[str, float]:
    """For each text the largest share of the asked words' weight that one of its statements holds, to 1."""
    words = [one for one in query_terms(asked) if one not in STOPWORDS and one not in _ITSELF]
    wanted = {stem(one) for one in words}
    if not wanted:
        return {}
    likely = _with_any_of(wanted)
    statements = {
        one: [wanted & set(map(stem, likely.findall(part.lower()))) for part in _END.split(text)]
        for one, text in texts.items()
    }
    held = Counter(word for parts in statements.values() for word in set().union(*parts))
    weight = {word: math.log(1 + len(texts) / (1 + held[word])) for word in wanted}
    total = sum(weight.values())
    return {
        one: max(sum(weight[word] for word in sorted(part)) for part in parts) / total
        for one, parts in statements.items()
    }


def _with_any_of(stems: Collection[str]) -> re.Pattern[str]:
    """Finds the words that may have one of these stems: most words need not be looked at any further."""
    beginnings = {one[: max(1, len(one) - _LONGEST_ENDING)] for one in stems}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(beginnings)))})\w*")
