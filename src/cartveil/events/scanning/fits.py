"""Whether a column's values may be of the kind that its name speaks of."""

from collections.abc import Callable

from cartveil.events.kinds import Kind
from cartveil.events.scanning.profile import Profile

Fit = Callable[[Profile], bool]

#: Longer numbers are nobody's amount; they name something or somebody.
_LONGEST_SUM = 10


def is_time(profile: Profile) -> bool:
    """Return whether values are dates or times, written, counted in seconds, or in one number such as 20240131."""
    written = max(map(profile.share, ("time", "compact time", "written time", "short time", "seconds", "milliseconds")))
    return profile.form == "time" or written >= 0.5


def is_number(profile: Profile) -> bool:
    """Return whether values can be added up."""
    if profile.form in ("whole", "number"):
        return True
    return max(profile.share("amount"), profile.share("unit number")) >= 0.6 and (
        profile.share("digits") < 0.5 or profile.length <= _LONGEST_SUM
    )


def is_name(profile: Profile) -> bool:
    """Return whether values may be people's names: words, not codes and not sentences."""
    return (
        profile.form == "text"
        and profile.share("code") < 0.5
        and profile.length <= 60
        and profile.share("at") < 0.5
        and profile.share("words") < 0.8
    )


def _is_identifier(profile: Profile) -> bool:
    return profile.form in ("whole", "text")


def _is_text(profile: Profile) -> bool:
    return profile.form == "text"


def _bears(*marks: str, share: float = 0.5) -> Fit:
    return lambda profile: sum(map(profile.share, marks)) >= share


def _is_region(profile: Profile) -> bool:
    words = profile.share("name") < 0.5 and profile.share("code") < 0.1 and profile.length <= 30
    places = profile.share("region") >= 0.5 or not profile.is_unique or words
    return profile.form == "text" and profile.share("street") < 0.3 and places and profile.share("digits") < 0.5


def _is_account(profile: Profile) -> bool:
    digits = profile.share("identity") + profile.share("long digits") >= 0.6
    return digits or profile.length > 12 or (profile.form in ("whole", "text") and profile.share("code") >= 0.6)


def _is_birth(profile: Profile) -> bool:
    ages = profile.form == "whole" and (
        1880 <= profile.low <= profile.high < 2100 or 1 <= profile.low <= profile.high <= 31
    )
    return is_time(profile) or ages


#: Whether values may be of the kind that the name speaks of.
FITS: dict[Kind, Fit] = {
    Kind.USER_ID: _is_identifier,
    Kind.PERSON_NAME: is_name,
    Kind.NICKNAME: _is_identifier,
    Kind.PHONE: _bears("phone digits", "hidden phone"),
    Kind.LANDLINE: _bears("phone digits", "hidden phone"),
    Kind.EMAIL: _bears("at"),
    Kind.ID_NUMBER: _bears("identity", "hidden identity"),
    Kind.PASSPORT: _bears("identity"),
    Kind.BIRTH_DATE: _is_birth,
    Kind.GENDER: lambda profile: profile.share("gender") >= 0.6 or profile.form == "bool" or profile.distinct <= 4,
    Kind.ADDRESS: lambda profile: _is_text(profile) and profile.share("code") < 0.5,
    Kind.POSTCODE: _bears("short code"),
    Kind.COORDINATES: lambda profile: (
        (profile.form in ("number", "whole") and -180 <= profile.low <= profile.high <= 180)
        or (_is_text(profile) and profile.share("words") < 0.5)
    ),
    Kind.PAYMENT_CARD: _bears("long digits", "hidden card", "three or four digits"),
    Kind.BANK_ACCOUNT: _is_account,
    Kind.PAYMENT_ACCOUNT: _is_identifier,
    Kind.CARD_CODE: _bears("three or four digits"),
    Kind.ORDER_ID: _is_identifier,
    Kind.TRACKING_ID: _is_identifier,
    Kind.EVENT_TIME: lambda profile: is_time(profile) or profile.form == "whole",
    Kind.AMOUNT: is_number,
    Kind.QUANTITY: is_number,
    Kind.PRODUCT: _is_identifier,
    Kind.CATEGORY: lambda profile: profile.form in ("text", "whole", "bool") and not profile.is_unique,
    Kind.COMPANY: lambda profile: _is_text(profile) and profile.share("digits") < 0.5,
    Kind.TAX_ID: _bears("identity"),
    Kind.IP_ADDRESS: lambda profile: profile.whole.get(Kind.IP_ADDRESS, 0.0) >= 0.3,
    Kind.DEVICE_ID: _is_identifier,
    Kind.FREE_TEXT: _is_text,
    Kind.REGION: _is_region,
    Kind.CONSENT: lambda profile: profile.form in ("bool", "nested") or profile.distinct <= 64,
    Kind.MINOR_FLAG: lambda profile: profile.form == "bool" or profile.distinct <= 4,
    Kind.HEALTH_HINT: lambda profile: profile.form in ("text", "bool", "nested") or profile.distinct <= 4,
    Kind.SECRET: lambda profile: profile.form in ("text", "whole"),
    Kind.MESSENGER_ID: _is_identifier,
    Kind.PLATE: _bears("short code", "code"),
    Kind.URL: lambda profile: _is_text(profile) and profile.share("words") < 0.5,
    Kind.OTHER: lambda profile: True,
}
