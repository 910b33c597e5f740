"""What an evaluation says: rows, JSON and a page."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cartveil.faces.model_cards import figures_of, rows_of, write_card
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval

FOUND = Evaluation(
    "next-basket",
    "recommender",
    {"popularity": {"all": {"ndcg@10": 0.1}}, "recommender": {"all": {"ndcg@10": 0.3}, "seconds": 2.0}},
    intervals={"recommender": {"all.ndcg@10": Interval(0.3, 0.2, 0.4)}},
    curves=(Figure("Curve", "x", "y", {"recommender": ((0.0, 1.0),)}),),
)


def test_a_row_per_measure_with_what_ships_first():
    assert rows_of(FOUND) == [
        {"measure": "all.ndcg@10", "recommender *": 0.3, "popularity": 0.1},
        {"measure": "seconds", "recommender *": 2.0, "popularity": None},
    ]


def test_curves_and_figures_of_single_kinds_are_left_out_of_the_rows():
    figures = {"wql": 0.5, "coverage": {"0.1": 0.12, "0.9": 0.88}, "per_scenario": {"bulk": {"recall": 1.0}}}
    assert rows_of(Evaluation("demand", "lstm", {"lstm": figures})) == [{"measure": "wql", "lstm *": 0.5}]


def test_json_has_null_where_there_is_no_number():
    found = figures_of(Evaluation("t", "a", {"a": {"auc": float("nan"), "ap": 0.5}}, protocol={"seeds": (0, 1)}))
    assert found["a"] == {"auc": None, "ap": 0.5}
    assert found["protocol"] == {"seeds": [0, 1]}


def test_the_card_is_a_page_with_its_figures_beside_it(tmp_path: Path):
    page = write_card(tmp_path / "card", FOUND, data=Path("shop.parquet"), now=datetime(2026, 1, 2, 3, 4))
    text = page.read_text(encoding="utf-8")
    assert page.name == "next-basket.html"
    assert "next-basket on shop.parquet" in text
    assert "2026-01-02 03:04" in text
    assert '"recommender"' in (tmp_path / "card" / "next-basket.json").read_text(encoding="utf-8")


def test_a_card_is_called_as_the_command_calls_its_task(tmp_path: Path):
    page = write_card(tmp_path, replace(FOUND, task="next_basket"), data=Path("shop.parquet"), now=datetime(2026, 1, 2))
    assert page.name == "next-basket.html"
    assert (tmp_path / "next-basket.json").exists()
