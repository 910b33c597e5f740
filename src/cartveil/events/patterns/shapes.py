"""The shapes of personal values, one expression per form, each with the test that a match must still pass.

Expressions are bounded: no repetition stands inside another one over the same letters, so that a line of a
megabyte costs milliseconds, whatever it holds. They run over `plain` text, in which full-width digits and letters
have become ASCII, one for one, so that places stay places.

    >>> plain("１３８－１２３４")
    '138-1234'
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cartveil.events.kinds import Kind
from cartveil.events.patterns import check_digits as check

#: Prefixes that payment networks and providers give out for tests; no real card has them.
TEST_CARD_PREFIXES = ("411111", "424242", "555555", "625094", "378282")

_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys(map(ord, "\u3000\u00a0\u2002\u2003\u2009\t"), ord(" "))
_PLAIN |= dict.fromkeys(map(ord, "‐‑‒–—−"), ord("-"))
_NOT_PLAIN = re.compile(f"[{''.join(map(chr, _PLAIN))}]")


def plain(text: str) -> str:
    """Return the text with full-width letters, digits, spaces and dashes as ASCII, of the same length."""
    # Most texts have no such letter; a search costs a tenth of a translation.
    return text.translate(_PLAIN) if not text.isascii() and _NOT_PLAIN.search(text) else text


def compact(text: str) -> str:
    """Return the text without spaces, hyphens and brackets, in capitals."""
    return text.translate(_GONE).upper()


_GONE = {ord(letter): None for letter in " -()."}


@dataclass(frozen=True)
class Shape:
    """One form of one kind: where it may stand, and what its value must still pass.

    A group named `value` marks the part that is the value, where the expression also needs the words before it.
    A text with fewer than `digits` digits, or without `sign`, need not be searched.
    """

    kind: Kind
    expression: re.Pattern[str]
    passes: Callable[[str], bool] | None = None
    confidence: float = 0.9
    digits: int = 0
    sign: str = ""


def is_payment_card(digits: str) -> bool:
    """Return whether digits have a known issuer's prefix, its length, and their Luhn digit."""
    lengths = next((lengths for prefix, lengths in _ISSUERS if prefix.match(digits)), ())
    return len(digits) in lengths and check.has_luhn(digits)


_ISSUERS = tuple(
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        ("4", (16, 19)),  # Visa; its numbers of 13 digits are gone, and barcodes have as many
        ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        ("3[47]", (15,)),  # American Express
        ("62", (16, 17, 18, 19)),  # UnionPay
        ("6011|64[4-9]|65", (16, 19)),  # Discover
        ("35(?:2[89]|[3-8])", (16, 19)),  # JCB
        ("30[0-5]|3[689]", (14, 16, 19)),  # Diners Club
        ("9558", (19,)),  # an older range of ICBC
        ("220[0-4]", (16, 19)),  # Mir
    )
)


def _is_card(text: str) -> bool:
    return is_payment_card(compact(text))


