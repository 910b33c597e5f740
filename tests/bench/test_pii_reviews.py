import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.pii_reviews import carriers_of, figures_of

from cartveil.events.kinds import Kind
from cartveil.events.spans import Span
from cartveil.insight.decisions.finder.generating import is_held_out

CARRIERS = [f"质量不错，第{number}次买了。物流很快！下次再来" for number in range(200)]


def everything(texts):
    return [[Span(0, len(text), Kind.PERSON_NAME)] for text in texts]


def nothing(texts):
    return [[] for _ in texts]


def test_reviews_with_numbers_or_links_of_doubtful_origin_are_set_aside(tmp_path):
    texts = ["不错", "电话13812345678", "see www.example.com", "1 2 3 4 5 6 7 8", None, " ", "买了3件，用了12天"]
    pq.write_table(pa.table({"review": texts}), tmp_path / "r.parquet")
    assert carriers_of(tmp_path / "r.parquet") == ["不错", "买了3件，用了12天"]


def test_whoever_finds_nothing_has_neither_recall_nor_alarms():
    figures = figures_of(nothing, CARRIERS)
    assert figures["covered_recall"]["all"] == figures["false_alarms_per_1000"] == 0


def test_whoever_marks_all_as_names_covers_the_names_and_alarms_at_every_text():
    figures = figures_of(everything, CARRIERS)
    assert figures["covered_recall"]["name"] == 1
    assert figures["covered_recall"]["structured"] == 0
    assert figures["false_alarms_per_1000"] == 1000


def test_companies_and_order_numbers_are_no_false_alarms():
    def told(texts):
        return [[Span(0, 1, Kind.COMPANY), Span(1, 2, Kind.ORDER_ID)] for _ in texts]

    figures = figures_of(told, CARRIERS)
    assert (figures["false_alarms_per_1000"], figures["companies_per_1000"]) == (0, 1000)


def test_every_sort_is_put_in():
    recall = figures_of(nothing, CARRIERS)["covered_recall"]
    assert set(recall) == {"name", "address", "phone_wide", "phone_spaced", "wechat", "structured", "all"}


def test_the_names_put_in_were_held_out_from_the_training(monkeypatch):
    seen = []

    def keep(texts):
        seen.extend(texts)
        return nothing(texts)

    figures_of(keep, ["甲", "乙"] * 100)
    names = [text.partition("我姐")[2][:3] for text in seen if "我姐" in text]
    assert names
    assert all(is_held_out(name[1:]) or is_held_out(name[1:2]) or is_held_out(name[2:]) for name in names)


@pytest.mark.parametrize("carriers", [["好"], ["好", "差"]])
def test_few_carriers_are_enough(carriers):
    assert figures_of(nothing, [*carriers, "一般"])["carriers"] == len(carriers) + 1
