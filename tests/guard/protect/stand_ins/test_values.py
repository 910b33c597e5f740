"""What holds for surrogates of every kind; what holds for one kind alone stands in the file of that kind."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.stand_ins import Form, Found, Style, stand_ins

KEYS = [SecretKey(bytes([number]) * 32) for number in range(12)]

#: Values that the rules know by their form: each surrogate must be known by the same rule.
KNOWN = [
    (Kind.PHONE, "13812345678"),
    (Kind.PHONE, "+86 138-1234-5678"),
    (Kind.PHONE, "138 1234 5678"),
    (Kind.PHONE, "１３８１２３４５６７８"),
    (Kind.PHONE, "一三八一二三四五六七八"),
    (Kind.PHONE, "①③⑧①②③④⑤⑥⑦⑧"),
    (Kind.PHONE, "+44 7911 123456"),
    (Kind.PHONE, "07911 123456"),
    (Kind.PHONE, "+1 415 555 2671"),
    (Kind.LANDLINE, "0571-87654321"),
    (Kind.LANDLINE, "010-62345678"),
    (Kind.EMAIL, "Anna.Berg88@firm.co.uk"),
    (Kind.ID_NUMBER, "11010519491231002X"),
    (Kind.ID_NUMBER, "110105 19491231 002X"),
    (Kind.ID_NUMBER, "A123456(3)"),
    (Kind.PASSPORT, "E12345678"),
    (Kind.PAYMENT_CARD, "4111 1111 1111 1111"),
    (Kind.PAYMENT_CARD, "6222020200112233446"),
    (Kind.BANK_ACCOUNT, "GB82 WEST 1234 5698 7654 32"),
    (Kind.TAX_ID, "91110000600037341L"),
    (Kind.TRACKING_ID, "SF1234567890123"),
    (Kind.TRACKING_ID, "RB123456785GB"),
    (Kind.IP_ADDRESS, "10.20.30.40"),
    (Kind.IP_ADDRESS, "fe80::1:2"),
    (Kind.DEVICE_ID, "550e8400-e29b-41d4-a716-446655440000"),
    (Kind.DEVICE_ID, "00:1b:44:11:3a:b7"),
    (Kind.COORDINATES, "39.904200, 116.407400"),
    (Kind.PLATE, "粤B12345"),
    (Kind.URL, "https://shop.cn/o?token=abc"),
    (Kind.POSTCODE, "SW1A 2AA"),
]

#: Values that only a reader of language knows.
OTHERS = [
    (Kind.PERSON_NAME, "张伟"),
    (Kind.PERSON_NAME, "John Smith"),
    (Kind.NICKNAME, "星星_99"),
    (Kind.ADDRESS, "浙江省杭州市西湖区文三路390号"),
    (Kind.ADDRESS, "10 Downing Street, London SW1A 2AA"),
    (Kind.BIRTH_DATE, "1990-05-03"),
    (Kind.COMPANY, "杭州好味食品有限公司"),
    (Kind.ORDER_ID, "ORD-2024-000123"),
    (Kind.USER_ID, "17850"),
    (Kind.PAYMENT_ACCOUNT, "anna@firm.com"),
    (Kind.MESSENGER_ID, "wxid_8s9d8f7"),
]


#: Kinds whose surrogates are of a block, a domain or a place that has lengths of its own.
FREE_LENGTH = (Kind.EMAIL, Kind.URL, Kind.IP_ADDRESS, Kind.COORDINATES, Kind.POSTCODE)


def surrogate(kind: Kind, text: str, key: SecretKey = KEYS[0], subject: str = "") -> str:
    (made,) = stand_ins([Found(text, kind, subject)], Style(Form.SURROGATES, key))
    return made


@pytest.mark.parametrize(("kind", "text"), KNOWN)
def test_a_surrogate_is_found_by_the_rule_that_found_the_value(kind: Kind, text: str) -> None:
    assert [(span.kind, span.start, span.end) for span in find_patterns(text)] == [(kind, 0, len(text))]
    for key in KEYS:
        made = surrogate(kind, text, key)
        assert [(span.kind, span.start, span.end) for span in find_patterns(made)] == [(kind, 0, len(made))], made


@pytest.mark.parametrize(("kind", "text"), KNOWN + OTHERS)
def test_a_surrogate_is_another_value_of_the_same_script(kind: Kind, text: str) -> None:
    for key in KEYS:
        made = surrogate(kind, text, key)
        assert made != text
        assert not made.startswith("[")
        assert bool(re.search("[\u3400-\u9fff]", made)) == bool(re.search("[\u3400-\u9fff]", text))
        assert made == surrogate(kind, text, key)


@pytest.mark.parametrize(("kind", "text"), [pair for pair in KNOWN if pair[0] not in FREE_LENGTH])
def test_a_number_keeps_its_length_and_what_stands_between_its_digits(kind: Kind, text: str) -> None:
    for key in KEYS:
        made = surrogate(kind, text, key)
        assert re.sub(r"\w", "_", made) == re.sub(r"\w", "_", text)


@pytest.mark.parametrize(("kind", "text"), KNOWN + OTHERS)
def test_two_subjects_share_no_surrogate_but_by_chance(kind: Kind, text: str) -> None:
    assert len({surrogate(kind, text, subject=str(number)) for number in range(8)}) > 4


@pytest.mark.parametrize("kind", [Kind.SECRET, Kind.CARD_CODE, Kind.GENDER, Kind.HEALTH_HINT, Kind.MINOR_FLAG])
def test_what_tells_something_special_is_only_labelled(kind: Kind) -> None:
    assert surrogate(kind, "糖尿病 123") == f"[{kind}]"


@pytest.mark.parametrize("hidden", ["138\u200b1234\u200d5678", "1\ufe0f38 1234 5678", "\u202e13812345678"])
def test_characters_that_nobody_sees_neither_make_another_value_nor_stay(hidden: str) -> None:
    made = surrogate(Kind.PHONE, hidden)
    assert "".join(re.findall(r"\d", made)) == surrogate(Kind.PHONE, "13812345678")
    assert not re.search("[\u200b-\u202e]", made)


texts = st.text(alphabet="a张三王1２三①é-@./: ,\u200b😀\ud800\x00路号市省", max_size=25) | st.text(max_size=25)


@settings(max_examples=400, deadline=None)
@given(texts, st.sampled_from(list(Kind)), st.sampled_from(list(Form)))
def test_any_text_gets_something_that_is_not_itself(text: str, kind: Kind, form: Form) -> None:
    one = Found(text, kind)
    made, again = stand_ins([one, one], Style(form, KEYS[0]))
    assert made == again
    assert made != text
    assert made.strip()
