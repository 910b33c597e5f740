"""Large files: rows from all over them, or every row; both in bounded memory."""

import gzip
import json
import tracemalloc
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.errors import ColumnError, ReadError
from cartveil.events.scanning import sample_table, sampling, scan, scan_files, whole
from cartveil.events.scanning.profile import merged, profile_of

ROWS = 6_000


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    """Treat files of some kilobytes as large ones."""
    monkeypatch.setattr(sampling, "SMALL", 20_000)
    monkeypatch.setattr(sampling, "_BLOCK", 512)
    monkeypatch.setattr(sampling, "_STRATA", 32)
    monkeypatch.setattr(whole, "_PART", 1 << 16)
    monkeypatch.setattr(whole, "_BLOCK", 1 << 14)


def lines(rows=ROWS, *, note="plain"):
    draw = Random(3)
    yield "order_no,客户,mobile,note"
    for row in range(rows):
        # Sorted: phones stand in the second half only, as in a shop that asked for them from some day on.
        mobile = f"138{draw.randrange(10**8):08d}" if row >= rows // 2 else ""
        yield f"{10**9 + row},张{draw.choice('伟芳敏静')},{mobile},{note}"


def write(file, text, encoding="utf-8"):
    file.write_bytes("\n".join(text).encode(encoding) + "\n".encode(encoding))
    return file


def kinds(file, **how):
    return {found.column: str(found.kind) for found in scan_files({"t": file}, **how).evidence}


def test_a_sample_comes_from_all_over_the_file(tmp_path):
    sample = sample_table(write(tmp_path / "t.csv", lines()))
    numbers = sample.table["order_no"].cast(pa.int64()).to_numpy()
    assert not sample.is_whole
    assert numbers.min() == 10**9
    assert numbers.max() > 10**9 + 0.98 * ROWS
    assert 0.4 < sample.table["mobile"].null_count / sample.table.num_rows < 0.6
    assert sample.rows == pytest.approx(ROWS, rel=0.05)


def test_the_same_file_gives_the_same_sample(tmp_path):
    file = write(tmp_path / "t.csv", lines())
    assert sample_table(file).table.equals(sample_table(file).table)


def test_a_small_file_is_read_whole(tmp_path):
    sample = sample_table(write(tmp_path / "t.csv", lines(50)))
    assert (sample.is_whole, sample.rows) == (True, 50)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be", "utf-32"])
def test_any_encoding_is_sampled(tmp_path, encoding):
    text = list(lines())
    if encoding == "utf-16-be":
        text[0] = "\ufeff" + text[0]
    sample = sample_table(write(tmp_path / "t.csv", text, encoding))
    assert not sample.is_whole
    assert sample.table.column_names == ["order_no", "客户", "mobile", "note"]
    assert set(sample.table["客户"].to_pylist()) == {"张伟", "张芳", "张敏", "张静"}


def test_blocks_that_begin_inside_quotes_are_read_rightly(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "_BLOCK", 4_096)
    note = '"a long note, with commas,\nline breaks, and ""quotes"" of its own, ' + "more and more words " * 12 + '"'
    sample = sample_table(write(tmp_path / "t.csv", lines(2_000, note=note)))
    assert not sample.is_whole
    assert sample.table.num_rows > 50
    assert set(sample.table["note"].to_pylist()) == {note[1:-1].replace('""', '"')}


