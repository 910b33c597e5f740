import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns, plain


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], str(span.kind)) for span in find_patterns(text)]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("请打13812345678，谢谢", "13812345678", "phone"),
        ("tel +86 138-1234-5678!", "+86 138-1234-5678", "phone"),
        ("电话１３８ １２３４ ５６７８。", "１３８ １２３４ ５６７８", "phone"),
        ("ring 07911 123456 first", "07911 123456", "phone"),
        ("ring +44 (0)7911 123 456", "+44 (0)7911 123 456", "phone"),
        ("ring (415) 555-2671", "(415) 555-2671", "phone"),
        ("座机010-62345678转801", "010-62345678转801", "landline"),
        ("office 020 7946 0958", "020 7946 0958", "landline"),
        ("写信zhang.san@qq.com吧", "zhang.san@qq.com", "email"),
        ("身份证11010519491231002X", "11010519491231002X", "id_number"),
        ("NINO QQ123456C", "QQ123456C", "id_number"),
        ("ssn 219-09-9999.", "219-09-9999", "id_number"),
        ("card 4111 1111 1111 1111 ok", "4111 1111 1111 1111", "payment_card"),
        ("pay GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32", "bank_account"),
        ("from 192.168.0.1,", "192.168.0.1", "ip_address"),
        ("net 10.1.2.0/24;", "10.1.2.0/24", "ip_address"),
        ("from fe80::1 now", "fe80::1", "ip_address"),
        ("mac 00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E", "device_id"),
        ("护照E12345678", "E12345678", "passport"),
        ("邮编100020", "100020", "postcode"),
        ("at SW1A 1AA", "SW1A 1AA", "postcode"),
        ("运单号SF1234567890123", "SF1234567890123", "tracking_id"),
        ("订单号20231105123456789", "20231105123456789", "order_id"),
        ("cvv 123", "123", "card_code"),
        ("密码: abc123", "abc123", "secret"),
        ("微信zhang_wei88", "zhang_wei88", "nickname"),
        ("order A-100234 is late", "A-100234", "order_id"),
        ("生日1990-01-02", "1990-01-02", "birth_date"),
        ("at 39.90421, 116.40739", "39.90421, 116.40739", "coordinates"),
    ],
)
def test_finds_exactly_the_value(text, value, kind):
    assert found(text) == [(value, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "请放门口，谢谢",
        "2023-11-05 12:30:45",
        "paid 1299.00 for 12 pieces",
        "order 12 of 138",
        "version 10.4.2",
        "8613812345678901234",
        "SO13812345678",
        "WHITE HANGING HEART T-LIGHT HOLDER 85123A",
        "1234567812345670",
        "my order arrived, 2 days late",
        "password protected since 2010",
        "passport control at 9",
        "wechat message at 10",
        "999.999.999.999",
    ],
)
def test_finds_nothing_in_what_only_looks_alike(text):
    assert found(text) == []


@given(st.text("0123456789-+@.:/ aXx１２邮编密码订单电话京A", max_size=80))
def test_spans_lie_in_the_text_in_order_and_apart(text):
    spans = find_patterns(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))


@given(st.text(max_size=200))
def test_folding_keeps_every_place(text):
    assert len(plain(text)) == len(text)


@given(st.text("甲乙，。 xyz", max_size=20), st.text("甲乙，。 xyz", max_size=20))
def test_surroundings_do_not_hide_a_phone(before, after):
    text = f"{before} 13812345678 {after}"
    assert ("13812345678", "phone") in found(text)


@pytest.mark.parametrize("unit", ["1", "a", "1 ", "1-", "a@", ":", "AB12 ", "+1(", "eyJ", "账户", "http://", "1."])
def test_a_long_line_costs_no_more_than_its_length(unit):
    started = time.perf_counter()
    find_patterns(unit * (200_000 // len(unit)))
    assert time.perf_counter() - started < 5


def test_every_span_says_how_sure_it_is():
    assert all(0 < span.confidence <= 1 and isinstance(span.kind, Kind) for span in find_patterns("13812345678 a@b.cn"))
