"""What values alone suggest, where the name says nothing or says something else."""

from collections.abc import Callable
from dataclasses import dataclass

from cartveil.events.kinds import Kind
from cartveil.events.scanning.profile import Profile


@dataclass(frozen=True)
class Verdict:
    """A kind, how sure (0 to 1), and why."""

    kind: Kind
    confidence: float
    reason: str


@dataclass(frozen=True)
class _Guess:
    """A kind, the mark its values bear, the share that must bear it, and how sure one is then."""

    kind: Kind
    mark: str
    share: float
    confidence: float
    says: str
    unless: Callable[[Profile], bool] = lambda profile: False


#: Between the first and the last of so many years lie births; shops have not kept orders for so long.
_LIVES = 30

#: In order: the first one whose mark enough values bear is the guess.
_GUESSES = (
    _Guess(Kind.SECRET, "password hash", 0.6, 0.95, "are hashed passwords"),
    _Guess(Kind.SECRET, "signed token", 0.6, 0.9, "are signed tokens"),
    _Guess(Kind.DEVICE_ID, "browser", 0.6, 0.85, "name a browser or an app"),
    _Guess(Kind.PHONE, "hidden phone", 0.6, 0.85, "are mobile numbers with their middle hidden"),
    _Guess(Kind.PAYMENT_CARD, "hidden card", 0.6, 0.85, "are card numbers with their middle hidden"),
    _Guess(Kind.ID_NUMBER, "hidden identity", 0.6, 0.85, "are identity numbers with their middle hidden"),
    _Guess(Kind.EMAIL, "hidden e-mail", 0.6, 0.85, "are e-mail addresses with their middle hidden"),
    _Guess(Kind.PERSON_NAME, "hidden name", 0.6, 0.85, "are names with a part hidden"),
    _Guess(Kind.PERSON_NAME, "titled name", 0.6, 0.85, "are names with a title"),
    _Guess(Kind.URL, "link", 0.6, 0.9, "are addresses of pages"),
    _Guess(Kind.AMOUNT, "currency", 0.7, 0.85, "are numbers with a currency"),
    _Guess(Kind.QUANTITY, "unit number", 0.8, 0.6, "are numbers of pieces"),
    _Guess(Kind.COMPANY, "company", 0.6, 0.75, "end as names of companies do"),
    _Guess(Kind.REGION, "region", 0.7, 0.75, "name a known region and no street", lambda profile: profile.is_unique),
    _Guess(
        Kind.PERSON_NAME,
        "name",
        0.7,
        0.75,
        "have the form of a person's name",
        lambda profile: profile.is_low or profile.share("company") >= 0.3,
    ),
    _Guess(Kind.PERSON_NAME, "part of name", 0.6, 0.6, "are known given or family names", lambda p: p.distinct < 12),
    _Guess(Kind.HEALTH_HINT, "health", 0.6, 0.6, "speak of somebody's health"),
    _Guess(Kind.FREE_TEXT, "words", 0.5, 0.6, "are sentences", lambda profile: profile.share("code") >= 0.5),
    _Guess(Kind.ORDER_ID, "order code", 0.9, 0.6, "begin as numbers of orders do"),
    _Guess(
        Kind.ORDER_ID,
        "dated code",
        0.9,
        0.5,
        "are long numbers that begin with a day",
        lambda profile: not profile.is_unique,
    ),
)


def by_values(profile: Profile) -> Verdict:
    """Return what the values alone suggest; what cannot be told is `other`, which stays sealed."""
    time = _by_time(profile)
    if time:
        return time
    if profile.form == "text":
        return _by_text(profile)
    return Verdict(Kind.OTHER, 0.3, f"{FORMS_SAY.get(profile.form, 'yes or no')} that could be anything; sealed")


def _by_time(profile: Profile) -> Verdict | None:
    first, last = profile.years
    births = last - first >= _LIVES and first < 1980 and profile.share("clock") < 0.1
    share = max(map(profile.share, ("time", "compact time", "written time", "short time")))
    if profile.form == "time" or share >= 0.9:
        if births:
            return Verdict(Kind.BIRTH_DATE, 0.6, f"dates over {last - first} years, as those of births are")
        return Verdict(Kind.EVENT_TIME, 0.6, "the values are dates or times")
    for unit in ("seconds", "milliseconds"):
        if profile.share(unit) >= 0.99:
            return Verdict(Kind.EVENT_TIME, 0.6, f"{profile.share(unit):.0%} are {unit} since 1970")
    return None


def _by_text(profile: Profile) -> Verdict:
    if profile.share("gender") >= 0.99 and profile.share("yes or no") < 0.5 and profile.distinct <= 8:
        return Verdict(Kind.GENDER, 0.8, "all values are words for a gender")
    if profile.share("street") >= 0.5 and (profile.share("place") >= 0.3 or profile.share("words") >= 0.6):
        most = ", most a known region" if profile.share("place") >= 0.5 else ""
        return Verdict(Kind.ADDRESS, 0.85, f"{profile.share('street'):.0%} name a street and a number{most}")
    if profile.share("ends in postcode") >= 0.6 and profile.share("words") >= 0.5:
        return Verdict(Kind.ADDRESS, 0.75, f"{profile.share('ends in postcode'):.0%} are lines that end in a postcode")
    if profile.share("company") >= 0.2 and profile.share("company") + profile.share("partners") >= 0.6:
        return Verdict(
            Kind.COMPANY, 0.6, f"{profile.share('company'):.0%} end as names of companies do, others join names"
        )
    if _is_phone(profile):
        return Verdict(Kind.PHONE, 0.6, "the values are phone numbers, or cut as phone numbers are")
    for guess in _GUESSES:
        share = profile.share(guess.mark)
        if share >= guess.share and not guess.unless(profile):
            more = personal(profile) if guess.kind is Kind.FREE_TEXT else ""
            return Verdict(guess.kind, guess.confidence, f"{share:.0%} {guess.says}{more}")
    if profile.inside >= 0.05 and profile.share("code") < 0.5:
        return Verdict(Kind.FREE_TEXT, 0.6, f"text{personal(profile)}")
    if profile.is_low and profile.share("name") < 0.5 and not profile.personal:
        return Verdict(Kind.CATEGORY, 0.6, f"{profile.distinct} distinct values in {profile.rows} rows")
    return Verdict(Kind.OTHER, 0.3, "text that could be anything; sealed")


def _is_phone(profile: Profile) -> bool:
    formed = profile.whole.get(Kind.PHONE, 0.0) + profile.whole.get(Kind.LANDLINE, 0.0)
    cut = profile.share("written phone")
    return formed + cut >= 0.8 and formed >= 0.2 and cut >= 0.05 and profile.share("time") < 0.1


def personal(profile: Profile) -> str:
    """Return how many values hold something personal, in words."""
    return f", {profile.inside:.0%} hold a phone, an address or the like" if profile.inside >= 0.005 else ""


FORMS_SAY = {"whole": "whole numbers", "number": "numbers", "text": "text", "nested": "lists or structures"}
