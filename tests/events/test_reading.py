import datetime as dt
import gzip
import json

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, ReadError
from cartveil.events.reading import as_table, parse_times, read_folder, read_table, table_files

SECRET = "13812345678"
ROWS = [{"name": "张伟", "phone": SECRET}, {"name": "Emma Wilson", "phone": "07700900123"}]


def written(folder, name, content):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def columns_of(folder, text):
    return read_table(written(folder, "t.csv", text)).to_pydict()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_is_read_in_the_encodings_that_spreadsheets_write(tmp_path, encoding):
    file = written(tmp_path, "t.csv", "name,phone\n张伟,13812345678\nEmma Wilson,07700900123\n".encode(encoding))
    assert read_table(file).to_pylist() == ROWS


def test_latin_text_is_not_taken_for_chinese_by_chance(tmp_path):
    file = written(tmp_path, "t.csv", "item\nna\xefve caf\xe9s\n".encode("latin-1"))
    with pytest.raises(ReadError, match="neither UTF-8 nor GB18030"):
        read_table(file)
    assert read_table(file, encoding="latin-1").to_pylist() == [{"item": "naïve cafés"}]


def test_a_named_encoding_is_the_only_one_tried(tmp_path):
    file = written(tmp_path, "t.csv", "item,price\ncafé,£5\n".encode("latin-1"))
    assert read_table(file, encoding="latin-1").to_pylist() == [{"item": "café", "price": "£5"}]
    with pytest.raises(ReadError, match="is not UTF-8, from byte 14 on"):
        read_table(file, encoding="utf-8")
    with pytest.raises(ReadError, match="unknown encoding `latin-99`"):
        read_table(file, encoding="latin-99")


@pytest.mark.parametrize(
    ("name", "delimiter"), [("t.csv", ","), ("t.csv", ";"), ("t.txt", "|"), ("t.txt", "\t"), ("t.tsv", "\t")]
)
def test_the_delimiter_is_found(tmp_path, name, delimiter):
    file = written(tmp_path, name, f"a{delimiter}b\nx y{delimiter}1\nz{delimiter}2\n")
    assert read_table(file).to_pydict() == {"a": ["x y", "z"], "b": [1, 2]}


def test_one_column_needs_no_delimiter(tmp_path):
    assert columns_of(tmp_path, "only\nx\ny\n") == {"only": ["x", "y"]}


def test_every_format_gives_the_same_table(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, tmp_path / "a.parquet")
    feather.write_feather(table, tmp_path / "b.feather")
    with pa.ipc.new_stream(tmp_path / "c.arrow", table.schema) as stream:
        stream.write_table(table)
    written(tmp_path, "d.jsonl", "\n".join(json.dumps(row) for row in ROWS))
    written(tmp_path, "e.json", json.dumps(ROWS))
    written(tmp_path, "f.csv.gz", gzip.compress("name,phone\n张伟,13812345678\nEmma Wilson,07700900123\n".encode()))
    tables = read_folder(tmp_path)
    assert list(tables) == ["a", "b", "c", "d", "e", "f"]
    assert all(each.to_pylist() == ROWS for each in tables.values())


@pytest.mark.parametrize(
    ("written_values", "values"),
    [
        (["00123", "85123"], ["00123", "85123"]),
        (["085123A", "71053"], ["085123A", "71053"]),
        ([SECRET, "13912345678"], [SECRET, "13912345678"]),
        (["11010519491231002X", "4111111111111111"], ["11010519491231002X", "4111111111111111"]),
        (["+1", "2"], ["+1", "2"]),
        (["-0", "2"], ["-0", "2"]),
        (["1e5", "2"], ["1e5", "2"]),
        (["1.2.3", "2"], ["1.2.3", "2"]),
        (["17850", "-3"], [17850, -3]),
        (["2.50", "3"], [2.5, 3.0]),
        (["true", "false"], [True, False]),
        (["2010-12-01", "2010-12-02"], [dt.date(2010, 12, 1), dt.date(2010, 12, 2)]),
        (
            ["2010-12-01 08:26", "2010/12/2 9:05:30"],
            [dt.datetime(2010, 12, 1, 8, 26), dt.datetime(2010, 12, 2, 9, 5, 30)],
        ),
        (["2023-02-30", "2023-02-28"], ["2023-02-30", "2023-02-28"]),
        (["3/4/2010", "5/4/2010"], ["3/4/2010", "5/4/2010"]),
    ],
)
def test_text_is_converted_only_where_nothing_is_lost(tmp_path, written_values, values):
    first, second = written_values
    assert columns_of(tmp_path, f"a,b\n{first},x\n{second},y\n")["a"] == values


