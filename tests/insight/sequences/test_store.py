import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError, IntegrityError, ModelError
from cartveil.insight.sequences import SequenceStore, write_sequences
from cartveil.insight.sequences.integrity import digests_of
from cartveil.insight.sequences.store import SequenceSpec
from journeys import SPEC, regular, table


@pytest.fixture
def folder(tmp_path):
    write_sequences(table([("a", 1, "x", "y", 1.0), ("b", 2, "z", None, 2.0)]), tmp_path / "store", SPEC)
    return tmp_path / "store"


def test_a_store_opens_as_it_was_written(folder):
    store = SequenceStore.open(folder)
    assert (store.spec, len(store), store.consumers) == (SPEC, 2, 2)
    assert sorted(store.subjects.to_pylist()) == ["a", "b"]
    assert list(store.hashes) == sorted(store.hashes)


def test_values_are_not_read_into_memory(tmp_path):
    store = write_sequences(regular([1000] * 10), tmp_path / "store", SequenceSpec())
    before = pa.total_allocated_bytes()
    again = SequenceStore.open(store.folder)
    assert pa.total_allocated_bytes() - before < store.time.nbytes
    arrays = [again.time, *again.codes.values(), *again.numeric.values()]
    assert not any(array.flags.writeable or array.flags.owndata for array in arrays)


def test_the_digest_tells_stores_apart(tmp_path):
    one, same, other = (
        write_sequences(regular(sizes), tmp_path / name, SequenceSpec())
        for name, sizes in (("one", [2, 3]), ("same", [2, 3]), ("other", [3, 2]))
    )
    assert one.digest() == same.digest() != other.digest()


def test_consumers_are_found_by_name(folder):
    store = SequenceStore.open(folder)
    number = store.subjects.to_pylist().index("b")
    assert store.numbers_of(["b", "nobody"]).tolist() == [number]


def test_where_no_store_is_none_opens(tmp_path):
    with pytest.raises(ModelError, match="no store of sequences here"):
        SequenceStore.open(tmp_path)


def test_another_version_is_refused(folder):
    file = folder / "store.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 1}))
    with pytest.raises(ModelError, match="format version `1` is not `2`"):
        SequenceStore.open(folder)


FILES = ["events.arrow", "consumers.arrow", "words-0.arrow", "words-1.arrow"]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("how", ["broken", "empty", "cut", "gone", "a folder"])
@pytest.mark.parametrize("file", FILES)
def test_a_broken_file_is_told(folder, file, how, verify):
    content = {"broken": b"broken", "empty": b"", "cut": (folder / file).read_bytes()[:-1]}
    (folder / file).unlink()
    if how in content:
        (folder / file).write_bytes(content[how])
    elif how == "a folder":
        (folder / file).mkdir()
    with pytest.raises(IntegrityError, match=file) as caught:
        SequenceStore.open(folder, verify=verify)
    assert caught.value.path == str(folder / file)
    assert "write_sequences" in caught.value.hint
    assert caught.value.message.startswith("not the file" if how in content else ("cannot", "not"))


def _changed(path, place):
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0xFF
    path.write_bytes(content)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 1 << 20))
def test_one_wrong_byte_is_noticed_wherever_it_stands(file, place):
    with tempfile.TemporaryDirectory() as folder:
        store = write_sequences(table([("a", 1, "x", "y", 1.0), ("b", 2, "z", "y", 2.0)]), Path(folder) / "store", SPEC)
        _changed(store.folder / file, place)
        with pytest.raises(IntegrityError, match="not the file that was written"):
            SequenceStore.open(store.folder)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 1 << 20))
def test_without_verifying_only_a_wrong_event_passes(file, place):
    with tempfile.TemporaryDirectory() as folder:
        store = write_sequences(table([("a", 1, "x", "y", 1.0), ("b", 2, "z", "y", 2.0)]), Path(folder) / "store", SPEC)
        _changed(store.folder / file, place)
        try:
            opened = SequenceStore.open(store.folder, verify=False)
        except IntegrityError:
            return
        assert file == "events.arrow"
        assert len(opened) == 2


def test_verifying_is_what_notices_a_wrong_event(folder):
    _ = SequenceStore.open(folder)
    file = folder / "events.arrow"
    content = file.read_bytes()
    place = content.index((1_000_000).to_bytes(8, "little"))  # the time of an event
    _changed(file, place)
    assert 1_000_000 not in SequenceStore.open(folder, verify=False).time
    with pytest.raises(IntegrityError, match=r"events\.arrow"):
        SequenceStore.open(folder)


