"""A signature of a document's words, by which drafts of the same text are found (`storage.families`).

MinHash over runs of five words, lower case, page ends left out of account. The same words give the same
signature on every machine and in every release: seed, scheme and hash are fixed here.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
from datasketch import MinHash

_RUN = 5
_NUMBERS = 128
_SEED = 20_011
_WORD = re.compile(r"\w+")


class Signature:
    """Feed the texts of all pages in order, then ask for the signature."""

    def __init__(self) -> None:
        """No words yet."""
        self._hashes = MinHash(num_perm=_NUMBERS, seed=_SEED, hashfunc=zlib.crc32, scheme="affine32")
        self._last: list[str] = []
        self._any = False

    def feed(self, text: str) -> None:
        """The next page's text."""
        words = self._last + _WORD.findall(text.lower())
        runs = [" ".join(words[n : n + _RUN]).encode() for n in range(len(words) - _RUN + 1)]
        if runs:
            self._hashes.update_batch(runs)
            self._any = True
        self._last = words[-_RUN + 1 :]

    def packed(self) -> bytes | None:
        """The signature as `storage.families` compares it; None for fewer than five words."""
        return np.asarray(self._hashes.hashvalues, dtype="<u4").tobytes() if self._any else None
