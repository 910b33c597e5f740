"""Tiles: their shape, their names, and bundles of entries."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError, IntegrityError
from cartveil.guard.audit.merkle import build, leaf_hash
from cartveil.guard.audit.tiles import (
    WIDTH,
    grow,
    read_bundle,
    recompute,
    shape,
    split_tile,
    tile_nodes,
    tile_path,
    tile_root,
    width_of,
    write_bundle,
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


# The specification's own examples.
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, {}),
        (1, {(0, 1): 1}),
        (256, {(0, 256): 1, (1, 1): 1}),
        (70_000, {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}),
    ],
)
def test_a_tree_has_the_tiles_of_the_specification(size: int, expected: dict[tuple[int, int], int]) -> None:
    found: dict[tuple[int, int], int] = {}
    for level, index, width in shape(size):
        assert width_of(level, index, size=size) == width
        found[level, width] = found.get((level, width), 0) + 1
    assert found == expected


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 999, 1, "tile/1/999.p/1"),
        (2, 1000, 255, "tile/2/x001/000.p/255"),
        ("entries", 70, 16, "tile/entries/070.p/16"),
    ],
)
def test_tiles_have_the_names_of_the_specification(level: int | str, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path


@given(st.lists(st.integers(0, 600), max_size=6))
def test_tiles_grown_in_steps_are_those_of_the_whole_tree(steps: list[int]) -> None:
    stored: dict[tuple[int, int], bytes] = {}
    everything, size = leaves(sum(steps)), 0
    for step in steps:
        new = everything[size : size + step]
        for level, index, tile in grow(new, size=size, tiles=lambda level, index: stored.get((level, index), b"")):
            stored[level, index] = tile
        size += step
    rows = build(everything)
    assert [(level, index, len(tile) // 32) for (level, index), tile in sorted(stored.items())] == list(shape(size))
    for (level, index), tile in stored.items():
        assert split_tile(tile) == rows[8 * level][index * WIDTH : (index + 1) * WIDTH]
    batches = [everything[place : place + WIDTH] for place in range(0, size, WIDTH)]
    assert {(level, index): tile for level, index, tile in recompute(batches)} == stored


def test_every_complete_tree_is_found_in_tiles() -> None:
    everything = leaves(1000)
    stored = {(level, index): tile for level, index, tile in recompute([everything])}
    nodes = tile_nodes(lambda level, index: stored[level, index])
    for level, row in enumerate(build(everything)):
        assert [nodes(level, position) for position in range(len(row))] == row
    assert tile_root(stored[0, 0]) == nodes(8, 0)


def test_what_a_tile_lacks_is_missing() -> None:
    nodes = tile_nodes(lambda level, index: b"".join(leaves(5)))
    for level, position in ((0, 5), (2, 1), (3, 0)):
        with pytest.raises(IntegrityError, match="missing"):
            nodes(level, position)


@pytest.mark.parametrize("found", [0, 3, 5])
def test_nothing_is_built_upon_a_damaged_end(found: int) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        grow(leaves(1), size=4, tiles=lambda level, index: bytes(32 * found))


def test_entries_come_back_from_their_bundle() -> None:
    entries = [b"", b"x", bytes(65_535)]
    bundle = write_bundle(entries)
    assert read_bundle(bundle) == entries
    assert bundle[:5] == b"\x00\x00\x00\x01x"
    assert hashlib.sha256(b"\x00" + read_bundle(bundle)[1]).digest() == leaf_hash(b"x")


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02x", b"\x00\x01x\x00"])
def test_what_is_no_bundle_is_refused(bundle: bytes) -> None:
    with pytest.raises(IntegrityError):
        read_bundle(bundle)


def test_an_entry_too_long_for_a_bundle_is_refused() -> None:
    with pytest.raises(InputError, match="65,535"):
        write_bundle([bytes(65_536)])
