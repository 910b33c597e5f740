"""From name and values to a kind: what is checked beats what is said, what is said beats what is guessed."""

import re

from cartveil.events.kinds import Kind, Method
from cartveil.events.scanning.fits import FITS
from cartveil.events.scanning.guesses import FORMS_SAY, Verdict, by_values
from cartveil.events.scanning.profile import Profile
from cartveil.events.scanning.words import kind_of_name, spoken

#: Kinds whose values carry a check or so particular a form that the name cannot talk them away.
_CERTAIN = frozenset(
    {Kind.EMAIL, Kind.ID_NUMBER, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT, Kind.IP_ADDRESS, Kind.SECRET, Kind.TAX_ID}
)
#: Kinds with a form that other numbers have by chance; a name that says order number is then believed.
_LIKELY = frozenset(
    {Kind.PHONE, Kind.LANDLINE, Kind.PASSPORT, Kind.POSTCODE, Kind.TRACKING_ID, Kind.COORDINATES, Kind.DEVICE_ID}
    | {Kind.PLATE, Kind.URL}
)
_IDENTIFIERS = frozenset({Kind.USER_ID, Kind.ORDER_ID, Kind.TRACKING_ID, Kind.PRODUCT, Kind.DEVICE_ID, Kind.NICKNAME})
_IDENTIFIERS |= {Kind.MESSENGER_ID}
#: A name of one of these says nothing of the form, so that a form which most values have is believed.
_LOOSE = frozenset({Kind.FREE_TEXT, Kind.CATEGORY, Kind.COMPANY, Kind.REGION, Kind.CONSENT})
#: A name of one of these may stand for a value of the other: an account by e-mail, a bank account by card number.
_KIN = frozenset({Kind.USER_ID, Kind.PAYMENT_ACCOUNT, Kind.BANK_ACCOUNT, Kind.NICKNAME, Kind.CARD_CODE, Kind.SECRET})
_KIN |= {Kind.MESSENGER_ID}
#: Pairs that are written alike, so that the name tells which: an office's number may be a mobile one.
_TWINS = frozenset({Kind.PHONE, Kind.LANDLINE})
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
    Kind.PLATE: "a number plate",
    Kind.URL: "the address of a page",
}
#: Values of a real column of phones come from many networks; codes of one series do not.
_FEWEST_HEADS, _MANY = 3, 60
_SAYS_CODE = re.compile(r"(?:sku|spu|plu|upc|ean|gtin|isbn|code|no|num|number|id|号|码|编号)$")
#: So much of what is sold to be kept in clear must not look like people or where they live.
_PEOPLE = 0.85


def judge(name: str, profile: Profile) -> Verdict:
    """Return the kind of one column."""
    said = kind_of_name(name)
    words = f"the name says {_spoken(said)}" if said else "the name says nothing"
    if profile.form == "empty":
        return Verdict(said or Kind.OTHER, 0.4 if said else 0.2, f"all values are NULL; {words}")
    formed = _by_form(said, profile)
    if formed:
        return formed
    if _leaks(name, said, profile):
        return Verdict(Kind.FREE_TEXT, 0.7, f"{words}, but {profile.personal:.0%} hold a phone, a card or the like")
    guess = by_values(profile)
    if said and FITS[said](profile) and not _hides_people(said, guess, profile):
        return Verdict(said, 0.8 if said in _BY_NAME_ALONE else 0.9, f"{words}; {_figures(said, profile)}")
    if said and guess.kind is not said:
        reason = f"{words}, but the values do not fit; {guess.reason}"
        return Verdict(guess.kind, round(guess.confidence * 0.8, 2), reason)
    return Verdict(guess.kind, guess.confidence, f"{words}; {guess.reason}")


def _by_form(said: Kind | None, profile: Profile) -> Verdict | None:
    """Return the kind whose written form most values have, unless the name speaks of some other number."""
    kinds = {kind: share for kind, share in profile.whole.items() if kind in _SHOWN}
    if _is_series(profile) and said is not Kind.PHONE:
        kinds.pop(Kind.PHONE, None)
    if not kinds:
        return None
    kind = max(kinds, key=lambda kind: kinds[kind])
    share = kinds[kind]
    shown = f"{share:.0%} match {_SHOWN[kind]}"
    if said is kind and share >= 0.3:
        return Verdict(kind, round(0.9 + 0.09 * share, 2), f"{shown}; the name says {_spoken(kind)}")
    if said in _TWINS and kind in _TWINS and said is not None:
        return Verdict(said, 0.85, f"{shown}; the name says {_spoken(said)}")
    if said in _KIN and sum(kinds.values()) >= 0.6 and said is not Kind.CARD_CODE:
        return Verdict(said, 0.85, f"{shown}; the name says {_spoken(said)}")
    if kind in _CERTAIN and share >= 0.5:
        return Verdict(kind, round(0.95 * share, 2), f"{shown}{_against(said)}")
    return _likely(kind, share, said, profile)


def _likely(kind: Kind, share: float, said: Kind | None, profile: Profile) -> Verdict | None:
    doubted = said is None or said in _LOOSE or (said not in _IDENTIFIERS and not FITS[said](profile))
    if kind not in _LIKELY or share < 0.75 or not doubted:
        return None
    return Verdict(kind, round(0.85 * share, 2), f"{_share_says(kind, share)}{_against(said)}")


def _share_says(kind: Kind, share: float) -> str:
    return f"{share:.0%} match {_SHOWN[kind]}"


def _is_series(profile: Profile) -> bool:
    """Return whether numbers that could be phones are counted up from row to row."""
    return profile.share("mobile") >= 0.3 and profile.grows >= 0.5


def _leaks(name: str, said: Kind | None, profile: Profile) -> bool:
    """Return whether a kind that is kept in clear would keep somebody's number in clear."""
    if said is None or said.default().protect.method is not Method.KEEP or profile.form != "text":
        return False
    # Numbers that begin all alike and are said to be articles are the articles of one maker.
    alike = said is Kind.PRODUCT and profile.heads < _FEWEST_HEADS and profile.distinct >= _MANY
    coded = profile.share("mobile") >= 0.3 and (alike or _is_series(profile))
    if said is Kind.PRODUCT and profile.share("digits") >= 0.95:
        # Of many long codes some meet the form of a phone or a card by chance; where the name says that they are codes,
        # all of them may. The evidence tells of it.
        return profile.personal >= 0.9 and not coded and not _SAYS_CODE.search(spoken(name))
    return profile.personal >= 0.02 and not coded


def _hides_people(said: Kind, guess: Verdict, profile: Profile) -> bool:
    """Return whether a kind that is kept in clear would keep people or where they live in clear."""
    if said.default().protect.method is not Method.KEEP or profile.form != "text":
        return False
    named = guess.kind is Kind.PERSON_NAME and profile.share("name") >= _PEOPLE and said is not Kind.REGION
    return named or guess.kind is Kind.ADDRESS or (said is Kind.CATEGORY and guess.kind is Kind.FREE_TEXT)


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
    return f"{FORMS_SAY[profile.form]}, {amount}"


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
