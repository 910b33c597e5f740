"""Made-up values of the English task: people, places, streets of many countries, organisations, numbers and dates."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

from cartveil.events.places import british_areas, us_cities
from cartveil.events.places.region import rows_of
from cartveil.insight.decisions.finder.generating import people
from cartveil.insight.decisions.finder.generating.organisations import english_organisation

Draw = Callable[[Random], str]

_PATTERNS = (
    "###-###-####", "(###)###-####", "+1-###-###-####", "001-###-###-####", "###.###.####", "###-###-####x###",
    "##########", "0#### ######", "07### ######", "07### ### ###", "+44 #### ######", "+44(0)#######", "0# ## ## ## ##",
    "0#.##.##.##.##", "+33 # ## ## ## ##", "0## ### ## ##", "+41 (0)## ### ## ##", "#### ### ###", "### ### ###",
    "## ### ###", "## ######", "(##) ###-###", "(##) ####-####", "##-##-##-##", "### ####", "+## ### ### ####",
    "0### ## ## ##", "04## ## ## ##", "(0#) #### ####", "### ## ###", "0#### #######", "## ### ## ##", "+###########",
)  # fmt: skip


@cache
def words(sort: str) -> tuple[str, ...]:
    """Return the words of a sort, from the list beside."""
    text = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8")
    listed = text.split(f"[{sort}]\n")[1].split("\n[")[0]
    return tuple(word for line in listed.splitlines() for word in line.split(",") if word)


def name_like(random: Random) -> str:
    """Draw a word that could name somebody or some place."""
    made = "".join(random.choices(words("syllables"), k=random.choice((1, 2, 2, 3)))) + random.choice(
        words("place_ends")
    )
    return made[:1].upper() + made[1:]


def given(random: Random) -> str:
    """Draw a given name."""
    return people.english_given(random)


def person(random: Random) -> str:
    """Draw a person: mostly two names, often one."""
    draw = random.random()
    if draw < 0.3:
        return given(random) if random.random() < 0.8 else people.english_family(random)
    if draw < 0.4:
        return f"{given(random)} {random.choice('ABCDEFGHJKLMNOPRSTVW')}{random.choice(('.', ''))} {_family(random)}"
    if draw < 0.55:
        return f"{given(random)} {_family(random)}"
    return people.english_name(random)


def place(random: Random) -> str:
    """Draw a town or a country, as people write them."""
    draw = random.random()
    if draw < 0.3:
        return random.choice(words("countries"))
    if draw < 0.45:
        return random.choice(rows_of(us_cities()))[0]
    if draw < 0.55:
        return random.choice(rows_of(british_areas()))[1]
    found = name_like(random)
    if random.random() < 0.3:
        found = f"{random.choice(words('first'))} {found}"
    return found.upper() if random.random() < 0.25 else found


def organisation(random: Random) -> str:
    """Draw an organisation: words joined, names in a row, or a made-up brand."""
    draw = random.random()
    if draw < 0.25:
        return english_organisation(random)[0][0]
    if draw < 0.4:
        a, b, c = (_family(random) for _ in range(3))
        return random.choice(
            (f"{a}, {b} and {c}", f"{a} and Sons", f"{a} {random.choice(words('org_ends'))}", f"{a}-{b}", f"{a} Group")
        )
    if draw < 0.6:
        brand = random.choice(words("org_words")) + random.choice(words("org_words") + words("syllables")).lower()
        brand = brand.capitalize() if random.random() < 0.7 else brand
        return brand + (f" {random.choice(words('org_ends'))}" if random.random() < 0.3 else "")
    if draw < 0.7:
        return name_like(random) + random.choice(("", "", " " + random.choice(words("org_ends")), ".com", "ly", "io"))
    several = [random.choice(words("org_words")) for _ in range(random.choice((1, 2, 2, 3)))]
    return " ".join([*several, random.choice((*words("org_ends"), *words("words")))])


def road(random: Random) -> str:
    """Draw a street with its number, of some country."""
    number, draw = str(random.randint(1, 200)), random.random()
    stem = random.choice((random.choice(words("stems")), name_like(random), _family(random)))
    if draw < 0.25:
        return f"{number} {stem} {random.choice(words('roads'))}"
    if draw < 0.4:
        return f"{random.choice(words('before'))} {stem}{random.choice((' ', ', '))}{number}"
    if draw < 0.5:
        return f"{number} {random.choice(words('before'))} {stem}"
    if draw < 0.75:
        return f"{stem}{random.choice(words('after'))} {number}{random.choice(('', '', '', '.'))}"
    if draw < 0.82:
        return f"{stem} {number}{random.choice(('', str(random.randint(0, 99))))}"
    if draw < 0.88:
        return f"{random.choice(('P.O. Box', 'PO Box', 'Postbox', 'Postboks'))} {number}"
    return f"{random.choice((given(random), _family(random)))} {random.choice(words('fake_ends'))}"


def room(random: Random) -> str:
    """Draw `Apt. 392` or the like."""
    return (
        f"{random.choice(('Apt.', 'Suite', 'Apt.', 'Suite', 'Unit', 'Flat', 'Floor', 'Room'))} {digits(random, 1, 3)}"
    )


def street_address(random: Random) -> str:
    """Draw a whole address, in a line or several."""
    draw = random.random()
    if draw < 0.08:
        return _military(random)
    if draw < 0.15:
        return f"the corner of {road(random)} and {road(random)}"
    if draw < 0.3:
        return road(random)
    head = f"{digits(random, 3, 5)} {road(random)}" if random.random() < 0.7 else road(random)
    if random.random() < 0.3:
        head += f" {_family(random)} {random.choice(words('fake_ends'))}"
    code = digits(random, 5, 5)
    mark = random.choice((", ", "\n ", " ", "\n", "\n, "))
    parts = [head, *([room(random)] if random.random() < 0.6 else []), place(random)]
    tail = random.choice(
        (
            f"{random.choice(words('countries'))} {code}",
            random.choice(words("countries")),
            code,
            f"{_state(random)} {code}",
            f"nan{mark}{code}",
        )
    )
    return mark.join([" ".join(parts[:2]) if random.random() < 0.4 else mark.join(parts[:2]), *parts[2:], tail])


def digits(random: Random, least: int, most: int) -> str:
    """Draw a run of digits."""
    return "".join(random.choices("0123456789", k=random.randint(least, most)))


def phone(random: Random) -> str:
    """Draw a telephone number as one of many countries writes it."""
    return _numbered(random.choice(_PATTERNS), random)


def card(random: Random) -> str:
    """Draw the number of a payment card, in groups now and then."""
    whole = random.choice(("4", "5", "34", "37", "6011", "30", "35", "22", "67"))
    length = random.choice((16, 16, 16, 15, 14, 13, 19, 12)) - len(whole)
    whole += digits(random, length, length)
    if random.random() < 0.15:
        mark = random.choice("- ")
        return mark.join(whole[place : place + 4] for place in range(0, len(whole), 4))
    return whole


def iban(random: Random) -> str:
    """Draw an account number."""
    country = random.choice(("GB", "GB", "DE", "FR", "NL"))
    return (
        country
        + digits(random, 2, 2)
        + "".join(random.choices("ABCDEFGHJKLMNOPQRSTUVWXYZ", k=4))
        + digits(random, 14, 14)
    )


def date(random: Random) -> str:
    """Draw a date, a year, a day of the week or a moment."""
    year, month, day = random.randint(1900, 2024), random.randint(1, 12), random.randint(1, 28)
    draw = random.random()
    if draw < 0.2:
        clock = ":".join(f"{random.randint(0, most):02}" for most in (23, 59, 59))
        return f"{year}-{month:02}-{day:02} {clock}"
    if draw < 0.4:
        return f"{month}/{day}/{year}"
    if draw < 0.65:
        return str(year)
    if draw < 0.85:
        return random.choice(words("days"))
    name = random.choice(words("months"))
    return random.choice(
        (
            f"{name} {day}, {year}",
            f"{day} {name} {year}",
            f"{name} {year}",
            f"{year}-{month:02}-{day:02}",
            f"the {day}th of {name}",
            f"{name} {day}",
        )
    )


def age(random: Random) -> str:
    """Draw somebody's age."""
    return str(random.randint(18, 95))


