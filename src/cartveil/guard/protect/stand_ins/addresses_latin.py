"""British, American and romanised addresses of other places; see `addresses`."""

import re
from functools import cache

from cartveil.events.places import british_areas, divisions, us_cities, us_states
from cartveil.guard.protect.stand_ins.digits import plain_digits
from cartveil.guard.protect.stand_ins.draws import Draw, Scope
from cartveil.guard.protect.stand_ins.lists import listed

_BRITISH = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b", re.IGNORECASE)
_AMERICAN = re.compile(r"\b([A-Z]{2})[\s,]+(\d{5})(-\d{4})?\b")
_STREET = re.compile(
    r"\b(Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Close|Place|Pl|Square|Sq|Terrace|Ter|"
    r"Parkway|Pkwy|Highway|Hwy|Crescent|Cres|Gardens|Grove|Hill|Row|Mews|Walk|Green|Park|Circle|Cir|Trail|Trl|Loop|Alley|"
    r"Wharf|Quay|Rise|View|Broadway)\b\.?",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\b(?:flat|apartment|apt|suite|ste|unit|room|rm|floor|fl|building|bldg|block|tower|no|number|po box|p\.o\. box|"
    r"north|south|east|west|[nsew]|ne|nw|se|sw|st|nd|rd|th)\b\.?",
    re.IGNORECASE,
)
_COUNTRY = re.compile(
    r"^\W*(?:UK|U\.K\.|United Kingdom|Great Britain|USA|"
    r"U\.S\.A?\.?|US|United States(?: of America)?|China|P\.?R\.? China)\W*$",
    re.I,
)
_DIVISION = re.compile(r"\b(District|City|Province|County|Prefecture|Township|Town|Village)\b", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def latin_address(text: str, scope: Scope) -> str | None:
    """Return an address of another place in the same writing; None where it has neither letter nor digit."""
    plain = plain_digits(text)
    if not re.search(r"[^\W_]", plain):
        return None
    american, british = _AMERICAN.search(plain), _BRITISH.search(plain)
    code = american or british
    parts = re.split(r"([,;\n]+)", plain[: code.start()] if code else plain)
    last = american[2][:3] if american else british[0][:2] if british else parts[-1].strip().casefold()
    draw = scope.draw("latin place", last.upper())
    state, zone, town = _place(plain, draw, american=bool(american), british=bool(british))
    # What stands last before the postcode is the town, where it is no street.
    named = [place for place, part in enumerate(parts) if _WORDS.search(part) and not _COUNTRY.match(part)]
    alone = code is not None or not (re.search(r"\d", plain) or _STREET.search(plain))
    is_town = named[-1] if named and (len(named) > 1 or alone) else -1
    made = "".join(
        _town(part, town, code is not None, scope) if place == is_town else _segment(part, scope)
        for place, part in enumerate(parts)
    )
    if code is None:
        return made
    return made + _zone(code, state, zone, scope) + _tail(plain[code.end() :], scope)


def _place(plain: str, draw: Draw, *, american: bool, british: bool) -> tuple[str, str, str]:
    """Return the state, what a postcode begins with, and a town of another place."""
    if american:
        state, zips = draw.one_of(_states())
        towns = [town for town in _towns().get(state, ()) if town.casefold() not in plain.casefold()]
        low, _, high = draw.one_of(zips.split()).partition("-")
        return (
            state,
            str(int(low) + draw.below(int(high or low) - int(low) + 1)).zfill(3),
            draw.one_of(towns or listed("english_towns")),
        )
    if british:
        area, town = draw.one_of([place for place in _areas() if place[1].casefold() not in plain.casefold()])
        return "", area, town
    others = [town for town in listed("english_towns") if town.casefold() not in plain.casefold()]
    return "", "", draw.one_of(others)


def _zone(code: re.Match[str], state: str, zone: str, scope: Scope) -> str:
    draw, letters = scope.draw("postcode", code[0].upper()), "ABDEFGHJLNPQRSTUWXYZ"
    if not state:
        blank = " " if re.search(r"\s", code[0]) else ""
        made = f"{zone}{1 + draw.below(20)}{blank}{draw.digits(1)}{draw.one_of(letters)}{draw.one_of(letters)}"
        return made.lower() if code[0].islower() else made
    more = "-" + draw.digits(4) if code[3] else ""
    between = code[0][len(code[1]) : code.start(2) - code.start()]
    return f"{state}{between}{zone}{draw.digits(2)}{more}"


def _tail(text: str, scope: Scope) -> str:
    return text if _COUNTRY.match(text) or not _WORDS.search(text) else _segment(text, scope)


def _town(part: str, town: str, sure: bool, scope: Scope) -> str:
    if _DIVISION.search(part) or (not sure and (_STREET.search(part) or re.search(r"\d", part))):
        return _segment(part, scope)
    street = _STREET.search(part)
    if street:  # 12 High Street London SW1A 2AA: no comma before the town
        return _segment(part[: street.end()], scope) + _after(part[street.end() :], town)
    words = list(_WORDS.finditer(part))
    return part[: words[0].start()] + _cased(town, part) + part[words[-1].end() :]


def _after(rest: str, town: str) -> str:
    return f" {_cased(town, rest)} " if rest.strip() else rest


def _segment(part: str, scope: Scope) -> str:
    """Return a part between commas with other names and numbers; what it says of itself (Street, Flat) stays."""
    if _COUNTRY.match(part):
        return part
    kept = [match.span() for pattern in (_STREET, _UNIT, _DIVISION) for match in pattern.finditer(part)]
    division = _DIVISION.search(part)

    def change(match: re.Match[str]) -> str:
        word = match[0]
        if any(start <= match.start() and match.end() <= end for start, end in kept):
            return word
        draw = scope.draw("latin word", word.casefold())
        if word.isdigit():
            return (
                draw.one_of("123456789") + draw.digits(len(word) - 1)
                if len(word) > 1
                else draw.one_of("123456789".replace(word, ""))
            )
        if len(word) == 1:
            return _cased(draw.one_of("ABCDEFGH".replace(word.upper(), "")), word)
        choices = _romanised() if division else listed("english_streets")
        return _cased(draw.one_of([choice for choice in choices if choice.casefold() != word.casefold()]), word)

    return re.sub(r"\d+|[^\W\d_]+(?:['’-][^\W\d_]+)*", change, part)


def _cased(made: str, word: str) -> str:
    letters = "".join(_WORDS.findall(word))
    return made.upper() if letters.isupper() else made.lower() if letters.islower() else made


@cache
def _states() -> tuple[tuple[str, str], ...]:
    table = us_states()
    return tuple(zip(table["code"].to_pylist(), table["zip"].to_pylist(), strict=True))


@cache
def _towns() -> dict[str, list[str]]:
    towns: dict[str, list[str]] = {}
    for city, state in zip(us_cities()["city"].to_pylist(), us_cities()["state"].to_pylist(), strict=True):
        towns.setdefault(state, []).append(city)
    return towns


@cache
def _areas() -> tuple[tuple[str, str], ...]:
    return tuple(zip(british_areas()["area"].to_pylist(), british_areas()["town"].to_pylist(), strict=True))


@cache
def _romanised() -> tuple[str, ...]:
    """Return romanised names of Chinese districts of one word."""
    table = divisions()
    names = (name.split() for name in table["name_en"].to_pylist() if name)
    return tuple(sorted({words[0] for words in names if len(words) == 2 and words[0].isascii()}))
