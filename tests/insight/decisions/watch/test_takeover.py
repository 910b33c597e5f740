from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from accounts import UNTIL, account_events
from cartveil.errors import ColumnError, InputError, ModelError
from cartveil.insight.decisions.measures import auc_roc
from cartveil.insight.decisions.watch import takeover
from cartveil.insight.decisions.watch.accounts import (
    account_config,
    account_rules,
    place_rarity,
    train_account_judge,
)
from cartveil.insight.decisions.watch.labelled import LabelledEvents
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.decisions.watch.second_stage import JudgeConfig
from cartveil.insight.decisions.watch.takeover import evaluate_takeover
from cartveil.insight.sequences.consumer_trail import consumer_stream
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)
SMALL = JudgeConfig(hidden=16, embedding=4, clean=1.0, training=TrainingConfig(epochs=4, learning_rate=1e-2))


@pytest.fixture(scope="module")
def data():
    return LabelledEvents(*account_events(strangers=6), UNTIL)


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(takeover, "account_config", lambda *_, **__: SMALL)
        tiny = DetectorConfig(hidden=8, embedding=2, training=TrainingConfig(epochs=1))
        patch.setattr(takeover, "DetectorConfig", lambda **_: tiny)
        yield


def _after(stream, labels):
    late = np.array([time >= UNTIL for time in stream["time"].to_pylist()])
    return late, np.isin(stream["event_id"].to_numpy(), labels["event_id"].to_numpy())


@pytest.mark.parametrize("baseline", [place_rarity, account_rules])
def test_strangers_stand_out_by_counts_and_rules(data, baseline):
    stream, _ = consumer_stream(data.events)
    late, bad = _after(stream, data.labels)
    assert auc_roc(bad[late], baseline(stream)[late]) > 0.9


def test_the_judge_of_accounts_learns_from_clean_days_alone(data):
    judge = train_account_judge(data.events, until=UNTIL, config=SMALL)
    clean = data.events.filter(pa.array([time < UNTIL for time in data.events["time"].to_pylist()]))
    again = train_account_judge(clean, until=UNTIL, config=SMALL)
    stream, _ = consumer_stream(data.events)
    assert np.array_equal(judge.score(stream), again.score(stream))
    late, bad = _after(stream, data.labels)
    assert auc_roc(bad[late], judge.score(stream)[late]) > 0.9


def test_a_small_log_is_corrupted_more_often_and_read_in_smaller_steps():
    small, large = account_config(20_000), account_config(600_000)
    assert (large.rounds, large.clean, large.events) == (2, 0.3, 2048)
    assert small.rounds > large.rounds
    assert small.events < large.events
    assert account_config(0).events >= 1


def test_nothing_before_until_is_too_little_to_learn_from(data):
    with pytest.raises(ModelError):
        train_account_judge(data.events.slice(0, 0), until=UNTIL)


def test_the_protocol_measures_every_detector_with_the_keys_of_the_benchmark(data, small):
    kept, said = [], []
    found = evaluate_takeover(data, seeds=(0, 1), on_progress=said.append, on_scores=kept.append)
    assert set(found.figures) == {"lstm", "no_recurrence", "no_second_stage", "rules", "counts"}
    assert found.ours == "lstm"
    for name in ("session_average_precision", "recall_at_1pct_fpr", "recall_at_0.1pct_fpr"):
        assert 0 <= found.figures["lstm"][name] <= 1
        interval = found.intervals["lstm"][name]
        assert interval.low <= interval.high
    assert found.figures["lstm"]["session_average_precision"] > found.figures["lstm"]["base_rate"]
    assert set(found.spread) == {"lstm", "no_recurrence"}
    assert kept[0].column_names == ["event_id", "score"]
    assert kept[0].num_rows == data.events.num_rows
    assert "lstm, seed 1" in said
    assert "training takes" in said[0]
    assert found.protocol["test_start"] == f"{UNTIL:%Y-%m-%d}"


def test_without_a_day_the_first_sixty_percent_are_learnt_from(data):
    assert replace(data, test_start=None).start.date().isoformat() == "2024-03-28"


def test_labels_of_one_class_are_refused(data):
    none = data.labels.slice(0, 0)
    every = pa.table({"event_id": data.events["event_id"], "incident": np.zeros(data.events.num_rows, np.int64)})
    for labels in (none, every):
        with pytest.raises(InputError):
            evaluate_takeover(LabelledEvents(data.events, labels, UNTIL))


def test_a_label_of_an_event_that_is_learnt_from_is_refused(data):
    early = pa.table({"event_id": [0], "incident": [99], "scenario": ["early"]}).cast(data.labels.schema)
    with pytest.raises(InputError, match="a label names an event that is not judged"):
        evaluate_takeover(LabelledEvents(data.events, pa.concat_tables([data.labels, early]), UNTIL))


@pytest.mark.parametrize("start", [UNTIL, None])
@pytest.mark.parametrize("name", ["amount", "time", "event_id"])
def test_text_where_something_else_is_needed_is_refused_and_not_quoted(data, name, start):
    place, text = data.events.column_names.index(name), pa.array(["SECRET8999"] * data.events.num_rows)
    with pytest.raises(ColumnError, match=f"{name}: holds no") as caught:
        evaluate_takeover(LabelledEvents(data.events.set_column(place, name, text), data.labels, start))
    assert "SECRET8999" not in str(caught.value)