@given(st.lists(st.one_of(st.integers(-999_999_999, 999_999_999), st.none()), min_size=1, max_size=20))
def test_whole_numbers_come_back_as_they_were(tmp_path_factory, numbers):
    text = "a,b\n" + "".join(f"{'' if number is None else number},x\n" for number in numbers)
    columns = columns_of(tmp_path_factory.mktemp("t"), text)
    assert columns["a"] == numbers or not any(number is not None for number in numbers)


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["12/1/2010 8:26", "12/13/2010 0:05"], dt.datetime(2010, 12, 1, 8, 26)),
        (["1/12/2010 8:26", "13/12/2010 0:05"], dt.datetime(2010, 12, 1, 8, 26)),
        (["2010年12月1日"], dt.date(2010, 12, 1)),
        (["2010-12-01T08:26:00.250Z", None], dt.datetime(2010, 12, 1, 8, 26, 0, 250_000, dt.UTC)),
        (["2010-12-01T08:26:00+08:00"], dt.datetime(2010, 12, 1, 0, 26, tzinfo=dt.UTC)),
    ],
)
def test_written_times_are_understood(texts, day):
    assert parse_times(pa.chunked_array([pa.array(texts, pa.string())]))[0].as_py() == day


@pytest.mark.parametrize("texts", [["3/4/2010"], ["13/13/2010"], ["2010-13-01"], ["25:00"], ["soon"]])
def test_what_may_be_two_days_or_none_stays_text(texts):
    assert parse_times(pa.chunked_array([texts])) is None


def test_nulls_stay_null_whatever_they_are_written_as(tmp_path):
    assert columns_of(tmp_path, "a,b\n,x\nNULL,y\n5,\n") == {"a": [None, None, 5], "b": ["x", "y", None]}


def test_an_all_null_column_is_kept(tmp_path):
    assert columns_of(tmp_path, "a,b\n,x\n,y\n")["a"] == [None, None]


