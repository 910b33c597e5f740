import random
import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind, Method, Role
from cartveil.events.names import family_names, given_names
from cartveil.events.patterns import id_check_digit, luhn_digit
from cartveil.events.scanning import scan
from cartveil.events.scanning.parts import usual_code
from cartveil.events.scanning.words import kind_of_name
from cartveil.events.schema import parse_schema

ROWS = 300


def kinds_of(table):
    return {found.column: str(found.kind) for found in scan({"t": table}).evidence}


def roles_of(table):
    return {found.column: str(found.role) for found in scan({"t": table}).evidence if found.role}


@pytest.fixture(scope="module")
def draw():
    return random.Random(7)


def online_retail(draw):
    items = [f"{draw.randint(10000, 99999)}{draw.choice(['', 'A'])}" for _ in range(40)]
    return pa.table(
        {
            "InvoiceNo": [draw.choice(["", "C"]) + str(536365 + row // 3) for row in range(ROWS)],
            "StockCode": [items[row % 40] for row in range(ROWS)],
            "Description": [f"WHITE HANGING HEART {row % 40}" for row in range(ROWS)],
            "Quantity": [draw.randint(-5, 40) for _ in range(ROWS)],
            "InvoiceDate": pa.array([10**15 + row * 10**9 for row in range(ROWS)], pa.timestamp("us")),
            "UnitPrice": [draw.randint(1, 999) / 100 for _ in range(ROWS)],
            "CustomerID": pa.array([None if row % 7 == 0 else 12346 + row % 50 for row in range(ROWS)], pa.int32()),
            "Country": [draw.choice(["United Kingdom", "France", "EIRE"]) for _ in range(ROWS)],
        }
    )


def person(draw, row):
    chinese = row % 2 == 0
    digits = (
        f"110105{draw.randint(1950, 2004)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}{draw.randint(0, 999):03d}"
    )
    card = "411111" + str(draw.randint(10**8, 10**9 - 1))
    english = f"{draw.choice(given_names('en'))} {draw.choice(family_names('en'))}"
    return {
        "customer_id": 12346 + row,
        "name": draw.choice(family_names("zh")) + draw.choice(given_names("zh")) if chinese else english,
        "mobile": f"138{draw.randint(10**7, 10**8 - 1)}" if chinese else f"07700 900{draw.randint(0, 999):03d}",
        "email": f"someone{row}@example.com",
        "address": f"浙江省杭州市西湖区文三路{row}号" if chinese else f"{row + 1} High Street, Leeds, LS6 3QT",
        "birth_date": f"19{draw.randint(50, 99)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}",
        "id_number": digits + id_check_digit(digits) if chinese else f"QQ{draw.randint(10**5, 10**6 - 1)}C",
        "card": card + luhn_digit(card),
        "delivery_note": f"放门口，先打138{draw.randint(10**7, 10**8 - 1)}"
        if chinese
        else "Leave with the neighbour please",
        "consent": draw.choice(["recommendation forecast", "none", "recommendation"]),
    }


@pytest.fixture(scope="module")
def customers(draw):
    return pa.Table.from_pylist([person(draw, row) for row in range(ROWS)])


def test_online_retail_comes_out_whole(draw):
    table = online_retail(draw)
    assert kinds_of(table) == {
        "InvoiceNo": "order_id",
        "StockCode": "product",
        "Description": "product",
        "Quantity": "quantity",
        "InvoiceDate": "event_time",
        "UnitPrice": "amount",
        "CustomerID": "user_id",
        "Country": "region",
    }
    assert roles_of(table) == {
        "InvoiceNo": "order",
        "StockCode": "item",
        "Description": "description",
        "Quantity": "quantity",
        "InvoiceDate": "time",
        "UnitPrice": "amount",
        "CustomerID": "subject",
    }


def test_customers_come_out_whole(customers):
    kinds = [
        "user_id",
        "person_name",
        "phone",
        "email",
        "address",
        "birth_date",
        "id_number",
        "payment_card",
        "free_text",
        "consent",
    ]
    assert list(kinds_of(customers).values()) == kinds
    assert roles_of(customers) == {"customer_id": "subject", "consent": "consent"}


def test_values_alone_tell_what_is_checked_or_has_a_form(customers):
    columns = ["name", "mobile", "email", "address", "id_number", "card"]
    bare = customers.select(columns).rename_columns([f"column {place}" for place in range(len(columns))])
    chinese = bare.filter(pa.array([row % 2 == 0 for row in range(ROWS)]))
    assert list(kinds_of(chinese).values()) == ["person_name", "phone", "email", "address", "id_number", "payment_card"]


# Every kind must be reachable, or no scan would ever propose it.
NAMES = {
    "user_id": ["customer_id", "CustomerID", "客户编号", "会员号", "uid"],
    "person_name": ["full_name", "姓名", "收货人"],
    "nickname": ["nickname", "username", "昵称"],
    "phone": ["mobile", "phone_number", "手机号", "联系电话"],
    "landline": ["landline", "座机"],
    "email": ["email", "e_mail_address", "邮箱"],
    "id_number": ["id_number", "ssn", "身份证号"],
    "passport": ["passport_no", "护照号"],
    "birth_date": ["birth_date", "date_of_birth", "dob", "出生日期"],
    "gender": ["gender", "性别"],
    "address": ["delivery_address", "收货地址"],
    "postcode": ["postcode", "zip", "邮编"],
    "coordinates": ["latitude", "经度"],
    "payment_card": ["card_number", "card", "银行卡号"],
    "bank_account": ["iban", "account_number", "银行账号"],
    "payment_account": ["alipay_id", "支付宝账号"],
    "card_code": ["cvv", "card_code", "安全码"],
    "order_id": ["order_id", "InvoiceNo", "订单号"],
    "tracking_id": ["tracking_no", "运单号"],
    "event_time": ["order_date", "created_at", "下单时间"],
    "amount": ["unit_price", "order_total", "订单金额"],
    "quantity": ["quantity", "qty", "购买数量"],
    "product": ["product_name", "sku", "StockCode", "商品名称"],
    "category": ["category", "order_status", "类别"],
    "company": ["company", "店铺名称"],
    "tax_id": ["tax_id", "vat_number", "统一社会信用代码"],
    "ip_address": ["ip", "ip_address", "ip地址"],
    "device_id": ["device_id", "imei", "设备号"],
    "free_text": ["delivery_note", "comments", "备注"],
    "region": ["country", "shipping_city", "省份"],
    "consent": ["consent", "opt_in", "授权"],
    "minor_flag": ["is_minor", "未成年"],
    "health_hint": ["allergies", "diagnosis", "过敏史"],
    "secret": ["password", "api_key", "密码"],
    "messenger_id": ["wechat_id", "微信号", "QQ"],
    "plate": ["licence_plate", "车牌号"],
    "url": ["home_page_url", "referrer", "网址"],
}


@pytest.mark.parametrize(("kind", "names"), NAMES.items())
def test_names_in_both_languages_speak_of(kind, names):
    assert {name: str(kind_of_name(name)) for name in names} == dict.fromkeys(names, kind)


def test_every_kind_but_other_can_be_named():
    assert set(NAMES) == {str(kind) for kind in Kind} - {"other"}


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("order_no", [str(13800000000 + row) for row in range(ROWS)], "order_id"),  # each could be a phone
        ("customer_id", [f"138{row:08d}" for row in range(ROWS)], "user_id"),
        ("订单号", [str(20230000000000 + row) for row in range(ROWS)], "order_id"),
        ("phone", [round(row * 1.37 + 0.5, 2) for row in range(ROWS)], "other"),  # the name is wrong
        ("serial_no", [f"1{3 + row % 6}{row * 104729 % 10**9:09d}" for row in range(ROWS)], "other"),
        ("price", ["red", "blue", "green"] * 100, "category"),
        ("x", [str(1600000000000000 + row * 7919) for row in range(ROWS)], "other"),  # too few pass Luhn
        ("x", [f"{row * 7919 % 100000:05d}-abc def" for row in range(ROWS)], "other"),
        ("category", [f"ask 138{row:08d}" for row in range(ROWS)], "free_text"),  # would be kept in clear
        ("city", [f"浙江省杭州市西湖区文三路{row}号" for row in range(ROWS)], "address"),  # would be kept in clear
    ],
)
def test_hard_cases(name, values, kind):
    assert kinds_of(pa.table({name: values})) == {name: kind}


