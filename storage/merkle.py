"""Merkle tree hashes as in RFC 6962, section 2.1: one root stands for every leaf before it, in order.

A `Frontier` holds only the perfect subtrees on the right edge, so appending and taking the root cost
O(log n). This module knows nothing of what the leaves mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf. Its prefix differs from a node's, so that no leaf can pose as a subtree."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be remembered of a tree to go on with it. Frozen: appending gives a new one."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()
    """Roots of the perfect subtrees, largest first: one for each 1 in the binary form of `size`."""

    def append(self, leaf: bytes) -> Frontier:
        """The tree with one more leaf, given by its hash."""
        peaks = list(self.peaks)
        joined, count = leaf, self.size
        while count & 1:
            joined, count = node_hash(peaks.pop(), joined), count >> 1
        return Frontier(self.size + 1, (*peaks, joined))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The tree with several more leaves, given by their hashes."""
        tree = self
        for leaf in leaves:
            tree = tree.append(leaf)
        return tree

    def root(self) -> bytes:
        """The RFC 6962 root over all leaves; SHA-256 of nothing when there are none."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root
