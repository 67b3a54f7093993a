"""Which documents have nearly the same words, by their MinHash signatures.

A signature is an array of 32-bit numbers; the share of equal ones estimates how many five-word runs two
documents have in common, of all that either has (Jaccard). Who makes signatures is no matter here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from storage.records import Family

LIKE = 0.7
"""Likeness from which two documents are of one family."""
_BAND = 4
"""Numbers per band: two documents of likeness 0.7 share one of 32 bands but for one time in 5,000."""


def likeness(one: bytes, other: bytes) -> float:
    """Of two signatures of the same length, from 0 to 1."""
    return float(np.mean(np.frombuffer(one, dtype="<u4") == np.frombuffer(other, dtype="<u4")))


def families(signatures: Sequence[tuple[str, bytes]]) -> list[Family]:
    """Groups of two or more, each led by the first of its members in the order given.

    Ten thousand documents take about half a second.
    """
    leaders: list[tuple[str, npt.NDArray[np.uint32], list[tuple[str, float]]]] = []
    by_band: dict[tuple[int, bytes], list[int]] = {}
    for document_id, packed in signatures:
        signature = np.frombuffer(packed, dtype="<u4")
        width = _BAND * signature.itemsize
        bands = [(n, packed[n : n + width]) for n in range(0, len(packed), width)]
        near = {leader for band in bands for leader in by_band.get(band, ())}
        likeness = {leader: float(np.mean(leaders[leader][1] == signature)) for leader in sorted(near)}
        best = max(likeness, key=likeness.__getitem__, default=None)
        if best is not None and likeness[best] >= LIKE:
            leaders[best][2].append((document_id, round(likeness[best], 3)))
            continue
        for band in bands:
            by_band.setdefault(band, []).append(len(leaders))
        leaders.append((document_id, signature, []))
    return [Family(((lead, 1.0), *others)) for lead, _, others in leaders if others]
