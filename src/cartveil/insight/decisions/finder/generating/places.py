"""Places of China as addresses name them: real provinces, cities and districts, and made-up towns and roads."""

from functools import cache
from random import Random

from cartveil.events.places import divisions
from cartveil.events.places.region import rows_of
from cartveil.insight.decisions.finder.generating.draft import skewed
from cartveil.insight.decisions.finder.generating.tables import words

_ENDS = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市", "区", "县")
_BETWEEN = ("大", "小", "新", "老", "东", "西", "南", "北", "上", "下", "前", "后", "中")


@cache
def district_paths() -> tuple[tuple[str, str, str], ...]:
    """Return (province, city, district) of every district of the mainland; the city of a municipality is itself."""
    known = {code: (level, name, parent) for code, level, name, _, parent in rows_of(divisions())}
    found = []
    for code, (level, name, parent) in known.items():
        if level != "district" or code[:2] in ("71", "81", "82") or parent not in known:
            continue
        above = known[parent]
        province = known[above[2]][1] if above[2] in known else above[1]
        found.append((province, above[1], name))
    return tuple(found)


def short(name: str) -> str:
    """Return a division without its last word, where two characters are left: `浙江省` -> `浙江`."""
    for end in _ENDS:
        if name.endswith(end) and len(name) - len(end) >= 2:
            return name.removesuffix(end)
    return name


def city_stem(random: Random) -> str:
    """Draw the short name of a city, province or district."""
    return short(random.choice(random.choice(district_paths())))


def place_word(random: Random, power: float = 1.0) -> str:
    """Draw two or three characters that a road or village may be called."""
    known, draw = words("places_zh.txt"), random.random()
    if draw < 0.4:
        return skewed(random, known["roads"], power)
    if draw < 0.55:
        return random.choice(known["village"])
    if draw < 0.7:
        return random.choice(_BETWEEN) + random.choice(words("names_zh.txt")["given"])
    if draw < 0.8:
        return city_stem(random)
    if draw < 0.9:
        return "".join(random.choices(words("names_zh.txt")["given"], k=2))
    return skewed(random, words("words_zh.txt")["n"], 1.5)


def road(random: Random) -> str:
    """Draw a road."""
    return place_word(random) + skewed(random, words("places_zh.txt")["road_kinds"], 2.5)


def town(random: Random) -> str:
    """Draw a town or subdistrict."""
    return place_word(random) + skewed(random, words("places_zh.txt")["town_kinds"], 2.0)


def village(random: Random) -> str:
    """Draw a village or a part of one."""
    known = words("places_zh.txt")
    tail = random.choice((f"{random.randint(1, 20)}组", f"{random.choice('一二三四五六七八九十')}组", "", "", ""))
    return place_word(random) + skewed(random, known["village_kinds"], 2.5) + tail


def estate(random: Random) -> str:
    """Draw an estate, a building with a name, a shop, a school."""
    known, draw = words("places_zh.txt"), random.random()
    if draw < 0.5:
        first = "".join(random.choices(known["estate_first"], k=random.choice((1, 1, 2))))
        return first + random.choice(known["estate_kinds"])
    if draw < 0.8:
        return place_word(random) + random.choice(known["building_names"])
    made = "".join(random.choices(words("organisations.txt")["first_zh"], k=2))
    return made + random.choice(words("organisations.txt")["fields_zh"]) + random.choice(("", "公司", "店", "有限公司"))
