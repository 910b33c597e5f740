from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import RefusedError
from cartveil.events.kinds import Kind, Method, Step
from cartveil.events.patterns.check_digits import luhn_digit
from cartveil.events.places import british_areas, divisions, us_cities
from cartveil.events.places.region import rows_of
from cartveil.events.schema import Table, column_of, parse_schema
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.generalise import generalise
from cartveil.guard.protect.mask import STARS, mask
from cartveil.guard.protect.profiles import Profile, check_profile
from cartveil.guard.protect.rest import Sealing, at_rest
from cartveil.guard.protect.seal import Place
from cartveil.guard.protect.show import show_profile


def described(**kinds: Kind) -> Table:
    return Table("t", "t.csv", tuple(column_of(name, kind) for name, kind in kinds.items()))


def check(kind: Kind, value: str | None, profile: Profile) -> None:
    check_profile(pa.table({"x": pa.array([None, value], pa.string())}), described(x=kind), profile)


def refused(kind: Kind, value: str, profile: Profile) -> bool:
    try:
        check(kind, value, profile)
    except RefusedError as error:
        said = error
    else:
        return False
    assert said.path == "t.x[1]"
    assert value not in f"{said} {said.hint}"
    return True


WAYBILL = [
    (Kind.PERSON_NAME, "张三", "张*"),
    (Kind.PERSON_NAME, "张三丰", "张*丰"),
    (Kind.PERSON_NAME, "John Smith", "J*** S***"),
    (Kind.PHONE, "13812341234", "138******34"),
    (Kind.PHONE, "+86 138 1234 1234", "138******34"),
    (Kind.PHONE, "+44 7911 123456", "******56"),
    (Kind.PHONE, "(415) 555-2671", "******71"),
    (Kind.PHONE, "12345", STARS),
    (Kind.LANDLINE, "010-12345678", "010-******78"),
    (Kind.LANDLINE, "0755-1234567", "0755-******7"),
    (Kind.LANDLINE, "0755-81234567转801", "0755-******67"),
    (Kind.ADDRESS, "北京市朝阳区建国路88号3号楼2单元501室", "北京市朝阳区建国路88号3号楼***"),
    (Kind.ADDRESS, "北京市海淀区中关村１号楼２单元３０１室", "北京市海淀区中关村1号楼***"),
    (Kind.ADDRESS, "上海市浦东新区世纪大道100号A座1203", "上海市浦东新区世纪大道100号A座***"),
    (Kind.ADDRESS, "杭州市西湖区文三路3栋501", "杭州市西湖区文三路3栋***"),
    (Kind.ADDRESS, "杭州市西湖区文一西路969号3幢5楼502", "杭州市西湖区文一西路969号3幢***"),
    (Kind.ADDRESS, "广州市天河区1-2-501", "广州市天河区***"),
    (Kind.ADDRESS, "武汉市洪山区珞喻路1037号301", "武汉市洪山区珞喻路1037号***"),
    (Kind.ADDRESS, "成都市武侯区十二单元三室(电话13812341234)", "成都市武侯区***"),
    (Kind.ADDRESS, "广东省深圳市南山区科技园1号", "广东省深圳市南山区科技园1号"),
    (Kind.ADDRESS, "南京市鼓楼区北京西路2号楼", "南京市鼓楼区北京西路2号楼"),
    (Kind.ADDRESS, "Flat 4B, 12 Baker Street, London NW1 6XE", "***, 12 Baker Street, London NW1 6XE"),
    (Kind.ADDRESS, "12 Main St Apt 4B, Miami, FL 33101", "12 Main St ***, Miami, FL 33101"),
    (Kind.ADDRESS, "350 5th Ave, Suite 3300, New York", "350 5th Ave, ***, New York"),
    (Kind.ADDRESS, "Unit 7, 3/F, 88 Nathan Road", "***, ***, 88 Nathan Road"),
    (Kind.ADDRESS, "10 Downing Street, London", "10 Downing Street, London"),
]


