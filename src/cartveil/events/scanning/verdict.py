"""From name and values to a kind: what is checked beats what is said, what is said beats what is guessed."""

from collections.abc import Callable
from dataclasses import dataclass

from cartveil.events.kinds import Kind, Method
from cartveil.events.scanning.profile import Profile
from cartveil.events.scanning.words import kind_of_name

#: Kinds whose values carry a check or so particular a form that the name cannot talk them away.
_CERTAIN = frozenset(
    {Kind.EMAIL, Kind.ID_NUMBER, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT, Kind.IP_ADDRESS, Kind.SECRET, Kind.TAX_ID}
)
#: Kinds with a form that other numbers have by chance; a name that says order number is then believed.
_LIKELY = frozenset(
    {Kind.PHONE, Kind.LANDLINE, Kind.PASSPORT, Kind.POSTCODE, Kind.TRACKING_ID, Kind.COORDINATES, Kind.DEVICE_ID}
)
_IDENTIFIERS = frozenset({Kind.USER_ID, Kind.ORDER_ID, Kind.TRACKING_ID, Kind.PRODUCT, Kind.DEVICE_ID, Kind.NICKNAME})
#: A name of one of these may stand for a value of the other: an account by e-mail, a bank account by card number.
_KIN = frozenset({Kind.USER_ID, Kind.PAYMENT_ACCOUNT, Kind.BANK_ACCOUNT, Kind.NICKNAME, Kind.CARD_CODE})
_SHOWN = {
    Kind.PHONE: "a mobile number",
    Kind.LANDLINE: "a landline number",
    Kind.EMAIL: "an e-mail address",
    Kind.ID_NUMBER: "an identity number",
    Kind.PAYMENT_CARD: "a payment card with its check digit",
    Kind.BANK_ACCOUNT: "an IBAN with its check digits",
    Kind.IP_ADDRESS: "a network address",
    Kind.SECRET: "a secret key",
    Kind.TAX_ID: "a company code with its check digit",
    Kind.PASSPORT: "a passport number",
    Kind.POSTCODE: "a postcode",
    Kind.TRACKING_ID: "a tracking number",
    Kind.COORDINATES: "a pair of coordinates",
    Kind.DEVICE_ID: "a device number",
}


@dataclass(frozen=True)
class Verdict:
    """A kind, how sure (0 to 1), and why."""

    kind: Kind
    confidence: float
    reason: str


def judge(name: str, profile: Profile) -> Verdict:
    """Return the kind of one column."""
    said = kind_of_name(name)
    words = f"the name says {_spoken(said)}" if said else "the name says nothing"
    if profile.form == "empty":
        return Verdict(said or Kind.OTHER, 0.4 if said else 0.2, f"all values are NULL; {words}")
    formed = _by_form(said, profile)
    if formed:
        return formed
    if _leaks(said, profile):
        return Verdict(Kind.FREE_TEXT, 0.7, f"{words}, but {profile.personal:.0%} hold a phone, a card or the like")
    if said and FITS[said](profile):
        return Verdict(said, 0.8 if said in _BY_NAME_ALONE else 0.9, f"{words}; {_figures(said, profile)}")
    guess = _by_values(profile)
    if said and guess.kind is not said:
        return Verdict(
            guess.kind, round(guess.confidence * 0.8, 2), f"{words}, but the values do not fit; {guess.reason}"
        )
    return Verdict(guess.kind, guess.confidence, f"{words}; {guess.reason}")


def _by_form(said: Kind | None, profile: Profile) -> Verdict | None:
    """Return the kind whose written form most values have, unless the name speaks of some other number."""
    kinds = {kind: share for kind, share in profile.whole.items() if kind in _SHOWN}
    if not kinds:
        return None
    kind = max(kinds, key=lambda kind: kinds[kind])
    share = kinds[kind]
    shown = f"{share:.0%} match {_SHOWN[kind]}"
    if said is kind and share >= 0.3:
        return Verdict(kind, round(0.9 + 0.09 * share, 2), f"{shown}; the name says {_spoken(kind)}")
    if said in _KIN and share >= 0.6 and said is not Kind.CARD_CODE:
        return Verdict(said, 0.85, f"{shown}; the name says {_spoken(said)}")
    if kind in _CERTAIN and share >= 0.6:
        return Verdict(kind, round(0.95 * share, 2), f"{shown}{_against(said)}")
    if kind in _LIKELY and share >= 0.8 and said not in _IDENTIFIERS and (said is None or not FITS[said](profile)):
        return Verdict(kind, round(0.85 * share, 2), f"{shown}{_against(said)}")
    return None


