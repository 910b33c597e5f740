import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, DecryptionError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.modes.suites import Suite
from cartveil.guard.protect.seal import Form, Place, seal, unseal

PLACE = Place("shop", "orders", "phone")
ROWS = pa.array(["r1", "r2", "r3"])

COLUMNS = [
    pa.array(["张三", None, ""]),
    pa.array(["a", None, "b"], pa.large_string()),
    pa.array([1, None, -(2**63)]),
    pa.array([1, None, 255], pa.uint8()),
    pa.array([1.5, None, float("inf")]),
    pa.array([1.5, None, 2.5], pa.float32()),
    pa.array([True, None, False]),
    pa.array([b"\x00", None, b""]),
    pa.array([datetime.date(1980, 2, 29), None, datetime.date(1, 1, 1)]),
    pa.array([datetime.datetime(2010, 12, 1, 8, 26), None, None], pa.timestamp("us")),
    pa.array([datetime.datetime(2010, 12, 1, 8, 26), None, None], pa.timestamp("ns", "Asia/Shanghai")),
    pa.array([datetime.time(8, 26), None, None]),
    pa.array([datetime.timedelta(days=1), None, None]),
    pa.array([Decimal("-12.34"), None, Decimal("0.01")], pa.decimal128(12, 2)),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_comes_back_in_its_own_type(column: pa.Array, key: SecretKey) -> None:
    keys = [key] * 3
    sealed = seal(column, keys, place=PLACE, rows=ROWS)
    assert sealed.type == pa.binary()
    assert sealed.is_valid().to_pylist() == column.is_valid().to_pylist()
    assert unseal(sealed, keys, place=PLACE, rows=ROWS).equals(column)


def test_a_list_column_is_refused(key: SecretKey) -> None:
    with pytest.raises(ColumnError, match="list"):
        seal(pa.array([[1]]), [key], place=PLACE, rows=pa.array([1]))


def test_cells_of_two_types_come_back_together(key: SecretKey) -> None:
    parts = [seal(pa.array([value]), [key], place=PLACE, rows=pa.array([row])) for row, value in enumerate((1, 2.5))]
    cells = pa.concat_arrays(parts)
    assert unseal(cells, [key] * 2, place=PLACE, rows=pa.array([0, 1])).to_pylist() == [1.0, 2.5]
    cells = pa.concat_arrays([parts[0], seal(pa.array(["x"]), [key], place=PLACE, rows=pa.array([1]))])
    assert unseal(cells, [key] * 2, place=PLACE, rows=pa.array([0, 1])).to_pylist() == ["1", "x"]


def test_the_wire_format_is_pinned(key: SecretKey) -> None:
    cell = seal(pa.array(["138"]), [key], place=PLACE, rows=pa.array(["r1"]))[0].as_py()
    assert cell[:2] == b"\x01\x01"
    context = b"\x01\x01" + b"\x00\x04shop" + b"\x00\x06orders" + b"\x00\x05phone" + b"r1"
    assert AESGCM(key.expose()).decrypt(cell[2:14], cell[14:], context) == b"\x01138"
    assert len(cell) == 2 + 12 + 1 + 3 + 16


def test_index_points_to_keys() -> None:
    keys = [SecretKey(bytes([number]) * 32) for number in range(2)]
    sealed = seal(pa.array(["a", "b", "c"]), keys, place=PLACE, rows=ROWS, index=[0, 1, 0])
    assert unseal(sealed, keys, place=PLACE, rows=ROWS, index=[0, 1, 0]).to_pylist() == ["a", "b", "c"]
    with pytest.raises(DecryptionError):
        unseal(sealed, keys, place=PLACE, rows=ROWS, index=[1, 1, 0])


def sealed_pair(key: SecretKey, suite: Suite = Suite.AES_256_GCM) -> tuple[Any, list[SecretKey]]:
    column = pa.array(["13812345678", "13912345678", None])
    return seal(column, [key] * 3, place=PLACE, rows=ROWS, form=Form(suite)), [key] * 3


@pytest.mark.parametrize(
    "place",
    [
        Place("other", "orders", "phone"),
        Place("shop", "people", "phone"),
        Place("shop", "orders", "email"),
        Place("shopo", "rders", "phone"),
    ],
)
def test_a_cell_moved_to_another_place_does_not_open(place: Place, key: SecretKey) -> None:
    sealed, keys = sealed_pair(key)
    with pytest.raises(DecryptionError):
        unseal(sealed, keys, place=place, rows=ROWS)


@pytest.mark.parametrize("suite", Suite)
def test_cells_swapped_between_rows_do_not_open(suite: Suite, key: SecretKey) -> None:
    sealed, keys = sealed_pair(key, suite)
    with pytest.raises(DecryptionError):
        unseal(sealed.take(pa.array([1, 0, 2])), keys, place=PLACE, rows=ROWS)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("part", range(3))
def test_cells_swapped_between_tenants_tables_or_columns_do_not_open(part: int, suite: Suite, key: SecretKey) -> None:
    names = ["shop", "orders", "phone"]
    here, there = Place(*names), Place(*[name + "2" if at == part else name for at, name in enumerate(names)])
    sealed = [
        seal(pa.array(["a", "b", "c"]), [key] * 3, place=place, rows=ROWS, form=Form(suite)) for place in (here, there)
    ]
    for cells, place in zip(sealed, (there, here), strict=True):
        with pytest.raises(DecryptionError):
            unseal(cells, [key] * 3, place=place, rows=ROWS)


@pytest.mark.parametrize("suite", Suite)
def test_cells_swapped_between_consumers_or_versions_of_a_key_do_not_open(suite: Suite) -> None:
    keys = [SecretKey(bytes([number]) * 32) for number in range(2)]
    # The same row under both keys, as after a consumer's key was made anew: only the key tells the cells apart.
    one, other = (seal(pa.array(["a"]), [k], place=PLACE, rows=pa.array(["r"]), form=Form(suite)) for k in keys)
    for cells, key in ((one, keys[1]), (other, keys[0])):
        with pytest.raises(DecryptionError):
            unseal(cells, [key], place=PLACE, rows=pa.array(["r"]))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.text(max_size=40), st.integers(0, 4)), max_size=40),
    st.sampled_from(Suite),
    st.sampled_from([0, 16]),
)
def test_rows_of_many_consumers_in_any_order_come_back(
    owned: list[tuple[str | None, int]], suite: Suite, pad: int
) -> None:
    keys = [SecretKey(bytes([number]) * 32) for number in range(5)]
    values, index = pa.array([value for value, _ in owned], pa.string()), [owner for _, owner in owned]
    rows, each = pa.array(range(len(owned))), [keys[owner] for owner in index]
    sealed = seal(values, keys, place=PLACE, rows=rows, index=index, form=Form(suite, pad))
    assert unseal(sealed, keys, place=PLACE, rows=rows, index=index).equals(values)
    assert unseal(sealed, each, place=PLACE, rows=rows).equals(values)


