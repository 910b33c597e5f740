"""Addresses in Latin letters: romanised Chinese, British by postcode or town, American by state and ZIP."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from cartveil.events.places.region import (
    Region,
    british_areas,
    country_names,
    divisions,
    rows_of,
    us_cities,
    us_states,
)

_POSTCODE = re.compile(r"\b([A-Z]{1,2})[0-9][0-9A-Z]? ?[0-9][A-Z]{2}\b")
_ZIP = re.compile(r"\b([A-Z]{2})[ ,]{1,3}([0-9]{3})[0-9]{2}(?:-[0-9]{4})?\b")
_PART = re.compile(r"[,;/\n，]")
_ENDED = re.compile(
    r"\b(District|County|Province|City|Municipality)\b[ ,]*|[ ,]*\b((?:P\.?R\.? ?)?China)\b", re.IGNORECASE
)
# Found much faster than `_ENDED`, which holds one of these.
_ENDINGS = ("district", "county", "province", "city", "municipality", "china")
_SUFFIX = {"district": "district", "qu": "district", "county": "district", "xian": "district", "banner": "district",
           "city": "city", "shi": "city", "prefecture": "city", "province": "province", "sheng": "province",
           "municipality": "province"}  # fmt: skip
_NOISE = re.compile(r"[0-9#.'’`-]")
_MUNICIPALITIES = frozenset({"110000", "120000", "310000", "500000"})
_CHINA = frozenset({"china", "pr china", "prc"})
_BRITAIN = frozenset(
    {"uk", "gb", "united kingdom", "great britain", "england", "scotland", "wales", "northern ireland"}
)
_AMERICA = frozenset({"us", "usa", "united states", "united states of america"})


@dataclass(frozen=True)
class _Gazetteer:
    rows: dict[str, tuple[str, str, str]]  # code -> level, English name, parent
    chinese: dict[tuple[str, str], dict[str, float]]  # letters of the name, level or "" -> codes, how well each fits
    areas: dict[str, Region]
    towns: dict[str, Region]
    states: dict[str, tuple[str, frozenset[str]]]  # code -> name, ZIP prefixes
    state_codes: dict[str, str]
    cities: dict[str, tuple[str, ...]]  # city -> states


def find_latin_region(address: str) -> Region | None:
    """Return the region of an address in Latin letters, or None; see `find_region`."""
    found = _by_postcode(address.upper())
    if found:
        return found
    parts = _parts(address)
    words = {part.casefold().strip(" .") for part in parts}
    if found := _american(address, parts, sure=bool(words & _AMERICA)):
        return found
    if found := _romanised(parts, sure=bool(words & _CHINA)):
        return found
    return _british(parts, sure=bool(words & _BRITAIN)) or _country(words)


def _parts(address: str) -> list[str]:
    lower = address.lower()
    if not address.isascii() or any(word in lower for word in _ENDINGS):
        address = _ENDED.sub(_comma, address)
    return [stripped for part in _PART.split(address) if (stripped := part.strip())]


def _comma(match: re.Match[str]) -> str:
    return f"{match[1]}, " if match[1] else f", {match[2]}"


def _by_postcode(address: str) -> Region | None:
    match = _POSTCODE.search(address)
    return _gazetteer().areas.get(match[1]) if match else None


def _british(parts: list[str], *, sure: bool) -> Region | None:
    gazetteer = _gazetteer()
    for part in reversed(parts):
        town = part.casefold()
        if town in gazetteer.towns and (sure or town not in gazetteer.cities):
            return gazetteer.towns[town]
    return None


def _american(address: str, parts: list[str], *, sure: bool) -> Region | None:
    gazetteer = _gazetteer()
    state = ""
    for code, prefix in _ZIP.findall(address):
        # A ZIP that lies in another state contradicts the letters: then neither is believed.
        if code in gazetteer.states and prefix in gazetteer.states[code][1]:
            state = code
    if not state:
        state = next((code for part in reversed(parts[-3:]) if (code := _state(part, sure or len(parts) > 1))), "")
    for part in reversed(parts):
        states = gazetteer.cities.get(part.casefold(), ())
        if state in states:
            return Region("US", gazetteer.states[state][0], part.title(), "", state)
        if not state and len(states) == 1 and (sure or part.casefold() not in gazetteer.towns):
            return Region("US", gazetteer.states[states[0]][0], part.title(), "", states[0])
    return Region("US", gazetteer.states[state][0], "", "", state) if state else None


def _state(part: str, letters_do: bool) -> str:
    gazetteer = _gazetteer()
    words = re.sub(r"[0-9-]+$", "", part).strip()
    if letters_do and words in gazetteer.states:
        return words
    return gazetteer.state_codes.get(words.casefold(), "")


def _romanised(parts: list[str], *, sure: bool) -> Region | None:
    """Return the place whose own name and whose parents' names explain most parts, if one explains most."""
    gazetteer = _gazetteer()
    named = [codes for part in parts if (codes := gazetteer.chinese.get(_key(part)))]
    matched = {code for codes in named for code in codes}
    best: list[tuple[float, str]] = []
    for code in matched:
        chain = _chain(code)
        explained = sum(max(codes.get(link, 0.0) for link in chain) for codes in named)
        coarse = any(gazetteer.rows[link][0] != "district" for link in chain if link in matched)
        if coarse or sure:
            best.append((explained, code))
    most = max((score for score, _ in best), default=0)
    winners = [code for score, code in best if score == most]
    # Where two places fit alike (Jilin and Jilin, Hotan and Hotan County) only what both lie in is certain.
    shared = [link for link in _chain(winners[0]) if all(link in _chain(code) for code in winners)] if winners else []
    return _chinese_region(shared[0]) if shared else None