def test_what_cannot_be_told_is_sealed_and_never_exported():
    evidence = scan({"t": pa.table({"q": [f"zxq {row}" for row in range(ROWS)]})}).evidence[0]
    assert (evidence.kind, evidence.protect.method, evidence.release.method) == (Kind.OTHER, Method.SEAL, Method.DROP)


def test_a_quantity_tells_the_item_from_the_price_and_the_price_from_the_item():
    table = pa.table(
        {"a": [f"K{row % 20}" for row in range(ROWS)], "qty": [1, 2, 3] * 100, "b": [row / 8 for row in range(ROWS)]}
    )
    assert kinds_of(table.rename_columns(["sku", "qty", "b"])) == {"sku": "product", "qty": "quantity", "b": "amount"}
    assert kinds_of(table.rename_columns(["a", "qty", "price"]))["a"] == "product"
    assert kinds_of(table.rename_columns(["a", "x", "b"]))["b"] == "other"


def test_codes_beside_amounts_alone_are_not_taken_for_items():
    table = pa.table({"session": [f"s{row % 90:04d}" for row in range(ROWS)], "amount": [1.5, 2.5, 3.0] * 100})
    assert kinds_of(table)["session"] == "other"


def test_a_table_of_customers_with_a_date_of_registration_holds_no_events(customers):
    table = customers.append_column("registered_at", pa.array(range(ROWS), pa.timestamp("s")))
    assert Role.TIME not in {found.role for found in scan({"t": table}).evidence}


