from functools import partial

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import account_events
from cartveil.errors import ModelError
from cartveil.insight.decisions.measures import auc_roc
from cartveil.insight.decisions.watch.second_stage import Judge, JudgeConfig, train_judge
from cartveil.insight.decisions.watch.second_stage.corruptions import (
    foreign_values,
    missing_values,
    shift_hours,
    subjects_in_order,
    swap_actors,
)
from cartveil.insight.sequences.consumer_trail import consumer_stream
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)
SWAP = partial(swap_actors, actor="consumer", renamed=("device",), entry=("action", "login"), share=0.1)
CONFIG = JudgeConfig(
    hidden=16, embedding=4, steps=24, overlap=8, clean=1.0, training=TrainingConfig(epochs=4, learning_rate=1e-2)
)


@pytest.fixture(scope="module")
def events():
    return account_events()[0]


@pytest.fixture(scope="module")
def judge(events):
    return train_judge(events, derive=consumer_stream, corruptions=[SWAP], config=CONFIG)


def test_a_judge_tells_moved_sessions_that_it_did_not_learn_from(events, judge):
    corrupted = SWAP(events, np.random.default_rng(99))
    log = corrupted.log.set_column(0, "event_id", pa.array(np.arange(events.num_rows)))
    stream, _ = consumer_stream(log)
    touched = corrupted.touched[stream["event_id"].to_numpy()]
    late = np.arange(len(touched)) > len(touched) // 3
    assert auc_roc(touched[late], judge.score(stream)[late]) > 0.9


