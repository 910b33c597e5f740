import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, DecryptionError, KeyringError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.table import METADATA, decrypt, encrypt

KEY = bytes(range(32))


def everything() -> pa.Table:
    table = pa.table(
        {
            "text": ["张三", None, ""],
            "large": pa.array(["a", None, "b"], pa.large_string()),
            "whole": pa.array([1, None, -128], pa.int8()),
            "number": [1.5, None, float("-inf")],
            "price": pa.array([Decimal("1.10"), None, Decimal("-2.00")], pa.decimal128(9, 2)),
            "flag": [True, None, False],
            "day": [datetime.date(1980, 2, 29), None, datetime.date(1, 1, 1)],
            "time": pa.array([datetime.datetime(2010, 12, 1, 8), None, None], pa.timestamp("ns", "Europe/London")),
            "bytes": [b"\x00", None, b""],
            "list": pa.array([[1, None], None, []], pa.list_(pa.int64())),
            "struct": pa.array([{"a": 1}, None, {"a": None}]),
            "nothing": pa.nulls(3),
            "view": pa.array(["a", None, "b"], pa.string_view()),
        }
    )
    return table.replace_schema_metadata({"pandas": "{}", "who": "张"})


def test_comes_back_with_values_types_nulls_and_metadata() -> None:
    table = everything()
    field = pa.field("note", pa.string(), nullable=False, metadata={"unit": "pcs"})
    table = table.append_column(field, pa.array(["a", "b", "c"]))
    sealed = encrypt(table, KEY)
    assert {str(kind) for kind in sealed.schema.types} == {"binary"}
    assert decrypt(sealed, KEY).equals(table, check_metadata=True)


def test_dictionaries_and_chunks_come_back_as_values() -> None:
    column = pa.chunked_array([pa.array(["a", None, "b"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()])
    opened = decrypt(encrypt(pa.table({"x": column}), KEY), KEY)["x"]
    assert opened.type == column.type
    assert opened.to_pylist() == ["a", None, "b", "b"]


def test_no_rows_and_no_columns_come_back() -> None:
    for table in (
        everything().slice(0, 0),
        everything().select([]),
        pa.table({"x": pa.chunked_array([], pa.date32())}),
    ):
        assert decrypt(encrypt(table, KEY), KEY).schema.equals(table.schema)


def test_only_some_columns() -> None:
    table = everything()
    sealed = encrypt(table, KEY, columns=["text", "bytes"])
    assert sealed["whole"].equals(table["whole"])
    assert sealed["bytes"][0].as_py() != b"\x00"
    assert decrypt(sealed, KEY).equals(table)
    with pytest.raises(ColumnError, match="`txt`"):
        encrypt(table, KEY, columns=["txt"])


def test_the_callers_table_is_not_changed() -> None:
    table = everything()
    encrypt(table, KEY)
    assert table.equals(everything(), check_metadata=True)


def test_rows_may_be_filtered_and_sorted_and_columns_chosen_while_encrypted() -> None:
    table = pa.table({"a": ["x", "y", "z"], "b": [1, 2, 3]})
    part = encrypt(table, KEY).take(pa.array([2, 0])).select(["b", "a"])
    assert decrypt(part, KEY).to_pylist() == [{"b": 3, "a": "z"}, {"b": 1, "a": "x"}]


def test_columns_of_one_name_come_back() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["q"])], names=["x", "x"])
    assert decrypt(encrypt(table, KEY), KEY).equals(table)


def test_equal_values_and_equal_tables_show_nothing_equal() -> None:
    table = pa.table({"a": ["x", "x"], "b": ["x", "x"]})
    cells = [cell for sealed in (encrypt(table, KEY), encrypt(table, KEY)) for c in sealed for cell in c.to_pylist()]
    assert len({cell[8:] for cell in cells}) == 8


def swapped(table: pa.Table, **columns: Any) -> pa.Table:
    for name, column in columns.items():
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(place), column)
    return table


def test_cells_moved_between_rows_columns_or_tables_do_not_open() -> None:
    table = pa.table({"a": ["p", "q"], "b": ["r", "s"]})
    one, two = encrypt(table, KEY), encrypt(table, KEY)
    turned = one["a"].take(pa.array([1, 0]))
    for wrong in (
        swapped(one, a=turned),
        swapped(one, a=one["b"], b=one["a"]),
        swapped(one, a=two["a"]),
        one.replace_schema_metadata(two.schema.metadata),
        one.replace_schema_metadata(),
        table,
    ):
        with pytest.raises(DecryptionError, match=r"^the table does not open$"):
            decrypt(wrong, KEY)


def flipped(cell: bytes, bit: int) -> bytes:
    return cell[: bit // 8] + bytes([cell[bit // 8] ^ 1 << bit % 8]) + cell[bit // 8 + 1 :]


def test_every_changed_bit_is_noticed() -> None:
    sealed = encrypt(pa.table({"a": ["13812345678"]}), KEY)
    cell = sealed["a"][0].as_py()
    for bit in range(8 * len(cell)):
        with pytest.raises(DecryptionError):
            decrypt(swapped(sealed, a=pa.chunked_array([[flipped(cell, bit)]])), KEY)
    written = sealed.schema.metadata[METADATA]
    for at in range(0, len(written), 7):
        metadata = {METADATA: written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :]}
        with pytest.raises(DecryptionError):
            decrypt(sealed.replace_schema_metadata(metadata), KEY)


