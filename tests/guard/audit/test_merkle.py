"""The tree against published roots, and against a slow obvious reference."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import IntegrityError
from cartveil.guard.audit import verify_consistency, verify_inclusion
from cartveil.guard.audit.merkle import (
    EMPTY_ROOT,
    build,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from cartveil.guard.audit.tiles import grow, tile_nodes

# The reference entries and roots of the certificate-transparency project (merkletree/merkle_tree_test).
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(entries: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(entries[:split]) + naive_root(entries[split:])).digest()


def naive_inclusion(index: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if index < split:
        return [*naive_inclusion(index, entries[:split]), naive_root(entries[split:])]
    return [*naive_inclusion(index - split, entries[split:]), naive_root(entries[:split])]


def naive_consistency(old: int, entries: list[bytes], *, whole: bool = True) -> list[bytes]:
    if old == len(entries):
        return [] if whole else [naive_root(entries)]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if old <= split:
        return [*naive_consistency(old, entries[:split], whole=whole), naive_root(entries[split:])]
    return [*naive_consistency(old - split, entries[split:], whole=False), naive_root(entries[:split])]


class Grown:
    """A tree that grows as the log's does."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.size = 0
        self.nodes = tile_nodes(self.tile)

    def append(self, entries: list[bytes]) -> None:
        for level, index, tile in grow([leaf_hash(entry) for entry in entries], size=self.size, tiles=self.tile):
            assert tile.startswith(self.tile(level, index)), "a tile only grows"
            self.tiles[level, index] = tile
        self.size += len(entries)

    def tile(self, level: int, index: int) -> bytes:
        return self.tiles.get((level, index), b"")


entry_lists = st.lists(st.binary(max_size=4), max_size=40)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    tree = Grown()
    tree.append(ENTRIES[:size])
    assert tree_root(size, tree.nodes).hex() == ROOTS[size - 1]


def test_empty_tree_has_the_root_of_the_rfc() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree_root(0, Grown().nodes) == EMPTY_ROOT


@given(st.lists(entry_lists, max_size=5))
def test_growing_in_any_steps_is_building_at_once(steps: list[list[bytes]]) -> None:
    tree = Grown()
    for step in steps:
        tree.append(step)
    entries = [entry for step in steps for entry in step]
    levels = build(leaf_hash(entry) for entry in entries)
    for level, row in enumerate(levels):
        assert [tree.nodes(level, position) for position in range(len(row))] == row
    assert tree_root(tree.size, tree.nodes) == naive_root(entries)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_inclusion_proofs_are_those_of_the_rfc_and_verify(entries: list[bytes], data: st.DataObject) -> None:
    tree = Grown()
    tree.append(entries)
    index = data.draw(st.integers(0, len(entries) - 1))
    proof = inclusion_proof(index, len(entries), tree.nodes)
    assert proof == naive_inclusion(index, entries)
    root = naive_root(entries)
    verify_inclusion(entries[index], index=index, size=len(entries), proof=proof, root=root)


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=40, unique=True), st.data())
def test_forged_inclusion_proofs_are_rejected(entries: list[bytes], data: st.DataObject) -> None:
    tree = Grown()
    tree.append(entries)
    size, root = len(entries), naive_root(entries)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.nodes)
    flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]] if proof else [bytes(32)]
    forgeries = [
        (entries[index] + b"x", index, size, proof),
        (entries[index], index + 1, size, proof),
        (entries[index], -1, size, proof),
        (entries[index], index, 0, proof),
        (entries[index], index, size, flipped),
        (entries[index], index, size, [*proof, bytes(32)]),
        (entries[index], index, size, proof[:-1] if proof else [root]),
    ]
    for entry, place, total, path in forgeries:
        with pytest.raises(IntegrityError):
            verify_inclusion(entry, index=place, size=total, proof=path, root=root)


@given(st.lists(st.binary(max_size=4), max_size=40), st.data())
def test_consistency_proofs_are_those_of_the_rfc_and_verify(entries: list[bytes], data: st.DataObject) -> None:
    tree = Grown()
    tree.append(entries)
    old = data.draw(st.integers(0, len(entries)))
    proof = consistency_proof(old, len(entries), tree.nodes)
    assert proof == (naive_consistency(old, entries) if old else [])
    old_root, new_root = naive_root(entries[:old]), naive_root(entries)
    verify_consistency(old=old, new=len(entries), old_root=old_root, new_root=new_root, proof=proof)


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=2, max_size=40, unique=True), st.data())
def test_a_rewritten_past_is_not_consistent(entries: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(entries) - 1))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*entries]
    rewritten[changed] += b"x"
    tree = Grown()
    tree.append(rewritten)
    proof = consistency_proof(old, len(entries), tree.nodes)
    roots = {"old_root": naive_root(entries[:old]), "new_root": naive_root(rewritten)}
    with pytest.raises(IntegrityError):
        verify_consistency(old=old, new=len(entries), proof=proof, **roots)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2)])
def test_a_shorter_log_is_not_consistent(old: int, new: int) -> None:
    with pytest.raises(IntegrityError, match="shorter"):
        verify_consistency(old=old, new=new, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, proof=[])


def test_a_proof_is_exactly_as_long_as_the_tree_asks_for() -> None:
    value, root = leaf_hash(b"a"), naive_root([b"a", b"b"])
    with pytest.raises(IntegrityError):
        verify_inclusion(b"a", index=0, size=2, proof=[], root=value)
    for old, old_root in ((0, EMPTY_ROOT), (2, root)):
        verify_consistency(old=old, new=2, old_root=old_root, new_root=root, proof=[])
        with pytest.raises(IntegrityError):
            verify_consistency(old=old, new=2, old_root=old_root, new_root=root, proof=[value])


def test_proofs_that_cannot_be_are_refused() -> None:
    tree = Grown()
    tree.append(ENTRIES)
    for index, size in ((8, 8), (-1, 8), (0, 0)):
        with pytest.raises(IndexError):
            inclusion_proof(index, size, tree.nodes)
    with pytest.raises(IndexError):
        consistency_proof(9, 8, tree.nodes)


def test_a_leaf_cannot_pose_as_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != build([left, right])[1][0]
