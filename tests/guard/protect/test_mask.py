import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind, Sensitivity
from cartveil.guard.protect.mask import STARS, mask

EXAMPLES = [
    (Kind.PERSON_NAME, "张三", "张*"),
    (Kind.PERSON_NAME, "张三丰", "张*丰"),
    (Kind.PERSON_NAME, "欧阳锋", "欧阳*"),
    (Kind.PERSON_NAME, "欧阳修文", "欧阳**"),
    (Kind.PERSON_NAME, "阿凡提·买买提", "阿**"),
    (Kind.PERSON_NAME, "张", STARS),
    (Kind.PERSON_NAME, "John Smith", "J*** S***"),
    (Kind.PERSON_NAME, "Mary-Jane O'Neil", "M*** O***"),
    (Kind.PERSON_NAME, "Мария Иванова", "М*** И***"),
    (Kind.PERSON_NAME, "Al", STARS),
    (Kind.PHONE, "13812341234", "138****1234"),
    (Kind.PHONE, "+86 138 1234 1234", "+86 138****1234"),
    (Kind.PHONE, "+44 7911 123456", "+44 7*** ***456"),
    (Kind.PHONE, "07911 123456", "07*** ***456"),
    (Kind.PHONE, "+1 415-555-2671", "+1 ***-***-2671"),
    (Kind.PHONE, "(415) 555-2671", "***-***-2671"),
    (Kind.PHONE, "+33 6 12 34 56 78", "***78"),
    (Kind.PHONE, "12345", STARS),
    (Kind.LANDLINE, "010-12345678", "010-****5678"),
    (Kind.LANDLINE, "0755-81234567转801", "0755-****4567"),
    (Kind.EMAIL, "john@example.com", "j***@example.com"),
    (Kind.EMAIL, "j@example.com", "***@example.com"),
    (Kind.EMAIL, "not an address", STARS),
    (Kind.ID_NUMBER, "11010519491231002X", "110*************2X"),
    (Kind.ID_NUMBER, "QQ 23 90 90 C", "******"),
    (Kind.ID_NUMBER, "666-41-3624", "******24"),
    (Kind.PASSPORT, "E12345678", "E*****78"),
    (Kind.PAYMENT_CARD, "4111 1111 1111 1234", "**** **** **** 1234"),
    (Kind.PAYMENT_CARD, "378282246310005", "**** **** **** 0005"),
    (Kind.PAYMENT_CARD, "1234", STARS),
    (Kind.BANK_ACCOUNT, "6222021234567890123", "****0123"),
    (Kind.PAYMENT_ACCOUNT, "lin@alipay.example", "l***@alipay.example"),
    (Kind.PAYMENT_ACCOUNT, "wxid_abcdef", STARS),
    (Kind.ADDRESS, "广东省深圳市南山区科技园1号", "广东省深圳市***"),
    (Kind.ADDRESS, "somewhere", STARS),
    (Kind.POSTCODE, "518000", "51****"),
    (Kind.POSTCODE, "94107-1234", "941**"),
    (Kind.POSTCODE, "SW1A 1AA", "SW** ***"),
    (Kind.BIRTH_DATE, "1985-03-02", "198*-**-**"),
    (Kind.IP_ADDRESS, "203.0.113.9", "203.0.*.*"),
    (Kind.IP_ADDRESS, "2001:db8::1", "2001:db8:***"),
    (Kind.SECRET, "hunter2", STARS),
    (Kind.CARD_CODE, "123", STARS),
]


@pytest.mark.parametrize(("kind", "value", "shown"), EXAMPLES)
def test_shows(kind: Kind, value: str, shown: str) -> None:
    assert mask(pa.array([value]), kind=kind).to_pylist() == [shown]
    assert mask(pa.array([f" {value} "]), kind=kind).to_pylist() == [shown]


SENSITIVE = [kind for kind in Kind if kind.sensitivity not in (Sensitivity.PUBLIC, Sensitivity.CONSENT)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SENSITIVE), st.text(max_size=30) | st.from_regex(r"[0-9+ ()-]{1,20}", fullmatch=True))
def test_never_shows_a_whole_value(kind: Kind, value: str) -> None:
    assume("*" not in value)
    shown = mask(pa.array([value]), kind=kind)[0].as_py()
    assert "*" in shown
    assert not value.strip() or value.strip() not in shown


@settings(max_examples=100, deadline=None)
@given(st.from_regex(r"\+?[0-9]{0,3}[ -]?[0-9]{3,13}", fullmatch=True))
def test_a_phone_hides_at_least_four_digits_or_all(number: str) -> None:
    shown = mask(pa.array([number]), kind=Kind.PHONE)[0].as_py()
    assert shown == STARS or sum(c.isdigit() for c in number) - sum(c.isdigit() for c in shown) >= 4


def test_long_and_short_hidden_parts_look_alike() -> None:
    for kind, short, long in (
        (Kind.EMAIL, "jo@x.cn", "jonathan.livingston@x.cn"),
        (Kind.PERSON_NAME, "Bo Li", "Bartholomew Longfellow"),
        (Kind.OTHER, "a", "a" * 99),
    ):
        one, other = mask(pa.array([short, long]), kind=kind).to_pylist()
        assert len(one) == len(other)


def test_a_number_column_is_masked_as_text() -> None:
    assert mask(pa.array([13812341234, None]), kind=Kind.PHONE).to_pylist() == ["138****1234", None]