def test_the_name_in_a_table_of_products_is_no_person():
    table = pa.table(
        {"sku": ["A1", "B2", "C3"], "name": ["Green mug", "Big plate", "Tea towel"], "price": [1.5, 2.5, 3.0]}
    )
    assert kinds_of(table)["name"] == "product"


def test_the_proposal_is_a_schema_with_a_line_of_evidence_per_column(customers, draw):
    tables = {"customers": customers, "线上 orders": online_retail(draw)}
    proposal = scan(tables, paths={"customers": "c.parquet"}, name='a "shop"')
    text = proposal.to_toml()
    schema = parse_schema(text)
    assert schema.tables == proposal.schema.tables
    assert schema.name == 'a "shop"'
    assert schema.table("customers").path == "c.parquet"
    assert sum("  # 0." in line for line in text.splitlines()) == len(proposal.evidence)


def test_no_value_stands_in_the_proposal(customers):
    proposal = scan({"customers": customers})
    said = proposal.to_toml() + " ".join(str(found.to_dict()) for found in proposal.evidence)
    values = {str(value) for column in customers.columns for value in column.to_pylist() if len(str(value)) > 4}
    assert not {value for value in values if value in said} - {"recommendation"}


@pytest.mark.parametrize(
    "column", [pa.nulls(3), pa.array([[1], [2], None]), pa.array([b"a", b"b", None]), pa.array([], pa.string())]
)
def test_odd_columns_are_proposed_too(column):
    assert kinds_of(pa.table({"x": column})) == {"x": "other"}


def test_nothing_to_scan_is_refused():
    with pytest.raises(ColumnError, match="no table"):
        scan({})


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(str.strip),
        st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=3, max_size=3),
        min_size=1,
        max_size=3,
    )
)
def test_any_table_gives_a_proposal_that_loads(columns):
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    assert parse_schema(scan({"t": table}).to_toml()).tables[0].columns


def test_codes_that_nearly_all_begin_with_as_many_digits_give_a_pattern():
    codes = pa.chunked_array([["85123A", "71053", "22423", "POST"] + ["84406B"] * 96])
    assert usual_code(codes) == ("[0-9]{5}.*", 0.99)


@pytest.mark.parametrize("codes", [["85123A", "71053"], ["A1", "B2", "C3"], ["85123A", "POST", "DOT"], [None], [1, 2]])
def test_codes_without_exceptions_or_without_a_habit_give_none(codes):
    assert usual_code(pa.chunked_array([codes])) is None


