import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.patterns import has_id_check_digit, has_luhn
from cartveil.events.places import divisions
from cartveil.faces.demo import synthetic_identities

IDS = range(12346, 13346)


@pytest.fixture(scope="module")
def people() -> pa.Table:
    return synthetic_identities(IDS, seed=7)


def rows(table: pa.Table, *names: str) -> list[tuple]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def is_chinese(address: str) -> bool:
    return not address.isascii()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 99999), min_size=1, max_size=8, unique=True), st.integers(0, 5))
def test_a_customer_keeps_the_identity_whoever_else_is_asked_for(customers: list[int], seed: int) -> None:
    together = synthetic_identities(customers, seed=seed)
    assert together.slice(len(customers) - 1).equals(synthetic_identities(customers[-1:], seed=seed))


def test_another_seed_gives_other_people(people: pa.Table) -> None:
    assert pc.sum(pc.equal(people["mobile"], synthetic_identities(IDS, seed=8)["mobile"])).as_py() < 5


def test_numbers_and_texts_name_the_same_customer() -> None:
    as_text = synthetic_identities(["17850"], seed=1).drop_columns("customer_id")
    assert as_text.equals(synthetic_identities([17850], seed=1).drop_columns("customer_id"))


def test_the_table_says_that_it_is_synthetic(people: pa.Table) -> None:
    assert people.schema.metadata == {b"synthetic": b"true"}


def test_about_half_are_chinese(people: pa.Table) -> None:
    share = sum(map(is_chinese, people["address"].to_pylist())) / len(IDS)
    assert 0.45 < share < 0.55


def test_every_card_passes_luhn_and_comes_from_a_test_range(people: pa.Table) -> None:
    cards = [card.replace(" ", "") for card in people["card"].to_pylist()]
    assert all(has_luhn(card) for card in cards)
    assert {card[:6] for card in cards} == {"625094", "411111", "424242", "555555", "222300", "378282"}


def test_a_chinese_identity_number_has_the_district_the_birth_date_and_the_check_digit(people: pa.Table) -> None:
    codes = dict(rows(divisions(), "code", "name_zh"))
    for number, address, born in rows(people, "id_number", "address", "birth_date"):
        if is_chinese(address):
            assert has_id_check_digit(number)
            assert codes[number[:6]] in address
            assert number[6:14] == f"{born:%Y%m%d}"


def test_english_identity_numbers_are_of_ranges_never_issued(people: pa.Table) -> None:
    numbers = [number for number, address in rows(people, "id_number", "address") if not is_chinese(address)]
    assert all(re.fullmatch(r"QQ \d\d \d\d \d\d [A-D]|666-\d\d-\d{4}", number) for number in numbers)


def test_english_phones_are_of_ranges_kept_for_fiction(people: pa.Table) -> None:
    phones = [phone for phone, address in rows(people, "mobile", "address") if not is_chinese(address)]
    assert all(re.fullmatch(r"(0|\+44 )7700 900\d{3}|\(\d{3}\) 555-01\d\d", phone) for phone in phones)


def test_letters_reach_nobody(people: pa.Table) -> None:
    domains = {email.split("@")[1] for email in people["email"].to_pylist()}
    assert all(re.search(r"(^|\.)example\.(com|net|org)$|\.example$", domain) for domain in domains)


def test_some_notes_hold_the_name_or_the_number_and_some_do_not(people: pa.Table) -> None:
    notes = rows(people, "delivery_note", "name", "mobile")
    personal = sum(bool(note) and (name in note or mobile in note) for note, name, mobile in notes)
    assert 0.3 < personal / len(notes) < 0.5
    assert 0.15 < people["delivery_note"].null_count / len(notes) < 0.35


@pytest.mark.parametrize(("purpose", "share"), [("recommendation", 0.9), ("marketing", 0.6), ("analytics", 0.75)])
def test_consent_is_given_in_the_share_that_is_documented(people: pa.Table, purpose: str, share: float) -> None:
    given_to = sum(purpose in (text or "").split(";") for text in people["consent"].to_pylist())
    assert abs(given_to / len(IDS) - share) < 0.05
