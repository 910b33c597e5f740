import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.decisions.watch.surprise import calibrate, rarity, unusual_for_actor
from cartveil.insight.decisions.watch.windows import windows_of

DAY = 86400


def test_evidence_is_the_share_of_clean_events_as_surprising():
    clean = np.arange(1000, dtype=np.float32)[:, None]
    calibration = calibrate(clean, np.full(1000, 1), sizes=2)
    asked = np.array([[0], [899.5], [989.5]], dtype=np.float32)
    found = calibration.evidence(asked, np.full(3, 1))[:, 0]
    np.testing.assert_allclose(found, [0, 1, 2], atol=0.1)


def test_evidence_grows_beyond_all_that_was_seen_and_then_stops():
    clean = np.random.default_rng(0).exponential(size=(1000, 1)).astype(np.float32)
    calibration = calibrate(clean, np.full(1000, 1), sizes=2)
    found = calibration.evidence(np.array([[8], [12], [1e6]], dtype=np.float32), np.full(3, 1))[:, 0]
    assert found[0] < found[1] < found[2] <= 3 + 2.1


def test_a_role_with_few_events_is_judged_beside_all():
    clean = np.concatenate([np.zeros((500, 1)), np.full((5, 1), 9.0)]).astype(np.float32)
    calibration = calibrate(clean, np.array([1] * 500 + [2] * 5), sizes=3)
    assert calibration.evidence(np.array([[9.0]], dtype=np.float32), np.array([2]))[0, 0] > 1.5


def test_what_an_actor_never_did_is_rarer_than_what_it_does():
    ids = np.array([[2]] * 20 + [[3]] + [[2]])
    found = rarity(ids, np.zeros(22, dtype=np.int64), np.zeros(22, dtype=np.int64), (5,))
    assert found[20, 0] > 2 > found[21, 0]


def test_an_actor_without_a_past_is_judged_by_its_peers():
    ids, actors = np.array([[2]] * 50 + [[2], [3]]), np.array([0] * 50 + [1, 2])
    found = rarity(ids, actors, np.zeros(52, dtype=np.int64), (5,))
    assert found[50, 0] < 0.2 < 2 < found[51, 0]


def test_what_an_actor_always_does_is_worth_little_and_last_weeks_misuse_stays():
    evidence = np.full((20, 1), 3.0)
    seconds = np.arange(20) * DAY
    found = unusual_for_actor(evidence, np.zeros(20, dtype=np.int64), seconds)[:, 0]
    assert found[:8].min() == 3.0
    assert found[-1] < 0.1


def test_one_actors_past_does_not_excuse_another():
    evidence, seconds = np.full((40, 1), 3.0), np.repeat(np.arange(20) * DAY, 2)
    actors = np.tile([0, 1], 20)
    evidence[(actors == 1) & (seconds < 19 * DAY)] = 0.0
    assert unusual_for_actor(evidence, actors, seconds)[-1, 0] == 3.0


@settings(max_examples=50)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(3, 9), st.integers(0, 2))
def test_every_event_is_scored_in_exactly_one_window(lengths, steps, overlap):
    actors = np.repeat(np.arange(len(lengths)), lengths)
    ids = np.arange(len(actors))[:, None]
    windows = windows_of(ids, np.zeros_like(actors), actors, steps=steps, overlap=overlap)
    scored = windows.rows[windows.fresh]
    assert sorted(scored.tolist()) == list(range(len(actors)))
    for rows in windows.rows:
        assert len({int(actors[row]) for row in rows if row >= 0}) == 1
    groups = windows.cuts(np.arange(len(windows.rows)), events=20)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(windows.rows)))
