"""From values that a finder marked to what stands in their place."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import pyarrow as pa

from cartveil.events.kinds import Kind
from cartveil.guard.protect.mask import STARS, mask
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.stand_ins.addresses import address_surrogate
from cartveil.guard.protect.stand_ins.codes import (
    code_surrogate,
    company_code_surrogate,
    iban_surrogate,
    plate_surrogate,
)
from cartveil.guard.protect.stand_ins.companies import company_surrogate
from cartveil.guard.protect.stand_ins.dates import date_surrogate
from cartveil.guard.protect.stand_ins.digits import plain_digits, read
from cartveil.guard.protect.stand_ins.draws import Scope
from cartveil.guard.protect.stand_ins.internet import (
    coordinates_surrogate,
    email_surrogate,
    ip_surrogate,
    url_surrogate,
)
from cartveil.guard.protect.stand_ins.names import People, name_surrogate, settle
from cartveil.guard.protect.stand_ins.numbers import card_surrogate, identity_surrogate, phone_surrogate
from cartveil.guard.protect.stand_ins.style import Form, Style
from cartveil.guard.protect.surrogate import surrogate_name

Surrogate = Callable[..., str | None]


class Found(NamedTuple):
    """A value as it stands in a text.

    Args:
        text: The value.
        kind: What it is.
        subject: Whose text it stands in.
        people: Names that the text's own record knows; with `Style.names` these keep, in whole and in part, the made-up
            name that a column of names has for them.
    """

    text: str
    kind: Kind
    subject: str = ""
    people: tuple[str, ...] = ()


def stand_ins(found: Sequence[Found], style: Style) -> list[str]:
    """Return what stands in the place of each value.

    Args:
        found: The values.
        style: Labels, masks or surrogates.

    Returns:
        As many texts. What has no surrogate of its kind, such as a hint at somebody's health, gets a label.

    Guarantees:
        - No value comes back as it was, however it is cased or spaced.
        - Each depends on itself and the key alone, and on nothing that is replaced with it.
    """
    match style.form:
        case Form.LABELS:
            return [label(one.kind) for one in found]
        case Form.MASKS:
            return _masks(found)
        case Form.SURROGATES:
            return _surrogates(found, style)


def label(kind: Kind) -> str:
    """Return the label of a kind, such as `[phone]`."""
    return f"[{kind}]"


def _masks(found: Sequence[Found]) -> list[str]:
    made = [STARS] * len(found)
    for kind in {one.kind for one in found}:
        places = [place for place, one in enumerate(found) if one.kind is kind]
        spelled = kind in _NUMBERS
        values = pa.array([_sound(plain_digits(found[place].text, han=spelled)) for place in places], pa.string())
        for place, masked in zip(places, mask(values, kind=kind).to_pylist(), strict=True):
            made[place] = STARS if _alike(masked, found[place].text) else masked
    return made


def _sound(text: str) -> str:
    """Return the text as Arrow can hold it: without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")


#: Kinds that are numbers: a mask knows them in plain digits alone.
_NUMBERS = frozenset({Kind.PHONE, Kind.LANDLINE, Kind.ID_NUMBER, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT})


def _surrogates(found: Sequence[Found], style: Style) -> list[str]:
    if style.key is None:
        raise ValueError("surrogates need a key")
    secret = subkey(style.key, "redact")
    borne = _borne({name for one in found for name in one.people}, style)
    known: dict[tuple[str, tuple[str, ...]], People] = {}
    for one in found:
        if (one.subject, one.people) not in known:
            people = known[one.subject, one.people] = People(Scope(secret, one.subject))
            for name in one.people if borne else ():
                settle(name, borne[name], people)
    return [surrogate(one, known[one.subject, one.people]) for one in found]


def _borne(names: Collection[str], style: Style) -> dict[str, str]:
    """Return the made-up names that people bear in a column of names; empty where there is none."""
    if style.names is None or not names:
        return {}
    listed = sorted(names)
    made = surrogate_name(pa.array([_sound(name) for name in listed], pa.string()), style.names)
    return dict(zip(listed, made.to_pylist(), strict=True))


def surrogate(one: Found, people: People) -> str:
    """Return one value's surrogate, or its label where its kind has none."""
    # Characters that nobody sees part one value from its like, and may carry a mark of whoever wrote the text.
    text = "".join(sign for sign in one.text if unicodedata.category(sign) not in _UNSEEN)
    if one.kind in (Kind.PERSON_NAME, Kind.NICKNAME) and not re.search("[0-9]", plain_digits(text, han=False)):
        made: str | None = name_surrogate(text, people)
    else:
        made = _OF_KIND.get(one.kind, code_surrogate)(text, people.scope)
    if made is None or not made.strip() or _alike(made, one.text):
        return label(one.kind)
    return made


_UNSEEN = frozenset({"Cf", "Cc", "Cs"})


def _alike(made: str, text: str) -> bool:
    return "".join(made.split()).casefold() == "".join(text.split()).casefold()


def _numbered(text: str, scope: Scope) -> str | None:
    return code_surrogate(text, scope, keep_prefix=True)


def _date(text: str, scope: Scope) -> str | None:
    return date_surrogate(text, scope) or code_surrogate(text, scope)


def _account(text: str, scope: Scope) -> str | None:
    """Return another account with a payment service, which is often an e-mail address or a telephone number."""
    if "@" in plain_digits(text):
        return email_surrogate(text, scope)
    digits = read(text)
    is_phone = len(digits) == len(text) == _MOBILE_DIGITS and digits.startswith("1")
    return phone_surrogate(text, scope) if is_phone else code_surrogate(text, scope)


_MOBILE_DIGITS = 11


def _postcode(text: str, scope: Scope) -> str | None:
    """Return another postcode: a British one begins with an area that there is."""
    return address_surrogate(text, scope) if re.match("[A-Za-z]", plain_digits(text)) else code_surrogate(text, scope)


def _nothing(text: str, scope: Scope) -> str | None:
    return None


#: What is not here has letters for letters and digits for digits; what tells something special is only labelled.
_OF_KIND: dict[Kind, Surrogate] = {
    Kind.PHONE: phone_surrogate,
    Kind.LANDLINE: phone_surrogate,
    Kind.EMAIL: email_surrogate,
    Kind.ID_NUMBER: identity_surrogate,
    Kind.PASSPORT: _numbered,
    Kind.BIRTH_DATE: _date,
    Kind.EVENT_TIME: _date,
    Kind.ADDRESS: address_surrogate,
    Kind.REGION: address_surrogate,
    Kind.POSTCODE: _postcode,
    Kind.COORDINATES: coordinates_surrogate,
    Kind.PAYMENT_CARD: card_surrogate,
    Kind.BANK_ACCOUNT: iban_surrogate,
    Kind.PAYMENT_ACCOUNT: _account,
    Kind.ORDER_ID: _numbered,
    Kind.TRACKING_ID: _numbered,
    Kind.COMPANY: company_surrogate,
    Kind.TAX_ID: company_code_surrogate,
    Kind.IP_ADDRESS: ip_surrogate,
    Kind.URL: url_surrogate,
    Kind.PLATE: plate_surrogate,
    Kind.MESSENGER_ID: _account,
    Kind.SECRET: _nothing,
    Kind.CARD_CODE: _nothing,
    Kind.GENDER: _nothing,
    Kind.MINOR_FLAG: _nothing,
    Kind.HEALTH_HINT: _nothing,
}
