import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.sequences import Vocabulary
from cartveil.insight.sequences.batches import BatchPlan, BatchReader, batch_rows
from cartveil.insight.sequences.encoding import Encoding, learn_encoding
from cartveil.insight.sequences.scaling import Scale
from cartveil.insight.sequences.splits import leave_one_out
from cartveil.insight.sequences.store import SequenceSpec
from cartveil.insight.sequences.windows import Windows, sliding, whole_sequences
from journeys import regular, rows, stored, table

plans = st.builds(
    BatchPlan,
    size=st.integers(1, 5),
    steps=st.one_of(st.none(), st.integers(1, 20)),
    targets=st.booleans(),
    pool=st.integers(1, 3),
)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def _windows(found):
    end = np.cumsum(found)
    return Windows(np.arange(len(found)), end - found, end - found, end)


def _reader(store):
    return BatchReader(store, learn_encoding(store, whole_sequences(store)))


@settings(max_examples=25, deadline=None)
@given(rows, plans)
def test_every_event_stands_in_its_place_and_nothing_else_does(found, plan):
    with stored(table(found)) as store:
        reader, windows = _reader(store), whole_sequences(store)
        vocabularies, scales = dict(reader.encoding.vocabularies), reader.encoding.scales
        seen = []
        for batch in reader.batches(windows, plan=plan):
            for place, number in enumerate(batch["window"]):
                length = batch["lengths"][place]
                events = np.arange(windows.start[number], windows.end[number])[:length]
                for field, key in (("item", "ids"), ("shop", "shop")):
                    words = [*store.words[field].to_pylist(), None]
                    column = pa.chunked_array(
                        [pa.array([words[code] for code in store.codes[field][events]], pa.string())]
                    )
                    ids = vocabularies[field].ids(column)
                    assert batch[key][place].tolist() == [*ids, *[0] * (batch[key].shape[1] - length)]
                for column, (name, scale) in enumerate(scales):
                    assert (
                        batch["numeric"][place, :length, column].tolist()
                        == scale.of(store.numeric[name][events]).tolist()
                    )
                assert not batch["numeric"][place, length:].any()
                assert batch["consumer"][place] == windows.consumer[number]
            seen += batch["window"].tolist()
        assert sorted(seen) == [number for number in range(len(windows)) if windows.lengths[number] > plan.targets]


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(2, 5), st.data())
def test_targets_are_the_events_one_later_and_count_where_they_are_scored(found, length, data):
    with stored(table(found)) as store:
        reader = _reader(store)
        windows = sliding(whole_sequences(store), length=length, step=data.draw(st.integers(1, length - 1)))
        inputs, asked = reader.batch(windows, targets=False), reader.batch(windows)
        steps = asked["ids"].shape[1]
        longer = np.pad(inputs["ids"], ((0, 0), (0, 2)))
        real = np.arange(steps) < asked["lengths"][:, None]
        assert np.array_equal(asked["targets"], np.where(real, longer[:, 1 : steps + 1], 0))
        scored = windows.start[:, None] + np.arange(steps) + 1 >= windows.scored[:, None]
        assert np.array_equal(asked["weights"], (real & scored & (asked["targets"] > 1)).astype(np.float32))


def test_what_is_unknown_or_missing_is_no_target():
    found = [("a", when, item, None, None) for when, item in enumerate(["pen", "rare", None, "pen"])]
    with stored(table(found)) as store:
        reader = BatchReader(store, Encoding((("item", Vocabulary(("pen",))),)))
        batch = reader.batch(whole_sequences(store))
        assert batch["ids"].tolist() == [[2, 1, 0]]
        assert batch["targets"].tolist() == [[1, 0, 2]]
        assert batch["weights"].tolist() == [[0, 0, 1]]
        assert batch["numeric"].shape == (1, 3, 0)


def test_leave_one_out_asks_for_one_item_of_each_consumer():
    with stored(regular([4, 5]), SequenceSpec()) as store:
        reader, split = _reader(store), leave_one_out(whole_sequences(store))
        vocabulary = reader.encoding.vocabularies[0][1]
        asked = {}
        for name in ("validate", "test"):
            batch = reader.batch(getattr(split, name))
            assert batch["weights"].sum(1).tolist() == [1, 1]
            found = batch["targets"][batch["weights"] > 0]
            asked[name] = {vocabulary.word(number) for number in found}
        assert asked == {"validate": {"i2", "i3"}, "test": {"i3", "i4"}}


def test_a_batch_of_no_window_has_a_shape():
    with stored(table([("a", 1, "x", "y", 1.0)])) as store:
        batch = _reader(store).batch(whole_sequences(store).take(np.zeros(0, np.int64)))
        assert {name: array.shape for name, array in batch.items()} == {
            **dict.fromkeys(("ids", "shop", "targets", "weights"), (0, 1)),
            "numeric": (0, 1, 2),
            "lengths": (0,),
            "consumer": (0,),
        }


@given(sizes, plans, st.one_of(st.none(), st.integers(0, 9)))
def test_every_window_with_something_to_guess_is_in_one_batch(found, plan, seed):
    windows = _windows(found)
    random = None if seed is None else np.random.default_rng(seed)
    batches = list(batch_rows(windows, plan=plan, random=random))
    expected = [number for number, size in enumerate(found) if size > plan.targets]
    assert sorted(np.concatenate([np.zeros(0, int), *batches]).tolist()) == expected
    for rows_ in batches:
        longest = (windows.lengths[rows_] - plan.targets).max()
        assert 1 <= len(rows_) <= plan.size
        assert plan.steps is None or len(rows_) == 1 or len(rows_) * longest <= plan.steps


def test_windows_of_like_length_stand_together():
    windows = _windows(np.random.default_rng(0).integers(2, 60, 4096))
    random = np.random.default_rng(1)
    padded = sum(
        len(rows_) * windows.lengths[rows_].max() for rows_ in batch_rows(windows, plan=BatchPlan(64), random=random)
    )
    assert padded < 1.05 * windows.lengths.sum()  # in order of arrival it is twice as much


def test_the_same_seed_gives_the_same_batches_and_another_gives_others():
    windows = _windows(np.random.default_rng(0).integers(2, 9, 100))
    first, same, other = (
        [rows_.tolist() for rows_ in batch_rows(windows, plan=BatchPlan(8), random=np.random.default_rng(seed))]
        for seed in (0, 0, 1)
    )
    assert first == same != other
    assert [min(batch) for batch in first] != sorted(min(batch) for batch in first)


@pytest.mark.parametrize("plan", [BatchPlan(0), BatchPlan(pool=0), BatchPlan(steps=0)])
def test_a_batch_without_room_is_refused(plan):
    with pytest.raises(InputError, match="room for a window"):
        next(batch_rows(_windows([3]), plan=plan))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (Encoding((("brand", Vocabulary(("x",))),)), "brand: the store keeps no such field"),
        (Encoding((("item", Vocabulary(("x",))),), (("price", Scale(0, 1)),)), "price: the store keeps no such column"),
        (Encoding(()), "an encoding needs a field"),
    ],
)
def test_an_encoding_of_another_store_is_refused(encoding, message):
    with stored(table([("a", 1, "x", "y", 1.0)])) as store, pytest.raises(InputError, match=message):
        BatchReader(store, encoding)
