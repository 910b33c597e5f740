import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.places import divisions
from cartveil.events.places.parts import split_address

ROWS = [row for row in divisions().to_pylist() if row["level"] == "district"]


def parts(address):
    return [f"{part.label} {address[part.start : part.end]}" for part in split_address(address)]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "浙江省杭州市西湖区文三路90号东部软件园2号楼3单元502室",
            "province 浙江省,city 杭州市,district 西湖区,road 文三路,number 90号,place 东部软件园,"
            "building 2号楼,unit 3单元,room 502室",
        ),
        ("义乌兴港小区829-10-1060", "district 义乌,place 兴港小区,building 829,unit 10,room 1060"),
        (
            "江苏昆山市玉山镇前进西路１８０１号",
            "province 江苏,district 昆山市,town 玉山镇,road 前进西路,number １８０１号",
        ),
        ("朝阳区建国路88号A座12层1203", "district 朝阳区,road 建国路,number 88号,building A座,unit 12层,room 1203"),
        ("臺北市大安區仁愛路四段300號5樓", "city 臺北市,district 大安區,road 仁愛路四段,number 300號,unit 5樓"),
        ("北京淀海区昆明湖南路甲八号", "province 北京,district 淀海区,road 昆明湖南路,number 甲八号"),
        ("杭州市江干区凯旋路", "city 杭州市,district 江干区,road 凯旋路"),
        ("沿山村6号", "town 沿山村,number 6号"),
        (
            "Flat 4, 12 High Street, London SW1A 2AA",
            "unit Flat 4,number 12,road High Street,city London,place SW1A 2AA",
        ),
        (
            "1600 Amphitheatre Pkwy, Mountain View, CA 94043",
            "number 1600,road Amphitheatre Pkwy,city Mountain View,province CA,place 94043",
        ),
        (
            "Room 1202, Building 3, 88 Wensan Road, Xihu District, Hangzhou, Zhejiang, China",
            "room Room 1202,building Building 3,number 88,road Wensan Road,district Xihu District,city Hangzhou,"
            "province Zhejiang",
        ),
        ("", ""),
        (" , ", ""),
    ],
)
def test_an_address_has_these_parts(address, expected):
    assert ",".join(parts(address)) == expected


@given(st.one_of(st.text(max_size=80), st.text("浙江省杭州市西湖区路街号楼室村镇1234 ,-ab", max_size=40)))
def test_parts_stand_in_order_within_the_text_and_apart(text):
    end = 0
    for part in split_address(text):
        assert end <= part.start < part.end <= len(text)
        assert text[part.start : part.end].strip()
        end = part.end


@given(st.sampled_from(ROWS))
def test_the_district_of_an_address_is_marked(row):
    labels = parts(f"{row['name_zh']}人民路1号")
    assert {f"district {row['name_zh']}", f"city {row['name_zh']}"} & set(labels)  # Taiwan's 连江县 is a city here


@pytest.mark.parametrize(
    "piece", ["中", "路", "1号", "1a-", "浙江省杭州市", "Street ", "12 a b ", "\ud800中", "中\u200d", "😀"]
)
def test_a_long_line_takes_time_in_proportion(piece):
    assert isinstance(split_address(piece * (60_000 // len(piece))), list)