def test_more_rows_than_a_chunk_come_back() -> None:
    keys, count = [SecretKey(bytes([number]) * 32) for number in range(7)], 5000
    values, index = pa.array([f"{row}" if row % 5 else None for row in range(count)]), [row % 7 for row in range(count)]
    sealed = seal(values, keys, place=PLACE, rows=pa.array(range(count)), index=index)
    assert unseal(sealed, keys, place=PLACE, rows=pa.array(range(count)), index=index).equals(values)
    assert len({cell[2:14] for cell in sealed.to_pylist() if cell}) == count - count // 5


@pytest.mark.parametrize("suite", Suite)
def test_every_changed_bit_is_noticed_with_one_message(suite: Suite, key: SecretKey) -> None:
    sealed, _ = sealed_pair(key, suite)
    cell = sealed[0].as_py()
    broken = [cell[:at] + bytes([cell[at] ^ 1 << bit]) + cell[at + 1 :] for at in range(len(cell)) for bit in range(8)]
    for wrong in [*broken, b"", cell[:14], cell[:-1], cell + b"\x00"]:
        with pytest.raises(DecryptionError) as caught:
            unseal(pa.array([wrong]), [key], place=PLACE, rows=pa.array(["r1"]))
        assert str(caught.value) == "orders.phone: a value does not open"
        assert "138" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_equal_values_get_different_cells(key: SecretKey) -> None:
    sealed = seal(pa.array(["a"] * 3), [key] * 3, place=PLACE, rows=pa.array(["r"] * 3)).to_pylist()
    assert len(set(sealed)) == 3


def test_lengths_must_agree(key: SecretKey) -> None:
    with pytest.raises(ColumnError):
        seal(pa.array(["a", "b"]), [key], place=PLACE, rows=pa.array([1, 2]))
    with pytest.raises(ColumnError):
        seal(pa.array(["a"]), [key], place=PLACE, rows=pa.array([1, 2]))
    with pytest.raises(ColumnError):
        seal(pa.array(["a"]), [key], place=PLACE, rows=pa.array([None], pa.string()))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.text(max_size=300), max_size=20), st.text(max_size=9), st.text(max_size=9))
def test_any_text_at_any_place_comes_back(values: list[str | None], table: str, column: str) -> None:
    key, place, rows = SecretKey(bytes(32)), Place("t", table, column), pa.array(range(len(values)))
    keys = [key] * len(values)
    sealed = seal(pa.array(values, pa.string()), keys, place=place, rows=rows)
    assert unseal(sealed, keys, place=place, rows=rows).to_pylist() == values
