import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.insight.decisions.operations.drift import distance, measure_drift, population_stability


def table(rows, *, seed=0, words="abc", shift=0.0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {"word": rng.choice(list(words), rows), "size": rng.normal(shift, 1, rows), "score": rng.random(rows)}
    )


def drift_of(reference, now, column):
    return next(each for each in measure_drift(reference, now, columns=(column,)))


def test_the_index_of_two_known_histograms():
    # (0.2 - 0.5) ln(0.2 / 0.5) + (0.8 - 0.5) ln(0.8 / 0.5)
    assert population_stability(np.array([5.0, 5.0]), np.array([2.0, 8.0])) == pytest.approx(0.41589, abs=1e-5)


def test_the_distance_of_two_known_samples():
    assert distance(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == pytest.approx(0.5)


def test_what_has_not_moved_is_steady():
    for drift in measure_drift(table(3000), table(3000, seed=1), columns=("word", "size", "score")):
        assert drift.state == "steady"


def test_numbers_that_moved_are_found_and_stand_first():
    found = measure_drift(table(3000), table(3000, seed=1, shift=1.5), columns=("word", "size", "score"))
    assert (found[0].column, found[0].state) == ("size", "shifted")
    assert found[0].ks == pytest.approx(0.55, abs=0.05)


def test_words_that_were_not_there_before_are_counted():
    drift = drift_of(table(3000), table(3000, seed=1, words="abcd"), "word")
    assert drift.state == "shifted"
    assert drift.unseen == pytest.approx(0.25, abs=0.03)
    assert np.isnan(drift.ks)


def test_a_column_that_becomes_empty_has_moved():
    now = table(3000).set_column(1, "size", pa.nulls(3000, pa.float64()))
    drift = drift_of(table(3000), now, "size")
    assert (drift.state, drift.missing) == ("shifted", 1.0)


def test_what_always_wanders_is_not_called_a_move():
    wandering = pa.table({"size": np.repeat(np.random.default_rng(3).normal(0, 2, 12), 100)})
    now = pa.table({"size": np.repeat(np.random.default_rng(4).normal(0, 2, 12), 100)})
    drift = drift_of(wandering, now, "size")
    assert drift.psi > 0.25
    assert drift.state == "steady"


def test_an_empty_period_and_a_column_of_nulls_say_nothing():
    empty, nulls = table(0), pa.table({"size": pa.nulls(9, pa.float64())})
    assert drift_of(table(50), empty, "size").state == "steady"
    assert drift_of(nulls, nulls, "size").state == "steady"


def test_words_of_a_column_do_not_stand_in_the_report():
    said = str(drift_of(table(300), table(300, words="xyz"), "word").to_dict())
    assert "'x'" not in said


def test_a_missing_column_is_refused():
    with pytest.raises(ColumnError, match="colour"):
        measure_drift(table(5), table(5), columns=("colour",))
