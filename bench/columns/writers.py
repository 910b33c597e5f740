"""One function per way of writing a value; none shares code, words or check digits with the scan under test."""

import datetime as dt
import random
import uuid
from collections.abc import Callable

from bench.columns import words as w

#: A draw and the row's number give one value.
Writer = Callable[[random.Random, int], object]


def digits(draw: random.Random, count: int) -> str:
    """Return so many digits."""
    return "".join(draw.choice("0123456789") for _ in range(count))


def pattern(form: str) -> Writer:
    """Return a writer of codes: `#` is a digit, `@` a capital, `%` a small letter, `^` a hexadecimal digit."""
    signs = {
        "#": "0123456789",
        "@": "ABCDEFGHJKLMNPQRSTUVWXYZ",
        "%": "abcdefghijklmnopqrstuvwxyz",
        "^": "0123456789abcdef",
    }
    return lambda draw, row: "".join(draw.choice(signs[sign]) if sign in signs else sign for sign in form)


def counting(form: str, start: int, step: int = 1) -> Writer:
    """Return a writer of numbers that grow from row to row, with gaps up to `step`."""
    return lambda draw, row: form.format(start + row * step + draw.randrange(step))


def whole(form: str, start: int, step: int = 1) -> Writer:
    """Return a writer of growing whole numbers."""
    text = counting(form, start, step)
    return lambda draw, row: int(str(text(draw, row)))


def between(low: int, high: int) -> Writer:
    """Return a writer of whole numbers."""
    return lambda draw, row: draw.randint(low, high)


def decimals(low: float, high: float, places: int = 2) -> Writer:
    """Return a writer of numbers."""
    return lambda draw, row: round(draw.uniform(low, high), places)


def one_of(*options: object) -> Writer:
    """Return a writer that takes one of a few."""
    return lambda draw, row: draw.choice(options)


def mixed(*writers: Writer) -> Writer:
    """Return a writer that writes each value in one of several ways."""
    return lambda draw, row: draw.choice(writers)(draw, row)


def dirty(writer: Writer, share: float = 0.15) -> Writer:
    """Return a writer whose values sometimes have spaces around them, or say that there is none."""

    def write(draw: random.Random, row: int) -> object:
        value = writer(draw, row)
        if draw.random() >= share:
            return value
        return draw.choice([f" {value}", f"{value} ", f"{value}\u200b", "无", "N/A", "-", "test", "?", "未填写"])

    return write


def gaps(writer: Writer, share: float = 0.3) -> Writer:
    """Return a writer that leaves some rows NULL."""
    return lambda draw, row: None if draw.random() < share else writer(draw, row)


def wide(writer: Writer) -> Writer:
    """Return a writer of full-width digits."""
    table = {ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789"}
    return lambda draw, row: str(writer(draw, row)).translate(table)


def birthday(form: str) -> Writer:
    """Return a writer of birth dates."""
    return lambda draw, row: _day(form, dt.date(1940, 1, 1) + dt.timedelta(days=draw.randrange(25_000)))


def moment(form: str, start: str = "2023-01-01", days: int = 400) -> Writer:
    """Return a writer of moments within a year or so."""
    first = dt.datetime.fromisoformat(start)
    return lambda draw, row: _day(form, first + dt.timedelta(seconds=draw.randrange(days * 86_400)))


def _day(form: str, day: dt.date) -> str:
    return day.strftime(form.replace("%-m", str(day.month)).replace("%-d", str(day.day)))


def epoch(factor: int = 1) -> Writer:
    """Return a writer of seconds since 1970, times a factor."""
    return lambda draw, row: str(draw.randint(1_640_000_000, 1_720_000_000) * factor + draw.randrange(factor))


def goods_zh(draw: random.Random, row: int) -> str:
    """Write the title of a product."""
    tail = draw.choice(["", " " + digits(draw, 2) + "件装", "-礼盒"])
    return f"{draw.choice(w.GOODS_ZH_MORE)}{draw.choice(w.GOODS_ZH)}{tail}"


def goods_en(draw: random.Random, row: int) -> str:
    """Write the title of a product."""
    return f"{draw.choice(w.GOODS_EN_MORE)} {draw.choice(w.GOODS_EN)}".title()


def ip4(draw: random.Random, row: int) -> str:
    """Write an IPv4 address."""
    return f"{draw.randint(1, 223)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}.{draw.randint(1, 254)}"


def ip6(draw: random.Random, row: int) -> str:
    """Write an IPv6 address."""
    return "2001:db8:" + ":".join(f"{draw.randrange(1 << 16):x}" for _ in range(6))


def guid(draw: random.Random, row: int) -> str:
    """Write a UUID."""
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def mac(sign: str = ":") -> Writer:
    """Return a writer of hardware addresses."""
    return lambda draw, row: sign.join(f"{draw.randrange(256):02X}" for _ in range(6))


def agent(draw: random.Random, row: int) -> str:
    """Write a browser's name."""
    return draw.choice(w.AGENTS).format(draw.randint(5, 120))


def url(draw: random.Random, row: int) -> str:
    """Write the address of a page."""
    return f"https://shop.example/{draw.choice(w.LOGINS)}/{draw.randint(1, 99999)}?ref={pattern('%%##%%')(draw, row)}"


def money(form: str, low: float = 1, high: float = 3000) -> Writer:
    """Return a writer of amounts with a currency."""
    return lambda draw, row: form.format(draw.uniform(low, high))
