from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.decisions.purchase.features import COUNTS, STEP, counts_of, steps_of
from cartveil.insight.decisions.purchase.visits import questions_at, questions_over, visits_of

from .conftest import events_of

DAY = 19_723.0  # 2024-01-01


def test_what_one_consumer_buys_in_a_day_is_one_visit_and_rows_may_come_in_any_order():
    found = visits_of(events_of([("b", 3.1, 1), ("a", 2, 5), ("a", 0.2, 2), ("a", 0.7, 3)]))
    assert found.subjects == ("a", "b")
    assert (found.day - DAY).tolist() == [0, 2, 3]
    assert found.offsets.tolist() == [0, 2, 3]
    np.testing.assert_allclose(np.expm1(found.sizes[:, 0]), [5, 5, 1])


def test_rows_without_a_consumer_or_a_time_are_left_out():
    table = events_of([("a", 1, 1), ("b", 1, 1)])
    table = table.set_column(0, "subject", pa.array(["a", None]))
    assert visits_of(table).subjects == ("a",)
    with pytest.raises(ModelError, match="no event with a consumer"):
        visits_of(table.slice(1))


def test_a_missing_column_is_named():
    with pytest.raises(ColumnError, match="subject"):
        visits_of(pa.table({"time": [datetime(2024, 1, 1)]}))


def test_a_question_looks_at_what_came_before_and_is_answered_by_what_came_within_the_horizon():
    visits = visits_of(events_of([("a", 0, 1), ("a", 9, 1), ("b", 3, 1), ("b", 30, 1), ("c", 10, 1)]))
    asked = questions_at(visits, DAY + 9, horizon=7)
    assert asked.consumer.tolist() == [0, 1]  # nothing is known of c yet
    assert asked.answer.tolist() == [1, 0]
    assert (asked.end - asked.begin).tolist() == [1, 1]


@pytest.mark.parametrize("horizon", [1, 7, 40])
def test_answers_agree_with_a_loop(events, horizon):
    visits = visits_of(events)
    cutoffs = np.array([DAY + 60, DAY + 110])
    asked = questions_over(visits, cutoffs, horizon=horizon)
    assert set(asked.latest.cutoff) == {DAY + 110}
    for place in range(0, len(asked), 7):
        own = visits.day[visits.offsets[asked.consumer[place]] : visits.offsets[asked.consumer[place] + 1]]
        cutoff = asked.cutoff[place]
        assert asked.end[place] - asked.begin[place] == (own < cutoff).sum() > 0
        assert asked.answer[place] == ((own >= cutoff) & (own < cutoff + horizon)).any()


def test_counts_and_steps_do_not_look_at_what_came_later(events):
    visits = visits_of(events)
    cutoff = DAY + 100
    early = visits_of(events.filter(pa.array(visits_day(events) < cutoff)))
    full, known = questions_at(visits, cutoff, horizon=28), questions_at(early, cutoff, horizon=28)
    first, second = counts_of(visits, full), counts_of(early, known)
    np.testing.assert_allclose(first, second, rtol=1e-6)
    np.testing.assert_allclose(
        steps_of(visits, full, first, most=5).numeric, steps_of(early, known, second, most=5).numeric, rtol=1e-6
    )


def visits_day(events):
    return np.floor(events["time"].to_numpy().astype("datetime64[us]").astype(np.int64) / 86_400_000_000)


def test_counts_of_a_known_past():
    visits = visits_of(events_of([("a", 0, 10), ("a", 10, 10), ("a", 20, 10), ("b", 25, 1)]))
    asked = questions_at(visits, DAY + 30, horizon=28)
    first, second = (dict(zip(COUNTS, row, strict=True)) for row in counts_of(visits, asked).tolist())
    assert np.expm1([first["recency"], first["visits"], first["age"], first["usual_gap"]]) == pytest.approx(
        [10, 3, 30, 10]
    )
    assert first["overdue"] == pytest.approx(0)
    assert first["gap_spread"] == pytest.approx(0, abs=1e-3)
    assert [np.expm1(first[f"visits_{days}"]) for days in (7, 14, 28, 56)] == pytest.approx([0, 1, 2, 3])
    assert (second["one_visit"], first["one_visit"]) == (1, 0)


def test_the_question_is_the_last_step_and_only_the_latest_visits_are_read():
    visits = visits_of(events_of([("a", day, 1) for day in range(6)] + [("b", 5, 1)]))
    asked = questions_at(visits, DAY + 8, horizon=28)
    counts = np.full((2, len(COUNTS)), 7, np.float32)
    found = steps_of(visits, asked, counts, most=3)
    assert found.lengths.tolist() == [4, 2]
    assert found.numeric[..., STEP - 1].tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]
    assert found.numeric[1, 1, STEP:].tolist() == [7] * len(COUNTS)
    assert not found.numeric[1, 2:].any()


def test_a_row_that_a_wrong_clock_dated_is_set_aside():
    rows = [(f"c{number % 40}", number % 30, 1) for number in range(1200)]
    visits = visits_of(events_of([*rows, ("c1", 7000, 1)]))
    assert (visits.set_aside, visits.day.max() - DAY) == (1, 29)


def test_nothing_from_until_on_is_looked_at_not_even_for_what_an_amount_is():
    early = events_of([("a", day, 3) for day in range(4)])
    late = events_of([("b", day, 9) for day in range(5, 9)])
    cut, alone = visits_of(pa.concat_tables([early, late]), until=DAY + 5), visits_of(early)
    assert cut.subjects == alone.subjects
    assert cut.sizes.tolist() == alone.sizes.tolist()


def test_quantities_told_as_ranges_are_refused_without_telling_them():
    table = events_of([("a", 1, 1), ("b", 1, 1)])
    with pytest.raises(ColumnError) as caught:
        visits_of(table.append_column("quantity", pa.array(["1-5", "6-9"])))
    assert caught.value.path == "quantity"
    assert "1-5" not in str(caught.value)
