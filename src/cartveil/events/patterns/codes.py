"""Codes of letters and digits, plates and places: what has a form of its own but no sign that gives it away."""

import re
from string import ascii_letters, ascii_uppercase, digits
from typing import Any

from cartveil.events.kinds import Kind
from cartveil.events.patterns import check_digits as check
from cartveil.events.patterns.shapes import END, Shape, Test, checked

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_STATES = (
    "A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]|W[AVIY]"
)
_IBAN = "|".join(
    rf"(?:{countries.replace(' ', '|')})[0-9]{{2}}(?:[ -]?[0-9A-Z]){{{length - 4}}}"
    for length, countries in check.IBAN_LENGTHS.items()
)
_DEGREES = r"[0-9]{1,3}°[0-9]{1,2}['′](?:[0-9]{1,2}(?:\.[0-9]{1,6})?[\"″])?"


def _has_digits(match: re.Match[str]) -> bool:
    return sum(map(str.isdigit, match["value"])) >= 2  # fewer is a word


def _shape(kind: Kind, expression: str, passes: Test | None = None, **more: Any) -> Shape:
    return Shape(kind, re.compile(expression, re.ASCII), passes, **more)


#: Searched in texts with a digit.
ANYWHERE: tuple[Shape, ...] = (
    _shape(
        Kind.PLATE,
        rf"(?P<value>[{_PROVINCES}](?: ?[A-HJ-NP-Za-hj-np-z])[·•.\- ]?"
        rf"(?:[0-9A-HJ-NP-Za-hj-np-z]{{5,6}}|[0-9A-HJ-NP-Z]{{4}}[学警港澳挂领]))(?![0-9A-Za-z])",
        _has_digits,
        confidence=0.95,
    ),
    _shape(
        Kind.BIRTH_DATE,
        r"(?P<value>(?:19|20)[0-9]{2} ?[-/.年] ?[0-9]{1,2} ?[-/.月](?: ?[0-9]{1,2}[日号]?)?)"
        r" ?(?:出?生(?:[人于，,。；;、 ]|$)|born)",
        confidence=0.85,
        signs=("生",),
    ),
    _shape(
        Kind.COORDINATES,
        _DEGREES + r" ?[NSEW]?[,， ]{0,2}[NSEW]?" + _DEGREES + r" ?[NSEW]?",
        signs=("°",),
    ),
)

#: Tried where a word of letters and digits begins.
CODES: tuple[Shape, ...] = (
    _shape(
        Kind.DEVICE_ID,
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" + END,
        confidence=0.6,
        starts="0123456789abcdefABCDEF",
    ),
    _shape(
        Kind.BANK_ACCOUNT,
        rf"(?i:{_IBAN})" + END,
        checked(check.has_iban_digits),
        confidence=1.0,
        starts=ascii_letters,
    ),
    _shape(
        Kind.TAX_ID,
        r"[1-9A-NY][0-9A-HJ-NPQRTUWXY]{17}" + END,
        lambda match: check.has_company_digit(match[0]),
        confidence=0.95,
        starts="123456789ABCDEFGHJKLMNY",
    ),
    _shape(
        Kind.ID_NUMBER,
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-TW-Z][A-CEGHJ-NP-TW-Z] ?(?:[0-9]{2} ?){3}[A-D]" + END,
        starts=ascii_uppercase,
    ),
    _shape(
        Kind.ID_NUMBER,
        r"[A-Z]{1,2}[0-9]{6}[(（][0-9A][)）]",
        checked(check.has_hong_kong_digit),
        confidence=0.95,
        starts=ascii_uppercase,
    ),
    _shape(
        Kind.ID_NUMBER,
        r"[A-Z][1289][0-9]{8}" + END,
        checked(check.has_taiwan_digit),
        confidence=0.95,
        starts=ascii_uppercase,
    ),
    _shape(Kind.ID_NUMBER, r"[A-Z9]{5}[0-9]{6}[A-Z9]{2}[0-9][A-Z]{2}" + END, starts=ascii_uppercase),
    _shape(Kind.MESSENGER_ID, r"wxid_[0-9A-Za-z_-]{4,40}[0-9A-Za-z]", confidence=0.98, starts="w"),
    _shape(
        Kind.PASSPORT, r"(?:[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|[DPS]E[0-9]{7})" + END, confidence=0.7, starts="EGDPS"
    ),
    _shape(
        Kind.TRACKING_ID,
        r"(?:(?:SF|YT|JD|JT|ZTO|STO|DPK|YD|HT|TBA|ZJS)[0-9VXWAB]{1,3}[0-9]{9,14}|1Z[0-9A-Z]{16})" + END,
        starts="SYJZDHT1",
    ),
    _shape(
        Kind.TRACKING_ID,
        r"[A-Z]{2}[0-9]{9}[A-Z]{2}" + END,
        checked(check.has_postal_digit),
        confidence=1.0,
        starts=ascii_uppercase,
    ),
    _shape(
        Kind.POSTCODE,
        r"(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPSTUW]? ?[0-9][ABD-HJLNP-UW-Z]{2})" + END,
        confidence=0.85,
        starts=ascii_uppercase,
    ),
    _shape(
        Kind.POSTCODE,
        rf"(?:{_STATES}) (?P<value>[0-9]{{5}})(?![0-9A-Za-z-])",
        confidence=0.8,
        starts=ascii_uppercase,
    ),
)

#: By first character, so that few are tried.
_BY_FIRST = {sign: tuple(shape for shape in CODES if sign in shape.starts) for sign in ascii_letters + digits}


def codes_from(sign: str) -> tuple[Shape, ...]:
    """Return the codes that can begin with this character."""
    return _BY_FIRST.get(sign, ())