@pytest.mark.parametrize(("kind", "value", "shown"), WAYBILL)
def test_a_waybill_shows(kind: Kind, value: str, shown: str) -> None:
    assert mask(pa.array([value, None]), kind=kind, profile=Profile.WAYBILL).to_pylist() == [shown, None]
    assert not refused(kind, shown, Profile.WAYBILL)
    assert shown == value or refused(kind, value, Profile.WAYBILL)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.PHONE, "138****1234"),
        (Kind.PHONE, "+86 138****1234"),
        (Kind.PHONE, "1381234****"),
        (Kind.PHONE, "138****12"),
        (Kind.PHONE, "13812341234******"),
        (Kind.PHONE, "１３８＊＊＊＊１２３４"),
        (Kind.LANDLINE, "010-****5678"),
        (Kind.PERSON_NAME, "欧阳修"),
        (Kind.PERSON_NAME, "Max Xu"),
        (Kind.NICKNAME, "Qq"),
        (Kind.ADDRESS, "建国路88号***单元501室"),
        (Kind.ADDRESS, "建国路88号3号楼***501"),
        (Kind.ADDRESS, "Flat 4B, ***"),
    ],
)
def test_showing_too_much_is_no_waybill(kind: Kind, value: str) -> None:
    assert refused(kind, value, Profile.WAYBILL)


def test_a_waybill_names_the_row_and_hides_what_it_does_not_need() -> None:
    schema = described(
        name=Kind.PERSON_NAME, phone=Kind.PHONE, mail=Kind.EMAIL, code=Kind.CARD_CODE, parcel=Kind.TRACKING_ID
    )
    table = pa.table({"name": ["张三"] * 3, "phone": ["13812341234"] * 3, "mail": ["a@b.cn"] * 3, "code": ["123"] * 3})
    shown = show_profile(table, schema, Profile.WAYBILL)
    assert shown.column_names == ["name", "phone"]
    check_profile(shown, schema, Profile.WAYBILL)
    with pytest.raises(RefusedError, match="shows no `email`") as caught:
        check_profile(table.select(["mail"]), schema, Profile.WAYBILL)
    assert caught.value.path == "t.mail"
    with pytest.raises(RefusedError, match="no schema names"):
        check_profile(pa.table({"cvv": ["123"]}), schema, Profile.WAYBILL)


PCI = [
    ("4111 1111 1111 1234", "411111******1234"),
    ("4111-1111-1111-1234", "411111******1234"),
    ("378282246310005", "378282******0005"),
    ("6222021234567890123", "622202******0123"),
    ("411111111111", "******1111"),
    ("1234", STARS),
]


@pytest.mark.parametrize(("value", "shown"), PCI)
def test_a_card_shows_its_bin_and_last_four_at_most(value: str, shown: str) -> None:
    assert mask(pa.array([value]), kind=Kind.PAYMENT_CARD, profile=Profile.PCI).to_pylist() == [shown]
    assert refused(Kind.PAYMENT_CARD, value, Profile.PCI)
    assert not refused(Kind.PAYMENT_CARD, shown, Profile.PCI)


@pytest.mark.parametrize("value", ["411111111*111234", "4111 1111 1*** 1234", "41111111****11234", "4111111111111234"])
def test_more_of_a_card_is_refused(value: str) -> None:
    assert refused(Kind.PAYMENT_CARD, value, Profile.PCI)


@pytest.mark.parametrize("profile", list(Profile))
def test_the_code_of_a_card_is_never_shown(profile: Profile) -> None:
    schema = described(x=Kind.CARD_CODE)
    assert show_profile(pa.table({"x": ["123"]}), schema, profile).column_names == []
    for value in ("123", STARS):
        with pytest.raises(RefusedError, match="card_code"):
            check(Kind.CARD_CODE, value, profile)
    check(Kind.CARD_CODE, None, profile)


