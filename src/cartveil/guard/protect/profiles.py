"""Profiles: what a rule from outside permits to be shown, and a check that refuses a table showing more.

- `waybill`: GB/T 41833-2022, Express electronic waybill: at least one character of the name is hidden, at least six
  digits of each phone number, and of the address the unit, the floor and the room.
- `pci`: PCI DSS 4.0, requirement 3.4.1: of a card number the BIN and the last four digits at most; 3.3.1: the card's
  code never.
- `release`: what leaves the house shows nothing that names a person, was issued by a state or moves money.

The check sees only what is shown, not what it was made from. Where it cannot be sure it refuses.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import RefusedError
from cartveil.events.kinds import Kind, Method, Sensitivity
from cartveil.events.patterns.check_digits import has_luhn
from cartveil.events.places import british_areas, divisions, find_region, us_cities, us_states
from cartveil.events.places.region import LEVELS, country_names, more_cities, rows_of
from cartveil.events.schema import Column, Table
from cartveil.guard.protect.columns import Values, as_array, as_text

#: Digits of a phone number that a waybill hides at least, and those that may be left.
_HIDDEN_DIGITS, _SHOWN_DIGITS = 6, 6

#: Digits of a card that may be seen: at most eight of the BIN, and the last four.
_BIN, _LAST, _LEAST_HIDDEN = 8, 4, 3

#: What stands for a hidden character.
_HIDDEN = r"[*xX×•●]"

_NUMBER = r"(?:[0-9]+|[一二三四五六七八九十百]+|[A-Za-z])[A-Za-z]?"
_WORDS = "flat|apt|apartment|unit|suite|ste|room|rm|floor"
_ROOM = "|".join(
    (
        rf"{_NUMBER} ?(?:单元|單元|室|户|戶|房|层|層)",
        # A floor, but not a building: 5楼, 号楼 is another word.
        rf"{_NUMBER} ?(?:楼|樓)(?!栋|座)(?= ?[0-9A-Za-z一二三四五六七八九十])",
        # What follows a building: 3栋501, 2号楼-1-302, A座1203.
        r"(?:号楼|號樓|栋|棟|幢|座|号院|#|楼|樓) ?[-－—]? ?[0-9]{1,5}[A-Za-z]?(?:[-－—][0-9]{1,5}[A-Za-z]?)*"
        r"(?![0-9]*(?:号|號|栋|棟|幢|座|楼|樓|路|街))",
        # 3-2-501, 3-501 at the end.
        r"[0-9]{1,4}(?:[-－—][0-9]{1,5}[A-Za-z]?){2,}",
        r"[0-9]{1,3}[-－—][0-9]{3,5}[A-Za-z]?(?= |$)",
        # A room behind the number of a house: 科技路1号501.
        r"(?:号|號) ?[0-9]{2,5}[A-Za-z]?(?= |$)",
        rf"(?i:\b(?:{_WORDS}|level)\b\.? ?(?:no\.? ?)?#? ?[A-Za-z]?[0-9]+[A-Za-z]?(?:[-/][0-9]+)?)",
        rf"(?i:\b(?:{_WORDS})\b\.? ?#? ?[A-Za-z]\b)",
        # FL 33101 is Florida.
        r"(?i:\bfl\b\.? ?[0-9]{1,3}\b|\b[0-9]{1,3}(?:st|nd|rd|th) (?:floor|fl)\b|\b[0-9]{1,3}/F\b)",
        r"# ?[A-Za-z]?[0-9]+[A-Za-z]?",
    )
)
_ROOMS = re.compile(_ROOM)
_BUILDING = re.compile(r"号楼|號樓|栋|棟|幢|座|号院|楼|樓|号|號")
_HAN = re.compile(r"[\u3400-\u9fff]")

_CARD = re.compile(rf"([0-9]{{0,{_BIN}}}){_HIDDEN}{{{_LEAST_HIDDEN},}}([0-9]{{0,{_LAST}}})")
_CARD_IN_TEXT = r"[0-9](?:[ -]?[0-9]){12,18}"
_GAPS = re.compile(r"[\s().-]")
_COUNTRY = re.compile(r"^(?:\+|00)(?:[1-9][0-9]{0,2}(?=[\s(-])|86)")
_MADE_UP = re.compile(r"(?:[a-z0-9]+_)?[a-z2-7]{24}|tok_[A-Za-z0-9_-]{22,}")
_NETWORK = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_HALF_NETWORK = re.compile(r"\d{1,3}\.\d{1,3}\.\*\.\*|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:\*{3}")
_BAND = re.compile(r"\d{4}(?:-\d{4})?|\d{3}\*-\*\*-\*\*")

#: One value as it is shown, without spaces around: whether it shows too much, and what is wrong with it.
Fault = Callable[[str], str | None]


class Profile(StrEnum):
    """Who permits what to be shown."""

    WAYBILL = "waybill"
    PCI = "pci"
    RELEASE = "release"


#: What a waybill is for; everything else stays in the house.
_ON_A_WAYBILL = frozenset(
    {Kind.PERSON_NAME, Kind.NICKNAME, Kind.PHONE, Kind.LANDLINE, Kind.ADDRESS, Kind.REGION, Kind.POSTCODE}
    | {Kind.ORDER_ID, Kind.TRACKING_ID, Kind.COMPANY, Kind.QUANTITY}
)

_NOT_CLEAR = frozenset({Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT})


def is_shown(kind: Kind, profile: Profile) -> bool:
    """Return whether values of this kind are shown at all."""
    if kind in (Kind.CARD_CODE, Kind.SECRET):
        return False
    if profile is Profile.WAYBILL:
        return kind in _ON_A_WAYBILL
    return profile is Profile.PCI or kind.sensitivity is not Sensitivity.SPECIAL


def rules_of(kind: Kind, profile: Profile) -> tuple[tuple[str, ...], ...] | None:
    """Return how this profile masks a kind where it is stricter than `mask` alone; else None."""
    if profile is Profile.WAYBILL and kind in (Kind.PHONE, Kind.LANDLINE):
        return _WAYBILL_PHONE
    if profile is Profile.PCI and kind is Kind.PAYMENT_CARD:
        return _PCI_CARD
    return None


_WAYBILL_PHONE = (
    (r"^(?:(?:\+|00)?86[ -]?)?(1[0-9]{2})[ -]?[0-9]{4}[ -]?[0-9]{2}([0-9]{2})$", r"\1******\2"),
    (
        r"^(?:(?:\+|00)86[ -]?)?\(?(0[0-9]{2,3})\)?[ -]?[0-9]{6}([0-9]{1,2})(?:[ -]*(?:转|ext\.?|x)[ -]*[0-9]{1,5})?$",
        r"\1-******\2",
    ),
    (r"^\+?(?:[ ().-]*[0-9]){6,}[ ().-]*([0-9])[ ().-]*([0-9])$", r"******\1\2"),
)

_PCI_CARD = (
    # Six digits of the BIN: what every brand and length permits; from 14 digits on, for shorter ones hide too little.
    (r"^([0-9]{4})[ -]?([0-9]{2})[0-9]{2}[ -]?[0-9]{4}[ -]?([0-9]{4})$", r"\1\2******\3"),
    (
        r"^([0-9]{4})[ -]?([0-9]{2})(?:[ -]?[0-9]){4,9}([0-9])[ -]?([0-9])[ -]?([0-9])[ -]?([0-9])$",
        r"\1\2******\3\4\5\6",
    ),
    (r"^(?:[0-9][ -]?){8,9}([0-9])[ -]?([0-9])[ -]?([0-9])[ -]?([0-9])$", r"******\1\2\3\4"),
)


def hide_rooms(values: pa.Array) -> pa.Array:
    """Return addresses without unit, floor and room; a Chinese one ends there, for what follows is finer still."""
    plain = pc.utf8_normalize(values, "NFKC")
    return pa.array([_without_rooms(text) for text in plain.to_pylist()], pa.string())


def _without_rooms(address: str) -> str:
    found = _ROOMS.search(address)
    if found is None:
        return address
    if _HAN.search(address):
        building = _BUILDING.match(found[0])
        return address[: found.start()] + (building[0] if building else "") + "***"
    return _ROOMS.sub("***", address)


def check_profile(table: pa.Table, schema: Table, profile: Profile) -> None:
    """Refuse a table that shows more than a profile permits.

    Args:
        table: As it is about to be shown or sent.
        schema: What the columns are; a column that it does not name is refused.
        profile: Which rule.

    Raises:
        RefusedError: The path names the first row that shows too much, such as `orders.phone[17]`; never the value.

    Guarantees:
        - `138****1234` alone does not pass `waybill`.
        - No card number passes `pci` in a column that names people, moves money or is free text; no code of a card
          passes any profile.
    """
    known = {column.name: column for column in schema.columns}
    for name in table.column_names:
        path = f"{schema.name}.{name}"
        if name not in known:
            hint = "name it in `cartveil.toml`, or leave it out"
            raise RefusedError(f"profile `{profile}` does not show what no schema names", path=path, hint=hint)
        _check_column(table[name], known[name], profile, path=path)


def _check_column(column: Values, spec: Column, profile: Profile, *, path: str) -> None:
    array = as_array(column)
    if array.null_count == len(array):
        return
    if not is_shown(spec.kind, profile):
        hint = f"leave it out, as `show_profile` and `cartveil protect --profile {profile}` do"
        raise RefusedError(f"profile `{profile}` shows no `{spec.kind}`", path=path, hint=hint)
    fault = _fault(spec, profile)
    if fault is not None:
        encoded = as_text(array).dictionary_encode()
        found = [fault(text.strip()) for text in pc.utf8_normalize(encoded.dictionary, "NFKC").to_pylist()]
        _refuse_first(found, encoded.indices, profile, path=path)


def _refuse_first(found: list[str | None], indices: pa.Array, profile: Profile, *, path: str) -> None:
    wrong = pc.take(pa.array([fault is not None for fault in found], pa.bool_()), indices)
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        what = found[indices[row].as_py()]
        hint = f"show it by `show_profile` or `cartveil protect --profile {profile}`"
        raise RefusedError(f"profile `{profile}`: {what}", path=f"{path}[{row}]", hint=hint)


def _fault(spec: Column, profile: Profile) -> Fault | None:
    """Return what looks at a value of this column, or None where anything may be shown."""
    kind = spec.kind
    match profile:
        case Profile.WAYBILL:
            return _WAYBILL_FAULTS.get(kind)
        case Profile.PCI if kind is Kind.PAYMENT_CARD:
            return _card_fault
        case Profile.PCI:
            # A barcode or an order number may look like a card; where such stand, cards do not.
            return _card_in_text if kind.sensitivity in _NOT_CLEAR | {Sensitivity.TEXT} else None
        case Profile.RELEASE if kind.sensitivity in _NOT_CLEAR:
            # A made-up name and a number of the same format look like real ones: what made them is believed.
            made_up = kind is Kind.PERSON_NAME and spec.release.method is Method.PSEUDONYM
            return None if made_up or spec.release.method is Method.FPE else _clear_fault(kind)
        case Profile.RELEASE:
            return _card_in_text if kind.sensitivity is Sensitivity.TEXT else None


def _name_fault(text: str) -> str | None:
    return None if not text or re.search(r"[*×•●]", text) else "a name hides no character"


def _phone_fault(text: str) -> str | None:
    bare = _GAPS.sub("", _COUNTRY.sub("", text, count=1))
    shown = sum(character.isdigit() for character in bare)
    hidden = len(re.findall(_HIDDEN, bare))
    if not shown:
        return None if hidden or not bare else "a phone number hides no digit"
    if hidden < _HIDDEN_DIGITS or shown > _SHOWN_DIGITS:
        return f"a phone number hides fewer than {_HIDDEN_DIGITS} digits"
    return None


def _room_fault(text: str) -> str | None:
    goes_on = _HAN.search(text) and re.search(r"\*.*[0-9A-Za-z]", text)
    return "an address shows a unit, a floor or a room" if goes_on or _ROOMS.search(text) else None


def _card_fault(text: str) -> str | None:
    bare = _GAPS.sub("", text)
    if not any(character.isdigit() for character in bare) and (not bare or re.search(_HIDDEN, bare)):
        return None
    if _MADE_UP.fullmatch(text) or _CARD.fullmatch(bare):
        return None
    return "a card shows more than its BIN and last four digits"


def _card_in_text(text: str) -> str | None:
    for match in re.finditer(_CARD_IN_TEXT, text):
        digits = re.sub(r"[ -]", "", match[0])
        # A run of 20 digits may begin with a card.
        if any(has_luhn(digits[:length]) for length in range(13, len(digits) + 1)):
            return "a card number stands in it"
    return None


def _clear_fault(kind: Kind) -> Fault:
    def fault(text: str) -> str | None:
        if not text or _MADE_UP.fullmatch(text) or _is_coarse(text, kind) or _is_masked(text, kind):
            return None
        return f"a `{kind}` is shown in clear"

    return fault


def _is_coarse(text: str, kind: Kind) -> bool:
    """Return whether this is no value but a wider thing: a region without a street, a network, a band of years."""
    if kind is Kind.ADDRESS:
        return _is_region(text)
    if kind is Kind.IP_ADDRESS:
        return bool(_NETWORK.fullmatch(text))
    return kind is Kind.BIRTH_DATE and bool(_BAND.fullmatch(text))


def _is_region(text: str) -> bool:
    """Return whether every word is a place of the shipped tables, so that no street can be among them."""
    if _HAN.search(text):
        region = find_region(text)
        return region is not None and text in {region.at(level) for level in LEVELS}
    return set(text.casefold().split(", ")) <= _places()


@cache
def _places() -> frozenset[str]:
    named = [row[3] for row in rows_of(divisions())]
    british = [name for _, *names in rows_of(british_areas()) for name in names]
    american = [row[1] for row in rows_of(us_states())] + [row[0] for row in rows_of(us_cities())]
    smaller = [row[0] for row in rows_of(more_cities())]
    return frozenset(name.casefold() for name in [*named, *british, *american, *smaller, *country_names().values()])


def _is_masked(text: str, kind: Kind) -> bool:
    if not text.strip("*"):
        return True
    if kind is Kind.PAYMENT_CARD:
        return _card_fault(text) is None
    if kind in (Kind.PERSON_NAME, Kind.NICKNAME):
        return _name_fault(text) is None
    if kind is Kind.ADDRESS:
        return text.endswith("***") and _is_coarse(text.rstrip("*"), kind)
    if kind is Kind.IP_ADDRESS and _HALF_NETWORK.fullmatch(text):
        return True
    if kind in (Kind.EMAIL, Kind.PAYMENT_ACCOUNT) and re.match(r"[^@]?\*{3,}@", text):
        return True
    stars, shown = text.count("*"), sum(character.isalnum() for character in text)
    return (stars >= 4 and shown <= 9) or (stars >= 3 and shown <= 4)


_WAYBILL_FAULTS: dict[Kind, Fault] = {
    Kind.PERSON_NAME: _name_fault,
    Kind.NICKNAME: _name_fault,
    Kind.PHONE: _phone_fault,
    Kind.LANDLINE: _phone_fault,
    Kind.ADDRESS: _room_fault,
}