def _leaks(said: Kind | None, profile: Profile) -> bool:
    """Return whether a kind that is kept in clear would keep somebody's number in clear."""
    kept = said is not None and said.default().protect.method is Method.KEEP
    return kept and profile.form == "text" and profile.personal >= 0.02


def _against(said: Kind | None) -> str:
    return f", though the name says {_spoken(said)}" if said else "; the name says nothing"


def _spoken(kind: Kind | None) -> str:
    return str(kind).replace("_", " ") if kind else "nothing"


def _figures(kind: Kind, profile: Profile) -> str:
    if profile.form in ("time", "bool"):
        return {"time": "the values are times", "bool": "the values are yes or no"}[profile.form]
    if kind is Kind.FREE_TEXT and profile.inside >= 0.01:
        return f"{profile.inside:.0%} hold a phone, an address or the like"
    share = profile.share(_TEST_OF[kind]) if kind in _TEST_OF else 0.0
    if share >= 0.05:
        return f"{share:.0%} of the values {_TESTS_SAY[_TEST_OF[kind]]}"
    amount = (
        "each row its own value" if profile.is_unique else f"{profile.distinct} distinct values in {profile.rows} rows"
    )
    return f"{_FORMS_SAY[profile.form]}, {amount}"


_FORMS_SAY = {"whole": "whole numbers", "number": "numbers", "text": "text", "nested": "lists or structures"}
_TEST_OF = {
    Kind.PERSON_NAME: "name",
    Kind.ADDRESS: "street",
    Kind.REGION: "place",
    Kind.GENDER: "gender",
    Kind.EVENT_TIME: "time",
    Kind.BIRTH_DATE: "time",
    Kind.FREE_TEXT: "words",
    Kind.PHONE: "phone digits",
}
_TESTS_SAY = {
    "name": "have the form of a person's name",
    "street": "name a street and a number",
    "place": "name a known region",
    "gender": "are words for a gender",
    "time": "are dates or times",
    "words": "are sentences",
    "phone digits": "have as many digits as a phone number",
}

_BY_NAME_ALONE = frozenset({Kind.NICKNAME, Kind.COMPANY, Kind.CATEGORY, Kind.SECRET, Kind.HEALTH_HINT, Kind.MINOR_FLAG})

Fit = Callable[[Profile], bool]


def _is_time(profile: Profile) -> bool:
    days = profile.form == "whole" and (
        1e7 <= profile.low <= profile.high < 1e8 or 1e8 <= profile.low <= profile.high < 1e14
    )
    return profile.form == "time" or profile.share("time") >= 0.5 or days


def _is_number(profile: Profile) -> bool:
    return profile.form in ("whole", "number") or profile.share("amount") >= 0.8


def _is_identifier(profile: Profile) -> bool:
    return profile.form in ("whole", "text")


def _is_text(profile: Profile) -> bool:
    return profile.form == "text"


def _passes(test: str, share: float = 0.6) -> Fit:
    return lambda profile: profile.share(test) >= share


