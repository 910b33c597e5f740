"""Values come back in the type and with every bit that they went in with."""

import datetime as dt
import decimal
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, IntegrityError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rows.storage import from_sqlite, storable_type, to_sqlite
from shop import ADMIN, POLICY, Clock

COLUMNS = {
    "int8": pa.array([None, -128, 127], pa.int8()),
    "int64": pa.array([-(2**63), 2**63 - 1, None]),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "float16": pa.array([1.5, None, -2.0], pa.float16()),
    "float": pa.array([0.1, None, -2.0], pa.float32()),
    "double": pa.array([0.1, math.nan, None]),
    "infinite": pa.array([math.inf, -math.inf, -0.0]),
    "bool": pa.array([True, False, None]),
    "string": pa.array(["张三", "", None]),
    "nan text": pa.array(["nan", "NULL", "0"]),
    "large string": pa.array(["a\x00b", "é", None], pa.large_string()),
    "binary": pa.array([b"\xff\x00", b"", None]),
    "date": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    "date64": pa.array([dt.date(1969, 1, 1), None, None], pa.date64()),
    "time": pa.array([dt.time(23, 59, 59, 999_999), None, dt.time(0)]),
    "second": pa.array([0, None, -1], pa.timestamp("s")),
    "nano": pa.array([1, None, -(2**62)], pa.timestamp("ns", "Asia/Shanghai")),
    "duration": pa.array([5, None, -5], pa.duration("ms")),
    "decimal": pa.array([decimal.Decimal("12.30"), None, decimal.Decimal("-0.01")]),
    "null": pa.nulls(3),
    "dictionary": pa.array(["a", "b", None]).dictionary_encode(),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rest", ["keep", "seal"])
def test_what_is_put_comes_back(name: str, rest: str, tmp_path, keyring: Keyring) -> None:
    column = COLUMNS[name]
    line = f'value = {{ kind = "other", protect = "{rest}" }}'
    schema = parse_schema(f'[tables.t.columns]\nid = {{ kind = "user_id", role = "subject" }}\n{line}')
    with Vault.create(tmp_path / "v", keyring, schema, clock=Clock(), policy=POLICY) as vault:
        vault.put(ADMIN, "t", pa.table({"id": ["1"] * 3, "value": pa.chunked_array([column[:1], column[1:]])}))
        assert vault.verify()["rows"] == 3
        rows = vault.read(Principal("1", "consumer"), "t", "1", purpose="self_service").rows
    plain = column.cast(pa.string()) if name == "dictionary" else column
    assert rows.schema.field("value").type == plain.type
    assert repr(rows["value"].to_pylist()) == repr(plain.to_pylist())


@given(st.lists(st.none() | st.floats()))
def test_every_double_comes_back(values: list[float | None]) -> None:
    array = pa.array(values, pa.float64())
    assert repr(from_sqlite(to_sqlite(array), pa.float64(), path="t.c").to_pylist()) == repr(array.to_pylist())


def test_lists_of_text_come_back() -> None:
    array = pa.array([["a", "b"], [], None, [None, "张"]])
    kind = storable_type(array.type, path="t.c")
    assert from_sqlite(to_sqlite(array), kind, path="t.c").to_pylist() == array.to_pylist()


@pytest.mark.parametrize("kind", [pa.struct([("a", pa.int8())]), pa.list_(pa.int8()), pa.map_(pa.int8(), pa.int8())])
def test_what_has_no_place_in_a_table_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(ColumnError, match="cannot be stored"):
        storable_type(kind, path="t.c")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["x"], pa.int64()),
        ([300], pa.int8()),
        (["x"], pa.float64()),
        ([1], pa.string()),
        (["["], pa.list_(pa.string())),
    ],
)
def test_changed_values_are_noticed(values: list[object], kind: pa.DataType) -> None:
    with pytest.raises(IntegrityError, match=r"t\.c: a stored value was changed"):
        from_sqlite(values, kind, path="t.c")
