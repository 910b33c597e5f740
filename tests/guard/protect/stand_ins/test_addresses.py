import re

import pytest

from cartveil.events.places import find_region
from cartveil.guard.protect.stand_ins.addresses import address_surrogate
from cartveil.guard.protect.stand_ins.draws import Scope

SCOPES = [Scope(bytes(32), str(number)) for number in range(12)]

CHINESE = [
    "北京市朝阳区建国路88号",
    "浙江省杭州市西湖区文三路３９０号东方大厦A座12层1203室",
    "浙江杭州西湖区文三路",
    "上海市浦东新区世纪大道100号",
    "内蒙古呼和浩特市赛罕区大学东街5号",
    "收货地址：江苏省 苏州市 姑苏区 平江路8号",
    "广西南宁市青秀区民族大道三十二号",
]
LATIN = [
    "10 Downing Street, London SW1A 2AA",
    "Flat 3, 45 High Street, Leeds LS1 4AP",
    "123 Main St Apt 4B, Springfield, IL 62704",
    "221B BAKER STREET LONDON NW1 6XE",
]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("text", CHINESE)
def test_a_chinese_address_is_of_another_city_that_there_is(text: str, scope: Scope) -> None:
    made = address_surrogate(text, scope)
    before, after = find_region(text), find_region(made)
    assert after.city
    assert after.city != before.city
    assert bool(after.district) == bool(before.district)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("text", CHINESE + LATIN)
def test_no_name_and_no_number_of_the_address_is_left(text: str, scope: Scope) -> None:
    made = address_surrogate(text, scope)
    names = [
        "北京",
        "朝阳",
        "建国",
        "浙江",
        "杭州",
        "西湖",
        "文三",
        "东方",
        "浦东",
        "世纪",
        "蒙古",
        "赛罕",
        "姑苏",
        "平江",
        "青秀",
        "民族",
    ]
    names += ["Downing", "London", "SW1A", "High", "Leeds", "LS1", "Main", "Springfield", "62704", "BAKER", "LONDON"]
    numbers = re.findall(r"\d{3,}", text)
    assert not [word for word in names + numbers if word in text and word in made]


@pytest.mark.parametrize("scope", SCOPES)
def test_what_the_parts_are_stays(scope: Scope) -> None:
    made = address_surrogate("浙江省杭州市西湖区文三路390号东方大厦A座12层1203室", scope)
    assert re.fullmatch(r".+(?:区|县)..路\d{3}号..大厦[A-H]座\d\d层\d{4}室", made)
    assert re.fullmatch(
        r"\d{3} \w+ St Apt \d[A-H], [\w. '-]+, [A-Z]{2} \d{5}",
        address_surrogate("123 Main St Apt 4B, Springfield, IL 62704", scope),
    )


def test_where_at_a_building_is_no_name() -> None:
    assert address_surrogate("3号楼2单元门口", SCOPES[0]).endswith("单元门口")


@pytest.mark.parametrize("scope", SCOPES)
def test_two_addresses_in_one_city_are_in_one_city_again(scope: Scope) -> None:
    one = find_region(address_surrogate("浙江省杭州市西湖区文三路1号", scope))
    short = find_region(address_surrogate("浙江杭州滨江区江南大道2号", scope))
    assert one.city == short.city


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "text", ["London", "杭州", "朝阳区建国路88号", "托克扎克镇5村", "PO Box 77, Denver, CO 80201-1234", "文三路"]
)
def test_a_part_of_an_address_becomes_another_part(text: str, scope: Scope) -> None:
    assert address_surrogate(text, scope) not in (None, text)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("text", LATIN[:3])
def test_postcode_and_town_belong_together(text: str, scope: Scope) -> None:
    region = find_region(address_surrogate(text, scope))
    assert region is not None
    assert region.code
