import numpy as np
import pyarrow as pa

from cartveil.insight.decisions.watch.coding import learn_coding
from cartveil.insight.decisions.watch.evidence import (
    above_own,
    of_columns,
    past_of,
    signals_of,
    so_far,
    strongest_of_kin,
)
from cartveil.insight.decisions.watch.habits import READINGS, Past
from cartveil.insight.sequences.streams import StreamSpec

DAY = 86400
SPEC = StreamSpec(
    fields=("word", "state", "echo"),
    numeric=("size",),
    habits=(("word", ()), ("state", ("word",))),
    sizes=("size",),
    quiet=(("state", ("fine",)),),
    slow=("word",),
    kin=(("word", "state"),),
    excused="echo",
    amounts=("size",),
)


def stream(words, *, states=None, sizes=None, echoes=None):
    count = len(words)
    return pa.table(
        {
            "index": np.arange(count),
            "time": pa.array(np.arange(count) * 3600 * 1_000_000, pa.timestamp("us", "UTC")),
            "actor": ["anna"] * count,
            "word": words,
            "state": states or ["fine"] * count,
            "echo": echoes or ["no"] * count,
            "size": pa.array(sizes or [1.0] * count, pa.float64()),
        }
    )


def signals(table):
    coding = learn_coding(table, SPEC)
    past = past_of(table, SPEC, coding.role_ids(table, SPEC))
    return signals_of(table, SPEC, coding, past=past)


def test_quiet_values_say_nothing_and_others_do():
    found = signals(stream(["a"] * 300, states=["fine"] * 297 + ["odd"] * 3))[:, READINGS : 2 * READINGS]
    assert found[:297].max() == 0
    assert found[-1, 0] > 1


def test_what_is_excused_says_nothing_of_amounts_and_all_of_the_rest():
    words, sizes = ["a"] * 299 + ["new"], [1.0] * 299 + [1e6]
    plain, excused = (signals(stream(words, sizes=sizes, echoes=["no"] * 299 + [last])) for last in ("no", "yes"))
    assert plain[-1, -1] > 10
    assert excused[-1, -1] == 0
    assert plain[-1, :READINGS].max() > 1
    np.testing.assert_array_equal(excused[:, :-1], plain[:, :-1])


def test_a_size_is_its_logarithm_and_null_is_none():
    found = signals(stream(["a"] * 3, sizes=[0.0, np.e - 1, None]))
    np.testing.assert_allclose(found[:, -1], [0, 1, 0], atol=1e-6)


def test_a_columns_evidence_is_the_mean_of_its_two_strongest_readings():
    evidence = np.array([[3.0, 1.0, 5.0, 0.0, 0.0, 0.0, 2.0]], dtype=np.float32)
    sudden, slow = of_columns(evidence, SPEC)
    assert sudden[0].tolist() == [2.0, 0.0, 0.0, 2.0]
    assert slow[0].tolist() == [5.0, 0.0, 0.0, 0.0]
    surprised, _ = of_columns(evidence, SPEC, np.array([[4.0, 0.0, 0.0, 0.0]], dtype=np.float32))
    assert surprised[0, 0] == 3.5


def test_of_columns_that_tell_of_one_thing_only_the_strangest_counts():
    evidence = np.array([[1.0, 2.0, 0.5, 3.0]], dtype=np.float32)
    assert strongest_of_kin(evidence, SPEC.groups)[0].tolist() == [0.0, 2.0, 0.5, 3.0]
    assert SPEC.slow_groups == ((0, 1),)


def test_what_was_reached_in_a_day_stays_until_it_is_over():
    values = np.array([1, 3, 2, 0, 1], dtype=np.float32)
    assert so_far(values, np.array([0, 0, 0, 1, 1])).tolist() == [1, 3, 3, 0, 1]


def daily(values):
    """Return what is above the habit of one actor whose days hold these values."""
    count = len(values)
    past = Past.of(np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.arange(count) * DAY)
    return above_own(np.array(values, dtype=np.float32)[:, None], past, np.zeros(1))


def test_what_fills_an_actors_days_is_worth_little_after_two_weeks_and_a_week_of_it_stays():
    found = daily([0.0] * 20 + [4.0] * 30)
    assert found[20:27].min() == 4.0
    assert found[-1] < 1.5


def test_a_day_of_one_actor_does_not_excuse_another():
    actors, days = np.tile([0, 1], 40), np.repeat(np.arange(40), 2)
    past = Past.of(actors, np.zeros_like(actors), days * DAY + actors)
    values = np.where(actors == 0, 4.0, 0.0).astype(np.float32)
    values[-1] = 4.0
    found = above_own(values[:, None], past, np.zeros(1))
    assert found[-1] == 4.0
    assert found[-2] < 1.5
