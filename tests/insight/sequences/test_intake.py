import datetime as dt
import signal
import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError, IntegrityError, ReadError, StorageError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences import write_sequences
from cartveil.insight.sequences.store import GAP, SequenceSpec
from journeys import SPEC, by_consumer, rows, stored, table


def _read(store):
    """Return all rows of a store, by consumer, as they came."""
    found = {}
    for number, subject in enumerate(store.subjects.to_pylist()):
        found[subject] = [_row(store, subject, event) for event in range(*store.offsets[number : number + 2])]
    return found


def _row(store, subject, event):
    word = {name: [*store.words[name].to_pylist(), None][store.codes[name][event]] for name in store.codes}
    amount = store.numeric["amount"][event]
    return (
        subject,
        store.time[event] // 1_000_000,
        word["item"],
        word["shop"],
        None if np.isnan(amount) else amount,
    )


@settings(max_examples=25, deadline=None)
@given(rows)
def test_a_store_holds_every_event_by_consumer_and_time(found):
    with stored(table(found)) as store:
        assert _read(store) == by_consumer(found)


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(1, 10), st.lists(st.integers(0, 40), max_size=4))
def test_the_parts_in_which_events_come_change_nothing(found, block, cuts):
    whole = table(found)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole.slice(begin, end - begin) for begin, end in pairwise(edges)]
    batches = [batch for piece in pieces for batch in piece.to_batches()]
    with stored(whole) as one, stored(iter(pieces), block=block) as other, stored(batches, block=block) as third:
        assert _read(one) == _read(other) == _read(third)
        assert one.subjects.to_pylist() == other.subjects.to_pylist()
        assert one.digest() == other.digest()


@settings(max_examples=30, deadline=None)
@given(rows)
def test_the_gap_is_the_time_since_the_consumers_event_before(found):
    with stored(table(found)) as store:
        for number in range(store.consumers):
            begin, end = store.offsets[number : number + 2]
            assert np.isnan(store.numeric[GAP][begin])
            seconds = np.diff(store.time[begin:end]) / 1e6
            assert np.allclose(np.expm1(store.numeric[GAP][begin + 1 : end]), seconds, rtol=1e-5)


def test_the_order_of_consumers_does_not_depend_on_what_they_did():
    names = [f"c{number}" for number in range(50)]
    one = pa.table({"subject": names, "time": range(50), "item": ["x"] * 50})
    other = pa.table({"subject": names[::-1] * 2, "time": range(100), "item": ["y"] * 100})
    spec = SequenceSpec()
    with stored(one, spec) as first, stored(other, spec, block=7) as second:
        assert first.subjects.to_pylist() == second.subjects.to_pylist() != names


@pytest.mark.parametrize(
    ("times", "micros"),
    [
        (pa.array([dt.datetime(1970, 1, 1, 0, 0, 1)], pa.timestamp("s")), 1_000_000),
        (pa.array([dt.datetime(1970, 1, 1, 0, 0, 1)], pa.timestamp("ns", "UTC")), 1_000_000),
        (pa.array([dt.date(1970, 1, 2)]), 86_400_000_000),
        (pa.array([3], pa.int16()), 3_000_000),
        (pa.array([-1], pa.int64()), -1_000_000),
    ],
)
def test_a_time_is_a_timestamp_a_date_or_whole_seconds(times, micros):
    events = pa.table({"subject": ["a"], "time": times, "item": ["x"]})
    with stored(events, SequenceSpec()) as store:
        assert store.time.tolist() == [micros]
    with stored(_release(events), SequenceSpec()) as store:
        assert store.time.tolist() == [micros]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("subject", pa.array([None], pa.string()), "subject: a subject is NULL"),
        ("time", pa.array([None], pa.int64()), "time: a time is NULL"),
        ("time", pa.array(["noon"]), "time: `string` cannot be read as a time"),
        ("time", pa.array([2**62]), "time: `int64` cannot be read as a time"),
        ("item", pa.array([[1]]), "item: `list<item: int64>` cannot be read as words"),
        ("amount", pa.array(["much"]), "amount: `string` cannot be read as a number"),
    ],
)
def test_a_column_of_another_kind_is_refused(column, values, message, tmp_path):
    events = table([("a", 1, "x", "y", 1.0)])
    events = events.set_column(events.column_names.index(column), column, values)
    with pytest.raises(ColumnError) as caught:
        write_sequences(events, tmp_path / "store", SPEC)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("column", ["subject", "time", "item", "amount"])
def test_a_missing_column_is_named(column, tmp_path):
    events = table([("a", 1, "x", "y", 1.0)]).drop_columns([column])
    with pytest.raises(ColumnError, match=f"^{column}: the events lack this column"):
        write_sequences(events, tmp_path / "store", SPEC)


def test_numbers_that_are_not_finite_count_as_missing():
    events = table([("a", when, "x", "y", amount) for when, amount in enumerate((np.inf, np.nan, 1e300, 2.5))])
    with stored(events) as store:
        assert [None if np.isnan(each) else each for each in store.numeric["amount"]] == [None, None, None, 2.5]


