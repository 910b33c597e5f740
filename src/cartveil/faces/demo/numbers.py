"""Numbers that look real, pass every check, and where a range for that purpose exists belong to nobody.

mobile, UK     07700 900000 to 900999, kept free by Ofcom for drama
mobile, US     555-0100 to 555-0199, kept free for fiction
mobile, China  a real carrier's prefix and eight random digits: no range is kept free there
identity, UK   a national insurance number with the prefix QQ, which is never issued
identity, US   a social security number of area 666, which is never issued
identity, CN   eighteen characters with district, birth date and MOD 11-2: no range is kept free there
card           leading digits of the networks' published test cards, with the Luhn digit
"""

from datetime import date
from random import Random

from cartveil.events.patterns import id_check_digit, luhn_digit

_CHINESE_PREFIXES = (
    # China Mobile, China Unicom, China Telecom, China Broadnet
    "134 135 136 137 138 139 147 150 151 152 157 158 159 178 182 183 184 187 188 195 197 198 "
    "130 131 132 145 155 156 166 171 175 176 185 186 196 133 149 153 173 177 180 181 189 190 191 193 199 192"
)
_AMERICAN_AREAS = "201 206 212 213 303 305 312 313 404 415 503 512 602 612 614 615 617 702 713 816 901 919"

#: Leading digits of test cards that the networks and payment providers publish, and the length of the whole.
_TEST_CARDS = {
    "UnionPay": ("6250941000", 16),
    "Visa": ("4111111111", 16),
    "Visa, Stripe": ("4242424242", 16),
    "Mastercard": ("5555555555", 16),
    "Mastercard 2": ("2223000000", 16),
    "American Express": ("3782822463", 15),
}


def chinese_mobile(random: Random) -> str:
    """Return a number such as `+86 138 1234 5678` or `13812345678`."""
    prefix, middle, end = (
        random.choice(_CHINESE_PREFIXES.split()),
        f"{random.randrange(10**4):04d}",
        random.randrange(10**4),
    )
    return f"+86 {prefix} {middle} {end:04d}" if random.random() < 0.4 else f"{prefix}{middle}{end:04d}"


def british_mobile(random: Random) -> str:
    """Return a number such as `07700 900123`."""
    number = random.randrange(1000)
    return f"07700 900{number:03d}" if random.random() < 0.7 else f"+44 7700 900{number:03d}"


def american_phone(random: Random) -> str:
    """Return a number such as `(212) 555-0123`."""
    return f"({random.choice(_AMERICAN_AREAS.split())}) 555-01{random.randrange(100):02d}"


def chinese_id(random: Random, *, district: str, born: date) -> str:
    """Return an identity number of this district code and birth date."""
    digits = f"{district}{born:%Y%m%d}{random.randint(1, 999):03d}"
    return digits + id_check_digit(digits)


def british_id(random: Random) -> str:
    """Return a number such as `QQ 12 34 56 C`."""
    pairs = " ".join(f"{random.randrange(100):02d}" for _ in range(3))
    return f"QQ {pairs} {random.choice('ABCD')}"


def american_id(random: Random) -> str:
    """Return a number such as `666-12-3456`."""
    return f"666-{random.randint(1, 99):02d}-{random.randint(1, 9999):04d}"


def payment_card(random: Random, *, chinese: bool) -> str:
    """Return a card number in groups of four (American Express: 4, 6 and 5 digits)."""
    networks = list(_TEST_CARDS)
    weights = (14, 2, 1, 2, 1, 0) if chinese else (1, 6, 4, 5, 2, 2)
    prefix, length = _TEST_CARDS[random.choices(networks, weights=weights)[0]]
    room = length - 1 - len(prefix)
    digits = f"{prefix}{random.randrange(10**room):0{room}d}"
    digits += luhn_digit(digits)
    groups = (4, 10, 15) if length == 15 else (4, 8, 12, 16)
    return " ".join(digits[start:end] for start, end in zip((0, *groups), groups, strict=False))