@pytest.mark.parametrize("method", [Method.KEEP, Method.SEAL, Method.TOKEN, Method.REFUSE])
def test_the_code_of_a_card_does_not_rest_whatever_a_schema_says(derive, method: Method) -> None:  # type: ignore[no-untyped-def]
    spec = replace(column_of("code", Kind.CARD_CODE), protect=Step(method))
    place, sealing = Place("shop", "t", "code"), Sealing([derive("one")], pa.array([0]))
    with pytest.raises(RefusedError):
        at_rest(pa.array(["123"]), spec, place=place, derive=derive, sealing=sealing)
    assert at_rest(pa.array([None], pa.string()), spec, place=place, derive=derive, sealing=sealing) is None


@pytest.mark.parametrize("method", [Method.MASK, Method.PSEUDONYM, Method.TOKEN, Method.KEEP])
def test_the_code_of_a_card_does_not_leave_whatever_a_schema_says(method: Method) -> None:
    spec = replace(column_of("code", Kind.CARD_CODE), release=Step(method))
    with pytest.raises(RefusedError, match="never leaves"):
        deidentify(pa.table({"code": ["123"]}), Table("t", "t.csv", (spec,)))


def test_a_card_in_a_text_is_found() -> None:
    assert refused(Kind.FREE_TEXT, "paid with 4111 1111 1111 1111 today", Profile.PCI)
    assert refused(Kind.FREE_TEXT, "4111111111111111", Profile.RELEASE)
    assert not refused(Kind.FREE_TEXT, "order 4111 1111 1111 1112", Profile.PCI)
    assert not refused(Kind.PRODUCT, "4111111111111111", Profile.PCI)


CLEAR = {
    Kind.USER_ID: "17850",
    Kind.PHONE: "13812341234",
    Kind.EMAIL: "john@example.com",
    Kind.ID_NUMBER: "11010519491231002X",
    Kind.ADDRESS: "广东省深圳市南山区科技园1号",
    Kind.PAYMENT_CARD: "4111111111111234",
    Kind.BANK_ACCOUNT: "6222021234567890123",
    Kind.PAYMENT_ACCOUNT: "lin@alipay.example",
    Kind.IP_ADDRESS: "203.0.113.9",
    Kind.PASSPORT: "E12345678",
    Kind.COORDINATES: "30.25,120.17",
}


@pytest.mark.parametrize("kind", list(CLEAR))
def test_a_release_shows_nothing_clear_and_lets_the_masked_pass(kind: Kind) -> None:
    assert refused(kind, CLEAR[kind], Profile.RELEASE)
    shown = mask(pa.array([CLEAR[kind]]), kind=kind).to_pylist()[0]
    assert not refused(kind, shown, Profile.RELEASE)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.ADDRESS, "广东省深圳市"),
        (Kind.ADDRESS, "Birmingham, West Midlands"),
        (Kind.IP_ADDRESS, "203.0.113.0/24"),
        (Kind.USER_ID, "abcdefghijklmnopqrst2345"),
        (Kind.ADDRESS, "GB"),
        (Kind.ADDRESS, "*"),
    ],
)
def test_wider_things_and_made_up_names_may_leave(kind: Kind, value: str) -> None:
    assert not refused(kind, value, Profile.RELEASE)


def test_every_region_of_the_tables_may_leave_at_every_level() -> None:
    chinese = [name for _, _, name, _, _ in rows_of(divisions())]
    british = [f"1 High Street, {town} {area}1 1AA" for area, town, _, _ in rows_of(british_areas())]
    american = [f"1 Main St, {city}, {state} 10001" for city, state in rows_of(us_cities())]
    addresses = pa.array(chinese + british + american)
    for level in ("country", "province", "city", "district"):
        regions = generalise(addresses, kind=Kind.ADDRESS, level=level)
        assert regions.null_count < len(regions)
        check_profile(pa.table({"x": regions}), described(x=Kind.ADDRESS), Profile.RELEASE)


