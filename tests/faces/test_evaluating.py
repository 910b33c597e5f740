"""Protocols on one's own data: reading it under the task's names."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cartveil.errors import ColumnError, InputError, IntegrityError, ModelError, ReadError
from cartveil.faces.evaluating import TASKS, Asked, evaluate, read_columns
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval


def asked(data, **changed):
    return Asked(
        **{"data": data, "test": None, "columns": {}, "period": "month", "seeds": (0,), "on_progress": print, **changed}
    )


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_columns_are_called_as_the_task_calls_them(tmp_path: Path, name: str):
    table = pa.table({"when": [1, 2], "who": ["a", "b"], "rest": [0.5, 1.5]})
    file = tmp_path / name
    if name.endswith("csv"):
        pyarrow.csv.write_csv(table, file)
    else:
        pq.write_table(table, file)
    found = read_columns(file, {"time": "when", "customer": "who"})
    assert found.to_pydict() == {"time": [1, 2], "customer": ["a", "b"], "rest": [0.5, 1.5]}


def test_a_column_that_another_takes_the_name_of_is_left_out(tmp_path: Path):
    pq.write_table(pa.table({"time": ["local"], "utc": ["right"]}), tmp_path / "data.parquet")
    assert read_columns(tmp_path / "data.parquet", {"time": "utc"}).to_pydict() == {"time": ["right"]}


def test_what_cannot_be_read_is_said(tmp_path: Path):
    with pytest.raises(ReadError, match="no such file"):
        read_columns(tmp_path / "none.parquet", {})
    (tmp_path / "text.parquet").write_text("no table", encoding="utf-8")
    with pytest.raises(ReadError, match="cannot be read as a table"):
        read_columns(tmp_path / "text.parquet", {})
    pq.write_table(pa.table({"a": [1]}), tmp_path / "data.parquet")
    with pytest.raises(ColumnError, match="no column `when`, which is to be `time`") as caught:
        read_columns(tmp_path / "data.parquet", {"time": "when"})
    assert caught.value.hint == "it has: a"


def test_an_unknown_task_names_the_known_ones(tmp_path: Path):
    with pytest.raises(InputError, match="no task `tea`") as caught:
        evaluate("tea", asked(tmp_path))
    assert all(task in caught.value.hint for task in TASKS)


def test_options_of_another_task_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="--test: is for `traces`"):
        evaluate("purchase", asked(tmp_path, test=tmp_path))
    with pytest.raises(InputError, match="--column: is for tables of your own"):
        evaluate("purchase", asked(tmp_path, columns={"time": "when"}))
    with pytest.raises(InputError, match="--test: is missing"):
        evaluate("traces", asked(tmp_path))


@pytest.mark.parametrize("task", ["misuse", "takeover"])
def test_what_is_watched_is_a_folder_whose_first_judged_day_can_be_read(tmp_path: Path, task: str):
    with pytest.raises(ReadError, match="is no folder"):
        evaluate(task, asked(tmp_path / "events.parquet"))
    (tmp_path / "meta.json").write_text('{"test_start": "some day"}', encoding="utf-8")
    with pytest.raises(ReadError, match="`test_start` is no day"):
        evaluate(task, asked(tmp_path))
    (tmp_path / "meta.json").write_text('{"test_start": "2024-04-11"}', encoding="utf-8")
    with pytest.raises(ReadError, match=r"events\.parquet: no such file"):
        evaluate(task, asked(tmp_path))


def test_a_file_of_histories_without_any_is_said(tmp_path: Path):
    (tmp_path / "histories.txt").write_text("c1\n\n", encoding="utf-8")
    with pytest.raises(ReadError, match="no line with a consumer and items"):
        evaluate("next-item", asked(tmp_path / "histories.txt"))


@pytest.mark.parametrize("task", ["next-item", "next-basket", "purchase", "demand"])
def test_a_raw_table_is_not_taken_for_a_release(tmp_path: Path, task: str):
    pq.write_table(pa.table({"subject": ["c1"], "time": [1], "item": ["a"]}), tmp_path / "raw.parquet")
    with pytest.raises(IntegrityError, match="not a release"):
        evaluate(task, asked(tmp_path / "raw.parquet"))


FOUND = Evaluation(
    "next-basket",
    "recommender",
    {"popularity": {"all": {"ndcg@10": 0.1}}, "recommender": {"all": {"ndcg@10": 0.3}, "seconds": 2.0}},
    intervals={"recommender": {"all.ndcg@10": Interval(0.3, 0.2, 0.4)}},
    curves=(Figure("Curve", "x", "y", {"recommender": ((0.0, 1.0),)}),),
)


def recorded(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple]:
    """Put a protocol aside, and return what it is called with."""
    calls = []

    def stand_in(*data, **how):
        calls.append((*data, how))
        return FOUND

    monkeypatch.setattr(f"cartveil.insight.decisions.{name}", stand_in)
    return calls


@pytest.mark.parametrize(
    ("task", "protocol"),
    [("misuse", "watch.misuse.evaluate_misuse"), ("takeover", "watch.takeover.evaluate_takeover")],
)
def test_watched_events_labels_and_first_day_reach_the_protocol(tmp_path: Path, monkeypatch, task: str, protocol: str):
    calls = recorded(monkeypatch, protocol)
    pq.write_table(pa.table({"event_id": [1, 2], "who": ["a", "b"]}), tmp_path / "events.parquet")
    pq.write_table(pa.table({"event_id": [2], "incident": ["x"]}), tmp_path / "labels.parquet")
    assert evaluate(task, asked(tmp_path, columns={"actor": "who"})) is FOUND
    ((data, how),) = calls
    assert data.test_start is None
    assert data.labels["event_id"].to_pylist() == [2]
    assert (how["seeds"], how["on_progress"]) == ((0,), print)
    (tmp_path / "meta.json").write_text('{"test_start": "2024-04-11"}', encoding="utf-8")
    evaluate(task, asked(tmp_path))
    assert calls[1][0].test_start == datetime(2024, 4, 11, tzinfo=UTC)


def test_histories_in_a_text_file_reach_the_protocol(tmp_path: Path, monkeypatch):
    calls = recorded(monkeypatch, "recommend.sequential.protocol.evaluate_next_item")
    (tmp_path / "histories.txt").write_text("c1 milk bread milk\nc2 tea\n", encoding="utf-8")
    evaluate("next-item", asked(tmp_path / "histories.txt"))
    histories = calls[0][0]
    assert histories.items.tolist() == [2, 3, 2, 4]
    assert (histories.lengths.tolist(), histories.item_count) == ([3, 1], 5)


@pytest.mark.parametrize("period", ["week", "month"])
def test_a_wide_table_of_demand_reaches_the_protocol(tmp_path: Path, monkeypatch, period: str):
    calls = recorded(monkeypatch, "forecast.protocol.evaluate_demand")
    days = ["2024-01-01", "2024-01-08" if period == "week" else "2024-02-01"]
    (tmp_path / "demand.csv").write_text(f"when,a,b\n{days[0]},1,\n{days[1]},0,2\n", encoding="utf-8")
    evaluate("demand", asked(tmp_path / "demand.csv", period=period))
    series = calls[0][0]
    assert (series.items, series.period, series.demand[0].tolist()) == (("a", "b"), period, [1, 0])


def test_transactions_and_traces_reach_their_protocols(tmp_path: Path, monkeypatch):
    frauds = recorded(monkeypatch, "card_fraud.protocol.evaluate_card_fraud")
    traces = recorded(monkeypatch, "traces.protocol.evaluate_traces")
    file = tmp_path / "table.parquet"
    pq.write_table(pa.table({"id": [7], "calls": [[1, 2]]}), file)
    evaluate("card-fraud", asked(file, columns={"transaction": "id"}))
    evaluate("traces", asked(file, test=file, columns={"syscalls": "calls"}))
    assert frauds[0][0].column_names == ["transaction", "calls"]
    assert [table.column_names for table in traces[0][:2]] == [["id", "syscalls"]] * 2


def test_a_tsv_is_read_with_tabs(tmp_path: Path):
    (tmp_path / "data.tsv").write_text("a\tb,c\n1\tx,y\n", encoding="utf-8")
    assert read_columns(tmp_path / "data.tsv", {}).to_pydict() == {"a": [1], "b,c": ["x,y"]}


def test_normal_traces_need_no_label_where_judged_ones_have_it_under_another_name(tmp_path: Path, monkeypatch):
    calls = recorded(monkeypatch, "traces.protocol.evaluate_traces")
    pq.write_table(pa.table({"calls": [[1, 2]]}), tmp_path / "normal.parquet")
    pq.write_table(pa.table({"calls": [[1, 2]], "verdict": ["normal"]}), tmp_path / "judged.parquet")
    columns = {"syscalls": "calls", "label": "verdict"}
    evaluate("traces", asked(tmp_path / "normal.parquet", test=tmp_path / "judged.parquet", columns=columns))
    assert [table.column_names for table in calls[0][:2]] == [["syscalls"], ["syscalls", "label"]]
    # Where they have one, it says which of them are normal.
    evaluate("traces", asked(tmp_path / "judged.parquet", test=tmp_path / "judged.parquet", columns=columns))
    assert calls[1][0].column_names == ["syscalls", "label"]
    with pytest.raises(ColumnError, match="no column `verdict`"):
        evaluate("traces", asked(tmp_path / "judged.parquet", test=tmp_path / "normal.parquet", columns=columns))


def test_labels_take_their_names_too(tmp_path: Path, monkeypatch):
    calls = recorded(monkeypatch, "watch.misuse.evaluate_misuse")
    pq.write_table(pa.table({"id": [1, 2], "who": ["a", "b"], "case_no": ["x", "y"]}), tmp_path / "events.parquet")
    pq.write_table(pa.table({"id": [2], "case_no": [7], "kind": ["bulk"]}), tmp_path / "labels.parquet")
    columns = {"event_id": "id", "actor": "who", "incident": "case_no", "scenario": "kind"}
    evaluate("misuse", asked(tmp_path, columns=columns))
    assert calls[0][0].labels.to_pydict() == {"event_id": [2], "incident": [7], "scenario": ["bulk"]}
    assert calls[0][0].events.column_names == ["event_id", "actor", "case_no"]
    with pytest.raises(ColumnError, match="no column `who`, which is to be `incident`"):
        evaluate("misuse", asked(tmp_path, columns={"incident": "who"}))


def test_two_short_histories_are_too_few_and_no_fault(tmp_path: Path):
    pytest.importorskip("torch")
    (tmp_path / "histories.txt").write_text("c1 a b c\nc2 a\n", encoding="utf-8")
    with pytest.raises(ModelError, match="too few histories"):
        evaluate("next-item", asked(tmp_path / "histories.txt"))
