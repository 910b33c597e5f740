"""English texts: orders, mails, chats and short messages, with people, organisations and addresses or with none."""

from collections.abc import Callable
from functools import cache
from random import Random

from cartveil.insight.decisions.finder.generating import addresses, numbers, people
from cartveil.insight.decisions.finder.generating.draft import Piece, Slot, filled
from cartveil.insight.decisions.finder.generating.organisations import english_organisation
from cartveil.insight.decisions.finder.generating.people import PERSON
from cartveil.insight.decisions.finder.generating.tables import lines, words

_STOPS = (". ", ". ", ", ", "! ", " ", "\n", "? ", " - ", "; ")


def plain(random: Random) -> list[Piece]:
    """Draw a text that names nobody: one to four clauses."""
    pieces: list[Piece] = []
    for _ in range(random.choice((1, 1, 2, 3, 4))):
        pieces += [*_clause_piece(random), (random.choice(_STOPS), None)]
    return _cased(random, pieces[:-1])


def personal(random: Random) -> list[Piece]:
    """Draw a text that names somebody or some place, alone or among clauses that do not."""
    pieces = filled(random.choice(lines("texts_en.txt")["personal"]), slots(), random)
    if random.random() < 0.35:
        pieces = [*_clause_piece(random), (random.choice(_STOPS), None), *pieces]
    if random.random() < 0.35:
        pieces = [*pieces, (random.choice(_STOPS), None), *_clause_piece(random)]
    return _cased(random, pieces)


def bare(random: Random) -> list[Piece]:
    """Draw what stands in a field of a form."""
    return _cased(random, filled(random.choice(lines("texts_en.txt")["bare"]), slots(), random))


@cache
def slots() -> dict[str, Slot]:
    """Return what may stand in the slots of the English templates."""
    return {
        **{key: _plain(draw) for key, draw in _PLAIN.items()},
        "clause": _clause,
        "Clause": lambda random: [(_capital(_clause(random)[0][0]), None)],
        "person": lambda random: [(people.english_name(random), PERSON)],
        "given": lambda random: [(people.english_given(random), PERSON)],
        "family": lambda random: [(people.english_family(random), PERSON)],
        "lowperson": lambda random: [(people.english_name(random).lower(), PERSON)],
        "lowgiven": lambda random: [(people.english_given(random).lower(), PERSON)],
        "UPPERSON": lambda random: [(people.english_name(random).upper(), PERSON)],
        "org": english_organisation,
        "address": addresses.english_address,
        "addresslines": lambda random: addresses.english_address(random, "\n"),
        "street": addresses.street_line,
    }


@cache
def _common_words() -> tuple[str, ...]:
    """Return common English words, none of them a name."""
    return tuple(" ".join(lines("texts_en.txt")["words"]).split())


_PLAIN: dict[str, Callable[[Random], str]] = {
    "word": lambda random: random.choice(_common_words()),
    "Word": lambda random: random.choice(_common_words()).capitalize(),
    "WORD": lambda random: random.choice(_common_words()).upper(),
    "product": lambda random: random.choice(words("things.txt")["products_en"]),
    "Product": lambda random: random.choice(words("things.txt")["products_en"]).capitalize(),
    "colour": lambda random: random.choice(words("things.txt")["colours_en"]),
    "brand": lambda random: random.choice(words("things.txt")["brands_en"]),
    "city": lambda random: random.choice(words("things.txt")["cities_en"]),
    "adj": lambda random: random.choice(lines("texts_en.txt")["adjectives"][0].split(",")),
    "day": lambda random: random.choice(lines("texts_en.txt")["days"][0].split(",")),
    "post": lambda random: random.choice(lines("texts_en.txt")["posts"][0].split(",")),
    "prefix": lambda random: random.choice(words("names_en.txt")["prefixes"]),
    "count": lambda random: str(random.randint(1, 60)),
    "price": lambda random: random.choice("$£€") + str(random.randint(1, 900)),
    "digits": lambda random: numbers.digits(random, 5, 14),
    "digits2": lambda random: numbers.digits(random, 1, 3),
    "code": numbers.code,
    "handle": lambda random: random.choice(_common_words()) + numbers.digits(random, 1, 3),
    "phone": numbers.english_phone,
    "card": numbers.card,
    "iban": lambda random: "GB" + numbers.digits(random, 2, 2) + "NWBK" + numbers.digits(random, 14, 14),
    "email": lambda random: f"{random.choice(_common_words())}{numbers.digits(random, 1, 2)}@example.com",
    "born": lambda random: str(random.randint(1930, 2015)),
}


def _clause_piece(random: Random) -> list[Piece]:
    if random.random() < 0.45:
        text = _clause(random)[0][0]
        return [(_capital(text) if random.random() < 0.5 else text, None)]
    return filled(random.choice(lines("texts_en.txt")["frames"]), slots(), random)


def _clause(random: Random) -> list[Piece]:
    return [(random.choice(lines("texts_en.txt")["clauses"]), None)]


def _plain(draw: Callable[[Random], str]) -> Slot:
    return lambda random: [(draw(random), None)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cased(random: Random, pieces: list[Piece]) -> list[Piece]:
    """Write a few texts all small or all large, as people do."""
    draw = random.random()
    if draw < 0.06:
        return [(text.lower(), label) for text, label in pieces]
    if draw < 0.09:
        return [(text.upper(), label) for text, label in pieces]
    return pieces