def test_quoted_line_breaks_and_delimiters_belong_to_the_value(tmp_path):
    assert columns_of(tmp_path, 'a,b\n"x,\ny",1\nz,2\n') == {"a": ["x,\ny", "z"], "b": [1, 2]}


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("t.csv", "", "t.csv: file is empty", "header"),
        ("t.csv", " \n\n", "t.csv: file is empty", "header"),
        ("t.csv", "a,b\n", "t.csv: has columns but no rows", "row"),
        ("t.csv", b"a,b\n\xff\xfe\xfa,1\n", "t.csv: is neither UTF-8 nor GB18030, from byte 4 on", "latin-1"),
        ("t.csv", f"a,b\n1,2\n{SECRET},2,3\n", "t.csv:3: row has 3 values, the header has 2 columns", "unquoted `,`"),
        ("t.csv", f"a,b\n1,2\n{SECRET}\n", "t.csv:3: row has 1 values, the header has 2 columns", "unquoted `,`"),
        ("t.csv", "a,b,a\n1,2,3\n", "t.csv:1: duplicate column `a`", "own name"),
        ("t.csv", "a,,b\n1,2,3\n", "t.csv:1: column 2 has no name", "name"),
        ("t.csv", f"{SECRET},2\n1,2\n", "t.csv:1: the first line is not a header", "first line"),
        ("t.csv", b"a\x00,b\n1,2\n", "t.csv: is not a text file", "CSV or Parquet"),
        ("t.csv.gz", b"junk", "t.csv.gz: is not a whole gzip file", "again"),
        ("t.jsonl", f'{{"a":1}}\n{{"a":{SECRET}\n', "t.jsonl:2: not valid JSON", None),
        ("t.jsonl", "[1, 2]", "t.jsonl: entry 1 is not an object", "objects"),
        ("t.jsonl", f'{{"a":1}}\n{{"a":"{SECRET}"}}\n', "t.jsonl: values of types that do not go together", "one type"),
        ("t.parquet", b"PAR1junk", "t.parquet: is not a whole Parquet file", "again"),
        ("t.feather", b"junk", "t.feather: is not a whole Arrow file", "again"),
        ("t.xlsx", b"x", "t.xlsx: unknown ending `.xlsx`", "known endings: .csv"),
    ],
)
def test_a_bad_file_is_refused_with_place_and_hint_and_without_its_values(tmp_path, name, content, message, hint):
    file = written(tmp_path, name, content)
    with pytest.raises(ReadError) as caught:
        read_table(file)
    assert message in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert hint is None or hint in caught.value.hint


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    written(tmp_path, "orders.csv", "a\n1\n")
    with pytest.raises(ReadError, match="no such file") as caught:
        read_table(tmp_path / "oders.csv")
    assert caught.value.hint == "did you mean `orders.csv`?"
    assert caught.value.exit_code == 2


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ReadError, match="is a folder"):
        read_table(tmp_path)


def test_a_folder_needs_tables_of_different_names(tmp_path):
    with pytest.raises(ReadError, match="holds no table"):
        table_files(tmp_path)
    written(tmp_path, "orders.csv", "a\n1\n")
    written(tmp_path, "orders.jsonl", '{"a": 1}')
    with pytest.raises(ReadError, match="two files are named `orders`"):
        table_files(tmp_path)
    with pytest.raises(ReadError, match="no such folder"):
        read_folder(tmp_path / "nowhere")


def test_frames_and_records_become_the_same_table():
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frames = [pandas.DataFrame(ROWS), polars.DataFrame(ROWS), ROWS, pa.Table.from_pylist(ROWS)]
    for frame in [
        *frames,
        pa.Table.from_pylist(ROWS).to_batches()[0],
        {"name": ["张伟", "Emma Wilson"], "phone": [SECRET, "07700900123"]},
    ]:
        assert as_table(frame).to_pylist() == ROWS
        assert as_table(frame).schema == pa.schema({"name": pa.string(), "phone": pa.string()})


def test_records_may_lack_columns():
    assert as_table([{"a": 1}, {"b": "x"}]).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_nan_of_pandas_is_null():
    pandas = pytest.importorskip("pandas")
    assert as_table(pandas.DataFrame({"a": [1.5, float("nan")]}))["a"].to_pylist() == [1.5, None]


def test_a_named_index_of_pandas_is_a_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2]}, index=pandas.Index(["x", "y"], name="customer"))
    assert as_table(frame).column_names == ["customer", "a"]


def test_dictionaries_and_large_text_become_plain():
    table = pa.table({"a": pa.array(["x", "y"]).dictionary_encode(), "b": pa.array(["x", "y"], pa.large_string())})
    assert as_table(table).schema.types == [pa.string(), pa.string()]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"a": 1}, {"a": SECRET}], "a: values of types that do not go together"),
        (pa.table([[1], [2]], names=["a", "a"]), "duplicate column `a`"),
        (pa.table([[1]], names=[" "]), "column 1 has no name"),
        ({}, "there is no column"),
        (42, "`int` is not a table"),
    ],
)
def test_what_is_no_table_is_refused(data, message):
    with pytest.raises(ColumnError, match=message) as caught:
        as_table(data)
    assert SECRET not in str(caught.value)
