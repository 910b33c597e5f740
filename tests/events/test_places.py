import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.places import Region, british_areas, divisions, find_region, find_regions, us_states

ROWS = divisions().to_pylist()
BY_CODE = {row["code"]: row for row in ROWS}


def lineage(row):
    while row:
        yield row
        row = BY_CODE.get(row["parent"])


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("北京市朝阳区建国路88号", "北京市朝阳区"),
        ("浙江省杭州市西湖区文三路", "浙江省杭州市西湖区"),
        ("杭州西湖区文三路", "浙江省杭州市西湖区"),
        ("中国，广东省 深圳市，南山区科技园", "广东省深圳市南山区"),
        ("江苏昆山市玉山镇", "江苏省苏州市昆山市"),
        ("内蒙古呼和浩特市新城区", "内蒙古自治区呼和浩特市新城区"),
        ("四川凉山州西昌市", "四川省凉山彝族自治州西昌市"),
        ("吉林省吉林市船营区", "吉林省吉林市船营区"),
        ("广东省东莞市松山湖", "广东省东莞市"),
        ("香港特别行政区观塘区", "香港特别行政区观塘区"),
        ("臺北市大安區", "台湾省台北市"),
        ("上海市上海市浦东新区世纪大道", "上海市浦东新区"),
        ("Chaoyang District, Beijing", "Chaoyang District, Beijing"),
        ("88 Wensan Road, Xihu District, Hangzhou, Zhejiang, China", "Xihu District, Hangzhou, Zhejiang"),
        ("Suzhou, Jiangsu", "Suzhou, Jiangsu"),
        ("10 Downing Street, London SW1A 2AA", "London"),
        ("Manchester, UK", "Manchester, North West England"),
        ("1600 Amphitheatre Pkwy, Mountain View, CA 94043", "Mountain View, California"),
        ("Austin, Texas", "Austin, Texas"),
        ("12 Rue de la Paix, Paris, France", "FR"),
        ("英国", "GB"),
    ],
)
def test_an_address_lies_in(address, region):
    assert find_region(address).at("district") == region


@pytest.mark.parametrize(
    "address",
    ["", "   ", "朝阳区建国路88号", "西安区", "南京路100号", "Suzhou", "Springfield", "Manchester", "Nowhere 5"],
)
def test_no_guess_where_several_places_could_be_meant(address):
    assert find_region(address) is None


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("河北省桥西区", "河北省"),  # three cities of Hebei have one
        ("北京朝阳门内大街", "北京市"),  # that street is not in Chaoyang
        ("上海南京东路", "上海市"),
        ("Austin, CA 78701", "California"),  # the ZIP contradicts the state, the city is unknown there
        ("Jilin", "Jilin"),
    ],
)
def test_the_answer_is_coarser_where_only_that_is_certain(address, region):
    assert find_region(address).at("district") == region


def test_every_division_is_found_by_its_full_chinese_name():
    for row in ROWS:
        names = [each["name_zh"] for each in lineage(row)]
        assert find_region("".join(reversed(names)) + "人民路1号").code == row["code"]


def test_nearly_every_division_is_found_by_its_english_name_and_none_wrongly():
    missed = 0
    for row in ROWS:
        address = "1 Renmin Road, " + ", ".join(each["name_en"] for each in lineage(row))
        code = find_region(address).code
        assert code in [each["code"] for each in lineage(row)]
        missed += code != row["code"]
    assert missed < 20


@given(st.text(max_size=60))
def test_any_text_gives_a_region_out_of_the_tables_or_none(text):
    region = find_region(text)
    assert region is None or isinstance(region, Region)


@given(st.sampled_from(ROWS), st.text("张王李13812345678室号", max_size=20))
def test_no_word_of_the_address_itself_is_repeated(row, detail):
    names = {each["name_zh"] for each in lineage(row)}
    region = find_region("".join(each["name_zh"] for each in reversed(list(lineage(row)))) + "，" + detail)
    assert {region.province, region.city, region.district} - {""} <= names


def test_a_column_keeps_its_nulls_and_looks_up_each_address_once():
    addresses = pa.chunked_array([["北京市海淀区中关村", None], ["nowhere", "北京市海淀区中关村"]])
    assert find_regions(addresses, level="city").to_pylist() == ["北京市", None, None, "北京市"]


def test_the_tables_are_whole():
    levels = [row["level"] for row in ROWS]
    assert levels.count("province") == 34
    assert levels.count("city") > 330
    assert levels.count("district") > 2_800
    assert all(len(code) == 6 for code in BY_CODE)
    assert all(row["parent"] in BY_CODE for row in ROWS if row["level"] != "province")
    assert all(row["name_en"].strip() and row["name_zh"].strip() for row in ROWS)
    assert british_areas().num_rows == 124
    assert us_states().num_rows == 52


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("陕西省", "Shaanxi"),
        ("山西省", "Shanxi"),
        ("内蒙古自治区", "Inner Mongolia"),
        ("呼和浩特市", "Hohhot"),
        ("乌鲁木齐市", "Urumqi"),
        ("拉萨市", "Lhasa"),
        ("哈尔滨市", "Harbin"),
        ("重庆市", "Chongqing"),
        ("厦门市", "Xiamen"),
        ("西安市", "Xi'an"),
        ("香港特别行政区", "Hong Kong"),
    ],
)
def test_places_have_their_official_english_names(chinese, english):
    assert english in [row["name_en"] for row in ROWS if row["name_zh"] == chinese]
