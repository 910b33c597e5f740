import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.patterns import check_digits as check
from cartveil.events.patterns import has_id_check_digit, has_luhn, id_check_digit, is_payment_card, luhn_digit

DIGITS = st.text("0123456789", min_size=1, max_size=30)


@given(DIGITS)
def test_the_luhn_digit_completes_any_number(digits):
    assert has_luhn(digits + luhn_digit(digits))


@given(DIGITS, st.data())
def test_luhn_notices_any_one_changed_digit(digits, data):
    number = digits + luhn_digit(digits)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert not has_luhn(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("text", ["", "0", "12a", "4111 1111", "４１１１"])
def test_luhn_is_false_for_what_is_no_number(text):
    assert not has_luhn(text)


# The example printed in GB 11643-1999, and one with a digit at its end.
@pytest.mark.parametrize("number", ["11010519491231002X", "11010519491231002x", "440524188001010014"])
def test_published_identity_numbers_pass(number):
    assert has_id_check_digit(number)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("110105194912310021", "check digit"),
        ("99010519491231002X", "province"),
        ("110105194902300028", "date"),
        ("11010519491231002", "length"),
        ("1101051949123100２X", "letters"),
    ],
)
def test_identity_numbers_are_refused_for_their(number, wrong):
    assert not has_id_check_digit(number), wrong


def test_an_identity_number_with_a_date_that_is_none_fails_even_with_its_check_digit():
    digits = "11010519490230002"
    assert not has_id_check_digit(digits + id_check_digit(digits))


def test_id_check_digit_asks_for_seventeen_digits():
    with pytest.raises(ValueError, match="17 digits"):
        id_check_digit("123")


@pytest.mark.parametrize(
    ("digits", "is_card"),
    [
        ("4111111111111111", True),
        ("5555555555554444", True),
        ("378282246310005", True),
        ("6250941006528599", True),
        ("4111111111111112", False),  # check digit
        ("1234567812345670", False),  # Luhn, but nobody issues 1234
        ("4006381333931", False),  # a barcode that passes Luhn
    ],
)
def test_payment_cards_have_an_issuer_a_length_and_luhn(digits, is_card):
    assert is_payment_card(digits) is is_card


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        (check.has_iban_digits, "GB82WEST12345698765432", "GB83WEST12345698765432"),
        (check.has_iban_digits, "DE89370400440532013000", "DE8937040044053201300"),
        (check.has_company_digit, "91350100M000100Y43", "91350100M000100Y44"),
        (check.has_hong_kong_digit, "A1234563", "A1234564"),
        (check.has_taiwan_digit, "A123456789", "A123456788"),
        (check.has_postal_digit, "RB123456785GB", "RB123456784GB"),
    ],
)
def test_published_examples_pass_and_their_neighbours_do_not(test, right, wrong):
    assert test(right)
    assert not test(wrong)
    assert not test("")
