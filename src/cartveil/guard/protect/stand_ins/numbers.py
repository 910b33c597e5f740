"""Telephone, card and identity numbers: another number that is put together by the same rules, and passes its test.

Nothing of the original is left but what says which kind of number it is. Where a country keeps numbers that nobody
has, for films and documents, a surrogate is one of them.

Source: Ofcom, Telephone numbers for use in TV and radio drama programmes; NANPA, 555 line numbers.
"""

import datetime as dt
import re
from collections.abc import Callable
from functools import cache

from cartveil.events.patterns import check_digits as check
from cartveil.events.patterns import is_payment_card
from cartveil.events.places import divisions
from cartveil.guard.protect.stand_ins.codes import code_surrogate
from cartveil.guard.protect.stand_ins.dates import moved
from cartveil.guard.protect.stand_ins.digits import plain_digits, read, revealed, write
from cartveil.guard.protect.stand_ins.draws import Draw, Scope
from cartveil.guard.protect.stand_ins.lists import listed

_MOBILE = re.compile(r"1[3-9]\d{9}")


def phone_surrogate(text: str, scope: Scope) -> str | None:
    """Return another telephone number of the same country and kind, in the same writing.

    Args:
        text: As it stands, such as `+86 138-1234-5678`, `一三八 1234 5678`, `(020) 7946 0018`.
        scope: Draws. However a number is written, its surrogate is the same number.
    """
    text = revealed(text)
    digits = read(text)
    if len(digits) < _LEAST_DIGITS:
        return code_surrogate(text, scope)
    code, rest = _country(digits, plus=plain_digits(text).lstrip(" (").startswith("+"))
    zero = "0" if code and rest.startswith("0") and not rest.startswith("00") and code != "86" else ""
    number = rest[len(zero) :]
    british = code == "44" or (not code and bool(_BRITISH.search(plain_digits(text))))
    made = _british(number, scope) if british else _number(code, number, scope)
    return write(text, digits[: len(digits) - len(rest)] + zero + made)


_LEAST_DIGITS = 5

# Without a calling code it is the way of writing that tells: 020 7946 0018 is in London, 020-79460018 in Guangzhou.
_BRITISH = re.compile(r"^\W*0(?:7\d{3}[ ]?\d{3}[ ]?\d{3}|[12]\d{1,4}\)? \d{3,4} ?\d{3,4})\W*$")


def _country(digits: str, *, plus: bool) -> tuple[str, str]:
    """Return the calling code, empty where there is none, and the digits after it."""
    rest = digits.removeprefix("00") if not plus else digits
    if not plus and rest == digits:
        bare = digits.startswith("86") and _MOBILE.fullmatch(digits[2:])
        return ("86", digits[2:]) if bare else ("", digits)
    length = 1 if rest[:1] in "17" else 2 if rest[:2] in listed("calling_codes_of_two_digits") else 3
    return rest[:length], rest[length:]


def _number(code: str, number: str, scope: Scope) -> str:
    chinese = code in ("", "86")
    if chinese and _MOBILE.fullmatch(number):
        draw = scope.draw("phone", number)
        return draw.one_of(listed("mobile_prefixes")) + draw.digits(8)
    if code == "1" or (not code and re.fullmatch(r"[2-9]\d{2}[2-9]\d{6}", number)):
        return _american(number, scope.draw("phone", "1", number))
    if chinese and number[:3] in ("400", "800") and len(number) == 10:
        return number[:3] + scope.draw("phone", number).digits(7)
    if chinese and (area := _area(number)):
        draw = scope.draw("phone", number)
        areas = listed("chinese_area_codes_short") if len(area) == 3 else listed("chinese_area_codes_long")
        return draw.one_of(areas) + draw.one_of("345678") + draw.digits(len(number) - len(area) - 1)
    draw, zeros = scope.draw("phone", code, number), len(number) - len(number.lstrip("0"))
    return ("0" * zeros + draw.one_of("23456789") + draw.digits(len(number)))[: len(number)]