@pytest.mark.parametrize("file", FILES)
def test_files_of_two_stores_do_not_go_together(folder, tmp_path, file):
    other = write_sequences(table([("c", 3, "v", "w", 1.0), ("d", 4, "u", None, 3.0)]), tmp_path / "other", SPEC)
    assert (other.folder / file).stat().st_size == (folder / file).stat().st_size
    shutil.copy(other.folder / file, folder / file)
    with pytest.raises(IntegrityError, match=file):
        SequenceStore.open(folder)


def _describe_again(folder, change):
    file = folder / "store.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("spec"),
        lambda told: told.pop("events"),
        lambda told: told.pop("files"),
        lambda told: told.update(spec=4),
        lambda told: told.update(spec=None),
        lambda told: told.update(events="2"),
        lambda told: told.update(events=True),
        lambda told: told.update(files=[]),
        lambda told: told["files"].pop("words-1.arrow"),
        lambda told: told["files"].update({"../store.json": told["files"]["events.arrow"]}),
        lambda told: told["files"].update({"events.arrow": "5f0c"}),
        lambda told: told["files"]["events.arrow"].pop("sha256"),
        lambda told: told["files"]["events.arrow"].update(size="large"),
        lambda told: told["files"]["events.arrow"].update(sha256=None),
        lambda told: told["spec"].update(fields=None),
        lambda told: told["spec"].update(fields="item"),
        lambda told: told["spec"].update(fields=[]),
        lambda told: told["spec"].update(fields=[1, 2]),
        lambda told: told["spec"].update(subject=None),
        lambda told: told["spec"].update(unheard_of=1),
    ],
)
def test_a_description_that_is_none_is_told(folder, change):
    _describe_again(folder, change)
    with pytest.raises(ModelError, match="description is not that of a store") as caught:
        SequenceStore.open(folder)
    assert caught.value.path == str(folder / "store.json")
    assert "write_sequences" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe"])
def test_a_description_that_cannot_be_read_is_told(folder, content):
    (folder / "store.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"store\.json"):
        SequenceStore.open(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(events=3),
        lambda told: told["spec"].update(fields=["item", "place"]),
        lambda told: told["spec"].update(numeric=["weight"]),
        lambda told: told["spec"].update(numeric=[]),
    ],
)
def test_a_description_of_other_columns_or_events_is_refused(folder, change):
    _describe_again(folder, change)
    with pytest.raises(IntegrityError):
        SequenceStore.open(folder)


@pytest.mark.parametrize("sizes", [[1, 2], [2, 0], [3, -1]])
def test_consumers_with_other_events_than_the_store_are_refused(folder, sizes):
    people = pa.ipc.open_file(folder / "consumers.arrow").read_all()
    people = people.set_column(2, "events", pa.array(sizes, pa.int64()))
    with pa.ipc.new_file(folder / "consumers.arrow", people.schema) as writer:
        writer.write_table(people)
    digest = digests_of(folder, ["consumers.arrow"])["consumers.arrow"]  # as if they had been written so
    _describe_again(folder, lambda told: told["files"].update({"consumers.arrow": vars(digest)}))
    with pytest.raises(IntegrityError, match="do not belong together"):
        SequenceStore.open(folder)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"fields": ()}, "fields: a store needs a field"),
        ({"fields": "item"}, "fields: must be names of columns"),
        ({"fields": None}, "fields: must be names of columns"),
        ({"fields": (1,)}, "fields: must be names of columns"),
        ({"fields": ("item", "item")}, "fields: a column is named twice"),
        ({"numeric": ("amount", "amount")}, "numeric: a column is named twice"),
        ({"numeric": "amount"}, "numeric: must be names of columns"),
        ({"subject": "time"}, "subject and time: a column is named twice"),
        ({"time": None}, "subject and time: must be names of columns"),
    ],
)
def test_columns_that_make_no_store_are_refused(spec, message):
    with pytest.raises(InputError) as caught:
        SequenceSpec(**spec)
    assert str(caught.value) == message


def test_a_column_of_numbers_may_not_take_the_gaps_name():
    with pytest.raises(ColumnError, match=r"^gap: "):
        SequenceSpec(numeric=("gap",))


def test_columns_may_come_as_a_list():
    assert SequenceSpec(fields=["item"], numeric=["amount"]) == SequenceSpec(numeric=("amount",))
