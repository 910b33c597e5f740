"""Addresses nobody lives at, part by part: whole ones and scraps, in both languages."""

from random import Random

from cartveil.events.places import british_areas, us_cities, us_states
from cartveil.events.places.region import rows_of
from cartveil.insight.decisions.finder.generating.draft import Piece
from cartveil.insight.decisions.finder.generating.numbers import digits
from cartveil.insight.decisions.finder.generating.places import district_paths, estate, road, short, town, village
from cartveil.insight.decisions.finder.generating.tables import words

#: Parts of an address, the widest first.
PARTS = ("province", "city", "district", "town", "road", "number", "building", "unit", "room", "place")

_HAN_NUMBERS = "一二三四五六七八九十"


def region(random: Random) -> list[Piece]:
    """Draw province, city and district, with what people leave out."""
    province, city, district = random.choice(district_paths())
    if province == city and random.random() < 0.5:
        province = short(province)
    cut = random.random()
    if cut < 0.12:
        province = short(province)
    elif cut < 0.22:
        province, city, district = short(province), short(city), district if random.random() < 0.6 else short(district)
    pieces: list[Piece] = [(province, "province"), (city, "city"), (district, "district")]
    if province == city or random.random() < 0.15:
        pieces = pieces[1:]
    draw = random.random()
    if draw < 0.06:
        return pieces[-1:]
    if draw < 0.1:
        return pieces[:-1]
    return _parted(random, pieces, "" if random.random() < 0.9 else " ")


def detail(random: Random) -> list[Piece]:
    """Draw what follows the district: road, number, estate, building, room, or a village."""
    pieces: list[Piece] = []
    if random.random() < 0.4:
        pieces.append((town(random), "town"))
    draw = random.random()
    if draw < 0.15:
        pieces.append((village(random), "town"))
        pieces += [(_door(random), "number")] if random.random() < 0.5 else []
    elif draw < 0.85:
        pieces.append((road(random), "road"))
        pieces += _number(random) if random.random() < 0.7 else []
        pieces += [(_aside(random), "place")] if random.random() < 0.12 else []
    if draw >= 0.5 or random.random() < 0.35:
        pieces.append((estate(random), "place"))
        pieces += [(_aside(random), "place")] if random.random() < 0.1 else []
    if pieces and random.random() < 0.5 and draw >= 0.15:
        pieces += _home(random)
    return pieces or [(estate(random), "place")]


def chinese_address(random: Random) -> list[Piece]:
    """Draw an address: with its region mostly, without it now and then."""
    if random.random() < 0.2:
        return detail(random)
    mark = random.choice(("", "", "", "", "", "", " ", "，", "-"))
    return [*region(random), (mark, None), *detail(random)]


def street_line(random: Random) -> list[Piece]:
    """Draw `14 Mill Lane`."""
    known = words("places_en.txt")
    named = random.choice(known["street_first"])
    if random.random() < 0.1:
        named += " " + random.choice(known["street_first"])
    elif random.random() < 0.12:
        named = f"{random.randint(1, 99)}{random.choice(('st', 'nd', 'rd', 'th'))}"
    number = f"{random.randint(1, 9800) if random.random() < 0.5 else random.randint(1, 240)}"
    number += random.choice("abcABC") if random.random() < 0.06 else ""
    return [(number, "number"), (" ", None), (f"{named} {random.choice(known['street_kinds'])}", "road")]


def english_address(random: Random, between: str = ", ") -> list[Piece]:
    """Draw a British or American address, in one line or, with a line break between, in several."""
    known, pieces = words("places_en.txt"), street_line(random)
    if random.random() < 0.25:
        flat = f"{random.choice(known['units'])} {random.randint(1, 240)}{random.choice(('', '', 'A', 'B'))}"
        unit: list[Piece] = [(flat, "unit")]
        first, second = (unit, pieces) if random.random() < 0.5 else (pieces, unit)
        pieces = [*first, (between, None), *second]
    if random.random() < 0.06:
        pieces = [(random.choice(known["house_names"]), "place"), (between, None), *pieces]
    return [*pieces, (between, None), *(_british(random, between) if random.random() < 0.5 else _american(random))]


def _british(random: Random, between: str) -> list[Piece]:
    area, town_name, county, _ = random.choice(rows_of(british_areas()))
    inward = f"{random.randint(1, 9)}{''.join(random.choices('ABDEFGHJLNPQRSTUWXYZ', k=2))}"
    code = f"{area}{random.randint(1, 29)} {inward}"
    pieces: list[Piece] = [(town_name, "city")]
    if random.random() < 0.15:
        pieces += [(between, None), (county, "province")]
    if random.random() < 0.8:
        pieces += [(random.choice((between, " ")), None), (code, "place")]
    return pieces


def _american(random: Random) -> list[Piece]:
    city, state = random.choice(rows_of(us_cities()))
    if random.random() < 0.2:
        state = {code: name for code, name, _ in rows_of(us_states())}.get(state, state)
    pieces: list[Piece] = [(city, "city"), (", " if random.random() < 0.9 else " ", None), (state, "province")]
    if random.random() < 0.85:
        pieces += [(" ", None), (digits(random, 5, 5), "place")]
    return pieces


def _number(random: Random) -> list[Piece]:
    draw, number = random.random(), random.randint(1, 999 if random.random() < 0.7 else 3000)
    if draw < 0.7:
        return [(f"{number}号", "number")]
    if draw < 0.78:
        return [(f"{number}-{random.randint(1, 30)}号", "number")]
    if draw < 0.85:
        return [(f"{number}弄{random.randint(1, 99)}号", "number")]
    if draw < 0.92:
        return [(f"{number}号附{random.randint(1, 30)}号", "number")]
    return [(f"{number}", "number")]


def _home(random: Random) -> list[Piece]:
    draw, block = random.random(), random.randint(1, 40)
    name = random.choice((str(block), str(block), str(block), random.choice("ABCDEF"), random.choice(_HAN_NUMBERS)))
    building: Piece = (name + random.choice(("栋", "栋", "幢", "号楼", "号楼", "座")), "building")
    floor = f"{random.randint(1, 33)}"
    room = f"{floor}0{random.randint(1, 8)}"
    room_piece: Piece = (room + random.choice(("室", "室", "", "房", "号", "号房")), "room")
    if draw < 0.12:
        mark = random.choice("--－/")
        return [(name, "building"), (mark, None), (f"{random.randint(1, 4)}", "unit"), (mark, None), (room, "room")]
    pieces = [building] if draw < 0.85 else []
    if random.random() < 0.45:
        unit = f"{random.choice((str(random.randint(1, 6)), random.choice('一二三四')))}单元"
        pieces.append((unit, "unit"))
    if random.random() < 0.25:
        pieces.append((floor + random.choice(("楼", "层", "F")), "unit"))
    return [*pieces, room_piece] if random.random() < 0.75 or not pieces else pieces


def _door(random: Random) -> str:
    return f"{random.randint(1, 300)}{random.choice(('号', '号', ''))}"


def _aside(random: Random) -> str:
    return random.choice(words("places_zh.txt")["assist"])


def _parted(random: Random, pieces: list[Piece], mark: str) -> list[Piece]:
    parted: list[Piece] = []
    for piece in pieces:
        parted += [piece, (mark, None)]
    return parted[:-1]
