"""Addresses in Latin letters: romanised Chinese, British by postcode or town, American by state and ZIP.

A small town's name (Battle, Franklin) counts beside a postcode, a county or a state only: alone it may be another
town, a family or a thing.
"""

import re
from typing import Literal, cast

from cartveil.events.places.latin_names import MUNICIPALITIES, latin_names, letters_of
from cartveil.events.places.region import Region, country_names

_POSTCODE = re.compile(r"\b([A-Z]{1,2})[0-9][0-9A-Z]? ?[0-9][A-Z]{2}\b")
_ZIP = re.compile(r"\b([A-Z]{2})[ ,]{1,3}([0-9]{3})[0-9]{2}(?:-[0-9]{4})?\b")
_PART = re.compile(r"[,;/\n，]")
_ENDED = re.compile(
    r"\b(District|County|Province|City|Municipality|Qu|Xian|Shi|Sheng)\b[ ,]*|[ ,]*\b((?:P\.?R\.? ?)?China)\b",
    re.IGNORECASE,
)
# Found much faster than `_ENDED`, which holds one of these.
_ENDINGS = ("district", "county", "province", "city", "municipality", "china")
_ALL_ENDINGS = (*_ENDINGS, " qu", " xian", " shi", " sheng")
_ZIP_END = re.compile(r"[ ,]+[0-9]{5}(?:-[0-9]{4})?$")
_LETTERS = re.compile(r"[A-Za-z][A-Za-z'’. ,-]+")
_LAST = re.compile(r"^(.*[A-Za-z.])[ ,]+([A-Z]{2})$")
_CHINA = frozenset({"china", "pr china", "prc"})
_BRITAIN = frozenset(
    {"uk", "gb", "united kingdom", "great britain", "england", "scotland", "wales", "northern ireland"}
)
_AMERICA = frozenset({"us", "usa", "united states", "united states of america"})


Named = Literal["province", "city", "district"]


def find_latin_region(address: str) -> Region | None:
    """Return the region of an address in Latin letters, or None; see `find_region`."""
    if found := _by_postcode(address):
        return found
    parts = _parts(address)
    words = {part.casefold().strip(" .") for part in parts}
    if found := _american(address, parts, sure=bool(words & _AMERICA)):
        return found
    if found := _romanised(parts, sure=bool(words & _CHINA)) or _unparted(address, parts):
        return found
    return _british(parts, sure=bool(words & _BRITAIN)) or _country(words)


def romanised_places(text: str) -> tuple[str, ...]:
    """Return the codes of the Chinese divisions that the Latin words of a mixed address may name."""
    found: list[str] = []
    for words in _LETTERS.findall(text):
        for part in _parts(words):
            codes = latin_names().chinese.get(letters_of(part), {})
            best = max(codes.values(), default=0.0)
            found += [code for code, fit in codes.items() if fit == best]
    return tuple(dict.fromkeys(found))


def named(words: str) -> list[tuple[int, int, Named]] | None:
    """Return the places in words between two commas that name nothing else: `Denver CO`, `Kent`, `Xihu District`.

    Returns:
        Start, end and level of each; none where they name a country; None where they name no place that is known.
    """
    gazetteer, folded = latin_names(), words.casefold().strip(" .")
    if folded in country_names() or folded in _CHINA | _BRITAIN | _AMERICA:
        return []
    if folded in gazetteer.towns or folded in gazetteer.small_towns or folded in gazetteer.cities:
        return [(0, len(words), "city")]
    if words in gazetteer.states or folded in gazetteer.state_codes or folded in gazetteer.counties:
        return [(0, len(words), "province")]
    if (last := _LAST.search(words)) and last[2] in gazetteer.states:
        return [(0, last.end(1), "city"), (last.start(2), last.end(2), "province")]
    if codes := gazetteer.chinese.get(letters_of(words)):
        best = max(codes, key=lambda code: (codes[code], -len(_chain(code))))
        return [(0, len(words), cast(Named, gazetteer.rows[best][0]))]
    return None


def _parts(address: str) -> list[str]:
    lower = address.lower()
    if not address.isascii() or any(word in lower for word in (_ENDINGS if "," in address else _ALL_ENDINGS)):
        address = _ENDED.sub(_comma, address)
    return [stripped for part in _PART.split(address) if (stripped := part.strip())]


def _comma(match: re.Match[str]) -> str:
    return f"{match[1]}, " if match[1] else f", {match[2]}"


