import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.decisions.watch.habits import Past, beyond_habit

DAY = 86400


def readings(rows, *, roles=None):
    """Return steady, fresh and slow of (day, actor, value) rows that stand in order of time."""
    days, actors, values = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    seconds = days * DAY + np.arange(len(rows))
    past = Past.of(actors, np.zeros_like(actors) if roles is None else np.asarray(roles), seconds)
    return tuple(np.asarray(each) for each in beyond_habit(values, past))


def usual_days(days, *, actors=(0, 1, 2), values=(0, 0, 0, 0, 1)):
    return [(day, actor, value) for day in range(days) for actor in actors for value in values]


def test_what_an_actor_does_every_day_is_nothing_beyond_its_habit():
    steady, fresh, slow = readings(usual_days(30))
    assert max(steady[-15:].max(), fresh[-15:].max(), slow[-15:].max()) < 0.5


def test_the_more_often_in_a_day_the_further_beyond():
    rows = [*usual_days(30), *[(30, 0, 2)] * 4]
    steady, fresh, _ = readings(rows)
    assert (np.diff(steady[-4:]) > 0).all()
    assert (np.diff(fresh[-4:]) > 0).all()


def test_what_nobody_of_the_role_does_is_further_beyond_than_what_peers_do():
    peers = [*usual_days(30, actors=(0, 1)), *[(30, 0, 3)] * 3]
    shared = [*usual_days(30, actors=(0, 1), values=(0, 0, 0, 0, 3, 3)), *[(30, 2, 3)] * 3]
    assert readings(peers)[0][-1] > 2 * readings(shared)[0][-1]


def test_a_busy_day_of_usual_work_is_less_than_as_much_of_one_thing():
    whole = [*usual_days(30), *[(30, 0, value) for value in (0, 0, 0, 0, 1) * 4]]
    alone = [*usual_days(30), *[(30, 0, 1)] * 4]
    assert readings(whole)[0][-1] < 0.5 * readings(alone)[0][-1]


def test_what_all_peers_begin_to_do_is_soon_no_news_to_the_fresh_reading():
    screens = [*usual_days(30), *[(day, actor, value) for day in (30, 31) for actor in range(3) for value in (0, 0, 7)]]
    steady, fresh, _ = readings(screens)
    assert fresh[-1] < 0.5 * steady[-1]


def test_who_misuses_access_for_days_does_not_become_used_to_it_in_the_fresh_reading():
    rows = usual_days(30)
    for day in range(30, 34):
        rows += [*usual_days(1, actors=(1,)), *[(day, 0, 9)] * 5]
        rows[-10:-5] = [(day, 1, value) for _, _, value in rows[-10:-5]]
    steady, fresh, _ = readings(rows)
    assert fresh[-1] / fresh[-11] > steady[-1] / steady[-11]


def test_a_little_more_every_day_adds_up_in_the_slow_reading():
    rows = usual_days(40) + [(40 + day, 0, value) for day in range(12) for value in (0, 0, 0, 1, 1, 1)]
    steady, _, slow = readings(rows)
    assert slow[-1] > 2 * steady[-1]
    assert slow[-1] > slow[-25]


def test_one_event_alone_has_an_answer():
    assert all(np.isfinite(each).all() for each in readings([(0, 0, 0)]))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60),
    st.integers(1, 59),
)
def test_no_answer_depends_on_a_later_event(rows, cut):
    rows.sort(key=lambda row: row[0])
    cut = min(cut, len(rows) - 1)
    roles = [actor % 2 for _, actor, _ in rows]
    for whole, early in zip(readings(rows, roles=roles), readings(rows[:cut], roles=roles[:cut]), strict=True):
        np.testing.assert_allclose(whole[:cut], early, rtol=1e-5, atol=1e-5)
