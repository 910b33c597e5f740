"""What a region is, and the shipped tables of them.

>>> Region("CN", "浙江省", "杭州市", "西湖区", "330106").at("city")
'浙江省杭州市'
"""

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

Level = Literal["country", "province", "city", "district"]

LEVELS: tuple[Level, ...] = ("country", "province", "city", "district")


@dataclass(frozen=True)
class Region:
    """Where an address lies, as far as it says; what it does not say is `""`.

    Args:
        country: ISO 3166 code, such as `CN`.
        province: Province, English region or nation, or US state, in the language of the address.
        city: City, post town.
        district: District, county or borough.
        code: Six digits of GB/T 2260, a British postcode area, or a US state's two letters.
        former: The name that a place no longer bears, where the address says that one: `萧山市` for `萧山区`.
    """

    country: str
    province: str = ""
    city: str = ""
    district: str = ""
    code: str = ""
    former: str = ""

    def at(self, level: Level) -> str:
        """Return the region as text, no finer than `level`: `浙江省杭州市`, `Hangzhou, Zhejiang`; never the street."""
        parts = [self.province, self.city, self.district][: LEVELS.index(level)]
        known = list(dict.fromkeys(part for part in parts if part))
        if not known:
            return self.country
        return ", ".join(reversed(known)) if known[0].isascii() else "".join(known)


@cache
def divisions() -> pa.Table:
    """Return the administrative divisions of China: code, level, name_zh, name_en, parent (all text).

    `level` is province, city or district; `parent` is the code of the division above, `""` for a province. A
    municipality such as Beijing has its districts straight below it.
    """
    return _table("divisions.csv")


@cache
def old_divisions() -> pa.Table:
    """Return names that divisions of China once had: name_zh, level, within, followed_by, ended (all text).

    `within` and `followed_by` hold codes of today, parted by spaces: what it lay or now lies in, and which divisions
    its ground belongs to; `ended` is the year.
    """
    return _table("old_divisions.csv")


@cache
def towns() -> pa.Table:
    """Return the towns, townships and subdistricts of China: name, district (its code)."""
    return pq.read_table(resources.files("cartveil.events") / "tables" / "towns.parquet")


@cache
def british_areas() -> pa.Table:
    """Return the postcode areas of the United Kingdom: area, town, region, nation (all text)."""
    return _table("british_areas.csv")


@cache
def us_states() -> pa.Table:
    """Return the states: code, name, zip (three-digit prefixes as ranges such as `350-369`, parted by spaces)."""
    return _table("us_states.csv")


@cache
def us_cities() -> pa.Table:
    """Return the largest cities of the United States: city, state (its two letters)."""
    return _table("us_cities.csv")


@cache
def more_cities() -> pa.Table:
    """Return smaller places: city, code (postcode area or state), country (`GB` or `US`).

    Their names are also those of other places, of families and of things (Battle, Hook, Franklin): alone they say
    nothing, with a postcode, a state or a county they do.
    """
    return _table("more_cities.csv")


@cache
def british_counties() -> pa.Table:
    """Return the counties of the United Kingdom, of today and of old: county, region."""
    return _table("british_counties.csv")


@cache
def country_names() -> dict[str, str]:
    """Return names of countries in both languages, lower case, each with its ISO 3166 code."""
    rows = rows_of(_table("countries.csv"))
    return {name.casefold(): code for code, *names in rows for name in names if name}


def rows_of(table: pa.Table) -> list[tuple[str, ...]]:
    """Return a shipped table's rows; they are few thousand at most."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _table(file: str) -> pa.Table:
    text = (resources.files("cartveil.events") / "tables" / file).read_text(encoding="utf-8")
    header, *rows = csv.reader(io.StringIO(text))
    return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(header)})