def _by_postcode(address: str) -> Region | None:
    match = _POSTCODE.search(address.upper())
    if not match or not (found := latin_names().areas.get(match[1])):
        return None
    for part in address[: match.start()].rsplit(",", 2)[-2:]:  # what stands right before it
        for region in latin_names().small_towns.get(part.strip().casefold(), ()):
            if region.code == found.code:
                return region
    return found


def _british(parts: list[str], *, sure: bool) -> Region | None:
    gazetteer = latin_names()
    words = [part.casefold().strip(" .") for part in parts]
    within = {gazetteer.counties[word] for word in words if word in gazetteer.counties}
    for town in reversed(words):
        if town in gazetteer.towns and (sure or within or town not in gazetteer.cities):
            return gazetteer.towns[town]
        small = [
            region for region in gazetteer.small_towns.get(town, ()) if not within - {""} or region.province in within
        ]
        if (sure or within) and len(small) == 1:
            return small[0]
    regions = within - {""}
    return Region("GB", regions.pop()) if len(regions) == 1 else None


def _american(address: str, parts: list[str], *, sure: bool) -> Region | None:
    gazetteer = latin_names()
    state = ""
    for code, prefix in _ZIP.findall(address):
        # A ZIP that lies in another state contradicts the letters: then neither is believed.
        if code in gazetteer.states and prefix in gazetteer.states[code][1]:
            state = code
    if not state:
        state = next((code for part in reversed(parts[-3:]) if (code := _state(part, sure or len(parts) > 1))), "")
    for part in reversed(parts):
        states = gazetteer.cities.get(city := part.casefold(), ())
        if state in states:
            return Region("US", gazetteer.states[state][0], part.title(), "", state)
        if (
            not state
            and len(states) == 1
            and city in gazetteer.large_cities
            and (sure or city not in gazetteer.british)
        ):
            return Region("US", gazetteer.states[states[0]][0], part.title(), "", states[0])
        if not states and (found := _city_and_state(part, state)):
            return found
    return Region("US", gazetteer.states[state][0], "", "", state) if state else None


def _city_and_state(part: str, state: str) -> Region | None:
    """Return the city whose state's letters stand behind it: `Denver CO`, `Denver CO 80203`."""
    if not (part[-1].isdigit() or part[-2:].isupper()):
        return None
    last = _LAST.search(_ZIP_END.sub("", part))
    if not last or last[2] not in latin_names().cities.get(last[1].casefold(), ()) or (state and last[2] != state):
        return None
    return Region("US", latin_names().states[last[2]][0], last[1].title(), "", last[2])


def _unparted(address: str, parts: list[str]) -> Region | None:
    """Return the Chinese place of an address without commas: `Hangzhou Xihu Wensan Lu`, where two names agree."""
    words = address.split()
    if len(parts) > 1 or not 2 <= len(words) <= 20:
        return None
    return _romanised(words, sure=False, least=1.5)


def _state(part: str, letters_do: bool) -> str:
    gazetteer = latin_names()
    words = re.sub(r"[0-9-]+$", "", part).strip()
    if letters_do and words in gazetteer.states:
        return words
    return gazetteer.state_codes.get(words.casefold(), "")


def _romanised(parts: list[str], *, sure: bool, least: float = 0.0) -> Region | None:
    """Return the place whose own name and whose parents' names explain most parts, if one explains most."""
    gazetteer = latin_names()
    named = [codes for part in parts if (codes := gazetteer.chinese.get(letters_of(part)))]
    matched = {code for codes in named for code in codes}
    best: list[tuple[float, str]] = []
    for code in matched:
        chain = _chain(code)
        explained = sum(max(codes.get(link, 0.0) for link in chain) for codes in named)
        coarse = any(gazetteer.rows[link][0] != "district" for link in chain if link in matched)
        if (coarse or sure) and explained >= least:
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
        code = latin_names().rows[code][2]
    return chain


def _chinese_region(code: str) -> Region:
    names = {level: name for level, name, _ in (latin_names().rows[link] for link in _chain(code))}
    province = names["province"]
    alone = code[:2] in {"81", "82"} or f"{code[:2]}0000" in MUNICIPALITIES
    return Region("CN", province, province if alone else names.get("city", ""), names.get("district", ""), code)


def _country(words: set[str]) -> Region | None:
    codes = {country_names()[word] for word in words if word in country_names()}
    return Region(codes.pop()) if len(codes) == 1 else None