def test_a_score_does_not_depend_on_later_events(events, judge):
    stream, _ = consumer_stream(events)
    part, _ = consumer_stream(events.slice(0, events.num_rows // 2))
    assert np.allclose(judge.score(part), judge.score(stream)[: part.num_rows], atol=1e-4)


def test_a_judge_without_memory_scores_each_event_by_itself(events):
    alone = JudgeConfig(hidden=8, embedding=2, steps=1, overlap=0, training=TrainingConfig(epochs=1))
    judge = train_judge(events, derive=consumer_stream, corruptions=[SWAP], config=alone)
    stream, _ = consumer_stream(events)
    assert np.allclose(judge.score(stream)[-40:], judge.score(stream.slice(stream.num_rows - 40)), atol=1e-5)


def test_the_same_seed_gives_the_same_judge(events, judge):
    again = train_judge(events, derive=consumer_stream, corruptions=[SWAP], config=CONFIG)
    stream, _ = consumer_stream(events)
    assert np.array_equal(again.score(stream), judge.score(stream))


def test_a_saved_judge_scores_as_before(events, judge, tmp_path):
    judge.save(tmp_path / "judge")
    stream, _ = consumer_stream(events)
    assert np.array_equal(Judge.load(tmp_path / "judge").score(stream), judge.score(stream))
    assert "c1" not in (tmp_path / "judge" / "card.json").read_text()


def test_an_empty_stream_has_no_scores_and_unseen_words_have(events, judge):
    stream, _ = consumer_stream(events.slice(0, 5))
    unseen = stream.set_column(stream.column_names.index("action"), "action", pa.array(["fly"] * 5))
    assert len(judge.score(stream.slice(0, 0))) == 0
    assert np.isfinite(judge.score(unseen)).all()


def test_without_a_corruption_that_touches_anything_there_is_nothing_to_learn(events):
    nowhere = partial(swap_actors, actor="consumer", entry=("action", "fly"))
    for corruptions in ([], [nowhere]):
        with pytest.raises(ModelError):
            train_judge(events, derive=consumer_stream, corruptions=corruptions, config=CONFIG)


@pytest.mark.parametrize("wrong", [{"overlap": 64}, {"rounds": 0}, {"clean": 0.0}, {"held_back": 1.0}])
def test_a_config_out_of_range_is_refused(wrong):
    with pytest.raises(ModelError):
        JudgeConfig(**wrong)


def _log(rows=400, seed=0):
    rng = np.random.default_rng(seed)
    actor = rng.integers(8, size=rows)
    return pa.table(
        {
            "index": np.arange(rows),
            "time": pa.array(np.sort(rng.integers(0, 30 * 86400, rows)) * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "actor": [f"a{each}" for each in actor],
            "role": [f"r{each % 2}" for each in actor],
            "purpose": rng.choice(["support", "fraud"], rows),
            "fields": pa.array([["name"] if each % 3 else ["name", "phone"] for each in actor]),
            "subject": pa.array(rng.integers(1000, size=rows), pa.int32(), mask=rng.random(rows) < 0.1),
            "case": pa.array([f"T{place}" if place % 4 else None for place in range(rows)]),
        }
    )


CORRUPTIONS = (
    partial(swap_actors, carried=("role",), share=0.2),
    partial(shift_hours, share=0.2),
    partial(foreign_values, columns=("purpose", "fields"), share=0.3),
    partial(missing_values, column="case", share=0.2),
    partial(subjects_in_order, share=0.5, fewest=2),
)


@pytest.mark.parametrize("corrupt", CORRUPTIONS)
@given(seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_a_corruption_keeps_rows_and_types_and_changes_touched_rows_only(corrupt, seed):
    log = _log(seed=seed)
    found = corrupt(log, np.random.default_rng(seed))
    assert found.log.schema.equals(log.schema)
    same = np.array([old == new for old, new in zip(log.to_pylist(), found.log.to_pylist(), strict=True)])
    assert same[~found.touched].all()
    assert 0 < found.touched.sum() < len(same)


def test_a_moved_session_brings_its_own_device_under_a_name_that_nobody_has(events):
    found = SWAP(events, np.random.default_rng(0))
    moved = found.log.filter(pa.array(found.touched))
    assert not set(moved["device"].to_pylist()) & set(events["device"].to_pylist())
    assert moved["network"].to_pylist() == events.filter(pa.array(found.touched))["network"].to_pylist()
    assert moved["consumer"].to_pylist() != events.filter(pa.array(found.touched))["consumer"].to_pylist()


def test_subjects_in_order_rise_within_a_day():
    found = subjects_in_order(_log(), np.random.default_rng(0), share=0.3, fewest=3)
    touched = found.log.filter(pa.array(found.touched)).to_pylist()
    days = {}
    for row in touched:
        days.setdefault((row["actor"], row["time"].date()), []).append(row["subject"])
    rising = [np.all(np.diff(subjects) > 0) for subjects in days.values()]
    assert np.mean(rising) > 0.9  # who comes to the last subject begins again


def test_subjects_in_order_are_close_and_far_apart():
    log = _log()
    wide = log.set_column(log.column_names.index("subject"), "subject", pa.array(np.arange(log.num_rows)))
    found = subjects_in_order(wide, np.random.default_rng(0), share=1.0, fewest=3).log
    steps = []
    for actor in set(found["actor"].to_pylist()):
        mine = found.filter(pa.array([name == actor for name in found["actor"].to_pylist()]))
        days = np.array([time.toordinal() for time in mine["time"].to_pylist()])
        steps += np.diff(mine["subject"].to_numpy())[np.diff(days) == 0].tolist()
    steps = np.array([step for step in steps if 0 < step <= 20])
    assert {1, 2, 3} < set(steps)
    assert 0.3 < np.mean(steps > 3) < 0.7


def test_an_event_that_stands_twice_is_learnt_from_once(events):
    config = JudgeConfig(hidden=4, embedding=2, clean=1.0, training=TrainingConfig(epochs=1))
    once, twice = (
        train_judge(each, derive=consumer_stream, corruptions=[SWAP], config=config)
        for each in (events, pa.concat_tables([events, events]))
    )
    stream = consumer_stream(events)[0]
    np.testing.assert_array_equal(once.score(stream), twice.score(stream))


def test_an_empty_log_has_nothing_to_corrupt():
    for corrupt in CORRUPTIONS:
        assert corrupt(_log().slice(0, 0), np.random.default_rng(0)).log.num_rows == 0
