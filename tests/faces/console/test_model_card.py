"""The card of an evaluation: figures, intervals and curves on one page that loads nothing."""

import json
import re
import xml.etree.ElementTree as ET  # our own page is read
from pathlib import Path

import pytest

from cartveil.faces.console.charts import line_chart
from cartveil.faces.console.measure_words import MEANINGS, meaning_of
from cartveil.faces.console.model_card import render_model_card, tables_of

ROOT = Path(__file__).parents[3]

EVALUATION = {
    "task": "next-basket",
    "ours": "recommender",
    "figures": {
        "popularity": {"all": {"ndcg@10": 0.1}, "new": {"ndcg@10": 0.02}, "wql": 0.9},
        "recommender": {"all": {"ndcg@10": 0.3}, "new": {"ndcg@10": 0.08}, "wql": 0.5, "coverage": {"0.1": 0.12}},
    },
    "spread": {"recommender": {"all": {"ndcg@10": 0.004}, "wql": 0.01}},
    "intervals": {"recommender": {"all.ndcg@10": (0.28, 0.32), "wql": (0.48, 0.53)}},
    "protocol": {"unit": "consumer", "origins": [36, 40], "seeds": [0, 1], "share": 0.25},
    "curves": [
        {
            "title": "Reliability",
            "x": "said",
            "y": "came true",
            "lines": {"recommender": ((0.1, 0.12), (0.5, 0.45)), "popularity": ((0.2, 0.2),)},
            "ideal": ((0, 0), (1, 1)),
        }
    ],
    "seconds": 12.5,
}


def page(**changed):
    return render_model_card({**EVALUATION, **changed}, title="Next basket on <shop>", generated="today")


def test_every_group_of_measures_is_a_table_in_which_ours_stands_first():
    tables = {table["name"]: table for table in tables_of(EVALUATION)}
    assert list(tables) == ["all", "new", "", "coverage"]
    assert tables["all"]["models"] == ["recommender", "popularity"]
    ((first, second),) = (row["cells"] for row in tables["all"]["rows"])
    assert first == {"value": 0.3, "sd": 0.004, "interval": (0.28, 0.32)}
    assert second == {"value": 0.1, "sd": None, "interval": None}
    assert tables["coverage"]["rows"][0]["cells"][1]["value"] is None


def test_groups_within_groups_are_tables_of_their_own():
    nested = {"ours": {"per_kind": {"a.b": {"recall": 0.5}}}, "other": {"per_kind": {"a.b": {"recall": 0.25}}}}
    (table,) = tables_of({**EVALUATION, "ours": "ours", "figures": nested, "spread": {}, "intervals": {}})
    assert table["name"] == "per_kind.a.b"
    assert [cell["value"] for cell in table["rows"][0]["cells"]] == [0.5, 0.25]


def test_the_page_shows_figures_with_spread_and_interval():
    text = " ".join(re.sub("<[^>]+>", " ", page()).split())
    assert ".3000 ± .0040 [.2800, .3200]" in text
    assert "all, ndcg@10 higher is better" in text
    assert "wql lower is better" in text
    assert "coverage Measure recommender popularity 0.1 .1200 –" in text
    assert "origins 36, 40" in text
    assert "seconds to train once 12.5" in text


def test_the_page_loads_nothing_and_nothing_in_the_data_becomes_markup():
    found = page(protocol={"<b>": "<script>alert(1)</script>"})
    assert "<script" not in found
    assert "&lt;shop&gt;" in found
    assert "default-src 'none'" in found
    assert not re.search(r"(src|href)=|url\(|@import|https?://(?!www\.w3\.org)", found)


def test_what_is_no_race_is_not_drawn_as_one():
    assert "coverage, 0.1 <span" not in page()


def test_what_is_left_over_or_short_alone_crowns_nobody():
    stock = {"ours": {"left": 0.5, "short": 0.2, "cost": 4.3}, "zero": {"left": 0.0, "short": 1.0, "cost": 19.0}}
    figures = {model: {"stock": found} for model, found in stock.items()}
    found = page(ours="ours", figures=figures, spread={}, intervals={})
    assert "stock, cost <span" in found
    assert "stock, left <span" not in found
    assert "stock, short <span" not in found


def test_the_page_says_what_its_measures_say_and_no_other():
    found = page()
    assert f'title="{MEANINGS["wql"]}"' in found
    assert f"<dt>coverage</dt><dd>{MEANINGS['coverage']}</dd>" in found
    assert "<dt>brier</dt>" not in found
    assert f'<th scope="row" title="{MEANINGS["coverage"]}">0.1</th>' in found


def leaves(found, name=""):
    """Yield the last group and the name of every figure."""
    for key, value in found.items():
        yield from leaves(value, key) if isinstance(value, dict) else [(name, key)]


@pytest.mark.parametrize(
    "task", ["next_basket", "recommend", "demand", "purchase", "card_fraud", "misuse", "takeover", "syscalls"]
)
def test_every_measure_that_was_ever_reported_is_explained(task):
    report = json.loads((ROOT / "bench" / "results" / f"{task}.json").read_text(encoding="utf-8"))
    models = report["train_only"] if task == "recommend" else {name: report[name] for name in report["intervals"]}
    unexplained = {name for group, name in leaves(models) if not meaning_of(name, group)}
    assert unexplained == set()


def test_the_guide_explains_measures_in_the_words_of_the_card():
    guide = (ROOT / "docs" / "guides" / "evaluate.md").read_text(encoding="utf-8")
    assert [name for name, text in MEANINGS.items() if f"| `{name}` | {text} |" not in guide] == []


def test_an_evaluation_without_curves_or_seconds_is_a_page_too():
    found = page(curves=[], seconds=0.0)
    assert 'id="curves"' not in found
    assert "seconds to train" not in found


def test_values_that_are_not_numbers_are_shown_as_missing():
    figures = {"recommender": {"auc": float("nan"), "note": "text"}, "chance": {"auc": 0.5}}
    assert "–" in page(figures=figures, spread={}, intervals={})


def read(drawn):
    """Return a drawing as elements."""
    return ET.fromstring(drawn)  # noqa: S314 - our own drawing


@pytest.mark.parametrize("curve", [(), ((0.0, 0.0),), ((0.5, 0.5), (0.7, 0.9))])
def test_a_line_chart_is_well_formed_whatever_the_curve(curve):
    drawn = read(line_chart({"ours": curve, "a < b": ()}, label="& more", axes=("x", "y"), ours="ours"))
    assert drawn.attrib["aria-label"] == "& more"
    assert "a < b" in [each.text for each in drawn.iter("text")]


def test_ours_is_drawn_over_the_others_and_each_has_a_look_of_its_own():
    lines = {name: ((0, 0), (1, number)) for number, name in enumerate(("ours", "b", "c"), start=1)}
    kinds = [
        each.attrib["class"] for each in read(line_chart(lines, label="", axes=("x", "y"), ours="ours")).iter("path")
    ]
    assert kinds[:3] == ["line other k1", "line other k2", "line own"]


def test_a_long_key_goes_on_in_the_next_row_and_the_drawing_grows():
    few, many = (
        float(read(line_chart(dict.fromkeys(names, ()), label="", axes=("x", "y"))).attrib["viewBox"].split()[3])
        for names in (["one"], [f"a rather long name {n}" for n in range(6)])
    )
    assert many > few
