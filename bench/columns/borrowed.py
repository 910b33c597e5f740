"""Tables whose values Faker writes, for whom nobody of this project chose a word; needs `pip install faker`."""

from collections.abc import Callable
from typing import Any

from bench.columns import writers as v
from bench.columns.tables import LabelledTable, table


def borrowed_tables(seed: int) -> tuple[LabelledTable, ...]:
    """Return the tables; Faker decides its values by one seed for all."""
    from faker import Faker

    Faker.seed(seed)
    return (_chinese(Faker("zh_CN")), _taiwanese(Faker("zh_TW")), _british(Faker("en_GB")), *_american(Faker("en_US")))


def _by(make: Callable[..., Any], form: str = "", **how: Any) -> v.Writer:
    """Return a writer that asks Faker, and writes a date in the form given."""

    def write(draw: Any, row: int) -> object:
        value = make(**how)
        return value.strftime(form) if form else str(value).replace("\n", ", ")

    return write


def _chinese(faker: Any) -> LabelledTable:
    return table(
        "faker_zh_cn",
        ("用户名称", "person_name", _by(faker.name)),
        ("联系人电话", "phone", _by(faker.phone_number)),
        ("通讯地址", "address", _by(faker.address)),
        ("身份证号码", "id_number", _by(faker.ssn)),
        ("工作单位", "company", _by(faker.company)),
        ("银行卡", "payment_card|bank_account", _by(faker.credit_card_number)),
        ("注册日期", "event_time", _by(faker.date_this_decade, "%Y-%m-%d")),
        ("省份名称", "region", _by(faker.province)),
        ("登录IP", "ip_address", _by(faker.ipv4)),
        ("备注信息", "free_text", _by(faker.sentence)),
        ("出生年月", "birth_date", _by(faker.date_of_birth, "%Y年%m月%d日")),
        ("f13", "person_name", _by(faker.name)),
        ("f14", "phone", _by(faker.phone_number)),
        ("f15", "address", _by(faker.address)),
        ("f16", "id_number", _by(faker.ssn)),
        ("f17", "company", _by(faker.company)),
        ("f18", "plate", _by(faker.license_plate)),
    )


def _taiwanese(faker: Any) -> LabelledTable:
    return table(
        "faker_zh_tw",
        ("客戶姓名", "person_name", _by(faker.name)),
        ("手機號碼", "phone", v.pattern("09########")),
        ("通訊地址", "address", _by(faker.address)),
        ("身分證字號", "id_number", _by(faker.ssn)),
        ("公司名稱", "company", _by(faker.company)),
        ("電子郵件", "email", _by(faker.email)),
        ("統一編號", "tax_id", v.pattern("########")),
        ("郵遞區號", "postcode", _by(faker.postcode)),
        ("購買日期", "event_time", _by(faker.date_this_decade, "%Y-%m-%d")),
        ("備註", "free_text", _by(faker.sentence)),
    )


def _british(faker: Any) -> LabelledTable:
    return table(
        "faker_en_gb",
        ("client_name", "person_name", _by(faker.name)),
        ("mobile_no", "phone", _by(faker.cellphone_number)),
        ("telephone", "phone|landline", _by(faker.phone_number)),
        ("address", "address", _by(faker.address)),
        ("city", "region", _by(faker.city)),
        ("nat_insurance", "id_number", _by(faker.ssn)),
        ("employer", "company", _by(faker.company)),
        ("job_title", "category|other", _by(faker.job)),
        ("dob", "birth_date", _by(faker.date_of_birth, "%d-%m-%Y")),
        ("swift", "bank_account", _by(faker.swift)),
        ("user_agent", "device_id", _by(faker.user_agent)),
        ("notes", "free_text", _by(faker.paragraph)),
        ("g13", "person_name", _by(faker.name)),
        ("g14", "phone", _by(faker.cellphone_number)),
        ("g15", "address", _by(faker.address)),
        ("g16", "bank_account", _by(faker.iban)),
        ("g17", "company", _by(faker.company)),
        ("g18", "region", _by(faker.country)),
        ("g19", "postcode", _by(faker.postcode)),
    )


def _american(faker: Any) -> tuple[LabelledTable, ...]:
    named = table(
        "faker_en_us",
        ("Full Name", "person_name", _by(faker.name)),
        ("Phone Number", "phone", _by(faker.phone_number)),
        ("Street Address", "address", _by(faker.street_address)),
        ("State", "region", _by(faker.state_abbr)),
        ("Zip Code", "postcode", _by(faker.postcode)),
        ("SSN", "id_number", _by(faker.ssn)),
        ("Username", "nickname", _by(faker.user_name)),
        ("Password", "secret", _by(faker.password)),
        ("Bank Account Number", "bank_account", _by(faker.bban)),
        ("Credit Card Number", "payment_card", _by(faker.credit_card_number)),
        ("Security Code", "card_code", _by(faker.credit_card_security_code)),
        ("EIN", "tax_id", _by(faker.ein)),
        ("Passport Number", "passport", _by(faker.passport_number)),
        ("Last Login", "event_time", _by(faker.date_time_this_year, "%m/%d/%Y %I:%M %p")),
        ("Price", "amount", _by(faker.pricetag)),
        ("Color", "category", _by(faker.color_name)),
        ("ISBN", "product", _by(faker.isbn13)),
    )
    bare = table(
        "faker_en_us_bare",
        ("h1", "person_name", _by(faker.name)),
        ("h2", "phone", _by(faker.phone_number)),
        ("h3", "address", _by(faker.address)),
        ("h4", "email", _by(faker.email)),
        ("h5", "payment_card", _by(faker.credit_card_number)),
        ("h6", "device_id", _by(faker.mac_address)),
        ("h7", "url", _by(faker.url)),
        ("h8", "company", _by(faker.company)),
        ("h9", "id_number", _by(faker.ssn)),
        ("h10", "free_text", _by(faker.paragraph)),
        ("h11", "event_time", _by(faker.iso8601)),
        ("h12", "person_name", _by(faker.first_name)),
        ("h13", "person_name", _by(faker.last_name)),
    )
    return named, bare
