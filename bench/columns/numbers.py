"""Writers of numbers that somebody gave out: phones, identities, cards, accounts, barcodes, with their check digits."""

import datetime as dt
import random

from bench.columns.writers import Writer, digits

_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


_ID_TAIL = "10X98765432"


def cn_mobile(form: str = "{}{}{}") -> Writer:
    """Return a writer of Chinese mobile numbers in three parts."""
    heads = [
        "134",
        "135",
        "136",
        "137",
        "138",
        "139",
        "147",
        "150",
        "151",
        "152",
        "157",
        "158",
        "159",
        "166",
        "176",
        "177",
        "180",
        "182",
        "185",
        "186",
        "187",
        "188",
        "189",
        "191",
        "198",
    ]
    return lambda draw, row: form.format(draw.choice(heads), digits(draw, 4), digits(draw, 4))


def cn_mobile_hidden(draw: random.Random, row: int) -> str:
    """Write a mobile number with its middle hidden."""
    return f"1{draw.choice('3578')}{digits(draw, 1)}****{digits(draw, 4)}"


def gb_mobile(form: str = "07{}{} {}{}") -> Writer:
    """Return a writer of British mobile numbers."""
    return lambda draw, row: form.format(draw.choice("4578"), digits(draw, 2), digits(draw, 3), digits(draw, 3))


def us_phone(form: str = "({}) {}-{}") -> Writer:
    """Return a writer of American numbers."""
    areas = ["212", "415", "312", "206", "617", "713", "305", "303", "503", "602", "404"]
    return lambda draw, row: form.format(draw.choice(areas), f"{draw.randint(2, 9)}{digits(draw, 2)}", digits(draw, 4))


def cn_landline(form: str = "{}-{}") -> Writer:
    """Return a writer of Chinese fixed lines."""
    codes = {"010": 8, "021": 8, "0571": 8, "0755": 8, "028": 8, "0431": 8, "0898": 8, "0393": 7, "0472": 7}

    def write(draw: random.Random, row: int) -> str:
        code = draw.choice(list(codes))
        return form.format(code, draw.choice("2345678") + digits(draw, codes[code] - 1))

    return write


def gb_landline(draw: random.Random, row: int) -> str:
    """Write a British fixed line."""
    code, size = draw.choice([("020", "# ####"), ("0161", "## ####"), ("0113", "## ####"), ("01865", " ###")])
    body = "".join(draw.choice("0123456789") if sign == "#" else sign for sign in size)
    return (
        f"{code} {draw.randint(2, 8)}{digits(draw, 2)}{body}"
        if code != "020"
        else f"020 7{digits(draw, 3)} {digits(draw, 4)}"
    )


def cn_identity(draw: random.Random, row: int, born: dt.date | None = None) -> str:
    """Write an identity number with its check digit."""
    area = draw.choice(
        [
            "110105",
            "310115",
            "440305",
            "330106",
            "320106",
            "510107",
            "420111",
            "610113",
            "370202",
            "350203",
            "210204",
            "430104",
        ]
    )
    day = born or dt.date(1950, 1, 1) + dt.timedelta(days=draw.randrange(20_000))
    body = f"{area}{day:%Y%m%d}{digits(draw, 3)}"
    weight, total = 1, 0
    for digit in reversed(body):
        weight = weight * 2 % 11
        total += weight * int(digit)
    return body + _ID_TAIL[total % 11]


def credit_code(draw: random.Random, row: int) -> str:
    """Write a unified social credit code with its check digit."""
    body = (
        "91"
        + draw.choice(["310115", "440300", "330100", "110108"])
        + "MA"
        + "".join(draw.choice(_CREDIT) for _ in range(7))
    )
    total = sum(_CREDIT.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _CREDIT[(31 - total % 31) % 31]


def card(form: str, heads: tuple[str, ...] = ("4539", "5412", "622202", "621700", "6228")) -> Writer:
    """Return a writer of card numbers with their check digit, cut as the form says (`#` per digit)."""
    size = form.count("#")

    def write(draw: random.Random, row: int) -> str:
        body = draw.choice(heads)
        body += digits(draw, size - 1 - len(body))
        total = 0
        for place, digit in enumerate(map(int, reversed(body + "0"))):
            double = digit * (1 + place % 2)
            total += double - 9 * (double > 9)
        whole_number = iter(body + str((10 - total % 10) % 10))
        return "".join(next(whole_number) if sign == "#" else sign for sign in form)

    return write


def iban(draw: random.Random, row: int) -> str:
    """Write a British or German IBAN."""
    bank = draw.choice(["GBNWBK601613" + digits(draw, 8), "DE37040044" + digits(draw, 10)])
    land, rest = bank[:2], bank[2:]
    number = "".join(str(int(sign, 36)) for sign in rest + land + "00")
    text = f"{land}{98 - int(number) % 97:02d}{rest}"
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4)) if draw.random() < 0.5 else text


def barcode(draw: random.Random, row: int) -> str:
    """Write an EAN-13 with its check digit."""
    body = draw.choice(["690", "693", "501", "400"]) + digits(draw, 9)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def imei(draw: random.Random, row: int) -> str:
    """Write an IMEI with its check digit."""
    return str(card("#" * 15, ("35", "86", "01"))(draw, row))
