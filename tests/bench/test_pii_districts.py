import pytest
from bench.pii_districts import coded_district, district_accuracy, marked_district

from cartveil.insight.decisions.finder.examples import Example, Labelled


def labelled(address, district, label="district"):
    start = address.index(district)
    return Example(address, (Labelled(start, start + len(district), label),))


def test_an_old_name_a_short_name_and_a_slip_are_read_as_they_were_labelled():
    examples = [
        labelled("杭州市江干区凯旋路", "江干区"),
        labelled("义乌兴港小区82栋", "义乌"),
        labelled("北京淀海区", "淀海区"),
    ]
    scores = district_accuracy(examples)
    assert scores["district_accuracy"] == 1
    assert scores["district_accuracy_coded"] == pytest.approx(2 / 3)  # no table has 淀海区
    assert scores["addresses_with_district"] == 3


def test_a_wrong_district_and_one_that_nobody_labelled_lower_the_scores():
    wrong = labelled("杭州市西湖区文三路", "文三路")
    free = Example("宁波市海曙区", ())
    assert district_accuracy([wrong, free]) == {
        "district_accuracy": 0,
        "district_accuracy_coded": 0,
        "district_false": 1,
        "addresses_with_district": 1,
    }


def test_a_district_that_several_cities_have_is_marked_and_has_no_code():
    assert (marked_district("朝阳区建国路88号"), coded_district("朝阳区建国路88号")) == ("朝阳", frozenset())
