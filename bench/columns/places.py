"""Writers of where something is: addresses, regions, postcodes, coordinates, number plates."""

import random

from bench.columns import words as w
from bench.columns.writers import Writer, digits, pattern


def zh_address(form: str = "{p}{c}{d}{r}{n}号{e}") -> Writer:
    """Return a writer of Chinese addresses."""

    def write(draw: random.Random, row: int) -> str:
        province, city, district, road = draw.choice(w.CITIES_ZH).split("|")
        room = f"{draw.randint(1, 30)}栋{draw.randint(1, 4)}单元{draw.randint(1, 30)}0{draw.randint(1, 4)}室"
        estate = draw.choice(["", draw.choice(w.ESTATES) + draw.choice([room, room.replace("栋", "幢"), ""])])
        return form.format(p=province, c=city, d=district, r=road, n=draw.randint(1, 999), e=estate)

    return write


def gb_address(draw: random.Random, row: int) -> str:
    """Write a British address."""
    town, code = draw.choice(w.UK).split("|")
    flat = draw.choice(["", "", f"Flat {draw.randint(1, 40)}, "])
    return f"{flat}{draw.randint(1, 200)} {draw.choice(w.UK_STREETS)}, {town}, {code}{draw.choice('ABDEJ')}"


def us_address(draw: random.Random, row: int) -> str:
    """Write an American address."""
    city, state, code = draw.choice(w.US).split("|")
    unit = draw.choice(["", "", f" Apt {draw.randint(1, 99)}"])
    return f"{draw.randint(1, 9999)} {draw.choice(w.US_STREETS)}{unit}, {city}, {state} {code}"


def street_only(draw: random.Random, row: int) -> str:
    """Write the first line of an address."""
    return f"{draw.randint(1, 200)} {draw.choice(w.UK_STREETS + w.US_STREETS)}"


def part_of_place(level: int) -> Writer:
    """Return a writer of provinces (0), cities (1) or districts (2)."""
    places = [place.split("|")[level] for place in w.CITIES_ZH]
    named = [place for place in places if place]
    return lambda draw, row: draw.choice(named)


def gb_postcode(draw: random.Random, row: int) -> str:
    """Write a British postcode."""
    return draw.choice(w.UK).split("|")[1] + draw.choice("ABDEJ")


def zip_code(draw: random.Random, row: int) -> str:
    """Write an American postcode."""
    return draw.choice(w.US).split("|")[2][:3] + digits(draw, 2)


def cn_postcode(draw: random.Random, row: int) -> str:
    """Write a Chinese postcode."""
    return draw.choice(
        ["1000", "2000", "5180", "3100", "2100", "6100", "4300", "7100", "2660", "0500", "0100", "3610"]
    ) + digits(draw, 2)


def coordinates(draw: random.Random, row: int) -> str:
    """Write a pair of coordinates."""
    return f"{draw.uniform(20, 45):.6f},{draw.uniform(80, 125):.6f}"


def plate(draw: random.Random, row: int) -> str:
    """Write a number plate."""
    return f"{draw.choice('京沪粤浙苏川')}{draw.choice('ABCDE')}{pattern('#@###')(draw, row)}"