def email(random: Random) -> str:
    """Draw an e-mail address."""
    at = random.choice(
        (
            f"{given(random)}{_family(random)}",
            f"{given(random)}.{_family(random)}",
            f"{given(random)}{digits(random, 1, 3)}",
        )
    )
    return f"{at}@{name_like(random).lower()}.{random.choice(words('domains'))}".replace(" ", "")


def link(random: Random) -> str:
    """Draw the address of a site."""
    made = random.choice(words("org_words")) + random.choice(words("org_words"))
    start = random.choice(("http://www.", "https://www.", "http://", "https://", "www.", ""))
    return f"{start}{made}.{random.choice(words('domains'))}{random.choice(('/', '', '/')) if start else ''}"


def ip_address(random: Random) -> str:
    """Draw an address of the network, old or new."""
    if random.random() < 0.7:
        return ".".join(str(random.randint(1, 254)) for _ in range(4))
    return ":".join(f"{random.randint(0, 65535):x}" for _ in range(8))


def social_security(random: Random) -> str:
    """Draw a US social security number."""
    return f"{digits(random, 3, 3)}-{digits(random, 2, 2)}-{digits(random, 4, 4)}"


def licence(random: Random) -> str:
    """Draw the number of a US driving licence."""
    return random.choice(
        (
            random.choice("ABCDEFGHIJKLMNOPRSTUVWZ") + digits(random, 7, 14),
            digits(random, 7, 9),
            _numbered("####-##-####", random),
        )
    )


