import csv
from importlib import resources

import pytest

from cartveil.events.places import divisions, find_region
from cartveil.events.places.region import old_divisions

OLD = old_divisions().to_pylist()
CODES = {row["code"]: row for row in divisions().to_pylist()}


@pytest.mark.parametrize(
    ("address", "region", "former"),
    [
        ("北京市崇文区东花市北里", "北京市东城区", "崇文区"),
        ("北京宣武区广安门内大街", "北京市西城区", "宣武区"),
        ("上海市卢湾区淮海中路", "上海市黄浦区", "卢湾区"),
        ("闸北区共和新路1号", "上海市静安区", "闸北区"),
        ("萧山市城厢镇", "浙江省杭州市萧山区", "萧山市"),
        ("浙江省绍兴县柯岩街道", "浙江省绍兴市柯桥区", "绍兴县"),
        ("浙江省杭州市富阳市富春街道", "浙江省杭州市富阳区", "富阳市"),
        ("江苏省吴县市", "江苏省苏州市", "吴县市"),  # its ground is parted
        ("宁波江东区百丈东路", "浙江省宁波市鄞州区", "江东区"),
        ("湖北省襄樊市襄阳区", "湖北省襄阳市襄州区", "襄阳区"),
        ("四川省万县市", "重庆市万州区", "万县市"),
        ("北京市通县", "北京市通州区", "通县"),
        ("昌平县", "北京市昌平区", "昌平县"),
        ("新疆米泉市", "新疆维吾尔自治区乌鲁木齐市米东区", "米泉市"),
        ("南京市白下区", "江苏省南京市秦淮区", "白下区"),
        ("天津市塘沽区", "天津市滨海新区", "塘沽区"),
    ],
)
def test_a_name_of_former_times_leads_to_the_place_of_today(address, region, former):
    found = find_region(address)
    assert (found.at("district"), found.former) == (region, former)


def test_a_district_whose_ground_was_parted_is_known_to_its_city_unless_a_town_tells():
    assert find_region("杭州市江干区凯旋路").at("district") == "浙江省杭州市"
    assert find_region("杭州市江干区四季青街道").at("district") == "浙江省杭州市上城区"
    assert find_region("杭州市江干区白杨街道").at("district") == "浙江省杭州市钱塘区"


def test_of_an_old_name_and_one_of_today_side_by_side_the_one_of_today_counts():
    found = find_region("浙江省绍兴市绍兴县柯桥区钱清镇")
    assert (found.district, found.former) == ("柯桥区", "")


def test_a_name_that_two_places_of_today_and_of_old_share_is_not_guessed_at():
    # Zhangjiakou has one, Shijiazhuang and Xingtai had.
    assert find_region("桥东区人民路").at("district") == "河北省"


def lineage(code):
    while code:
        yield code
        code = CODES[code]["parent"]


def test_every_old_name_leads_to_what_followed_it_or_to_what_that_lies_in():
    exact = 0
    for row in OLD:
        above, followers = row["within"].split()[-1], row["followed_by"].split()
        names = [CODES[code]["name_zh"] for code in lineage(above)]
        found = find_region("".join(reversed(names)) + row["name_zh"])
        assert any(found.code in lineage(code) for code in [*followers, above]), row
        exact += found.code in followers
    assert exact > 0.9 * len(OLD)


def test_the_table_of_old_names_is_whole():
    assert len(OLD) > 1_200
    for row in OLD:
        assert row["level"] in {"city", "district"}
        assert row["followed_by"]
        assert all(code in CODES for code in (*row["within"].split(), *row["followed_by"].split()))
        assert 1980 <= int(row["ended"]) <= 2026
    with (resources.files("cartveil.events") / "tables" / "old_divisions.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["name_zh", "level", "within", "followed_by", "ended"]