def column_of_values(name, *values):
    return kinds_of(pa.table({name: list(values) * (60 // len(values))}))[name]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["138****1234", "159****0000"], "phone"),
        (["6222 **** **** 1234", "4539********0001"], "payment_card"),
        (["110105********1234", "3301**********123X"], "id_number"),
        (["张*", "李**", "王*明"], "person_name"),
        (["王女士", "李先生", "欧阳老师"], "person_name"),
        (
            [
                f"{family} {given}"
                for family in ("WANG", "Li", "Zhang", "Ouyang", "Chan")
                for given in ("Wei", "Xiaoming", "Na", "Ka-Ming", "Jing")
            ],
            "person_name",
        ),
        (["a***b@example.com", "x***@qq.com"], "email"),
        (["¥12.50", "￥1,200.00", "99元"], "amount"),
        (["$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=65536$abc"], "secret"),
        (["Mozilla/5.0 (X11; Linux)", "Dalvik/2.1.0 (Linux; U)"], "device_id"),
        (["1640995200", "1650995201"], "event_time"),
        (["5 March 2021", "17 April 2022"], "event_time"),
        (["https://shop.example/a?b=1", "http://shop.example/c"], "url"),
        (["深圳市华信科技有限公司", "北京天诚贸易有限公司"], "company"),
        (["Acme Wilson Ltd", "Oakfield GmbH"], "company"),
        (["ORD-20391", "INV-00017", "SO#48812"], "order_id"),
        (["1234-5678-9012", "4455-1029-3847"], "category"),
    ],
)
def test_values_alone_tell_hidden_and_written_forms(values, kind):
    assert column_of_values("x7", *values) == kind


def test_what_says_that_there_is_nothing_does_not_count():
    rows = [
        f"someone{row}@example.com" if row % 2 else ["无", "N/A", "-", "未填写"][row // 2 % 4] for row in range(ROWS)
    ]
    assert column_of_values("x7", *rows[:60]) == "email"


def test_numbers_that_count_up_are_no_phones_and_random_ones_are(draw):
    phones = [f"1{draw.choice('3578')}{draw.randint(10**8, 10**9 - 1)}" for _ in range(ROWS)]
    series = [str(13800000000 + 7 * row) for row in range(ROWS)]
    assert kinds_of(pa.table({"a": phones, "b": series, "c": sorted(phones)})) == {
        "a": "phone",
        "b": "other",
        "c": "phone",
    }


def test_articles_of_one_series_stay_products_and_phones_among_products_do_not():
    codes = [f"1380{row * 7919 % 10**7:07d}" for row in range(ROWS)]
    phones = [f"1{3 + row % 6}{row % 10}{row * 7919 % 10**8:08d}" for row in range(ROWS)]
    assert kinds_of(pa.table({"sku": codes})) == {"sku": "product"}
    assert kinds_of(pa.table({"product": phones, "barcode": phones})) == {"product": "free_text", "barcode": "product"}
    assert f"look: {ROWS} of its values hold a phone" in scan({"t": pa.table({"sku": phones})}).evidence[0].reason


def test_a_kind_kept_in_clear_is_not_believed_of_people(draw):
    people = [draw.choice(family_names("zh")[:200]) + draw.choice(given_names("zh")) for _ in range(ROWS)]
    assert kinds_of(pa.table({"status": people})) == {"status": "person_name"}


def test_a_day_that_stands_in_the_identity_number_beside_it_is_a_birth(draw):
    people = [person(draw, 2 * row) for row in range(60)]
    numbers = [each["id_number"] for each in people]
    days = [f"{number[6:10]}/{number[10:12]}/{number[12:14]}" for number in numbers]
    table = pa.table({"a": numbers, "b": days, "c": ["2024-01-05", "2024-02-17", "2024-03-30"] * 20})
    assert kinds_of(table) == {"a": "id_number", "b": "birth_date", "c": "event_time"}


def test_codes_that_begin_with_zeros_beside_addresses_are_postcodes(customers):
    addresses = customers["address"].to_pylist()
    codes = [f"0{row % 900:03d}0" for row in range(ROWS)]
    assert kinds_of(pa.table({"a": addresses, "b": codes}))["b"] == "postcode"
    assert kinds_of(pa.table({"b": codes}))["b"] == "other"


@pytest.mark.parametrize(
    "text", ["", "\u200b", "👨‍👩‍👧", "\x00\x1f", "１３８\u200d１２３４５６７８", "9" * 10_000, "ab " * 30_000]
)
def test_odd_text_is_scanned(text):
    assert len(scan({"t": pa.table({"x": pa.array([text, None, text], pa.string())})}).evidence) == 1


def test_values_of_a_megabyte_are_scanned_in_a_moment():
    values = ["1" * 10**6, "路a" * 500_000, "138 " * 250_000, "王" * 10**6]
    started = time.perf_counter()
    assert len(scan({"t": pa.table({"x": values})}).evidence) == 1
    assert time.perf_counter() - started < 2


_PIECES = st.sampled_from(
    [
        "13812345678",
        "a@example.com",
        "微信",
        "order",
        "no.",
        " ",
        "x",
        "：",
        "4539578763621486",
        "密码",
        "12",
        "-",
        "abc123",
        ";",
    ]
)


@given(st.lists(st.lists(_PIECES, min_size=1, max_size=5).map("".join), max_size=30))
def test_forms_of_a_column_are_those_of_its_values_one_by_one(texts):
    from cartveil.events.patterns import find_patterns
    from cartveil.events.scanning.forms import forms_of

    texts = [text.strip() for text in texts]
    found = forms_of(pa.array(texts, pa.string()))
    one_by_one = [(text, find_patterns(text)) for text in texts]
    whole = [
        spans[0].kind for text, spans in one_by_one if len(spans) == 1 and spans[0].end - spans[0].start == len(text)
    ]
    assert found.whole == {kind: whole.count(kind) for kind in set(whole)}
    assert found.inside == sum(1 for _, spans in one_by_one if spans) - len(whole)