def _area(number: str) -> str:
    """Return the Chinese area code, with its zero, or an empty text."""
    match = re.match(r"0(?:10|2\d|[3-9]\d\d)(?=[2-9]\d{6})", number)
    return match[0] if match else ""


def _american(number: str, draw: Draw) -> str:
    made = draw.one_of(listed("american_area_codes")) + "55501" + draw.digits(2)
    return (made + draw.digits(len(number)))[: len(number)] if len(number) >= len(made) else draw.digits(len(number))


def _british(number: str, scope: Scope) -> str:
    draw, zero = scope.draw("phone", "44", number.removeprefix("0")), number[: number.startswith("0")]
    made = zero + ("7700900" if number[len(zero) :].startswith("7") else "2079460") + draw.digits(3)
    return (made + draw.digits(len(number)))[: len(number)]


def card_surrogate(text: str, scope: Scope) -> str | None:
    """Return another card number of the same network, with its Luhn digit, in the same groups."""
    digits = read(text)
    if not is_payment_card(digits):
        return code_surrogate(text, scope)
    draw = scope.draw("card", digits)
    # The first digits tell the network, the next ones the bank: only as many stay as the network's test needs.
    for kept in range(1 if digits.startswith("4") else 2, len(digits)):
        body = digits[:kept] + draw.digits(len(digits) - kept - 1)
        if is_payment_card(made := body + check.luhn_digit(body)):
            return write(text, made)
    return code_surrogate(text, scope)


def identity_surrogate(text: str, scope: Scope) -> str | None:
    """Return another identity number of the same kind that passes its test, or a code of the same shape.

    A Chinese one is of another district, and its date of birth moves as all dates of the scope do.
    """
    text = revealed(text)
    plain = re.sub(r"[\W_]", "", plain_digits(text)).upper()
    draw = scope.draw("identity", plain)
    if check.has_id_check_digit(plain):
        body = draw.one_of(_districts()) + _birth(plain[6:14], scope) + draw.digits(3)
        made = body + check.id_check_digit(body)
    elif re.fullmatch(r"[1-8]\d{14}", plain) and check.is_date("19" + plain[6:12]):
        made = draw.one_of(_districts()) + _birth("19" + plain[6:12], scope)[2:] + draw.digits(3)
    elif check.has_hong_kong_digit(plain):
        letters = "".join(draw.one_of("ABCDEFGHJKMNPRSTVWXYZ") for _ in plain[:-7])
        made = _passing(letters + draw.digits(6), check.has_hong_kong_digit)
    elif check.has_taiwan_digit(plain):
        made = _passing(
            draw.one_of("ABCDEFGHJKMNPQTUVWXZIO") + draw.one_of("12") + draw.digits(7), check.has_taiwan_digit
        )
    elif re.fullmatch(r"\d{9}", plain):
        made = "9" + draw.digits(8)  # no social security number begins with a nine
    else:
        return code_surrogate(text, scope)
    return _in_place(text, made)


def _birth(digits: str, scope: Scope) -> str:
    day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    return moved(day, scope).strftime("%Y%m%d")


def _passing(body: str, passes: Callable[[str], bool]) -> str:
    return next((body + sign for sign in "0123456789A" if passes(body + sign)), body + "0")


@cache
def _districts() -> tuple[str, ...]:
    table = divisions()
    levels, codes = table["level"].to_pylist(), table["code"].to_pylist()
    return tuple(code for code, level in zip(codes, levels, strict=True) if level == "district" and code < "7")


def _in_place(text: str, made: str) -> str:
    """Return the characters with the marks that the original has between its own, and in its digits' writing."""
    signs, written = iter(made), []
    for sign in text:
        if not plain_digits(sign).isalnum():
            written.append(sign)
            continue
        new = next(signs, "")
        spelled = write(sign, new) if read(sign) and new.isdigit() else new
        written.append(spelled.lower() if sign.islower() else spelled)
    return "".join(written)
