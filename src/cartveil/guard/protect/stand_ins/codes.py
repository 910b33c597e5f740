"""Numbers without a rule that a person would check: letters become letters, digits digits, the rest stays."""

import re
from string import ascii_lowercase, ascii_uppercase, hexdigits

from cartveil.events.patterns import check_digits as check
from cartveil.guard.protect.stand_ins.digits import plain_digits, read, write
from cartveil.guard.protect.stand_ins.draws import Draw, Scope

_PREFIX = re.compile(r"^[A-Za-z]{1,4}[-_ ]?(?=(?:[^0-9]*[0-9]){6})")
_COMPANY = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_HEX = re.compile(r"(?=.*[a-fA-F])(?=.*[0-9])[0-9a-fA-F:.-]{8,}")
_POSTAL = re.compile(r"[A-Za-z]{2}[0-9]{9}[A-Za-z]{2}")


def code_surrogate(text: str, scope: Scope, *, keep_prefix: bool = False) -> str | None:
    """Return another code of the same shape; None where it has neither letter nor digit of an alphabet.

    Args:
        text: Such as `SF1234567890123`, `550e8400-e29b-41d4-a716-446655440000`.
        scope: Draws.
        keep_prefix: Leave the one to four letters in front, which say who numbers, not whom.
    """
    plain = plain_digits(text)
    if not re.search(r"[0-9A-Za-z]", plain):
        return None
    draw = scope.draw("code", re.sub(r"[\s-]", "", plain).upper())
    prefix = _PREFIX.match(plain) if keep_prefix else None
    start = prefix.end() if prefix else 0
    alphabet = hexdigits[:16] if _HEX.fullmatch(plain) else ascii_lowercase
    made = plain[:start] + "".join(_other(sign, draw, alphabet) for sign in plain[start:])
    if _POSTAL.fullmatch(plain):
        made = _postal(plain[:2] + made[2:11] + plain[-2:])
    return write(text, read(made)) if not re.search("[A-Za-z]", plain) else made


def plate_surrogate(text: str, scope: Scope) -> str | None:
    """Return another number plate: another province, letters for letters and digits for digits."""
    made = code_surrogate(text, scope)
    if made is None or not made or made[0] not in _PROVINCES:
        return made
    others = _PROVINCES.replace(made[0], "")
    made = scope.draw("plate", text).one_of(others) + made[1:]
    return made.replace("I", "J").replace("O", "P")  # no plate has these


def company_code_surrogate(text: str, scope: Scope) -> str | None:
    """Return another unified social credit code with its check character, or a code of the same shape."""
    plain = plain_digits(text).upper()
    if not check.has_company_digit(plain):
        return code_surrogate(text, scope)
    draw = scope.draw("company code", plain)
    body = plain[:2] + draw.digits(6) + "".join(draw.one_of(_COMPANY) for _ in range(9))
    return next((made for sign in _COMPANY if check.has_company_digit(made := body + sign)), None)


def iban_surrogate(text: str, scope: Scope) -> str | None:
    """Return another account of the same country with right check digits, or a code of the same shape."""
    plain = re.sub(r"[\s-]", "", plain_digits(text)).upper()
    if not check.has_iban_digits(plain):
        return code_surrogate(text, scope)
    draw = scope.draw("iban", plain)
    body = "".join(_other(sign, draw, ascii_lowercase) for sign in plain[4:])
    for number in range(2, 99):
        if check.has_iban_digits(made := f"{plain[:2]}{number:02}{body}"):
            return _in_groups(made, text)
    return None


def _other(sign: str, draw: Draw, alphabet: str) -> str:
    if "0" <= sign <= "9":
        return draw.one_of("0123456789")
    if "A" <= sign <= "Z":
        return draw.one_of(ascii_uppercase[: len(alphabet)] if alphabet is ascii_lowercase else "ABCDEF")
    if "a" <= sign <= "z":
        return draw.one_of(ascii_lowercase if alphabet is ascii_lowercase else "abcdef")
    return sign


def _postal(code: str) -> str:
    for digit in "0123456789":
        if check.has_postal_digit((code[:10] + digit + code[11:]).upper()):
            return code[:10] + digit + code[11:]
    return code


def _in_groups(made: str, text: str) -> str:
    """Return characters with the blanks that the original has between its own."""
    signs = iter(made)
    return "".join(next(signs, "") if sign.isalnum() else sign for sign in text)
