"""Addresses with a real province, city and district, or a real town and postcode area, and an arbitrary door."""

from functools import cache
from random import Random

from cartveil.events.places import british_areas, divisions, us_cities, us_states

#: Cities in which two thirds of the Chinese customers live, by the first four digits of their district codes.
_LARGE_CITIES = "1101 1201 3101 3201 3205 3301 3302 3502 3702 4101 4201 4301 4401 4403 4406 5001 5101 6101"

#: Taiwan, Hong Kong and Macao write addresses and identity numbers in another way.
_OTHER_FORMS = ("71", "81", "82")

_ROADS_ZH = (
    "中山路 人民路 解放路 建设路 文化路 和平路 新华路 长江路 黄河路 学院路 朝阳路 光明街 胜利路 友谊路 青年路 "
    "幸福路 迎宾大道 湖滨路 滨江路 花园街 科技路 体育路 民生街 育才路 东风路 西环路 南京路 北京路 桃园路 凤凰路"
)
_ROADS_EN = (
    "High Street,Station Road,Church Lane,Victoria Road,Mill Lane,Park Avenue,Queen Street,Green Lane,Manor Road,"
    "Kings Road,York Road,Chapel Street,Grove Road,Windsor Close,Orchard Way,Maple Drive,The Crescent,Albert Terrace"
)
_ROADS_US = (
    "Main Street,Oak Avenue,Maple Street,Washington Avenue,Park Road,Elm Street,Lake Drive,Hill Street,Cedar Lane,"
    "Pine Street,Sunset Boulevard,Lincoln Avenue,Ridge Road,Walnut Street,Franklin Street,Highland Avenue"
)

# Letters that British postcodes end with.
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"


def chinese_address(random: Random) -> tuple[str, str]:
    """Return an address and the six-digit code of its district."""
    large, others = _districts()
    code, place = random.choice(large if random.random() < 2 / 3 else others)
    door = f"{random.randint(1, 30)}栋{random.randint(1, 4)}单元{random.randint(1, 28)}0{random.randint(1, 4)}室"
    return f"{place}{random.choice(_ROADS_ZH.split())}{random.randint(1, 320)}号{door}", code


def british_address(random: Random) -> str:
    """Return an address such as `14 Mill Lane, Leeds, LS6 3QT`."""
    areas = british_areas()
    place = random.randrange(areas.num_rows)
    area, town = areas["area"][place].as_py(), areas["town"][place].as_py()
    inward = f"{random.randint(1, 9)}{random.choice(_INWARD)}{random.choice(_INWARD)}"
    street = f"{random.randint(1, 180)} {random.choice(_ROADS_EN.split(','))}"
    flat = f"Flat {random.randint(1, 24)}, " if random.random() < 0.25 else ""
    return f"{flat}{street}, {town}, {area}{random.randint(1, 9)} {inward}"


def american_address(random: Random) -> str:
    """Return an address such as `1204 Oak Avenue, Denver, CO 80203`."""
    cities = us_cities()
    place = random.randrange(cities.num_rows)
    city, state = cities["city"][place].as_py(), cities["state"][place].as_py()
    code = f"{random.choice(_zip_prefixes()[state])}{random.randrange(100):02d}"
    unit = f", Apt {random.randint(1, 40)}{random.choice('ABCD')}" if random.random() < 0.3 else ""
    return f"{random.randint(100, 9800)} {random.choice(_ROADS_US.split(','))}{unit}, {city}, {state} {code}"


@cache
def _districts() -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return (code, province and city and district) of the large cities, and of all others."""
    table = divisions()
    rows = zip(*(table[name].to_pylist() for name in ("code", "level", "name_zh", "parent")), strict=True)
    known = {code: (level, name, parent) for code, level, name, parent in rows}
    large: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for code, (level, name, parent) in known.items():
        if level != "district" or code.startswith(_OTHER_FORMS):
            continue
        above = known[parent]
        place = known[above[2]][1] + above[1] + name if above[2] else above[1] + name
        (large if code[:4] in _LARGE_CITIES.split() else others).append((code, place))
    return tuple(large), tuple(others)


@cache
def _zip_prefixes() -> dict[str, tuple[str, ...]]:
    table = us_states()
    return {
        code: tuple(prefix for span in spans.split() for prefix in _span(span))
        for code, spans in zip(table["code"].to_pylist(), table["zip"].to_pylist(), strict=True)
    }


def _span(span: str) -> list[str]:
    first, _, last = span.partition("-")
    return [f"{prefix:03d}" for prefix in range(int(first), int(last or first) + 1)]
