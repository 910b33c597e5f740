"""Parts protected one by one are the whole protected at once; or nothing is there."""

import pickle
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from cartveil.errors import CartveilError, ColumnError, InputError, ReadError, RefusedError, StorageError
from cartveil.events.kinds import Method, Step
from cartveil.events.reading import read_table
from cartveil.events.schema import Table
from cartveil.faces.cluster import PartContext, Written, protect_part, protect_parts, protecting
from cartveil.guard.protect import deidentify


def result(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(file) for file in sorted(folder.iterdir())])


def kept(context: PartContext, *names: str) -> PartContext:
    """Return the context for some of the columns."""
    columns = tuple(column for column in context.schema.columns if column.name in names)
    return replace(context, schema=replace(context.schema, columns=columns))


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_come_out_as_the_whole_does(parts: Path, whole: pa.Table, context: PartContext, workers: int) -> None:
    target = parts.parent / "protected"
    assert protect_parts(parts, target, context, workers=workers) == Written(parts=4, rows=2500)
    expected, _ = deidentify(whole, context.schema, key=context.key, finder=context.finder)
    assert result(target).combine_chunks().equals(expected.combine_chunks())
    assert "secret" not in expected.column_names


def test_one_large_file_goes_by_row_groups(tmp_path: Path, whole: pa.Table, context: PartContext) -> None:
    pq.write_table(whole, tmp_path / "orders.parquet", row_group_size=500)
    assert protect_parts(tmp_path / "orders.parquet", tmp_path / "out", context).parts == 5
    assert result(tmp_path / "out").equals(protect_part(whole, context))


def test_text_parts_get_the_types_that_the_whole_file_has(tmp_path: Path, context: PartContext) -> None:
    mixed = {"order": ["71053", "22", "85123A"], "price": ["12", None, "2.5"], "customer": ["7", "8", None]}
    whole = pa.table({**mixed, "item": pa.nulls(3, pa.string())})
    (tmp_path / "orders").mkdir()
    arrow_csv.write_csv(whole, tmp_path / "orders.csv")
    for number in range(3):
        arrow_csv.write_csv(whole.slice(number, 1), tmp_path / "orders" / f"{number}.csv")
    protect_parts(tmp_path / "orders", tmp_path / "out", context)
    assert result(tmp_path / "out").equals(protect_part(read_table(tmp_path / "orders.csv"), context))


def test_no_more_than_one_part_is_in_memory(
    tmp_path: Path, whole: pa.Table, context: PartContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(whole, tmp_path / "orders.parquet", row_group_size=100)
    held, before = [], pa.total_allocated_bytes()

    def watched(part: pa.Table, context: PartContext) -> pa.Table:
        held.append(pa.total_allocated_bytes() - before)
        return protect_part(part, context)

    monkeypatch.setattr(protecting, "protect_part", watched)
    protect_parts(tmp_path / "orders.parquet", tmp_path / "out", context)
    assert len(held) == 25
    assert max(held) < whole.nbytes / 4


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_part_leaves_nothing_behind(parts: Path, context: PartContext, workers: int) -> None:
    data = bytearray((parts / "d.parquet").read_bytes())
    data[4:400] = bytes(396)
    (parts / "d.parquet").write_bytes(data)
    with pytest.raises(ReadError, match="not a whole Parquet file"):
        protect_parts(parts, parts.parent / "protected", context, workers=workers)
    assert [entry.name for entry in parts.parent.iterdir()] == ["orders"]


def test_a_worker_that_dies_leaves_nothing_behind(tmp_path: Path, context: PartContext) -> None:
    pq.write_table(pa.table({"note": ["__import__('os')._exit(3)"]}), tmp_path / "orders.parquet")
    # A finder that another process knows by name, and that does what the text says.
    with pytest.raises(StorageError, match="a worker died"):
        protect_parts(tmp_path / "orders.parquet", tmp_path / "out", replace(context, finder=eval), workers=2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["orders.parquet"]


def test_what_stands_at_the_target_is_not_touched(parts: Path, context: PartContext) -> None:
    (parts.parent / "protected").mkdir()
    with pytest.raises(InputError, match="exists already"):
        protect_parts(parts, parts.parent / "protected", context)


def test_frequencies_of_tokens_are_counted_over_all_parts(tmp_path: Path, context: PartContext) -> None:
    few = pa.table({"waybill": [f"SF{number % 50}" for number in range(1200)]})
    pq.write_table(few, tmp_path / "few.parquet", row_group_size=400)
    with pytest.raises(ColumnError, match="50 distinct values in 1200 rows") as error:
        protect_parts(tmp_path / "few.parquet", tmp_path / "out", kept(context, "waybill"))
    assert error.value.path == "orders.waybill"
    assert not (tmp_path / "out").exists()
    # Each part alone has few values, all together have many: the whole would be accepted, so the parts are.
    many = pa.table({"waybill": [f"SF{number // 1000}{number % 60}" for number in range(3000)]})
    pq.write_table(many, tmp_path / "many.parquet", row_group_size=1000)
    protect_parts(tmp_path / "many.parquet", tmp_path / "out", kept(context, "waybill"))
    assert result(tmp_path / "out").equals(protect_part(many, kept(context, "waybill")))


def test_results_of_two_types_are_refused(tmp_path: Path, context: PartContext) -> None:
    pq.write_table(pa.table({"price": ["1", "2", "1.5"]}), tmp_path / "text.parquet", row_group_size=2)
    with pytest.raises(ColumnError, match="parts come out as int64 and as double"):
        protect_parts(tmp_path / "text.parquet", tmp_path / "out", kept(context, "price"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("second", "message"),
    [("order,cost\nA1,2\n", "not in every part"), ("order,price\nA1,x\n", "column `price` is string here and double")],
)
def test_parts_that_do_not_go_together_are_refused(
    tmp_path: Path, context: PartContext, second: str, message: str
) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "1.csv").write_text("order,price\nA1,2.50\n", encoding="utf-8")
    (tmp_path / "orders" / "2.csv").write_text(second, encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        protect_parts(tmp_path / "orders", tmp_path / "out", context)


def test_nothing_and_nobody_are_no_input(tmp_path: Path, context: PartContext) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing", tmp_path / "missing.parquet"):
        with pytest.raises(ReadError):
            protect_parts(source, tmp_path / "out", context)
    with pytest.raises(InputError, match="one worker"):
        protect_parts(tmp_path / "empty", tmp_path / "out", context, workers=0)


def test_a_schema_that_names_people_is_refused_before_anything_is_read(tmp_path: Path, context: PartContext) -> None:
    columns = tuple(replace(column, release=Step(Method.KEEP)) for column in context.schema.columns)
    with pytest.raises(RefusedError):
        protect_parts(tmp_path, tmp_path / "out", replace(context, schema=replace(context.schema, columns=columns)))


def test_the_key_is_pickled_by_the_context_and_shown_by_nothing(orders: Table, context: PartContext) -> None:
    carried = pickle.loads(pickle.dumps(context))  # noqa: S301 - our own
    assert (carried.schema, carried.key, carried.finder) == (orders, context.key, context.finder)
    assert "key" not in repr(context)
    with pytest.raises(TypeError):
        pickle.dumps(context.key)


def test_an_error_from_another_process_says_where_and_what_to_do() -> None:
    error = pickle.loads(pickle.dumps(ReadError("is damaged", path="a.csv", hint="copy it again")))  # noqa: S301
    assert isinstance(error, CartveilError)
    assert (str(error), error.path, error.hint) == ("a.csv: is damaged", "a.csv", "copy it again")
