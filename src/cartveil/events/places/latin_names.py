"""Names of places in Latin letters: of Chinese divisions, British towns and counties, American cities and states."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from cartveil.events.places.region import (
    Region,
    british_areas,
    british_counties,
    divisions,
    more_cities,
    rows_of,
    us_cities,
    us_states,
)

#: Cities that are provinces as well.
MUNICIPALITIES = frozenset({"110000", "120000", "310000", "500000"})
_SUFFIX = {"district": "district", "qu": "district", "county": "district", "xian": "district", "banner": "district",
           "city": "city", "shi": "city", "prefecture": "city", "province": "province", "sheng": "province",
           "municipality": "province"}  # fmt: skip
_NOISE = re.compile(r"[0-9#.'’`-]")


@dataclass(frozen=True)
class LatinNames:
    """What names in Latin letters may mean; all names are in lower case."""

    rows: dict[str, tuple[str, str, str]]  # code -> level, English name, parent
    chinese: dict[tuple[str, str], dict[str, float]]  # letters of the name, level or "" -> codes, how well each fits
    areas: dict[str, Region]
    towns: dict[str, Region]  # post towns, of which there is but one
    small_towns: dict[str, tuple[Region, ...]]
    counties: dict[str, str]  # county, region or nation -> region; a nation has none of its own
    states: dict[str, tuple[str, frozenset[str]]]  # code -> name, ZIP prefixes
    state_codes: dict[str, str]
    cities: dict[str, tuple[str, ...]]  # city -> states
    large_cities: frozenset[str]
    british: frozenset[str]  # what may be a post town, a county or a nation as well


@cache
def latin_names() -> LatinNames:
    """Return all of them, made once."""
    rows = {code: (level, name, parent) for code, level, _, name, parent in rows_of(divisions())}
    british = [(area, Region("GB", region, town, "", area)) for area, town, region, _ in rows_of(british_areas())]
    states = {code: (name, _prefixes(ranges)) for code, name, ranges in rows_of(us_states())}
    cities: dict[str, list[str]] = {}
    small: dict[str, list[Region]] = {}
    areas = dict(british)
    for city, state in rows_of(us_cities()):
        cities.setdefault(city.casefold(), []).append(state)
    large = frozenset(cities)
    for city, code, country in rows_of(more_cities()):
        if country == "US":
            cities.setdefault(city.casefold(), []).append(code)
        else:
            small.setdefault(city.casefold(), []).append(Region("GB", areas[code].province, city, "", code))
    towns = {region.city.casefold(): region for _, region in reversed(british)}
    for town in towns.keys() & small.keys():  # Newport is a post town, and another town of a second area
        small[town].append(towns.pop(town))
    return LatinNames(
        rows=rows,
        chinese=_chinese_names(rows),
        areas=areas,
        towns=towns,
        small_towns={town: tuple(found) for town, found in small.items()},
        counties=_counties(),
        states=states,
        state_codes={name.casefold(): code for code, (name, _) in states.items()},
        cities={city: tuple(found) for city, found in cities.items()},
        large_cities=large,
        british=frozenset({*towns, *small, *_counties()}),
    )


def _counties() -> dict[str, str]:
    found = {county.casefold(): region for county, region in rows_of(british_counties())}
    found |= {region.casefold(): region for _, _, region, _ in rows_of(british_areas())}
    return {nation.casefold(): "" for *_, nation in rows_of(british_areas())} | found


def _chinese_names(rows: dict[str, tuple[str, str, str]]) -> dict[tuple[str, str], dict[str, float]]:
    names: dict[tuple[str, str], dict[str, float]] = {}
    for code, (level, name, _) in rows.items():
        letters, said = letters_of(name)
        # `Linyi` alone is the city of that name before it is Linyi County.
        names.setdefault((letters, ""), {})[code] = 0.9 if said == "district" else 1.0
        names.setdefault((letters, said or level), {})[code] = 1.0
        if name.endswith(" New Area"):
            names.setdefault((letters_of(name.removesuffix(" New Area"))[0], ""), {})[code] = 0.9
        if code in MUNICIPALITIES or (level == "district" and not said):
            names.setdefault((letters, "city"), {})[code] = 1.0
    return names


def _prefixes(ranges: str) -> frozenset[str]:
    pairs = (pair.split("-") for pair in ranges.split())
    return frozenset(f"{number:03d}" for low, high in pairs for number in range(int(low), int(high) + 1))


def letters_of(name: str) -> tuple[str, str]:
    """Return the letters of a name without its suffix, and the level that the suffix speaks of."""
    plain = unicodedata.normalize("NFKD", _NOISE.sub("", name)).encode("ascii", "ignore").decode().casefold()
    words = plain.split()
    level = _SUFFIX.get(words[-1], "") if len(words) > 1 else ""
    return "".join(words[:-1] if level else words), level
