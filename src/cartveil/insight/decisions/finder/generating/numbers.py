"""Numbers as people write them: what stands beside names, and what is no name however it is written."""

from random import Random

from cartveil.events.patterns import id_check_digit, luhn_digit

_MOBILES = "130 131 132 133 135 136 137 138 139 150 151 152 155 157 158 159 166 177 180 181 182 185 186 187 188 189 198"
_AREAS = "010 021 022 023 024 025 027 028 029 0371 0411 0512 0531 0532 0571 0574 0591 0755 0769 0871"


def digits(random: Random, least: int, most: int) -> str:
    """Draw so many digits."""
    return "".join(random.choices("0123456789", k=random.randint(least, most)))


def chinese_phone(random: Random) -> str:
    """Draw a mobile or a landline in one of its writings."""
    if random.random() < 0.08:
        return f"{random.choice(_AREAS.split())}{random.choice(('-', '', ' '))}{digits(random, 7, 8)}"
    whole = random.choice(_MOBILES.split()) + digits(random, 8, 8)
    style = random.random()
    if style < 0.8:
        return whole
    if style < 0.9:
        mark = random.choice("- ")
        return f"{whole[:3]}{mark}{whole[3:7]}{mark}{whole[7:]}"
    if style < 0.95:
        return "+86" + random.choice((" ", "-", "")) + whole
    return "".join(chr(0xFF10 + int(digit)) for digit in whole)


def english_phone(random: Random) -> str:
    """Draw a British, an American or another number in one of its writings."""
    style = random.randrange(6)
    if style == 0:
        return f"07{digits(random, 3, 3)} {digits(random, 6, 6)}"
    if style == 1:
        return f"+44 {digits(random, 4, 4)} {digits(random, 6, 6)}"
    if style == 2:
        return f"({digits(random, 3, 3)}) {digits(random, 3, 3)}-{digits(random, 4, 4)}"
    if style == 3:
        return f"{digits(random, 3, 3)}-{digits(random, 3, 3)}-{digits(random, 4, 4)}"
    if style == 4:
        return f"+1-{digits(random, 3, 3)}-{digits(random, 3, 3)}-{digits(random, 4, 4)}"
    return digits(random, 9, 11)


def chinese_id(random: Random) -> str:
    """Draw an identity number with its check digit."""
    born = f"{random.randint(1945, 2012)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}"
    first = f"{random.choice((11, 31, 33, 44, 51, 61))}{digits(random, 4, 4)}{born}{digits(random, 3, 3)}"
    return first + id_check_digit(first)


def card(random: Random) -> str:
    """Draw a card number with its check digit."""
    first = random.choice(("62", "4", "51")) + digits(random, 13, 16)
    return first + luhn_digit(first)


def code(random: Random) -> str:
    """Draw a model number or handle such as `X230s`, `wx_88231`."""
    letters = "".join(random.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ", k=random.randint(1, 5)))
    return letters + random.choice(("", "", "-", "_")) + digits(random, 1, 5) + random.choice(("", "", "s", "Pro"))


def price(random: Random) -> str:
    """Draw a price."""
    whole = random.choice((random.randint(1, 99), random.randint(100, 9999)))
    return random.choice((str(whole), f"{whole}.{random.randint(0, 99):02d}", f"¥{whole}", f"{whole}元"))