def _is_old_id(text: str) -> bool:
    return text[:2] in check.PROVINCE_PREFIXES and check.is_date("19" + text[6:12])


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _checked(test: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: test(compact(text))


def _shape(kind: Kind, expression: str, passes: Callable[[str], bool] | None = None, **more: Any) -> Shape:
    return Shape(kind, re.compile(expression, re.ASCII), passes, **more)


def _said(kind: Kind, words: str, value: str, *, confidence: float = 0.8, digits: int = 0) -> Shape:
    """Return a shape that only counts after one of these words, such as a postcode after `邮编`."""
    between = r"(?:\s?(?:no\.?|number|code|号码?|编?码))?\s?(?:is|was|为|是)?[\s:=：#]{0,3}"
    expression = re.compile(rf"(?:{words}){between}(?P<value>{value})", re.ASCII | re.IGNORECASE)
    return Shape(kind, expression, confidence=confidence, digits=digits)


_ALONE, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
# A number that follows its word has a digit soon: `my order arrived` names none.
_NUMBERED = r"(?=[A-Z_.-]{0,24}[0-9])"
_DATE = r"(?:19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)[0-9]{2}"

#: In order: where two shapes want the same letters, the one that stands first here has them.
SHAPES: tuple[Shape, ...] = (
    _shape(Kind.SECRET, r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", confidence=1.0, sign="-----"),
    _shape(Kind.SECRET, _ALONE + r"(?:AKIA[0-9A-Z]{16}|[sr]k_live_[0-9A-Za-z]{16,64}|gh[pousr]_[0-9A-Za-z]{36})"),
    _shape(
        Kind.SECRET,
        _ALONE + r"eyJ[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]{10,1000}",
        sign="eyJ",
    ),
    _shape(
        Kind.SECRET,
        r"(?i:password|passwd|passcode|pwd|密码|口令)\s?(?:is\b|是|为|:|=|：)\s?(?P<value>[^\s,;，；。]{4,64})",
        confidence=0.8,
    ),
    _shape(Kind.OTHER, r"https?://[^\s<>\"'，。；、]{3,2000}", confidence=0.6, sign="://"),
    _shape(
        Kind.EMAIL,
        r"(?<![0-9A-Za-z._%+-])[0-9A-Za-z][0-9A-Za-z._%+-]{0,63}@(?:[0-9A-Za-z-]{1,63}\.){1,8}[A-Za-z]{2,24}",
        confidence=0.99,
        sign="@",
    ),
    _shape(Kind.DEVICE_ID, r"(?<![0-9A-Za-z:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z:-])"),
    _shape(
        Kind.DEVICE_ID,
        _ALONE + r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" + _END,
        confidence=0.6,
        sign="-",
    ),
    _shape(
        Kind.IP_ADDRESS,
        r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/[0-9]{1,3})?(?![0-9A-Za-z:])",
        _is_network,
        sign=":",
    ),
    _shape(
        Kind.IP_ADDRESS,
        r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?(?![0-9A-Za-z]|\.[0-9])",
        _is_network,
        digits=4,
        sign=".",
    ),
    _shape(
        Kind.ID_NUMBER,
        _ALONE + r"[1-8][0-9]{5}[ -]?(?:18|19|20)[0-9]{6}[ -]?[0-9]{3}[0-9Xx]" + _END,
        _checked(check.has_id_check_digit),
        confidence=1.0,
        digits=17,
    ),
    _shape(Kind.TAX_ID, _ALONE + r"[1-9A-NY][0-9A-HJ-NPQRTUWXY]{17}" + _END, check.has_company_digit, digits=2),
    _shape(
        Kind.BANK_ACCOUNT,
        _ALONE + r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?" + _END,
        _checked(check.has_iban_digits),
        confidence=1.0,
        digits=8,
    ),
    _shape(
        Kind.PAYMENT_CARD,
        r"(?<![0-9A-Za-z.])(?:[0-9]{4}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
        r"|[0-9]{4}([ -]?)[0-9]{6}\2[0-9]{5})" + _END,
        _is_card,
        confidence=0.98,
        digits=13,
    ),
    _shape(Kind.ID_NUMBER, _ALONE + r"[1-8][0-9]{14}" + _END, _is_old_id, confidence=0.6, digits=15),
    _shape(
        Kind.ID_NUMBER,
        _ALONE + r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-TW-Z][A-CEGHJ-NP-TW-Z] ?(?:[0-9]{2} ?){3}[A-D]" + _END,
        digits=6,
    ),
    _shape(
        Kind.ID_NUMBER, r"(?<![0-9A-Za-z-])(?!000)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9A-Za-z-])", digits=9
    ),
    _shape(Kind.ID_NUMBER, _ALONE + r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", _checked(check.has_hong_kong_digit), sign="("),
    _shape(Kind.ID_NUMBER, _ALONE + r"[A-Z][1289][0-9]{8}" + _END, check.has_taiwan_digit, digits=9),
    _shape(
        Kind.PHONE,
        r"(?<![0-9A-Za-z.])(?:\(?(?:\+|00)?86\)?[ -]?)?1[3-9][0-9]([ -]?)[0-9]{4}\1[0-9]{4}(?![0-9A-Za-z])",
        confidence=0.98,
        digits=11,
    ),
    _shape(
        Kind.PHONE,
        r"(?<![0-9A-Za-z.+])(?:(?:\+|00)44[ -]?(?:\(0\)[ -]?)?|0)7[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}(?![0-9A-Za-z])",
        confidence=0.95,
        digits=11,
    ),
    _shape(
        Kind.PHONE,
        r"(?<![0-9A-Za-z.+-])(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
        r"(?![0-9A-Za-z-])",
        digits=10,
    ),
    _shape(Kind.PHONE, r"(?<![0-9A-Za-z])\+[1-9][0-9]{0,2}(?:[ .()-]{0,2}[0-9]){6,13}(?![0-9A-Za-z])", sign="+"),
    _shape(
        Kind.LANDLINE,
        r"(?<![0-9A-Za-z.-])(?:\(0[1-9][0-9]{1,2}\) ?|0[1-9][0-9]{1,2}-)[2-9][0-9]{6,7}"
        r"(?:(?:-|转|ext\.? ?)[0-9]{1,6})?(?![0-9A-Za-z])",
        digits=10,
    ),
    _shape(
        Kind.LANDLINE, r"(?<![0-9A-Za-z.-])[48]00[ -]?[0-9]{3}[ -][0-9]{4}(?![0-9A-Za-z-])", confidence=0.7, digits=10
    ),
    _shape(
        Kind.LANDLINE,
        r"(?<![0-9A-Za-z.+-])(?:\(0[1-3][0-9]{1,4}\)|0[1-3][0-9]{1,4})[ -][0-9]{3,4}[ -]?[0-9]{3,4}(?![0-9A-Za-z-])",
        confidence=0.85,
        digits=8,
    ),
    _said(Kind.PASSPORT, "passport|护照|通行证", _NUMBERED + r"[0-9A-Z]{6,9}" + _END, digits=4),
    _shape(Kind.PASSPORT, _ALONE + r"(?:[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7})" + _END, confidence=0.7, digits=7),
    _said(Kind.CARD_CODE, "cvv2?|cvc2?|security code|安全码|校验码", r"[0-9]{3,4}" + _END, digits=3),
    _said(Kind.PAYMENT_ACCOUNT, "alipay|paypal|venmo|支付宝|微信支付", r"(?=[A-Z_.-]{0,24}[0-9@])[0-9A-Z_.@-]{5,64}"),
    _said(Kind.NICKNAME, "wechat|weixin|vx|qq|微信|昵称", _NUMBERED + r"[0-9A-Z_-]{5,20}"),
    _said(Kind.BIRTH_DATE, "birthday|date of birth|dob|born(?: on)?|生日|出生(?:日期|年月)?", _DATE, digits=6),
    _said(Kind.POSTCODE, "邮编|邮政编码|postcode|zip(?: code)?", r"[0-9]{5,6}(?:-[0-9]{4})?" + _END, digits=5),
    _said(Kind.BANK_ACCOUNT, "account|a/c|acct|账户|帐号|账号|卡号", r"[0-9]{6,20}" + _END, confidence=0.7, digits=6),
    _said(
        Kind.TRACKING_ID, "tracking|waybill|快递单|运单|物流单", _NUMBERED + r"[0-9A-Z]{9,20}" + _END, confidence=0.7
    ),
    _said(Kind.ORDER_ID, "order|订单", _NUMBERED + r"[0-9A-Z-]{6,32}" + _END, confidence=0.7),
    _shape(
        Kind.POSTCODE,
        _ALONE + r"(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPSTUW]? ?[0-9][ABD-HJLNP-UW-Z]{2})" + _END,
        confidence=0.85,
    ),
    _shape(Kind.POSTCODE, r"(?<![0-9A-Za-z-])[0-9]{5}-[0-9]{4}(?![0-9A-Za-z-])", confidence=0.7, digits=9),
    _shape(Kind.TRACKING_ID, _ALONE + r"(?:(?:SF|YT|JD|JT|ZTO|STO|DPK)[0-9V]{10,15}|1Z[0-9A-Z]{16})" + _END),
    _shape(
        Kind.TRACKING_ID, _ALONE + r"[A-Z]{2}[0-9]{9}[A-Z]{2}" + _END, check.has_postal_digit, confidence=1.0, digits=9
    ),
    _shape(Kind.COORDINATES, r"(?<![0-9.])-?[0-9]{1,3}\.[0-9]{4,12}, ?-?[0-9]{1,3}\.[0-9]{4,12}(?![0-9])", digits=10),
    _shape(
        Kind.OTHER,  # a vehicle's number plate
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·•. ]?[0-9A-HJ-NP-Z]{5,6}" + _END,
        lambda text: any(letter.isdigit() for letter in text),
    ),
)
