from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import torch

from accounts import START, UNTIL, account_events
from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.account_alerts import account_alerts
from cartveil.insight.decisions.watch.accounts import train_account_judge
from cartveil.insight.decisions.watch.second_stage import JudgeConfig
from cartveil.insight.decisions.watch.second_stage.learning import held_back
from cartveil.insight.decisions.watch.second_stage.occlusion import occluded_evidence
from cartveil.insight.sequences.consumer_trail import consumer_stream
from cartveil.insight.sequences.streams import seconds_of
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def shop():
    events, labels = account_events(strangers=6)
    config = JudgeConfig(hidden=16, embedding=4, clean=1.0, training=TrainingConfig(epochs=4, learning_rate=1e-2))
    judge = train_account_judge(events, until=UNTIL, config=config)
    return judge, consumer_stream(events)[0], set(labels["event_id"].to_pylist())


def test_strangers_sessions_are_alerted_first_with_reasons_about_where_they_come_from(shop):
    judge, stream, bad = shop
    alerts = account_alerts(judge, stream, since=UNTIL, per_day=0.5)
    assert set(alerts[0].events) <= bad
    assert alerts[0].time >= UNTIL
    assert [alert.score for alert in alerts] == sorted((alert.score for alert in alerts), reverse=True)
    assert any("device" in reason or "network" in reason for reason in alerts[0].reasons)


def test_a_smaller_budget_gives_the_first_of_the_same_alerts(shop):
    judge, stream, _ = shop
    few, many = (account_alerts(judge, stream, since=UNTIL, per_day=budget) for budget in (0.1, 20))
    assert few == many[: len(few)]
    assert len(few) < len(many)


def test_the_budget_is_set_on_consumers_that_the_judge_did_not_learn_from(shop):
    judge, stream, _ = shop
    unlearnt = held_back(stream["consumer"], judge.config.held_back)
    clean = seconds_of(stream["time"]) < UNTIL.timestamp()
    assert 0 < unlearnt.sum() < len(unlearnt) / 3
    kept = stream.filter(pa.array(~clean | unlearnt))
    whole, part = (account_alerts(judge, each, since=UNTIL, per_day=0.1) for each in (stream, kept))
    # Nothing is allowed: the cut is their highest score, whoever else scored higher.
    highest = judge.score(stream)[clean & unlearnt & _settled(stream, judge)].max()
    assert min(alert.score for alert in whole) > highest
    assert len(whole) == _late_above(stream, judge, highest)
    assert part


def _settled(stream, judge):
    seconds = seconds_of(stream["time"])
    clean = seconds[seconds < UNTIL.timestamp()]
    return seconds >= clean.min() + judge.config.settling * (clean.max() - clean.min())


def _late_above(stream, judge, cut):
    late = seconds_of(stream["time"]) >= UNTIL.timestamp()
    above = stream.filter(pa.array(late & (judge.score(stream) > cut)))
    return len(set(above["session"].to_pylist()))


def test_what_a_column_adds_is_what_the_score_loses_when_it_is_as_usual(shop):
    judge, stream, bad = shop
    scores = judge.score(stream)
    row = int(np.argmax(np.where(np.isin(stream["event_id"].to_numpy(), list(bad)), scores, -np.inf)))
    evidence = occluded_evidence(judge, stream, np.array([row, 0]))
    assert evidence.shape == (2, len(judge.spec.described))
    assert evidence[0].max() > 0.05
    # A column that is as usual everywhere adds nothing.
    assert abs(evidence[0, judge.spec.described.index("channel")]) < 1e-5


def test_without_clean_days_there_is_nothing_to_set_a_budget_on(shop):
    with pytest.raises(ModelError):
        account_alerts(shop[0], shop[1], since=START - timedelta(days=1))
