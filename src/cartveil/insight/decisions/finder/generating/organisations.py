"""Names of organisations that are not: companies, schools, offices, in both languages."""

from random import Random

from cartveil.events.names import family_names
from cartveil.insight.decisions.finder.generating.draft import Piece
from cartveil.insight.decisions.finder.generating.places import city_stem, place_word
from cartveil.insight.decisions.finder.generating.tables import words

ORGANISATION = "organisation"


def chinese_organisation(random: Random) -> list[Piece]:
    """Draw a Chinese organisation: place, name, field and form, some of them left out."""
    known, draw = words("organisations.txt"), random.random()
    if draw < 0.35:
        return [(city_stem(random) + random.choice(known["public_zh"]), ORGANISATION)]
    made = "".join(random.choices(known["first_zh"], k=random.choice((2, 2, 3, 4))))
    where = city_stem(random) + random.choice(("", "", "市")) if random.random() < 0.5 else ""
    if draw < 0.45:
        return [(where + place_word(random) + random.choice(known["kinds_zh"]), ORGANISATION)]
    field = random.choice(known["fields_zh"])
    kind = random.choice(known["kinds_zh"]) if draw < 0.9 else ""
    inside = f"（{city_stem(random)}）" if not where and random.random() < 0.06 else ""
    return [(where + made + inside + field + kind, ORGANISATION)]


def english_organisation(random: Random) -> list[Piece]:
    """Draw an English organisation: a word or a family name, a field, a form."""
    known, draw = words("organisations.txt"), random.random()
    families = family_names("en")
    if draw < 0.2:
        return [(_public(random), ORGANISATION)]
    if draw < 0.4:
        first, second, third = random.choices(families, k=3)
        tail = random.choice((f" & {second}", f", {second} and {third}", f"-{second}"))
        return [(first + tail + random.choice(("", " LLP", " Ltd")), ORGANISATION)]
    first = random.choice((random.choice(known["first_en"]), random.choice(families)))
    kind = random.choice(known["kinds_en"])
    field = random.choice(known["second_en"])
    return [(" ".join((first, *((field,) if draw < 0.85 else ()), *((kind,) if draw > 0.55 else ()))), ORGANISATION)]


def _public(random: Random) -> str:
    town, kind = random.choice(words("things.txt")["cities_en"]), random.choice(words("organisations.txt")["public_en"])
    return random.choice((f"{town} {kind}", f"{kind} of {town}", f"{town} City {kind}"))
