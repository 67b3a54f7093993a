"""How much of what is asked one statement of a passage holds.

Where the words of a question stand in one sentence they are said of one another; scattered over a passage
they need not be. Rare words count more, rare among the passages compared. What a question calls the document
itself ("this agreement", "the policy") and words that say nothing do not count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import accumulate

from engine.words import STOPWORDS, stem, word_set
from storage.keywords import query_terms

_ENDS = re.compile(r"[.;:?!\n](?:(?<!\n)\s|(?<=\n)\n)")
"""Stands between two words of different statements."""
_BETWEEN = "\n\n"
_REST = re.compile(r"\w*")
"""Of a word, behind its beginning."""
_LONGEST_ENDING = 2
"""Letters that a stem may have and its words lack, at the most."""
_ITSELF = word_set(
    "agreement contract document policy lease report filing clause provision section article information"
)
"""What questions call a document and its parts."""


def held_together(asked: str, texts: Mapping[str, str]) -> dict[str, float]:
    """For each text the largest share of the asked words' weight that one of its statements holds, to 1."""
    words = [one for one in query_terms(asked) if one not in STOPWORDS and one not in _ITSELF]
    wanted = frozenset(map(stem, words))
    if not wanted:
        return {}
    statements = dict(zip(texts, _statements([text.lower() for text in texts.values()], wanted), strict=True))
    held = Counter(word for parts in statements.values() for word in set().union(*parts))
    weight = {word: math.log(1 + len(texts) / (1 + held[word])) for word in sorted(wanted)}
    total = sum(weight.values())
    return {
        one: max((sum(weight[word] for word in sorted(part)) for part in parts), default=0.0) / total
        for one, parts in statements.items()
    }


def _statements(texts: Sequence[str], wanted: Set[str]) -> list[list[set[str]]]:
    """Which of the wanted stems the statements of each text hold; those that hold none are left out."""
    # All are searched as one, which takes as many steps as there are words found, and no more for each text.
    joined = _BETWEEN.join(texts)
    borders = accumulate(len(text) + len(_BETWEEN) for text in texts)
    found: list[list[set[str]]] = [[] for _ in texts]
    parts, border, last = iter(found), 0, 0
    here: list[set[str]] = []
    for start, end in _likely(joined, _beginnings(wanted)):
        word = stem(joined[start:end])
        if word not in wanted:
            continue
        while start >= border:
            here, border = next(parts), next(borders)
        # Statements are only told apart where words stand that are asked for: most of a text is not read.
        if here and _ENDS.search(joined, last, start) is None:
            here[-1].add(word)
        else:
            here.append({word})
        last = end - 1
    return found


def _likely(text: str, beginnings: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where words with one of these beginnings stand, in order; of those within one another the first."""
    found: list[tuple[int, int, int]] = []
    rest = _REST.match
    for which, begun in enumerate(beginnings):
        at, size, begins_word = text.find(begun), len(begun), begun[0].isalnum()
        while at >= 0:
            before = text[at - 1] if at else ""
            if (before.isalnum() or before == "_") is not begins_word:
                behind = rest(text, at + size)
                assert behind is not None, "no letters are a rest, too"
                found.append((at, which, behind.end()))
            at = text.find(begun, at + 1)
    last = 0
    for start, _, end in sorted(found):
        if start >= last:
            yield start, end
            last = end


def _beginnings(stems: Set[str]) -> Sequence[str]:
    """What all words begin with that may have one of these stems."""
    # Clauses and figures may stand within one another: what is found is told by what is looked for first.
    short = {one[: max(1, len(one) - _LONGEST_ENDING)] for one in stems}
    if not all(map(str.isalnum, short)):
        return sorted(short)
    # A word begins with its stem, but for a `y` that stands for other letters; `10-k` is no single word.
    return sorted({one.removesuffix("y") or one for one in stems if one.isalnum()})
