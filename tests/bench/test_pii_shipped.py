import pytest

from bench import pii_shipped
from cartveil.insight.decisions.finder.examples import Found

TEXT = "张伟浙江省杭州市西湖区文三路5号13812345678"


class Told:
    def tag(self, texts):
        labels = ("person", "province", "city", "district", "road", "number")
        places = ((0, 2), (2, 5), (5, 8), (8, 11), (11, 14), (14, 16))
        found = [Found(*place, label, 0.9) for place, label in zip(places, labels, strict=True)]
        return [found if text == TEXT else [] for text in texts]


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    monkeypatch.setattr(pii_shipped, "shipped_tagger", Told)


def words(task):
    return [(each.label, TEXT[each.start : each.end]) for each in pii_shipped.shipped_finder(task)([TEXT])[0]]


def test_a_waybill_has_its_details_as_one_place():
    assert words("waybill") == [
        ("P", "张伟"),
        ("A1", "浙江省"),
        ("A2", "杭州市"),
        ("A3", "西湖区"),
        ("A4", "文三路5号"),
        ("T", "13812345678"),
    ]


def test_addresses_keep_their_parts():
    assert ("roadno", "5号") in words("address_sutd")


@pytest.mark.parametrize(("task", "name"), [("weibo", "PER.NAM"), ("resume", "NAME"), ("cluener", "name")])
def test_people_are_called_as_the_task_has_it(task, name):
    assert (name, "张伟") in words(task)


def test_texts_without_anybody_hold_nothing():
    assert pii_shipped.shipped_finder("weibo")(["不错", ""]) == [[], []]