def test_zipped_files_lines_of_json_and_parquet_are_sampled(tmp_path):
    text = list(lines(60_000))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress("\n".join(text).encode()))
    write(tmp_path / "t.jsonl", (json.dumps({"order_no": row, "mobile": f"138{row:08d}"}) for row in range(ROWS)))
    table = pa.table({"order_no": list(range(200_000)), "mobile": [f"138{row:08d}" for row in range(200_000)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10_000)
    for name, rows in (("t.csv.gz", 60_000), ("t.jsonl", ROWS), ("t.parquet", 200_000)):
        sample = sample_table(tmp_path / name)
        assert not sample.is_whole
        assert sample.rows == pytest.approx(rows, rel=0.05)
        assert 0 < sample.table.num_rows < rows
        assert kinds(tmp_path / name)["mobile"] in ("phone", "other")


def test_rows_that_do_not_fit_the_header_are_left_out_of_a_sample_and_refused_by_the_exact_mode(tmp_path):
    text = list(lines())
    text[4_000] += ",SECRET-VALUE"
    file = write(tmp_path / "t.csv", text)
    assert kinds(file)["mobile"] == "phone"
    with pytest.raises(ReadError, match="not a well-formed table") as caught:
        scan_files({"t": file}, exact=True)
    assert "SECRET" not in f"{caught.value}{caught.value.hint}"


def test_a_line_longer_than_a_block_is_read_whole(tmp_path):
    sample = sample_table(write(tmp_path / "t.csv", lines(300, note="x" * 5_000)))
    assert sample.table.num_rows > 20
    assert sample.table["note"].to_pylist()[0] == "x" * 5_000


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_exact_mode_counts_every_row(tmp_path, encoding):
    file = write(tmp_path / "t.csv", lines(), encoding)
    proposal = scan_files({"t": file}, exact=True)
    assert str(proposal.looked[0]) == f"t: looked at all {ROWS:,} rows"
    assert {found.column: str(found.kind) for found in proposal.evidence} == kinds(file)


def test_exact_mode_sees_the_one_number_that_a_sample_misses(tmp_path):
    rows = ["product,price", *(f"mug {row % 500} blue,{row % 90}.5" for row in range(ROWS))]
    rows[3_333] = "call 13812345678,1.5"
    file = write(tmp_path / "t.csv", rows)
    by_sample, exactly = (scan_files({"t": file}, exact=exact).evidence[0].reason for exact in (False, True))
    assert "look:" not in by_sample
    assert "look: 1 of its values hold a phone" in exactly
    assert "138" not in exactly


def test_distinct_values_are_counted_over_all_parts(tmp_path):
    column = whole.Whole(every=True)
    for part in range(10):
        column.add(pa.chunked_array([[f"{part * 3_000 + row}" for row in range(4_000)]]))
    found = column.profile()
    assert found.rows == 40_000
    assert found.distinct == pytest.approx(31_000, rel=0.06)


def test_a_column_of_parts_of_several_types_is_text_and_one_without_values_is_empty():
    column = whole.Whole(every=True)
    assert column.profile().form == "empty"
    for part in ([1, 2, 3], ["a", "b"], [None, None], [1.5, 2.5]):
        column.add(pa.chunked_array([pa.array(part)]))
    assert (column.profile().form, column.profile().rows) == ("text", 7)


def test_a_profile_put_together_is_that_of_the_whole():
    values = [f"{Random(row).choice(['138', '159'])}{row:08d}" for row in range(1_000)]
    parts = [profile_of(pa.chunked_array([values[start : start + 250]]), every=True) for start in range(0, 1_000, 250)]
    together, at_once = merged(parts, rows=1_000, distinct=1_000), profile_of(pa.chunked_array([values]))
    assert together.whole == pytest.approx(at_once.whole)
    assert together.shares == pytest.approx(at_once.shares)
    assert (together.personal, together.leaks, together.heads) == (1.0, 1_000, at_once.heads)


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(rows):
        file = write(tmp_path / f"{rows}.csv", lines(rows, note="a note of some length; " * 4))
        tracemalloc.start()
        before = pa.total_allocated_bytes()
        scan_files({"t": file})
        spent = tracemalloc.get_traced_memory()[1] + max(0, pa.total_allocated_bytes() - before)
        tracemalloc.stop()
        return spent

    peak(2_000)
    assert peak(60_000) < 1.5 * peak(6_000) + 1_000_000


def test_no_file_is_refused_and_a_missing_one_named(tmp_path):
    with pytest.raises(ColumnError, match="no table"):
        scan_files({})
    with pytest.raises(ReadError, match="no such file"):
        scan_files({"t": tmp_path / "t.csv"})


def test_files_and_tables_give_the_same_proposal(tmp_path):
    file = write(tmp_path / "t.csv", lines(80))
    by_file = scan_files({"t": file})
    assert by_file.evidence == scan({"t": sample_table(file).table}).evidence
    assert by_file.schema.tables[0].path == "t.csv"
