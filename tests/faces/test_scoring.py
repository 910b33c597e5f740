import datetime

import pyarrow as pa
import pytest

from cartveil.faces.scoring import next_item_score

pytest.importorskip("torch")
START = datetime.datetime(2026, 1, 1)


def history(rows: list[tuple[str, int, str]]) -> pa.Table:
    times = pa.array([START + datetime.timedelta(days=day) for _, day, _ in rows], pa.timestamp("us"))
    return pa.table({"subject": [who for who, _, _ in rows], "time": times, "item": [item for _, _, item in rows]})


def test_who_buys_what_goes_together_is_guessed_rightly() -> None:
    pairs = [(str(who), day, item) for who in range(20) for day, item in ((0, "tea"), (1, "cup"))]
    late = [(str(who), 0, "tea") for who in range(20, 26)] + [(str(who), 90, "cup") for who in range(20, 26)]
    assert next_item_score(history(pairs + late)) == 1.0


def test_who_buys_against_the_habit_is_not() -> None:
    rows = [(str(who), day, f"item {(who + day) % 2}") for who in range(20) for day in (0, 1)]
    late = [("x", 0, "item 0"), *((str(who), 90, f"item {50 + who}") for who in range(9))]
    score = next_item_score(history(rows + late))
    assert score is None or score < 0.5


def test_without_past_or_future_there_is_no_score() -> None:
    assert next_item_score(history([("a", 0, "tea"), ("b", 0, "cup")])) is None
    assert next_item_score(history([])) is None
