"""The Merkle tree of RFC 6962: hashes, proofs, and their verification, over nothing but bytes.

The tree over `n` entries splits at the largest power of two below `n`, so every left part is a complete tree that
never changes again. Complete trees are known to whoever calls this (`Nodes`, such as from `tiles`); the few incomplete
ones at the right edge are computed when asked for.

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'

Source: RFC 6962, section 2.1; verification as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from cartveil.errors import IntegrityError

#: The hash of a complete tree of 2**level entries that starts at entry position * 2**level.
Nodes = Callable[[int, int], bytes]

#: The root of a tree without entries.
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry; the prefix keeps an entry from posing as a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(size: int, nodes: Nodes) -> bytes:
    """Return the root of the tree over the first `size` entries."""
    return _range_hash(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Return the audit path of one entry, from its neighbour upwards.

    Raises:
        IndexError: No such entry in a tree of that size.
    """
    if not 0 <= index < size:
        raise IndexError(f"entry {index} of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(_range_hash(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Return the proof that the first `old` entries of a tree of `new` are the tree of `old`.

    Raises:
        IndexError: `old` is greater than `new`.
    """
    if not 0 <= old <= new:
        raise IndexError(f"size {old} of {new}")
    path: list[bytes] = []
    start, end, whole = 0, new, True  # whole: the old tree starts where this one does, and its root is known
    while 0 < old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(_range_hash(start, middle, nodes))
            start, whole = middle, False
    if old and not whole:
        path.append(_range_hash(start, end, nodes))
    return path[::-1]


def verify_inclusion(entry: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that an entry stands at an index of the tree with this root.

    Raises:
        IntegrityError: It does not.
    """
    if not 0 <= index < size:
        raise IntegrityError("inclusion proof names an entry outside the tree")
    value, node, last = leaf_hash(entry), index, size - 1
    for neighbour in proof:
        if last == 0:
            raise IntegrityError("inclusion proof is too long")
        if node % 2 or node == last:
            value = node_hash(neighbour, value)
            while not node % 2 and node:
                node, last = node // 2, last // 2
        else:
            value = node_hash(value, neighbour)
        node, last = node // 2, last // 2
    if last or value != root:
        raise IntegrityError("inclusion proof does not lead to the root")


def verify_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a tree of `new` entries begins with the tree of `old` entries: that nothing was rewritten.

    Raises:
        IntegrityError: It does not.
    """
    if not 0 <= old <= new:
        raise IntegrityError("the log became shorter")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected:
            raise IntegrityError("consistency proof does not lead to the roots")
        return
    # A complete old tree is its own first node, which the proof leaves out.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path or _fold(path, old=old, new=new) != (old_root, new_root):
        raise IntegrityError("consistency proof does not lead to the roots")


def _fold(path: Sequence[bytes], *, old: int, new: int) -> tuple[bytes, bytes] | None:
    node, last = old - 1, new - 1
    while node % 2:
        node, last = node // 2, last // 2
    first = second = path[0]
    for neighbour in path[1:]:
        if last == 0:
            return None
        if node % 2 or node == last:
            first, second = node_hash(neighbour, first), node_hash(neighbour, second)
            while not node % 2 and node:
                node, last = node // 2, last // 2
        else:
            second = node_hash(second, neighbour)
        node, last = node // 2, last // 2
    return (first, second) if last == 0 else None


def _range_hash(start: int, end: int, nodes: Nodes) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(size)
    return node_hash(_range_hash(start, middle, nodes), _range_hash(middle, end, nodes))


def _split(size: int) -> int:
    """Return the largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


def build(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """Return all complete trees over leaf hashes, by level and position: the whole tree from nothing."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)])
    return levels
