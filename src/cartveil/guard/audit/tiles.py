"""The tree in tiles: 256 neighbouring hashes in one piece, so that a log of a million entries is 4,000 pieces.

The tile `index` of level `level` holds up to 256 hashes; each is the root over 256**level entries. A tile fills from
the left and, once it is full, never changes; its root is one hash of the level above. Trees in between are hashed
anew when a proof needs them. Written to files, tiles are what any log of this kind serves:

    checkpoint                        the signed note
    tile/0/x001/234                   level 0, tile 1234: 256 hashes, 8,192 bytes
    tile/1/004.p/210                  a partial tile: its first 210 hashes
    tile/entries/x001/234             the entries below a tile of level 0, each after its length (2 bytes, big-endian)

    >>> tile_path(0, 1234067, WIDTH)
    'tile/0/x001/x234/067'
    >>> tile_path("entries", 0, 7)
    'tile/entries/000.p/7'

Source: C2SP `tlog-tiles`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from cartveil.errors import InputError, IntegrityError
from cartveil.guard.audit.merkle import Nodes, build

#: Hashes in a full tile; bytes of a hash and of a full tile; levels of the tree that a tile spans.
WIDTH = 256
HASH_BYTES = 32
TILE_BYTES = WIDTH * HASH_BYTES
HEIGHT = 8

#: The hashes of a tile by level and index, joined; empty where there is none.
Tiles = Callable[[int, int], bytes]

# Proofs and roots at the right edge go back to the same few tiles.
_KEPT = 64
_LENGTH_BYTES = 2


def tile_nodes(tiles: Tiles) -> Nodes:
    """Return the complete trees that tiles hold.

    Raises:
        IntegrityError: From what is returned, where a tile lacks the hash.
    """

    def nodes(level: int, position: int) -> bytes:
        above, inner = divmod(level, HEIGHT)
        index, place = divmod(position, WIDTH >> inner)
        rows = _trees(tiles(above, index))
        if inner >= len(rows) or place >= len(rows[inner]):
            raise IntegrityError("part of the tree is missing", path=f"audit[{position << level}]")
        return rows[inner][place]

    return nodes


def grow(leaves: Sequence[bytes], *, size: int, tiles: Tiles) -> list[tuple[int, int, bytes]]:
    """Return the tiles that come to be or become longer when leaves are appended.

    Args:
        leaves: Leaf hashes, in order.
        size: Entries before.
        tiles: The tiles before; only the last of each level is asked for.

    Returns:
        Level, index and hashes: of n leaves, n / 256 tiles and one or two more per level.

    Raises:
        IntegrityError: The last tile of a level has not the hashes that it must have.
    """
    grown: list[tuple[int, int, bytes]] = []
    level, before, row = 0, size, leaves
    while row:
        index, begun = divmod(before, WIDTH)
        start = tiles(level, index) if begun else b""
        if len(start) != begun * HASH_BYTES:
            raise IntegrityError("part of the tree is missing", path=f"audit[{before * WIDTH**level}]")
        joined = start + b"".join(row)
        cut = [joined[place : place + TILE_BYTES] for place in range(0, len(joined), TILE_BYTES)]
        grown.extend((level, number, tile) for number, tile in enumerate(cut, index))
        # As many hashes stood in the level above as there were full tiles in this one.
        row = [tile_root(tile) for tile in cut if len(tile) == TILE_BYTES]
        level, before = level + 1, index
    return grown


def recompute(batches: Iterable[Sequence[bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """Yield every tile of the tree over leaf hashes, each once and as long as it gets; few are held at a time."""
    edge: dict[int, tuple[int, bytes]] = {}
    size = 0
    for leaves in batches:
        for level, index, tile in grow(leaves, size=size, tiles=lambda level, _: edge[level][1]):
            if len(tile) == TILE_BYTES:
                edge.pop(level, None)
                yield level, index, tile
            else:
                edge[level] = index, tile
        size += len(leaves)
    for level, (index, tile) in sorted(edge.items()):
        yield level, index, tile


def shape(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield level, index and width of every tile of a tree, by level and index."""
    level, hashes = 0, size
    while hashes:
        for index in range(-(-hashes // WIDTH)):
            yield level, index, min(WIDTH, hashes - index * WIDTH)
        level, hashes = level + 1, hashes // WIDTH


def width_of(level: int, index: int, *, size: int) -> int:
    """Return how many hashes a tile has in a tree of `size` entries; 0 where there is no such tile."""
    hashes: int = size >> (HEIGHT * level)
    return max(0, min(WIDTH, hashes - index * WIDTH))


def split_tile(tile: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [tile[place : place + HASH_BYTES] for place in range(0, len(tile), HASH_BYTES)]


@lru_cache(maxsize=_KEPT)
def _trees(tile: bytes) -> list[list[bytes]]:
    """Return the complete trees over a tile's hashes; found again by the hashes themselves, so never out of date."""
    return build(split_tile(tile))


def tile_root(tile: bytes) -> bytes:
    """Return the root over a full tile."""
    return build(split_tile(tile))[-1][0]


def tile_path(level: int | str, index: int, width: int) -> str:
    """Return where a tile, or with level `entries` a bundle, stands in a published log."""
    digits = f"{index:0{-(-len(str(index)) // 3) * 3}d}"
    parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    path = "/".join([f"x{part}" for part in parts[:-1]] + parts[-1:])
    return f"tile/{level}/{path}" + (f".p/{width}" if width < WIDTH else "")


def write_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries one after the other, each after its length.

    Raises:
        InputError: An entry is too long for a bundle.
    """
    try:
        return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)
    except OverflowError:
        hint = "publish without entries; the hashes are there all the same"
        raise InputError("an entry has more than 65,535 bytes", path="audit", hint=hint) from None


def read_bundle(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        IntegrityError: It is no bundle.
    """
    entries, place = [], 0
    while place < len(bundle):
        end = place + _LENGTH_BYTES + int.from_bytes(bundle[place : place + _LENGTH_BYTES], "big")
        if end > len(bundle):
            raise IntegrityError("is not a bundle of entries", path="audit")
        entries.append(bundle[place + _LENGTH_BYTES : end])
        place = end
    return entries