def test_no_event_makes_no_store(tmp_path):
    with pytest.raises(InputError, match="no event") as caught:
        write_sequences(table([]), tmp_path / "store", SPEC)
    assert caught.value.path == str(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_a_release_without_an_event_is_named(tmp_path):
    file = tmp_path / "events.parquet"
    _release(table([])).save(file)
    with pytest.raises(InputError, match="no event") as caught:
        write_sequences(file, tmp_path / "store", SPEC)
    assert caught.value.path == str(file)


@pytest.mark.parametrize("block", [0, -1])
def test_a_block_holds_an_event_at_least(tmp_path, block):
    with pytest.raises(InputError, match=r"^block: must be at least 1"):
        write_sequences(table([("a", 1, "x", "y", 1.0)]), tmp_path / "store", SPEC, block=block)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["events", "more"], r"^source\[0\]: `str` is no table of events"),
        ([table([("a", 1, "x", "y", 1.0)]), None], r"^source\[1\]: `NoneType` is no table of events"),
        (None, r"^source\[0\]: `NoneType` is no table of events"),
        ({"subject": ["a"]}, r"^source\[0\]: `str` is no table of events"),
    ],
)
def test_what_is_no_table_of_events_is_refused(tmp_path, source, message):
    with pytest.raises(InputError, match=message):
        write_sequences(source, tmp_path / "store", SPEC)
    assert list(tmp_path.iterdir()) == []


def test_a_single_record_batch_will_do():
    (batch,) = table([("a", 1, "x", "y", 1.0)]).to_batches()
    with stored(batch) as store:
        assert len(store) == 1


@pytest.mark.parametrize("block", [1, 3, 100])
def test_tables_of_other_types_and_orders_of_columns_are_read_one_after_another(block):
    whole = table([("a", when, "x", "y", 1.0) for when in range(4)])
    times = pa.array([dt.datetime(1970, 1, 1, 0, 0, when) for when in range(4, 6)], pa.timestamp("ms"))
    other = pa.table({"item": ["x", "z"], "amount": [1, 2], "time": times, "shop": ["y", None], "subject": ["a", "b"]})
    with stored([whole, other, whole.slice(0, 1)], block=block) as store:
        assert {name: len(events) for name, events in _read(store).items()} == {"a": 6, "b": 1}
        assert sorted(store.time // 1_000_000) == [0, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("block", [1, 3, 100])
def test_a_column_that_a_later_table_lacks_is_named(tmp_path, block):
    whole = table([("a", when, "x", "y", 1.0) for when in range(4)])
    with pytest.raises(ColumnError, match=r"^shop: the events lack this column"):
        write_sequences([whole, whole.drop_columns(["shop"])], tmp_path / "store", SPEC, block=block)
    assert list(tmp_path.iterdir()) == []


def test_two_columns_of_one_name_are_refused(tmp_path):
    events = table([("a", 1, "x", "y", 1.0)])
    with pytest.raises(ColumnError, match=r"^item: the events have two columns of this name"):
        write_sequences(events.append_column("item", events["item"]), tmp_path / "store", SPEC)


def test_what_stands_there_is_left_alone(tmp_path):
    with pytest.raises(InputError, match="something stands there already"):
        write_sequences(table([("a", 1, "x", "y", 1.0)]), tmp_path, SPEC)


def test_a_link_to_nowhere_is_left_alone(tmp_path):
    (tmp_path / "store").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="something stands there already"):
        write_sequences(table([("a", 1, "x", "y", 1.0)]), tmp_path / "store", SPEC)


def test_a_source_that_fails_halfway_leaves_nothing(tmp_path):
    def source():
        yield table([("a", 1, "x", "y", 1.0)] * 8)
        raise ReadError("the rest is gone")

    with pytest.raises(ReadError):
        write_sequences(source(), tmp_path / "store", SPEC, block=2)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_sequences(table([("a", 1, "x", "y", 1.0)]), tmp_path / "file" / "store", SPEC)


def test_a_kill_leaves_no_store(tmp_path):
    script = """
        import os, signal, sys
        import pyarrow as pa
        from cartveil.insight.sequences import write_sequences
        def events():
            for number in range(9):
                yield pa.table({"subject": ["a", "b"], "time": [number, number], "item": ["x", "y"]})
            os.kill(os.getpid(), signal.SIGKILL)
        write_sequences(events(), sys.argv[1], block=4)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "store")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "store").exists()
    assert len(list(tmp_path.iterdir())) == 1  # the hidden folder of the guide


def _release(events):
    return ProtectedEvents(events, {"purpose": "recommendation"}, ProtectionMark())


@settings(max_examples=10, deadline=None)
@given(rows)
def test_a_release_and_its_file_make_the_same_store(tmp_path_factory, found):
    release = _release(table(found))
    file = tmp_path_factory.mktemp("release") / "events.parquet"
    release.save(file)
    with stored(release) as one, stored(file, block=3) as other:
        assert one.digest() == other.digest()


def test_a_file_that_no_release_made_is_refused(tmp_path):
    pq.write_table(table([("a", 1, "x", "y", 1.0)]), tmp_path / "raw.parquet")
    with pytest.raises(IntegrityError, match="not a release of Cartveil"):
        write_sequences(tmp_path / "raw.parquet", tmp_path / "store", SPEC)


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), (b"text", "not a Parquet file")])
def test_a_file_that_cannot_be_read_is_told(tmp_path, content, message):
    if content:
        (tmp_path / "events.parquet").write_bytes(content)
    with pytest.raises(ReadError, match=message):
        write_sequences(tmp_path / "events.parquet", tmp_path / "store", SPEC)