PEOPLE = pa.table({"name": ["p", None, "q", "r"], "phone": ["1", None, None, "4"], "vip": [True, False, True, None]})


def test_a_whole_table_opens_as_whole_in_any_order() -> None:
    sealed = encrypt(PEOPLE, KEY, columns=["name", "phone"])
    assert decrypt(sealed, KEY, whole=True).equals(PEOPLE)
    order = pa.array([3, 0, 2, 1])
    assert decrypt(sealed.take(order), KEY, whole=True).equals(PEOPLE.take(order))
    for table in (everything(), everything().slice(0, 0)):
        assert decrypt(encrypt(table, KEY), KEY, whole=True).equals(table)
    assert decrypt(encrypt(everything().select([]), KEY), KEY, whole=True).column_names == []


@pytest.mark.parametrize(
    "tamper",
    [
        lambda sealed: sealed.slice(1),
        lambda sealed: sealed.slice(0, 3),
        lambda sealed: sealed.take(pa.array([0, 2, 3])),
        lambda sealed: sealed.take(pa.array([0, 1, 2, 3, 3])),
        lambda sealed: sealed.take(pa.array([0, 1, 2, 2])),
        lambda sealed: sealed.take(pa.array([0, 1, 1, 3])),
        lambda sealed: sealed.take(pa.array([0, 1, 2, 0])),
        lambda sealed: sealed.take(pa.array([0, 1, 2, 3, 1])),
        lambda sealed: sealed.take(pa.array([], pa.int64())),
        lambda sealed: sealed.select(["name", "phone"]),
        lambda sealed: sealed.select(["name", "vip"]),
        lambda sealed: swapped(sealed, phone=pa.nulls(4, pa.binary())),
        lambda sealed: swapped(sealed, phone=pa.array([*sealed["phone"].to_pylist()[:3], None])),
    ],
)
def test_parts_open_but_not_as_a_whole(tamper: Any) -> None:
    part = tamper(encrypt(PEOPLE, KEY, columns=["name", "phone"]))
    assert decrypt(part, KEY).num_rows == part.num_rows
    with pytest.raises(DecryptionError, match=r"^the table does not open$"):
        decrypt(part, KEY, whole=True)


def test_another_key_does_not_open() -> None:
    with pytest.raises(DecryptionError):
        decrypt(encrypt(everything(), KEY), bytes(32))


@pytest.mark.parametrize("key", [b"", b"short", bytes(31), bytes(33), "x" * 32, None])
def test_a_key_that_is_not_32_bytes_is_refused_with_a_hint(key: Any) -> None:
    for run in (lambda: encrypt(everything(), key), lambda: decrypt(everything(), key)):
        with pytest.raises(KeyringError) as caught:
            run()
        assert "32" in str(caught.value.hint)


def test_a_secret_key_will_do_and_twice_is_refused() -> None:
    sealed = encrypt(everything(), SecretKey(KEY))
    assert decrypt(sealed, KEY).equals(everything())
    with pytest.raises(ColumnError):
        encrypt(sealed, KEY)


def test_the_wire_format_is_pinned() -> None:
    sealed = encrypt(pa.table({"a": [7]}), KEY)
    written, cell = sealed.schema.metadata[METADATA], sealed["a"][0].as_py()
    assert written[:2] == b"\x02\x01"
    cipher = AESGCM(HKDF(SHA256(), 32, written[2:18], b"cartveil table 1").derive(KEY))
    message = cipher.decrypt(b"\xff" * 12, written[18:], b"\x02\x01")
    assert message[:24] == (1).to_bytes(8) + (1).to_bytes(4) + (0).to_bytes(4) + (1).to_bytes(8)
    assert pa.ipc.read_schema(pa.py_buffer(message[24:])) == pa.schema([("a", pa.int64())])
    context = (1).to_bytes(4) + b"a" + (5).to_bytes(4) + b"int64"
    assert cell[:8] == bytes(8)
    assert cipher.decrypt(cell[:8] + bytes(4), cell[8:], context) == (7).to_bytes(8, "little")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.text(max_size=100), max_size=10), st.text(min_size=1, max_size=9))
def test_any_text_column_comes_back(values: list[str | None], name: str) -> None:
    table = pa.table({name: pa.array(values, pa.string())})
    assert decrypt(encrypt(table, KEY), KEY).equals(table)


@pytest.mark.parametrize("column", [["text of forty letters, which is no cell ."], [7], [[b"cell"]]])
def test_what_is_no_cell_does_not_open(column: list[Any]) -> None:
    encrypted = encrypt(pa.table({"a": ["x"]}), KEY)
    with pytest.raises(DecryptionError):
        decrypt(encrypted.set_column(0, "a", pa.array(column)), KEY)
