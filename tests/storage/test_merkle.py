"""The tree hashes against an independent, slow reading of RFC 6962."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.merkle import Frontier, leaf_hash, node_hash


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = slow_root(leaves[:split]), slow_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_of(leaves: list[bytes]) -> Frontier:
    return Frontier().extend(leaf_hash(leaf) for leaf in leaves)


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_that_of_the_rfc(leaves: list[bytes]) -> None:
    assert tree_of(leaves).root() == slow_root(leaves)


def test_every_size_up_to_300_has_the_root_of_the_rfc() -> None:
    leaves = [str(number).encode() for number in range(300)]
    tree = Frontier()
    for size, leaf in enumerate(leaves, start=1):
        tree = tree.append(leaf_hash(leaf))
        assert (tree.size, tree.root()) == (size, slow_root(leaves[:size]))


@pytest.mark.parametrize(
    ("size", "root"),
    [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_the_published_certificate_transparency_roots_come_out(size: int, root: str) -> None:
    published = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    assert tree_of([bytes.fromhex(leaf) for leaf in published[:size]]).root().hex() == root


@given(st.integers(0, 5_000))
def test_only_one_hash_per_perfect_subtree_is_kept(size: int) -> None:
    tree = Frontier().extend([b"x" * 32] * size)
    assert len(tree.peaks) == size.bit_count()


def test_a_leaf_cannot_pose_as_the_node_of_two_others() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_appending_leaves_the_tree_that_was_untouched() -> None:
    before = tree_of([b"a", b"b", b"c"])
    root = before.root()
    before.append(leaf_hash(b"d"))
    assert (before.size, before.root()) == (3, root)
