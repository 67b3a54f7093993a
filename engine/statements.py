"""How much of what is asked one statement of a passage holds.

Where the words of a question stand in one sentence they are said of one another; scattered over a passage
they need not be. Rare words count more, rare among the passages compared. What a question calls the document
itself ("this agreement", "the policy") and words that say nothing do not count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import accumulate
from operator import or_

import numpy as np
import numpy.typing as npt

from engine.words import STOPWORDS, stem, word_set
from storage.keywords import query_terms

_ENDS = re.compile(r"[.;:?!\n](?:(?<!\n)\s|(?<=\n)\n)")
"""Stands between two words of different statements."""
_BETWEEN = "\n\n"
_REST = re.compile(r"\w*")
"""Of a word, behind its beginning."""
_LONGEST_ENDING = 2
"""Letters that a stem may have and its words lack, at the most."""
_COMPARED = 8
"""Bytes of a word's beginning, two for each letter."""
_ITSELF = word_set(
    "agreement contract document policy lease report filing clause provision section article information"
)
"""What questions call a document and its parts."""


class Together:
    """What statements hold of what is asked; for one question, in one thread. Each text is read once."""

    def __init__(self, asked: str) -> None:
        """Nothing is read yet."""
        words = [one for one in query_terms(asked) if one not in STOPWORDS and one not in _ITSELF]
        self._wanted = sorted(set(map(stem, words)))
        self._read: dict[str, list[int]] = {}

    def read(self, texts: Iterable[str]) -> None:
        """Look at texts: `shares` then has read them."""
        new = [one for one in dict.fromkeys(texts) if one not in self._read]
        if new and self._wanted:
            self._read.update(zip(new, _statements([one.lower() for one in new], self._wanted), strict=True))

    def shares(self, texts: Mapping[str, str]) -> dict[str, float]:
        """For each text the largest share of the asked words' weight that a statement of it holds, to 1."""
        if not self._wanted:
            return {}
        self.read(texts.values())
        statements = [self._read[text] for text in texts.values()]
        held = Counter(reduce(or_, parts, 0) for parts in statements)
        weights = {
            bit: math.log(
                1 + len(texts) / (1 + sum(count for all_of_it, count in held.items() if all_of_it & bit))
            )
            for bit in _bits(self._wanted).values()
        }
        total = sum(weights.values())
        # Most statements hold the same few words.
        weight = {
            one: sum(each for bit, each in weights.items() if one & bit) for one in set().union(*statements)
        }
        return {
            one: max(map(weight.__getitem__, parts), default=0.0) / total
            for one, parts in zip(texts, statements, strict=True)
        }


def _bits(wanted: Sequence[str]) -> dict[str, int]:
    """Each word as a bit of its own: a set of words is one number."""
    return {word: 1 << at for at, word in enumerate(wanted)}


def _statements(texts: Sequence[str], wanted: Sequence[str]) -> list[list[int]]:
    """Which of the wanted stems each text's statements hold, as bits; those that hold none are left out."""
    # All are searched as one, which takes as many steps as there are words found, and no more for each text.
    joined = _BETWEEN.join(texts)
    borders = accumulate(len(text) + len(_BETWEEN) for text in texts)
    found: list[list[int]] = [[] for _ in texts]
    parts, border, last = iter(found), 0, 0
    here: list[int] = []
    bit_of, ends = _bits(wanted).get, _ENDS.search
    for start, end in _likely(joined, _beginnings(wanted)):
        bit = bit_of(stem(joined[start:end]))
        if bit is None:
            continue
        if start >= border:
            while start >= border:
                here, border = next(parts), next(borders)
            here.append(bit)
        # Statements are only told apart where words stand that are asked for: most of a text is not read.
        elif ends(joined, last, start):
            here.append(bit)
        else:
            here[-1] |= bit
        last = end - 1
    return found


def _likely(text: str, beginnings: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where words stand that may begin so, in order; of those within one another the first."""
    plain = f"\n{text}\n".encode("utf-16-le", errors="surrogatepass")
    # Clauses and figures may begin inside a word, and rare letters take two places.
    if len(plain) == 2 * len(text) + 4 and all(one.isascii() and one.isalnum() for one in beginnings):
        yield from _words_begun(plain, beginnings)
        return
    found: list[tuple[int, int, int]] = []
    find, rest = text.find, _REST.match
    for which, begun in enumerate(beginnings):
        at, size, begins_word = find(begun), len(begun), begun[0].isalnum()
        while at >= 0:
            before = text[at - 1] if at else ""
            if (before.isalnum() or before == "_") is not begins_word:
                behind = rest(text, at + size)
                assert behind is not None, "no letters are a rest, too"
                found.append((at, which, behind.end()))
            at = find(begun, at + 1)
    last = 0
    for start, _, end in sorted(found):
        if start >= last:
            yield start, end
            last = end


def _words_begun(plain: bytes, beginnings: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where words stand that share their first four letters with one of these, all compared at once.

    `plain` has two bytes for each letter, and a blank at both ends, the first of which is not counted.
    """
    in_word = _word_letters().take(np.frombuffer(plain, dtype="<u2"))
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]).reshape(-1, 2)
    # Four letters are one number; those behind the end are of no word.
    padded = plain + bytes(_COMPARED)
    firsts = np.ndarray((len(plain) // 2,), dtype="<u8", buffer=padded, strides=(2,))[edges[:, 0] + 1]
    begun = np.zeros(len(edges), dtype=bool)
    for one in beginnings:
        letters = one.encode("utf-16-le")[:_COMPARED]
        wanted, every = int.from_bytes(letters, "little"), (1 << 8 * len(letters)) - 1
        begun |= (firsts & np.uint64(every)) == np.uint64(wanted)
    starts, ends = edges[begun].T.tolist()
    return zip(starts, ends, strict=True)


@lru_cache(maxsize=1)
def _word_letters() -> npt.NDArray[np.bool_]:
    """By its number, whether a letter is of a word."""
    return np.array([chr(one).isalnum() or chr(one) == "_" for one in range(1 << 16)])


def _beginnings(stems: Collection[str]) -> Sequence[str]:
    """What all words begin with that may have one of these stems."""
    # Clauses and figures may stand within one another: what is found is told by what is looked for first.
    short = {one[: max(1, len(one) - _LONGEST_ENDING)] for one in stems}
    if not all(map(str.isalnum, short)):
        return sorted(short)
    # A word begins with its stem, but for a `y` that stands for other letters; `10-k` is no single word.
    return sorted({one.removesuffix("y") or one for one in stems if one.isalnum()})