def postcode(random: Random) -> str:
    """Draw a postal code."""
    return random.choice(
        (digits(random, 4, 5), digits(random, 5, 5), _numbered("### ##", random), _numbered("####-###", random))
    )


def title(random: Random) -> str:
    """Draw what stands before a name."""
    return random.choice(("Mr.", "Mrs.", "Ms.", "Dr.", "Miss", "Prof.", "Mr", "Mrs", "Ms", "Dr"))


#: What each label of the task may be.
VALUES: Mapping[str, Draw] = {
    "PERSON": person,
    "GPE": place,
    "ORGANIZATION": organisation,
    "STREET_ADDRESS": street_address,
    "PHONE_NUMBER": phone,
    "CREDIT_CARD": card,
    "IBAN_CODE": iban,
    "DATE_TIME": date,
    "AGE": age,
    "NRP": lambda random: random.choice(words("nations")),
    "EMAIL_ADDRESS": email,
    "DOMAIN_NAME": link,
    "IP_ADDRESS": ip_address,
    "US_SSN": social_security,
    "US_DRIVER_LICENSE": licence,
    "ZIP_CODE": postcode,
    "TITLE": title,
}


def _family(random: Random) -> str:
    return people.english_family(random) if random.random() < 0.85 else name_like(random)


def _state(random: Random) -> str:
    return "".join(random.choices("ACDFIKLMNOPSTVWY", k=2)) if random.random() < 0.7 else digits(random, 2, 2)


def _military(random: Random) -> str:
    code = f"{random.choice(('AA', 'AE', 'AP'))} {digits(random, 5, 5)}"
    box = f"{digits(random, 4, 4)}, Box {digits(random, 4, 4)}"
    return random.choice((f"PSC {box}\nAPO {code}", f"Unit {box}\nDPO {code}", f"USNS {_family(random)}\nFPO {code}"))


def _numbered(pattern: str, random: Random) -> str:
    return "".join(random.choice("0123456789") if each == "#" else each for each in pattern)