def test_what_deidentify_makes_passes_as_a_release_and_the_clear_table_does_not() -> None:
    schema = parse_schema(
        """
        [tables.t.columns]
        id = { kind = "user_id", role = "subject" }
        name = "person_name"
        home = "address"
        card = { kind = "payment_card", release = "mask" }
        parcel = { kind = "order_id", release = "token" }
        born = "birth_date"
        """
    ).tables[0]
    table = pa.table(
        {
            "id": ["u1", "u2"],
            "name": ["张三", "John Smith"],
            "home": ["广东省深圳市南山区1号", "10 Downing Street, London SW1A 2AA"],
            "card": ["4111111111111234", None],
            "parcel": ["A1", "A2"],
            "born": ["1980-01-01", None],
        }
    )
    check_profile(deidentify(table, schema)[0], schema, Profile.RELEASE)
    with pytest.raises(RefusedError):
        check_profile(table, schema, Profile.RELEASE)


digits = st.text("0123456789", min_size=3, max_size=18)
phones = st.from_regex(r"(\+86 ?|\+44 |0)?[0-9]{3}[ -]?[0-9]{3,4}[ -]?[0-9]{3,5}", fullmatch=True)
cards = st.text("0123456789", min_size=12, max_size=18).map(lambda text: text + luhn_digit(text))
rooms = st.builds(
    "{}路{}号{}{}{}{}{}".format,
    st.sampled_from(["建国", "文三", "Baker "]),
    st.integers(1, 999),
    st.integers(1, 40),
    st.sampled_from(["号楼", "栋", "幢", "座"]),
    st.sampled_from(["", "1单元", "二单元", "3层"]),
    st.integers(101, 3999),
    st.sampled_from(["", "室", "房"]),
)
names = st.text(min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.tuples(st.just(Kind.PHONE), phones | digits),
        st.tuples(st.just(Kind.LANDLINE), phones | digits),
        st.tuples(st.just(Kind.PERSON_NAME), names),
        st.tuples(st.just(Kind.NICKNAME), names),
        st.tuples(st.just(Kind.ADDRESS), rooms | names),
    ),
)
def test_whatever_a_waybill_shows_passes_its_check(drawn: tuple[Kind, str]) -> None:
    kind, value = drawn
    shown = mask(pa.array([value]), kind=kind, profile=Profile.WAYBILL)[0].as_py()
    check(kind, shown, Profile.WAYBILL)
    if kind in (Kind.PHONE, Kind.LANDLINE):
        hidden = sum(c.isdigit() for c in value) - sum(c.isdigit() for c in shown)
        assert hidden >= min(6, sum(c.isdigit() for c in value))


@settings(max_examples=100, deadline=None)
@given(rooms)
def test_no_room_of_a_chinese_address_is_left(address: str) -> None:
    shown = mask(pa.array([address]), kind=Kind.ADDRESS, profile=Profile.WAYBILL)[0].as_py()
    assert shown.endswith("***")
    assert not any(word in shown for word in ("单元", "室", "房", "层"))


@settings(max_examples=150, deadline=None)
@given(cards | digits)
def test_whatever_pci_shows_passes_and_the_number_does_not(number: str) -> None:
    shown = mask(pa.array([number]), kind=Kind.PAYMENT_CARD, profile=Profile.PCI)[0].as_py()
    check(Kind.PAYMENT_CARD, shown, Profile.PCI)
    assert refused(Kind.PAYMENT_CARD, number, Profile.PCI)
    assert sum(c.isdigit() for c in shown) <= 10


@pytest.mark.parametrize("profile", list(Profile))
def test_what_a_profile_shows_of_a_whole_table_passes_it(profile: Profile) -> None:
    schema = described(**{str(kind): kind for kind in Kind})
    values = ["张三", "13812341234", "4111111111111111", "北京市朝阳区建国路88号3号楼2单元501室", "a@b.cn", "", None]
    shown = show_profile(pa.table({str(kind): values for kind in Kind}), schema, profile)
    check_profile(shown, schema, profile)
    assert "card_code" not in shown.column_names
