"""Names of people nobody is: surnames and given names of many cultures, combined freely.

A tenth of all given names is held out, by a hash: no generated text has them, so that finding such a name shows what
was learnt of names and not of a name.
"""

import zlib
from random import Random

from cartveil.events.names import family_names, given_names
from cartveil.insight.decisions.finder.generating.draft import Piece, skewed
from cartveil.insight.decisions.finder.generating.tables import words

PERSON = "person"

_CULTURES = ("nordic", "slavic", "arabic", "african", "asian", "romance")
_HELD_OUT_OF = 10

# Shares of the ways in which a Chinese text names people.
_STRANGER, _LISTED, _SINGLE, _DOUBLED = 0.03, 0.25, 0.28, 0.05
_COMMON, _ANY, _RARE = 0.58, 0.79, 0.955


def is_held_out(given: str) -> bool:
    """Return whether this given name never stands in a generated text."""
    return zlib.crc32(given.lower().encode("utf-8", "surrogatepass")) % _HELD_OUT_OF == 0


def chinese_surname(random: Random) -> str:
    """Draw a surname: mostly a common one, now and then a rare or a compound one."""
    draw = random.random()
    known = family_names("zh")
    if draw < _COMMON:
        return skewed(random, known[:300], 2.0)
    if draw < _ANY:
        return random.choice(known)
    if draw < _RARE:
        return random.choice(words("names_zh.txt")["rare"])
    return random.choice([name for name in known[-60:] if len(name) == 2])


def chinese_given(random: Random, *, held_out: bool = False) -> str:
    """Draw a given name of one or two characters, from those held out or from the others."""
    while True:
        given = _given(random)
        if is_held_out(given) is held_out:
            return given


def chinese_name(random: Random, *, held_out: bool = False) -> str:
    """Draw a full name as Chinese texts have it, some of other peoples."""
    if not held_out and random.random() < _STRANGER:
        return _stranger(random)
    return chinese_surname(random) + chinese_given(random, held_out=held_out)


def nickname(random: Random) -> str:
    """Draw what people are called among friends: `小王`, `阿强`, `老李头`."""
    known = words("names_zh.txt")
    draw = random.random()
    if draw < 0.75:
        return random.choice(known["nicknames"]) + skewed(random, family_names("zh")[:200])
    if draw < 0.9:
        return "阿" + skewed(random, known["given"][:300], 1.0)
    return random.choice(known["nickname_words"])


def title(random: Random) -> str:
    """Draw what follows a surname, such as `先生` or `老师`."""
    return skewed(random, words("names_zh.txt")["titles"], 1.6)


def english_given(random: Random, *, held_out: bool = False) -> str:
    """Draw a given name as English texts have it, of any origin."""
    while True:
        given = _english_part(random, "given")
        if is_held_out(given) is held_out:
            return given


def english_family(random: Random) -> str:
    """Draw a family name as English texts have it, of any origin."""
    family = _english_part(random, "family")
    return f"{family}-{_english_part(random, 'family')}" if random.random() < 0.02 else family


def english_name(random: Random, *, held_out: bool = False) -> str:
    """Draw a full name: two words mostly, now and then with an initial, a second name or a suffix."""
    known = words("names_en.txt")
    if not held_out and random.random() < 0.15:
        culture = random.choice(_CULTURES)
        return _kept(random, known[f"{culture}_given"]) + " " + random.choice(known[f"{culture}_family"])
    given, family, draw = english_given(random, held_out=held_out), english_family(random), random.random()
    if draw < 0.8:
        return f"{given} {family}"
    if draw < 0.88:
        return f"{given} {random.choice('ABCDEFGHJKLMNPRSTW')}{random.choice(('.', '.', ''))} {family}"
    if draw < 0.92:
        return f"{given[0]}. {family}"
    if draw < 0.97:
        return f"{given} {english_given(random, held_out=held_out)} {family}"
    return f"{given} {family} {random.choice(known['suffixes'])}"


def person(random: Random) -> list[Piece]:
    """Draw a Chinese text's name as a piece."""
    return [(chinese_name(random), PERSON)]


def _given(random: Random) -> str:
    characters, draw = words("names_zh.txt")["given"], random.random()
    if draw < _LISTED:
        return random.choice(given_names("zh"))
    if draw < _LISTED + _SINGLE:
        return skewed(random, characters, 1.3)
    if draw < _LISTED + _SINGLE + _DOUBLED:
        return skewed(random, characters) * 2
    return skewed(random, characters, 1.3) + skewed(random, characters, 1.3)


def _stranger(random: Random) -> str:
    known = words("names_zh.txt")
    people = random.choice(("uyghur", "tibetan", "mongol", "foreign", "transliterated"))
    if people == "transliterated":
        return "·".join(
            "".join(random.choices(known[people], k=random.randint(2, 3))) for _ in range(random.randint(1, 2))
        )
    first, second = random.choices(known[people], k=2)
    if people in ("tibetan", "mongol"):
        return first + second if people == "tibetan" or random.random() < 0.1 else first
    return f"{first}·{second}" if random.random() < 0.6 else first


def _english_part(random: Random, part: str) -> str:
    known, draw = words("names_en.txt"), random.random()
    listed = given_names("en") if part == "given" else family_names("en")
    if draw < 0.35:
        return random.choice(listed)
    if draw < 0.75:
        return random.choice(known[f"{part}_more"])
    if draw < 0.9:
        return random.choice(known[f"{random.choice(_CULTURES)}_{part}"])
    made = "".join(random.choices(known["syllables"], k=random.randint(1, 3))) + random.choice(known["endings"])
    return made.capitalize()


def _kept(random: Random, names: tuple[str, ...]) -> str:
    return random.choice([name for name in names if not is_held_out(name)])