def _chain(code: str) -> list[str]:
    chain = []
    while code:
        chain.append(code)
        code = _gazetteer().rows[code][2]
    return chain


def _chinese_region(code: str) -> Region:
    names = {level: name for level, name, _ in (_gazetteer().rows[link] for link in _chain(code))}
    province = names["province"]
    alone = code[:2] in {"81", "82"} or f"{code[:2]}0000" in _MUNICIPALITIES
    return Region("CN", province, province if alone else names.get("city", ""), names.get("district", ""), code)


def _country(words: set[str]) -> Region | None:
    codes = {country_names()[word] for word in words if word in country_names()}
    return Region(codes.pop()) if len(codes) == 1 else None


def _key(name: str) -> tuple[str, str]:
    """Return the letters of a name without its suffix, and the level that the suffix speaks of."""
    plain = unicodedata.normalize("NFKD", _NOISE.sub("", name)).encode("ascii", "ignore").decode().casefold()
    words = plain.split()
    level = _SUFFIX.get(words[-1], "") if len(words) > 1 else ""
    return "".join(words[:-1] if level else words), level


@cache
def _gazetteer() -> _Gazetteer:
    rows = {code: (level, name, parent) for code, level, _, name, parent in rows_of(divisions())}
    british = [(area, Region("GB", region, town, "", area)) for area, town, region, _ in rows_of(british_areas())]
    states = {code: (name, _prefixes(ranges)) for code, name, ranges in rows_of(us_states())}
    cities: dict[str, list[str]] = {}
    for city, state in rows_of(us_cities()):
        cities.setdefault(city.casefold(), []).append(state)
    return _Gazetteer(
        rows=rows,
        chinese=_chinese_names(rows),
        areas=dict(british),
        towns={region.city.casefold(): region for _, region in reversed(british)},
        states=states,
        state_codes={name.casefold(): code for code, (name, _) in states.items()},
        cities={city: tuple(found) for city, found in cities.items()},
    )


def _chinese_names(rows: dict[str, tuple[str, str, str]]) -> dict[tuple[str, str], dict[str, float]]:
    names: dict[tuple[str, str], dict[str, float]] = {}
    for code, (level, name, _) in rows.items():
        letters, said = _key(name)
        # `Linyi` alone is the city of that name before it is Linyi County.
        names.setdefault((letters, ""), {})[code] = 0.9 if said == "district" else 1.0
        names.setdefault((letters, said or level), {})[code] = 1.0
        if code in _MUNICIPALITIES or (level == "district" and not said):
            names.setdefault((letters, "city"), {})[code] = 1.0
    return names


def _prefixes(ranges: str) -> frozenset[str]:
    pairs = (pair.split("-") for pair in ranges.split())
    return frozenset(f"{number:03d}" for low, high in pairs for number in range(int(low), int(high) + 1))
