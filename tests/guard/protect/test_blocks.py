import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.protect.modes import blocks

texts = st.lists(st.binary(max_size=70), min_size=1, max_size=40)


def reference(values: list[bytes], width: int) -> list[bytes]:
    return [value[:width].ljust(width, b"\x00") for value in values]


@settings(max_examples=100, deadline=None)
@given(texts, st.sampled_from([1, 5, 8, 16, 24, 32, 64, 80]))
def test_gather_is_what_a_loop_gathers(values: list[bytes], width: int) -> None:
    view = blocks.texts_of(pa.array([b"before", *values], pa.binary())[1:])
    assert [row.tobytes() for row in blocks.gather(view, slice(None), width)] == reference(values, width)
    order = np.arange(len(values))[::-1].copy()
    assert [row.tobytes() for row in blocks.gather(view, order, width)] == reference(values, width)[::-1]


@settings(max_examples=60, deadline=None)
@given(texts, st.sampled_from([16, 32]))
def test_cmac_of_mixed_lengths_is_that_of_cryptography(values: list[bytes], size: int) -> None:
    many = values * 12  # so that most lengths take the batched path
    tags = blocks.cmac(blocks.texts_of(pa.array(many, pa.binary())), bytes(range(size)))
    assert [tag.tobytes() for tag in tags] == [blocks.cmac_one(value, bytes(range(size))) for value in many]


def test_the_groups_hold_each_row_once() -> None:
    for lengths in ([11] * 9000, [0, 16, 17, 33, 1] * 4000, [], [0], list(range(3000))):
        view = np.array(lengths, np.int64)
        seen = []
        for rows, count in blocks.groups(view):
            some = np.arange(len(view))[rows]
            assert {max(1, -(-length // 16)) for length in view[some]} == {count}
            seen += some.tolist()
        assert sorted(seen) == list(range(len(lengths)))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_rows_of_a_matrix_become_text_of_their_lengths(kind: pa.DataType) -> None:
    matrix = np.frombuffer(b"abcdefghi", np.uint8).reshape(3, 3)
    assert blocks.strings_of(matrix).to_pylist() == ["abc", "def", "ghi"]
    assert blocks.strings_of(matrix, np.array([0, 2, 3])).to_pylist() == ["", "de", "ghi"]
    assert blocks.strings_of(matrix, np.array([3, 3, 3])).cast(kind).to_pylist() == ["abc", "def", "ghi"]
    assert blocks.strings_of(matrix[:0]).to_pylist() == []


def test_keys_of_two_labels_differ(key) -> None:  # type: ignore[no-untyped-def]
    assert blocks.subkey(key, "pseudonym") != blocks.subkey(key, "token")
