from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import torch

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.decisions.watch import Detector, DetectorConfig, audit_stream, train_detector
from cartveil.insight.sequences.streams import StreamSpec
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)
START = datetime(2024, 3, 4, tzinfo=UTC)
UNTIL = START + timedelta(days=14)
CONFIG = DetectorConfig(hidden=16, embedding=4, training=TrainingConfig(epochs=3, learning_rate=1e-2))


def staff_log(*, days=20, seed=0):
    """Six agents with cases; in the last days `mallory` looks at one consumer again and again without one."""
    rng, rows = np.random.default_rng(seed), []
    for day in range(days):
        for actor in ("anna", "bert", "cleo", "dan", "eva", "mallory"):
            for hour in np.sort(rng.uniform(8, 16, 12)):
                subject = f"p{rng.integers(200)}"
                rows.append((day, hour, actor, subject, f"T{len(rows)}" if rng.random() < 0.95 else None))
            if actor == "mallory" and day >= 15:
                rows += [(day, 9 + 3 * turn, actor, "p7", None) for turn in range(3)]
    rows.sort(key=lambda row: row[:2])
    return pa.table(
        {
            "index": np.arange(len(rows)),
            "time": pa.array([START + timedelta(days=row[0], hours=row[1]) for row in rows], pa.timestamp("us", "UTC")),
            "actor": [row[2] for row in rows],
            "role": ["support"] * len(rows),
            "action": ["read"] * len(rows),
            "purpose": ["support"] * len(rows),
            "table": ["customers"] * len(rows),
            "fields": pa.array([["name"]] * len(rows), pa.list_(pa.string())),
            "view": ["masked"] * len(rows),
            "subject": [row[3] for row in rows],
            "rows": [1] * len(rows),
            "case": pa.array([row[4] for row in rows], pa.string()),
            "decision": ["allow"] * len(rows),
        }
    )


@pytest.fixture(scope="module")
def stream():
    return audit_stream(staff_log())


@pytest.fixture(scope="module")
def detector(stream):
    events, spec = stream
    return train_detector(events, spec=spec, until=UNTIL, config=CONFIG)


def test_who_snoops_stands_first_and_the_reason_says_why(stream, detector):
    alerts = detector.alerts(stream[0], per_day=0.5, since=UNTIL)
    assert alerts[0].actor == "mallory"
    assert alerts[0].subjects[0] == "p7"
    assert any("without a case; usual: 0" in reason for reason in alerts[0].reasons)


def test_alerts_are_sorted_and_lie_after_since(stream, detector):
    alerts = detector.alerts(stream[0], per_day=5, since=UNTIL)
    assert [alert.score for alert in alerts] == sorted((alert.score for alert in alerts), reverse=True)
    assert min(alert.time for alert in alerts) >= UNTIL
    assert len({(alert.actor, alert.time.date()) for alert in alerts}) == len(alerts)


def test_a_larger_budget_gives_the_same_alerts_and_more(stream, detector):
    few, many = (detector.alerts(stream[0], per_day=budget, since=UNTIL) for budget in (0.3, 3))
    assert few == many[: len(few)]
    assert len(many) >= len(few)


def test_a_score_does_not_depend_on_later_events(stream, detector):
    events = stream[0]
    whole, early = detector.score(events), detector.score(events.slice(0, 900))
    np.testing.assert_allclose(whole["score"].to_numpy()[:900], early["score"].to_numpy(), atol=1e-4)


def test_the_training_does_not_look_beyond_until(stream, detector):
    events, spec = stream
    early = events.filter(pa.array([time < UNTIL for time in events["time"].to_pylist()]))
    again = train_detector(early, spec=spec, until=UNTIL, config=CONFIG)
    assert again.score(early).equals(detector.score(early))


def test_saved_and_loaded_it_alerts_the_same(stream, detector, tmp_path):
    detector.save(tmp_path, card={"metrics": {}})
    again = Detector.load(tmp_path)
    assert again.alerts(stream[0], since=UNTIL) == detector.alerts(stream[0], since=UNTIL)
    assert "mallory" not in (tmp_path / "card.json").read_text()


SPEC = StreamSpec(fields=("kind",), numeric=("size",))


def plain(rows):
    """Return a stream of (minutes, actor, kind, size)."""
    times = pa.array([START + timedelta(minutes=row[0]) for row in rows], pa.timestamp("us", "UTC"))
    columns = {name: [row[place] for row in rows] for place, name in ((1, "actor"), (2, "kind"), (3, "size"))}
    return pa.table({"index": list(range(len(rows))), "time": times, **columns}).cast(
        pa.schema(
            [
                ("index", pa.int64()),
                ("time", times.type),
                ("actor", pa.string()),
                ("kind", pa.string()),
                ("size", pa.float64()),
            ]
        )
    )


def everyday(count=300):
    return [(10 * turn, f"a{turn % 5}", "xy"[turn % 2], float(turn % 3)) for turn in range(count)]


@pytest.fixture(scope="module")
def small():
    return train_detector(plain(everyday()), spec=SPEC, until=START + timedelta(days=9), config=CONFIG)


def test_actors_with_one_event_are_scored(small):
    found = small.score(plain([*everyday(), (5000, "new", "x", 1.0)]))
    assert found.num_rows == 301
    assert np.isfinite(found["score"].to_numpy()).all()


def test_words_and_sizes_that_training_did_not_see_are_strange(small):
    found = small.score(plain([*everyday(), (3005, "a0", "never seen", 1.0), (3006, "a1", "x", 900.0)]))
    assert min(found["by_kind"][300].as_py(), found["by_size"][301].as_py()) > 0.5
    # Not the first events, when everything was new.
    assert found["score"].to_numpy()[180:300].max() < found["score"].to_numpy()[300:].min()


def test_a_clock_that_goes_backwards_is_put_in_order(small):
    rows = everyday()
    mixed = plain(rows[150:] + rows[:150])
    assert small.score(mixed)["score"].to_pylist() == pytest.approx(small.score(plain(rows))["score"].to_pylist())


def test_duplicates_and_nulls_are_scored_like_any_event(small):
    rows = [*everyday(), (3001, "a0", None, None), (3001, "a0", None, None)]
    assert np.isfinite(small.score(plain(rows))["score"].to_numpy()).all()


def test_events_without_actor_or_time_are_left_out(small):
    assert small.score(plain([*everyday(5), (9, None, "x", 1.0)])).num_rows == 5


def test_an_empty_stream_gives_no_alert(small):
    nothing = plain(everyday(1)).slice(0, 0)
    assert small.score(nothing).num_rows == 0
    assert small.alerts(nothing) == ()


def test_too_few_events_are_refused_with_a_hint():
    with pytest.raises(ModelError, match="5 events are too few") as caught:
        train_detector(plain(everyday(5)), spec=SPEC, until=START + timedelta(days=9), config=CONFIG)
    assert caught.value.hint


def test_a_column_that_the_spec_names_must_be_there(small):
    with pytest.raises(ColumnError, match="size"):
        small.score(plain(everyday()).drop_columns(["size"]))


def test_the_threshold_is_reached_as_often_as_the_budget_says(small):
    scores, days = small.clean
    for budget in (0.5, 1, 2):
        assert (scores >= small.threshold(budget)).sum() <= budget * days
