from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartveil.errors import ModelError
from cartveil.insight.decisions.operations.planting import CAUSES, plant_incidents
from staffroom import START, UNTIL, staff_log

SINCE = int(UNTIL.timestamp()) // 86400


@pytest.fixture(scope="module")
def planted(log):
    return plant_incidents(log, since=SINCE, each=2, generator=np.random.default_rng(0))


def plant(log, kind, *, seed=0):
    """Plant one incident; return the entries of its actor and day before and after."""
    found = plant_incidents(log, since=SINCE, each=1, generator=np.random.default_rng(seed), kinds=(kind,))
    ((_, actor, day),) = found.planted
    begin = START + timedelta(days=day - SINCE + 21)
    mine = (pc.field("actor") == actor) & (pc.field("time") >= begin) & (pc.field("time") < begin + timedelta(days=1))
    return log.filter(mine).to_pylist(), found.log.filter(mine).to_pylist()


def in_cases(log, letters="TO"):
    """Return a log in which each actor works two entries on a case, every second case of another kind."""
    seen, cases = {}, []
    for row, actor in enumerate(log["actor"].to_pylist()):
        place, case = seen.get(actor, (-1, None))
        case = case if place % 2 == 0 else f"{letters[(place + 1) // 2 % 2]}{10_000 + row}"
        seen[actor] = (place + 1, case)
        cases.append(case)
    return log.set_column(log.column_names.index("case"), "case", pa.array(cases))


def test_each_incident_has_an_actor_day_of_its_own_and_the_rest_of_the_log_is_as_it_was(log, planted):
    assert len(set(planted.planted)) == len({(actor, day) for _, actor, day in planted.planted})
    touched = pa.array([f"{actor}" for _, actor, _ in planted.planted])
    before = log.filter(pc.less(log["time"], pa.scalar(UNTIL)))
    assert planted.log.slice(0, before.num_rows).equals(before)
    assert set(touched.to_pylist()) <= set(log["actor"].to_pylist())


def test_the_log_stays_in_order_and_keeps_its_columns(log, planted):
    times = planted.log["time"].to_pylist()
    assert times == sorted(times)
    assert planted.log.schema == log.schema
    assert len(set(planted.log["index"].to_pylist())) == planted.log.num_rows


def test_what_the_columns_do_not_allow_is_left_out(log):
    plain = log.drop_columns(["device", "network"])
    plain = plain.set_column(plain.column_names.index("subject"), "subject", plain["subject"].cast(pa.string()))
    kinds = {
        kind for kind, _, _ in plant_incidents(plain, since=SINCE, each=1, generator=np.random.default_rng(0)).planted
    }
    assert kinds == set(CAUSES) - {"other place", "consumers in order"}


def test_too_short_a_log_is_refused(log):
    with pytest.raises(ModelError, match="too few"):
        plant_incidents(log, since=SINCE, each=500, generator=np.random.default_rng(0))


def test_other_hours_are_the_whole_day_in_its_order_on_the_same_day(log):
    before, after = plant(log, "other hours")
    assert [each["index"] for each in after] == [each["index"] for each in before]
    moved = {new["time"] - old["time"] for old, new in zip(before, after, strict=True)}
    assert max(moved) - min(moved) < timedelta(seconds=1)
    assert min(abs(each) for each in moved) >= timedelta(hours=6)


def test_a_day_that_fills_the_clock_cannot_be_moved_to_other_hours(log):
    rows, last = [], {}
    for each in log.to_pylist():
        unit = (each["actor"], each["time"].date())
        # Every other entry lies late in the day, the others early.
        hour = last[unit] = 21 if last.get(unit, 21) == 3 else 3
        rows.append({**each, "time": each["time"].replace(hour=hour)})
    rows.sort(key=lambda each: each["time"])
    with pytest.raises(ModelError, match="other hours"):
        plant(pa.Table.from_pylist(rows, schema=log.schema), "other hours")


def test_a_foreign_case_is_of_the_same_kind_as_old_and_keeps_the_turns(log):
    before, after = plant(in_cases(log), "case of another")
    old, new = ([each["case"] for each in day] for day in (before, after))
    assert not set(old) & set(new)
    assert [each[0] for each in new] == [each[0] for each in old]
    assert [one == other for one, other in pairwise(new)] == [one == other for one, other in pairwise(old)]
    numbers = [[int(case[1:]) for case in day] for day in (old, new)]
    assert np.abs(np.subtract(*numbers)).max() < 0.1 * max(numbers[0])


def test_cases_are_taken_only_from_who_has_some(log):
    column = log["case"].to_pylist()
    actors = log["actor"].to_pylist()
    cases = pa.array([case if actor == "agent1" else None for case, actor in zip(column, actors, strict=True)])
    some = log.set_column(log.column_names.index("case"), "case", cases)
    for kind in ("no case", "case of another"):
        found = plant_incidents(some, since=SINCE, each=2, generator=np.random.default_rng(0), kinds=(kind,))
        assert {actor for _, actor, _ in found.planted} == {"agent1"}
    with pytest.raises(ModelError, match="no case"):
        plant_incidents(some, since=SINCE, each=30, generator=np.random.default_rng(0), kinds=("no case",))


def test_many_reads_are_the_days_own_work_again_with_other_consumers_and_new_cases(log):
    before, after = plant(in_cases(log), "many reads")
    assert len(after) == 9 * len(before)
    assert max(each["time"] for each in after) <= max(each["time"] for each in before)
    for place in range(0, len(after), len(before)):
        again = after[place : place + len(before)]
        assert [each["table"] for each in again] == [each["table"] for each in before]
        turns = [[one["case"] == other["case"] for one, other in pairwise(day)] for day in (before, again)]
        assert turns[0] == turns[1]
    known = {each["case"] for each in in_cases(log).to_pylist()}
    fresh = {each["case"] for each in after} - {each["case"] for each in before}
    assert len(fresh) == 8 * len({each["case"] for each in before})
    assert not fresh & known


def test_one_consumer_is_visited_within_the_actors_own_hours(log):
    before, after = plant(log, "one consumer")
    assert len({each["subject"] for each in after}) == 1
    assert min(each["time"] for each in after) >= min(each["time"] for each in before) - timedelta(seconds=1)
    assert max(each["time"] for each in after) <= max(each["time"] for each in before)


def test_other_columns_are_some_that_the_actor_never_read(log):
    before, after = plant(log, "other columns")
    actor = before[0]["actor"]
    known = {str(each["fields"]) for each in log.to_pylist() if each["actor"] == actor}
    assert not {str(each["fields"]) for each in after} & known


def test_a_log_without_a_day_after_the_training_is_refused():
    with pytest.raises(ModelError, match="too few"):
        plant_incidents(staff_log(days=21), since=SINCE, each=1, generator=np.random.default_rng(0))
