import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.places import divisions, find_region
from cartveil.events.places.characters import simplified
from cartveil.events.places.region import towns

ROWS = divisions().to_pylist()


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("西湖区转塘街道象山路1号", "浙江省杭州市西湖区"),  # a town that one of them has
        ("转塘街道象山路1号", "浙江省杭州市西湖区"),
        ("西湖区文三路90号 杭州市", "浙江省杭州市西湖区"),  # a city further on
        ("Hangzhou 西湖区文三路90号", "浙江省杭州市西湖区"),  # words in another script
        ("杭州市 Xihu District 文三路", "浙江省杭州市西湖区"),
        ("Beijing朝阳区建国路", "北京市朝阳区"),
        ("浙江省杭州市浙江省杭州市西湖区", "浙江省杭州市西湖区"),  # written twice
        ("广州市新港街道广州市海珠区滨江东路", "广东省广州市海珠区"),
        ("浙江_绍兴_诸暨市大桥东路11号", "浙江省绍兴市诸暨市"),
        ("浙江省?宁波市?海曙区", "浙江省宁波市海曙区"),
        ("浙江省温州市null浙江温州市鹿城区", "浙江省温州市鹿城区"),
        ("宁波市市海曙区王家桥", "浙江省宁波市海曙区"),  # slips
        ("广西省桂林市", "广西壮族自治区桂林市"),
        ("浙江省台卅市天台县", "浙江省台州市天台县"),
        ("贵州省印江县沙子坡镇", "贵州省铜仁市印江土家族苗族自治县"),
        ("台州路桥珠光路787号", "浙江省台州市路桥区"),
        ("义乌兴港小区82栋", "浙江省金华市义乌市"),
        ("萧山新街镇5组", "浙江省杭州市萧山区"),
        ("安徽省淮北市相山区中国浙江省宁波市镇海区东明路", "浙江省宁波市镇海区"),  # the second address counts
        ("廣東省東莞市長安鎮", "广东省东莞市"),
        ("瀋陽市鐵西區", "辽宁省沈阳市铁西区"),
        ("beijing shi chaoyang qu jianguo lu", "Chaoyang District, Beijing"),
        ("Hangzhou Xihu Wensan Road 90", "Xihu District, Hangzhou, Zhejiang"),
        ("12 Mill Lane, Maidstone, Kent", "Maidstone, South East England"),
        ("Station Road, Woking GU21 6XX", "Woking, South East England"),
        ("Newport, Shropshire", "Newport, West Midlands"),
        ("Surrey, UK", "South East England"),
        ("1204 Oak Avenue, Apt 4B, Denver CO 80203", "Denver, Colorado"),
        ("Franklin, TN 37064", "Franklin, Tennessee"),
    ],
)
def test_what_stands_around_a_name_tells_which_place_is_meant(address, region):
    assert find_region(address).at("district") == region


@pytest.mark.parametrize(
    "address",
    [
        "西湖区文三路90号",
        "铁西区",
        "凌云3区34栋11单元",  # an estate; a dozen towns are called so too
        "红旗轿车",
        "安吉白茶500克",
        "滨江花园3栋",
        "Newport",
        "Battle",
        "Franklin",
        "Jilin Wang",
        "Chaoyang District",
    ],
)
def test_what_may_mean_several_places_or_none_stays_unknown(address):
    assert find_region(address) is None


def test_a_name_that_several_districts_share_is_never_guessed_at():
    by_code, shared = {row["code"]: row for row in ROWS}, {}
    for row in ROWS:
        if row["level"] == "district":
            shared.setdefault(row["name_zh"], []).append(row["code"])
    for name, codes in shared.items():
        if len(codes) > 1 and (found := find_region(f"{name}人民路1号")):
            # What all of them lie in, such as the province, is no guess.
            assert found.code not in codes
            assert all(
                found.code in {by_code[code]["parent"], by_code[by_code[code]["parent"]]["parent"]} for code in codes
            )


@given(st.text(max_size=60))
def test_simple_characters_stand_where_the_traditional_ones_stood(text):
    assert len(simplified(text)) == len(text)


def test_no_name_of_today_is_changed_by_simplifying_it():
    assert all(simplified(row["name_zh"]) == row["name_zh"] for row in ROWS)
    assert all(simplified(name) == name for name in towns()["name"].to_pylist())


@given(st.sampled_from(ROWS), st.text(" ,，-_/", max_size=3))
def test_what_parts_the_names_does_not_matter(row, mark):
    names = []
    code = row["code"]
    by_code = {each["code"]: each for each in ROWS}
    while code:
        names.insert(0, by_code[code]["name_zh"])
        code = by_code[code]["parent"]
    assert find_region(mark.join(names)).code == row["code"]


def test_a_long_text_is_no_address_and_costs_no_time():
    for letter in "中路1 ,a":
        assert find_region(letter * 1_000_000) is None
