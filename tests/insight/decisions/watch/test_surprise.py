import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.decisions.watch.surprise import calibrate
from cartveil.insight.decisions.watch.windows import windows_of


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
