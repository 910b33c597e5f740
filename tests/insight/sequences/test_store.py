import json

import pyarrow as pa
import pytest

from cartveil.errors import ModelError
from cartveil.insight.sequences import SequenceStore, write_sequences
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
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    with pytest.raises(ModelError, match="format version `2` is not `1`"):
        SequenceStore.open(folder)


@pytest.mark.parametrize("file", ["events.arrow", "consumers.arrow", "words-1.arrow", "store.json"])
def test_a_broken_file_is_told(folder, file):
    (folder / file).write_bytes(b"broken")
    with pytest.raises(ModelError):
        SequenceStore.open(folder)


def test_files_of_two_stores_do_not_go_together(folder, tmp_path):
    write_sequences(table([("a", 1, "x", "y", 1.0)]), tmp_path / "other", SPEC)
    (tmp_path / "other" / "events.arrow").replace(folder / "events.arrow")
    with pytest.raises(ModelError, match="do not belong together"):
        SequenceStore.open(folder)
