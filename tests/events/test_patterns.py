import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns, id_check_digit, luhn_digit
from nightly import NIGHTLY


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
        ("微信zhang_wei88", "zhang_wei88", "messenger_id"),
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


@given(st.text("甲乙，。 xyz", max_size=20), st.text("甲乙，。 xyz", max_size=20))
def test_surroundings_do_not_hide_a_phone(before, after):
    text = f"{before} 13812345678 {after}"
    assert ("13812345678", "phone") in found(text)


def test_every_span_says_how_sure_it_is():
    assert all(0 < span.confidence <= 1 and isinstance(span.kind, Kind) for span in find_patterns("13812345678 a@b.cn"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(
            ("phone", value)
            for value in (
                "138 1234 5678",
                "138.1234.5678",
                "1381234 5678",
                "1 3 8 1 2 3 4 5 6 7 8",
                "1-3-8-1-2-3-4-5-6-7-8",
                "１３８１２３４５６７８",
                "１３８－１２３４－５６７８",
                "１３８　１２３４　５６７８",
                "一三八一二三四五六七八",
                "幺三八幺二三四五六七八",
                "壹叁捌壹贰叁肆伍陆柒捌",
                "一三八 一二三四 五六七八",
                "138一二三四五六七八",
                "①③⑧①②③④⑤⑥⑦⑧",
                "1\ufe0f\u20e33\ufe0f\u20e38\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e36\ufe0f\u20e37\ufe0f\u20e38\ufe0f\u20e3",
                "1\u200b3\u200b8\u200b1\u200b2\u200b3\u200b4\u200b5\u200b6\u200b7\u200b8",
                "l38l2345678",
                "138OOOO1234",
                "١٣٨١٢٣٤٥٦٧٨",
                "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
                "+8613812345678",
                "0086-13812345678",
                "(+86)13812345678",
                "013812345678",
                "138_1234_5678",
                "138，1234，5678",
                "1381-2345-678",
                "+1 415 555 2671",
                "415.555.2671",
                "+33 6 12 34 56 78",
                "+852 9123 4567",
            )
        ),
        *(
            ("landline", value)
            for value in ("（０２１）６２３４５６７８", "0755 2345 6789", "02162345678", "+86-10-62345678")
        ),
        *(
            ("email", value)
            for value in (
                "zhang＠qq．com",
                "zhang@qq。com",
                "zhang[at]qq[dot]com",
                "zhang at qq dot com",
                "zhang#qq.com",
            )
        ),
        *(
            ("id_number", value)
            for value in (
                "110105 19491231 002X",
                "１１０１０５１９４９１２３１００２Ｘ",
                "一一零一零五一九四九一二三一零零二X",
                "1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X",
                "A123456(3)",
                "A123456789",
            )
        ),
        *(
            ("payment_card", value)
            for value in (
                "3782 822463 10005",
                "６２２２ ０２１２ ３４５６ ７８９０ １２８",
                "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            )
        ),
        ("bank_account", "DE89-3704-0044-0532-0130-00"),
        ("ip_address", "::ffff:10.0.0.1"),
        ("device_id", "00-1A-2B-3C-4D-5E"),
        ("url", "https://example.com/a?token=abc123"),
        ("url", "www.example.com/path"),
        ("plate", "京A12345"),
        ("plate", "沪A·D12345"),
        ("plate", "苏A8888警"),
        ("tracking_id", "1Z999AA10123456784"),
        ("order_id", "123-1234567-1234567"),
        ("coordinates", "-33.86880,151.20930"),
        ("messenger_id", "wxid_abc123def456"),
        ("messenger_id", "wxid_abcdef-4358"),
        ("secret", "AKIAIOSFODNN7EXAMPLE"),
        ("secret", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"),
        ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"),
        ("tax_id", "91350100M000100Y43"),
    ],
)
def test_finds_a_value_in_any_writing_and_among_any_words(kind, value):
    for before, after in (
        ("", ""),
        ("请打", "，谢谢"),
        ("ring ", " now"),
        ("(", ")"),
        ("张三：", "李四"),
        ("🎉", "🎉"),
    ):
        assert found(before + value + after) == [(value, kind)]


@pytest.mark.parametrize(
    ("before", "value", "kind"),
    [
        ("请加微信：", "zhangwei_88", "messenger_id"),
        ("加V ", "abc12345", "messenger_id"),
        ("VX：", "xiaomeizi", "messenger_id"),
        ("my WeChat id is ", "foobar_88", "messenger_id"),
        ("telegram: ", "abc_user1", "messenger_id"),
        ("qq号是", "1234567890", "messenger_id"),
        ("QQ", "12345678", "messenger_id"),
        ("扣扣", "一二三四五六七", "messenger_id"),
        ("支付宝账号：", "lisi_2020", "payment_account"),
        ("订单编号", "E20231105001", "order_id"),
        ("订单号", "13812345678", "order_id"),
        ("订单号：", "6222021234567890128", "order_id"),
        ("Order ID: ", "SO13812345678", "order_id"),
        ("单号 ", "773012345678901", "tracking_id"),
        ("中通", "75312345678901", "tracking_id"),
        ("顺丰小哥", "13812345678", "phone"),
        ("顺丰", "13812345678", "phone"),
        ("tracking number is ", "9400111899223197428490", "tracking_id"),
        ("身份证号：", "110105194912310021", "id_number"),
        ("银行卡号 ", "6217001234567890123", "bank_account"),
        ("sort code ", "20-00-00", "bank_account"),
        ("passport number: ", "123456789", "passport"),
        ("zip ", "94105", "postcode"),
        ("Send to CA ", "94105", "postcode"),
        ("生日：", "1990年1月2日", "birth_date"),
        ("born on ", "January 2, 1990", "birth_date"),
        ("密码是", "Abc@12345", "secret"),
        ("password is ", "hunter2", "secret"),
        ("验证码", "482913", "secret"),
        ("电话：", "62345678", "phone"),
        ("tel", "13812345678", "phone"),
        ("call me at ", "5551234567", "phone"),
        ("username: ", "john_doe99", "user_id"),
        ("number plate ", "AB12 CDE", "plate"),
        ("imei ", "490154203237518", "device_id"),
    ],
)
def test_the_word_before_says_what_a_value_is(before, value, kind):
    for after in ("", "，谢谢", " thanks", "。"):
        assert found(before + value + after) == [(value, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "version 10.4.2.1",
        "一九九八年",
        "价格1299元 原价1599元",
        "2022款MacBook",
        "0.13812345678",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "13 5 7 9 11 13 15",
        "13812345678.50元",
        "条码6901234567892",
        "时间1713812345678",
        "20231105123045",
        "微信: wechat",
        "password is required",
        "密码是什么",
        "满300-50",
        "价格@99",
        "第1381234号",
        "c++ std::vector",
        "at home dot com is",
        "京东618",
        "no. 5",
        "order for 12345 pieces",
    ],
)
def test_finds_nothing_in_other_numbers_and_words(text):
    assert found(text) == []


def test_an_identity_number_is_told_by_its_digit_even_where_it_is_called_an_order():
    assert found("订单号11010519491231002X") == [("11010519491231002X", "id_number")]


def test_the_number_of_the_next_point_is_no_part_of_the_phone_before_it():
    assert found("有问题打1 3 9 3 8 1 6 6 1 6 8 1、屏幕反光") == [("1 3 9 3 8 1 6 6 1 6 8", "phone")]


def test_the_number_of_a_door_is_no_part_of_the_phone_after_it():
    assert found("滨湖花园7栋60113800138000张伟") == [("13800138000", "phone")]


DIGITS = {
    digit: (
        str(digit),
        chr(0xFF10 + digit),
        "零一二三四五六七八九"[digit],
        "⓪①②③④⑤⑥⑦⑧⑨"[digit],
        chr(0x1D7CE + digit),
        f"{digit}\u200b",
    )
    for digit in range(10)
}
WRITTEN = st.integers(0, 5)


@given(
    st.integers(3, 9),
    st.integers(0, 10**9 - 1),
    WRITTEN,
    st.sampled_from(["", " ", "-", "."]),
    st.text("甲乙，。x ", max_size=6),
)
def test_a_phone_is_found_in_every_writing_at_its_exact_place(second, rest, writing, gap, around):
    digits = f"1{second}{rest:09}"
    signs = [DIGITS[int(digit)][writing] for digit in digits]
    number = gap.join(("".join(signs[:3]), "".join(signs[3:7]), "".join(signs[7:]))).rstrip("\u200b")
    assert (number, "phone") in found(f"{around} {number} {around}")


@given(
    st.sampled_from(["11", "31", "44", "51"]), st.dates(), st.integers(0, 999), st.sampled_from(["", " ", "-"]), WRITTEN
)
def test_an_identity_number_is_found_by_its_check_digit_alone(province, day, order, gap, writing):
    digits = f"{province}0105{min(max(day.year, 1900), 2099)}{day:%m%d}{order:03}"
    if day.month == 2 and day.day == 29:
        return
    number = digits + id_check_digit(digits)
    wrong = digits + "X0123456789"[("X0123456789".index(number[-1]) + 1) % 11]
    signs = [DIGITS[int(sign)][writing] if sign.isdigit() else sign for sign in number]
    written = gap.join(("".join(signs[:6]), "".join(signs[6:14]), "".join(signs[14:]))).rstrip("\u200b")
    assert (written, "id_number") in found(f"他是{written}。")
    assert "id_number" not in dict(map(reversed, found(f"他是{wrong}。")))


@given(st.text("0123456789", min_size=14, max_size=14))
def test_a_card_is_found_by_its_check_digit(rest):
    number = f"4{rest}" + luhn_digit(f"4{rest}")
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert (number, "payment_card") in found(f"刷的{number}。")
    assert "payment_card" not in dict(map(reversed, found(f"刷的{wrong}。")))


PIECES = (
    *(
        "13812345678",
        "一三八一二三四五六七八",
        "１３８",
        "①",
        "1\ufe0f\u20e3",
        "😀",
        "👨\u200d👩\u200d👧",
        "微信",
        "加V",
        "：",
        ":",
        "@",
        "qq.com",
    ),
    *(
        "订单号",
        "SF",
        "http://",
        "a.b",
        "www.",
        "电话",
        "(",
        "（",
        ")",
        "-",
        ".",
        "+86",
        "0086",
        "86",
        "010",
        "-----BEGIN",
        "eyJ",
    ),
    *(
        "京A",
        "O",
        "l",
        "I",
        "X",
        "110105194912310021",
        "GB82WEST12345698765432",
        "::",
        "0a:",
        "°",
        "'",
        "39.90421",
        "，",
        "一",
    ),
    *(
        "零",
        "Ⅹ",
        "𝟏",
        "İ",
        "ß",
        "密码是",
        "1990年1月2日",
        "出生",
        "#163.com",
        "4111",
        " at ",
        " dot ",
        "cvv ",
        " ",
        "\n",
        "\t",
    ),
    *("\x00", "\u200b", "\u200d", "\u202e", "\ufeff", "\ud83d", "\udc00", "\U000e0031", "e\u0301", "\u2028"),
)


def fuzz(rng: random.Random) -> str:
    return "".join(
        rng.choice(PIECES)
        if (draw := rng.random()) < 0.6
        else str(rng.randrange(10 ** rng.randrange(1, 20)))
        if draw < 0.8
        else chr(rng.randrange(0x250 if draw < 0.9 else 0x110000))
        for _ in range(rng.randrange(14))
    )


def test_spans_of_any_text_lie_in_it_in_order_and_apart():
    rng = random.Random(6)
    for _ in range(100_000 if NIGHTLY else 4_000):
        text, end = fuzz(rng), 0
        for span in find_patterns(text):
            assert end <= span.start < span.end <= len(text)
            end = span.end


NASTY = (
    *(
        "1",
        "a",
        "1 ",
        "1-",
        "a@",
        ":",
        "AB12 ",
        "+1(",
        "eyJ",
        "账户",
        "http://",
        "1.",
        "1.1.1.",
        "1\ufe0f\u20e3",
        "\u200b",
        "一",
        "O0",
    ),
    *(
        "1O",
        "l1 ",
        "138",
        "13812345678,",
        "6222 ",
        "110105194912310",
        "((",
        "86",
        "0",
        "微信：a",
        "密码:",
        "加V",
        "www.a.",
        "a.b@c.",
    ),
    *(
        "(at)",
        "a at b dot ",
        "京A1",
        "A-1_",
        "a1-",
        "wxid_",
        "-----BEGIN",
        "1:2:",
        "::",
        "0a:",
        "00-",
        "号号",
        "1990年1月",
        "39.9042,",
    ),
    *(
        "sk-",
        "😀",
        "is ",
        "电话 1 ",
        "order no ",
        "QQ 12 34 ",
        "١",
        "1\u0301",
        "4 1 1 1 ",
        "GB82 WEST ",
        "1°1'",
        "\ud800",
        "一，",
    ),
)


KEYCAPS = "".join(f"{digit}\ufe0f\u20e3" for digit in "13812345678")


@pytest.mark.parametrize(
    "unit", [*NASTY, KEYCAPS + "，", "微信号：zhang_wei88，13812345678。", "a.b@c.com a at b dot com "]
)
def test_a_line_costs_no_more_than_its_length(unit):
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        started = time.process_time()
        find_patterns(text)
        return time.process_time() - started

    # A cost that grows with the square would be a hundred times as much, and minutes for the megabyte.
    short, long = (100_000, 1_000_000) if NIGHTLY else (4_000, 40_000)
    assert seconds(long) < 40 * min(seconds(short) for _ in range(3)) + 0.05
