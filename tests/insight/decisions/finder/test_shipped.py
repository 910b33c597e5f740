import pytest

from cartveil.events.kinds import Kind
from cartveil.insight.decisions.finder.generating.addresses import PARTS
from cartveil.insight.decisions.finder.shipped import FOLDER, shipped_tagger
from cartveil.insight.decisions.finder.text_finder import TextFinder
from cartveil.insight.models.card import read_card


@pytest.fixture(scope="module")
def finder():
    return TextFinder(shipped_tagger())


def found(finder, text):
    return [(text[span.start : span.end], span.kind) for span in finder(text)]


def test_the_model_is_no_larger_than_twenty_megabytes():
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= 20_000_000


def test_the_card_names_what_was_learnt_from_and_under_which_licence():
    data = read_card(FOLDER)["data"]
    assert data["generated"] == "every text was written by the project; no data set was used"
    assert {source["licence"] for source in data["sources"]} == {"Apache-2.0", "MIT"}


def test_it_finds_people_organisations_and_the_parts_of_addresses():
    assert set(shipped_tagger().labels) == {"person", "organisation", *PARTS}


def test_a_waybill_without_separators_is_taken_apart(finder):
    text = "陈晓燕13812345678浙江省宁波市鄞州区百丈东路28号4幢602室"
    assert found(finder, text) == [
        ("陈晓燕", Kind.PERSON_NAME),
        ("13812345678", Kind.PHONE),
        ("浙江省宁波市鄞州区百丈东路28号4幢602室", Kind.ADDRESS),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("麻烦交给李建国，谢谢", "李建国"),
        ("收件人：欧阳雪，请放前台", "欧阳雪"),
        ("Please leave it with Emma Wilson at reception", "Emma Wilson"),
        ("My name is Priya Sharma", "Priya Sharma"),
    ],
)
def test_names_are_found_in_both_languages(finder, text, name):
    assert (name, Kind.PERSON_NAME) in found(finder, text)


def test_an_english_address_is_one_place(finder):
    text = "Deliver to 14 Mill Lane, Leeds, LS6 3QT please"
    assert ("14 Mill Lane, Leeds, LS6 3QT", Kind.ADDRESS) in found(finder, text)


@pytest.mark.parametrize(
    "text",
    [
        "质量不错，物流很快，下次再来",
        "在北京住了三天，房间很干净",
        "华为手机比苹果便宜，高兴得不得了",
        "The parcel was late and the box was damaged",
        "Set of 3 red cushions, great quality",
        "",
    ],
)
def test_ordinary_texts_hold_nothing(finder, text):
    assert found(finder, text) == []
