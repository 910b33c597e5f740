from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import torch

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.watch import misuse
from cartveil.insight.decisions.watch.labelled import LabelledEvents
from cartveil.insight.decisions.watch.misuse import evaluate_misuse
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.decisions.watch.second_stage import JudgeConfig
from cartveil.insight.decisions.watch.staff import (
    plain_log,
    spec_without_rules,
    staff_judge,
    staff_stream,
    train_staff_detector,
    volume_scores,
)
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)
START = datetime(2024, 3, 4, tzinfo=UTC)
DAYS, CLEAN = 24, 16
UNTIL = START + timedelta(days=CLEAN)
PLAIN = DetectorConfig(network=False)
SMALL = JudgeConfig(hidden=8, embedding=2, rounds=1, steps=16, overlap=4, training=TrainingConfig(epochs=1))


def organisation(*, seed=0):
    """Eight people of two roles with cases; from day 18 on `mallory` copies the payments of consumers without one."""
    rng, rows = np.random.default_rng(seed), []
    people = [(f"agent{number}", "support") for number in range(4)] + [
        (f"picker{number}", "picking") for number in range(3)
    ]
    for day in range(DAYS):
        for actor, role in (*people, ("mallory", "support")):
            session = f"{actor}-{day}"
            for hour in np.sort(rng.uniform(8, 16, 8)):
                rows.append((day, hour, actor, role, session, rng.integers(300), "customers", 1, f"T{len(rows)}", None))
            if actor == "mallory" and day >= 18:
                rows += [
                    (day, 17 + turn / 10, actor, role, session, rng.integers(300), "payments", 40, None, day // 21)
                    for turn in range(6)
                ]
    rows.sort(key=lambda row: row[:2])
    times = [START + timedelta(days=row[0], hours=float(row[1])) for row in rows]
    incidents = [(number, int(row[9])) for number, row in enumerate(rows) if row[9] is not None]
    count = len(rows)
    log = pa.table(
        {
            "event_id": np.arange(count) + 1,
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "actor": pa.array([row[2] for row in rows]).dictionary_encode(),
            "role": [row[3] for row in rows],
            "session": [row[4] for row in rows],
            "device": [f"d-{row[2]}" for row in rows],
            "network": ["n1"] * count,
            "action": ["view"] * count,
            "purpose": ["support"] * count,
            "table": [row[6] for row in rows],
            "fields": pa.array([["person_name"]] * count, pa.large_list(pa.large_string())),
            "view": ["masked"] * count,
            "subject": pa.array([int(row[5]) for row in rows], pa.int32()),
            "rows": pa.array([row[7] for row in rows], pa.int32()),
            "case": pa.array([row[8] for row in rows], pa.string()),
            "decision": ["allow"] * count,
        }
    )
    labels = pa.table(
        {
            "event_id": [number + 1 for number, _ in incidents],
            "incident": [incident for _, incident in incidents],
            "scenario": ["copying"] * len(incidents),
        }
    )
    return LabelledEvents(log, labels, UNTIL)


@pytest.fixture(scope="module")
def data():
    return organisation()


@pytest.fixture(scope="module")
def found(data):
    lines, kept = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(misuse, "staff_judge", lambda **_: SMALL)
        evaluation = evaluate_misuse(data, seeds=(0, 1), on_progress=lines.append, on_scores=kept.append)
    return evaluation, lines, kept


def test_the_detector_finds_what_was_planted_and_chance_does_not(found):
    figures = found[0].figures
    assert figures["lstm"]["at_5"]["incident_recall"] == 1
    assert figures["counts"]["average_precision"] > 0.9
    assert figures["lstm"]["leaked_share_mean"] < 0.5


def test_every_detector_stands_beside_the_others_with_the_same_keys(found):
    figures = found[0].figures
    assert list(figures) == ["counts", "no_second_stage", "no_recurrence", "lstm", "rules", "volume"]
    assert all(each.keys() == figures["lstm"].keys() for each in figures.values())
    assert {"no_recurrence", "lstm"} <= set(found[0].spread)
    assert found[0].intervals["lstm"]["incident_recall"].value == 1


def test_each_row_says_which_command_gives_it(found):
    protocol = found[0].to_dict()["protocol"]
    assert protocol["commands"]["lstm"] == "cartveil watch LOG --until DAY --second-stage --rules"
    assert protocol["commands"].keys() < found[0].figures.keys()


def test_it_says_before_training_how_long_it_will_take(found):
    assert "trainings of about" in found[1][0]


def test_every_event_gets_a_score_of_what_ships(found, data):
    scores = found[2][0]
    assert sorted(scores["event_id"].to_pylist()) == data.events["event_id"].to_pylist()
    assert np.isfinite(scores["score"].to_numpy()).all()


def test_labels_change_no_score(data):
    kept = []
    other = LabelledEvents(data.events, data.labels.slice(0, 3), data.test_start)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(misuse, "_designs", lambda _, **_how: {"lstm": misuse._Design(PLAIN)})
        for each in (data, other):
            evaluate_misuse(each, seeds=(0,), on_scores=kept.append)
    assert kept[0].equals(kept[1])


def test_without_misuse_there_is_nothing_to_recall(data):
    with pytest.raises(InputError, match="no misuse"):
        evaluate_misuse(LabelledEvents(data.events, data.labels.slice(0, 0), data.test_start))


def test_without_a_clean_day_there_is_nothing_to_learn_from(data):
    with pytest.raises(InputError, match="no event before it"):
        evaluate_misuse(LabelledEvents(data.events, data.labels, START))


def test_no_seed_is_refused(data):
    with pytest.raises(InputError, match="at least one training"):
        evaluate_misuse(data, seeds=())


def test_what_rules_find_stands_in_the_stream_and_can_be_left_out(data):
    log = plain_log(data.events)
    stream, spec = staff_stream(log)
    assert spec.firm
    assert set(spec.firm) <= set(stream.column_names)
    bare = spec_without_rules(spec)
    plain, plain_spec = staff_stream(log, rules=False)
    assert bare.numeric == plain_spec.numeric == tuple(name for name in spec.numeric if name not in spec.firm)
    assert set(spec.firm).isdisjoint(plain.column_names)


def test_a_detector_with_a_judge_is_saved_and_loaded(data, tmp_path):
    log = plain_log(data.events)
    detector = train_staff_detector(log, until=UNTIL, config=PLAIN, judge=SMALL)
    stream, _ = staff_stream(log)
    detector.save(tmp_path)
    again = type(detector).load(tmp_path)
    assert again.score(stream).equals(detector.score(stream))
    assert detector.score(stream)["by_judge"].to_numpy().max() > 0


def test_a_detector_does_not_look_beyond_until(data):
    log = plain_log(data.events)
    early = log.filter(pa.array([time < UNTIL for time in log["time"].to_pylist()]))
    stream = staff_stream(log)[0]
    scores = [train_staff_detector(each, until=UNTIL, config=PLAIN).score(stream) for each in (log, early)]
    assert scores[0].equals(scores[1])


def test_volume_is_held_against_the_actors_own_days(data):
    stream = staff_stream(plain_log(data.events))[0]
    found = volume_scores(stream)
    burst = np.array(stream["actor"].to_pylist()) == "mallory"
    assert found[burst].max() > found[~burst].max()


def test_a_logs_own_types_are_left_as_they_are(data):
    log = plain_log(data.events)
    assert log["actor"].type == pa.string()
    assert log["fields"].type == pa.list_(pa.string())
    assert plain_log(log).equals(log)


def test_the_second_stage_of_the_product_takes_its_seed():
    assert staff_judge(seed=7).training.seed == 7


def spoilt(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize("name", ["time", "rows", "event_id", "fields"])
def test_text_where_something_else_is_needed_is_refused_and_not_quoted(data, name):
    events = spoilt(data.events, name, ["SECRET8999"] * data.events.num_rows)
    for read in (plain_log, lambda log: evaluate_misuse(LabelledEvents(log, data.labels, UNTIL))):
        with pytest.raises(ColumnError, match=f"{name}: holds no") as caught:
            read(events)
        assert "SECRET8999" not in str(caught.value)


@pytest.mark.parametrize("start", [UNTIL, None])
@pytest.mark.parametrize("name", ["time", "rows", "decision", "event_id"])
def test_a_column_that_the_log_lacks_is_named(data, name, start):
    with pytest.raises(ColumnError, match=f"{name}: judging .* needs this column"):
        evaluate_misuse(LabelledEvents(data.events.drop_columns([name]), data.labels, start))


@pytest.mark.parametrize("name", ["event_id", "incident"])
def test_labels_without_numbers_of_events_and_incidents_are_refused(data, name):
    with pytest.raises(ColumnError, match=f"{name}: a table of labels needs this column"):
        evaluate_misuse(LabelledEvents(data.events, data.labels.drop_columns([name]), UNTIL))
    text = spoilt(data.labels, name, ["SECRET8999"] * data.labels.num_rows)
    with pytest.raises(ColumnError, match=f"{name}: holds no whole numbers"):
        evaluate_misuse(LabelledEvents(data.events, text, UNTIL))


def test_labels_need_no_scenario(data):
    found = misuse._trial(LabelledEvents(data.events, data.labels.drop_columns(["scenario"]), UNTIL)).judged
    assert (found.incident >= 0).sum() == data.labels.num_rows
    assert misuse.figures_of(found, np.arange(len(found.ids), dtype=float))["per_scenario"] == {}


def test_a_page_begins_with_the_main_figures(found):
    names = list(found[0].figures["lstm"])
    assert names[:3] == ["average_precision", "incident_recall", "leaked_share_mean"]


def test_average_precision_has_an_interval_over_actors(found):
    evaluation = found[0]
    for name in ("average_precision", "event_average_precision"):
        interval = evaluation.intervals["rules"][name]
        assert interval.value == pytest.approx(evaluation.figures["rules"][name])
        assert interval.low <= interval.value <= interval.high