#: Whether values may be of the kind that the name speaks of.
FITS: dict[Kind, Fit] = {
    Kind.USER_ID: _is_identifier,
    Kind.PERSON_NAME: lambda profile: _is_text(profile) and profile.share("code") < 0.5 and profile.length <= 60,
    Kind.NICKNAME: _is_identifier,
    Kind.PHONE: _passes("phone digits"),
    Kind.LANDLINE: _passes("phone digits"),
    Kind.EMAIL: _passes("at", 0.5),
    Kind.ID_NUMBER: _passes("identity"),
    Kind.PASSPORT: _passes("identity"),
    Kind.BIRTH_DATE: lambda profile: (
        _is_time(profile) or (profile.form == "whole" and 1880 <= profile.low <= profile.high < 2100)
    ),
    Kind.GENDER: lambda profile: profile.share("gender") >= 0.6 or profile.form == "bool",
    Kind.ADDRESS: lambda profile: _is_text(profile) and profile.share("code") < 0.5,
    Kind.POSTCODE: _passes("short code"),
    Kind.COORDINATES: lambda profile: (
        profile.form in ("number", "whole") and -180 <= profile.low <= profile.high <= 180
    ),
    Kind.PAYMENT_CARD: _passes("long digits"),
    Kind.BANK_ACCOUNT: lambda profile: (
        profile.share("identity") + profile.share("long digits") >= 0.6 or profile.length > 12
    ),
    Kind.PAYMENT_ACCOUNT: _is_identifier,
    Kind.CARD_CODE: _passes("three or four digits"),
    Kind.ORDER_ID: _is_identifier,
    Kind.TRACKING_ID: _is_identifier,
    Kind.EVENT_TIME: _is_time,
    Kind.AMOUNT: _is_number,
    Kind.QUANTITY: _is_number,
    Kind.PRODUCT: _is_identifier,
    Kind.CATEGORY: lambda profile: profile.form in ("text", "whole", "bool") and not profile.is_unique,
    Kind.COMPANY: _is_text,
    Kind.TAX_ID: _passes("identity"),
    Kind.IP_ADDRESS: lambda profile: profile.whole.get(Kind.IP_ADDRESS, 0.0) >= 0.3,
    Kind.DEVICE_ID: _is_identifier,
    Kind.FREE_TEXT: _is_text,
    Kind.REGION: lambda profile: (
        _is_text(profile)
        and profile.share("street") < 0.3
        and (profile.share("region") >= 0.5 or not profile.is_unique)
    ),
    Kind.CONSENT: lambda profile: profile.form in ("bool", "nested") or profile.distinct <= 64,
    Kind.MINOR_FLAG: lambda profile: profile.form == "bool" or profile.distinct <= 4,
    Kind.HEALTH_HINT: lambda profile: profile.form in ("text", "bool", "nested"),
    Kind.SECRET: lambda profile: profile.form in ("text", "whole"),
    Kind.OTHER: lambda profile: True,
}


def _by_values(profile: Profile) -> Verdict:
    """Return what the values alone suggest; what cannot be told is `other`, which stays sealed."""
    if profile.form == "time" or profile.share("time") >= 0.9:
        return Verdict(Kind.EVENT_TIME, 0.6, "the values are dates or times")
    if profile.form == "text":
        return _by_text(profile)
    return Verdict(Kind.OTHER, 0.3, f"{_FORMS_SAY.get(profile.form, 'yes or no')} that could be anything; sealed")


def _by_text(profile: Profile) -> Verdict:
    if profile.share("gender") >= 0.99 and profile.share("yes or no") < 0.5 and profile.distinct <= 8:
        return Verdict(Kind.GENDER, 0.8, "all values are words for a gender")
    if profile.share("street") >= 0.5 and profile.share("place") >= 0.3:
        return Verdict(
            Kind.ADDRESS, 0.85, f"{profile.share('street'):.0%} name a street and a number, most a known region"
        )
    if profile.share("region") >= 0.7 and not profile.is_unique:
        return Verdict(Kind.REGION, 0.75, f"{profile.share('region'):.0%} name a known region and no street")
    if profile.share("name") >= 0.7 and not profile.is_low:
        return Verdict(Kind.PERSON_NAME, 0.75, f"{profile.share('name'):.0%} have the form of a person's name")
    if profile.share("words") >= 0.5 and not profile.is_low:
        return Verdict(Kind.FREE_TEXT, 0.6, f"{profile.share('words'):.0%} are sentences{_personal(profile)}")
    if profile.inside >= 0.05:
        return Verdict(Kind.FREE_TEXT, 0.6, f"text{_personal(profile)}")
    if profile.is_low and profile.share("name") < 0.5 and not profile.personal:
        return Verdict(Kind.CATEGORY, 0.6, f"{profile.distinct} distinct values in {profile.rows} rows")
    return Verdict(Kind.OTHER, 0.3, "text that could be anything; sealed")


def _personal(profile: Profile) -> str:
    return f", {profile.inside:.0%} hold a phone, an address or the like" if profile.inside else ""
