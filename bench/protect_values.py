"""What the bench of protection runs over: made-up values in the forms that shops have, distinct and repeated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartveil.events.kinds import Kind
from cartveil.faces.demo.addresses import american_address, british_address, chinese_address
from cartveil.faces.demo.identities import synthetic_identities
from cartveil.guard.keys import SecretKey

ROWS, PEOPLE, PLACES = 200_000, 50_000, 20_000

#: Rows of one consumer where values repeat, and of one sealing key.
REPEATS = 10

Index = npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class Values:
    """The columns, by name."""

    masked: dict[str, tuple[Kind, Any]]
    named: dict[str, Any]
    addresses: dict[str, Any]
    cards: Any
    owners: dict[str, tuple[Sequence[SecretKey], Index]]


def values(*, seed: int, rows: int = ROWS, people: int = PEOPLE, places: int = PLACES) -> Values:
    """Return all columns; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    phones, ids, cards = distinct_phones(rng, rows), distinct_ids(rng, rows), distinct_cards(rng, rows)
    persons = synthetic_identities(range(people), seed=seed)
    forms = {
        "phones": (Kind.PHONE, phones),
        "cards": (Kind.PAYMENT_CARD, cards),
        "phones repeated": (Kind.PHONE, repeated(rng, phones)),
        "phones of two countries": (Kind.PHONE, persons["mobile"]),
        "cards of people": (Kind.PAYMENT_CARD, persons["card"]),
        "e-mail": (Kind.EMAIL, persons["email"]),
        "names": (Kind.PERSON_NAME, persons["name"]),
        "identity numbers": (Kind.ID_NUMBER, persons["id_number"]),
    }
    named = {"phones": phones, "ids": ids, "phones repeated": repeated(rng, phones), "e-mail": persons["email"]}
    return Values(forms, named, addresses(seed, places), cards, owners(rng, rows))


def addresses(seed: int, count: int) -> dict[str, Any]:
    """Return distinct addresses in Chinese, in English, and half of each."""
    random = Random(seed)
    chinese = _distinct(lambda: chinese_address(random)[0], count)
    makers = (british_address, american_address)
    english = _distinct(lambda: random.choice(makers)(random), count)
    mixed = chinese[: count // 2] + english[: count // 2]
    random.shuffle(mixed)
    return {"Chinese": pa.array(chinese), "English": pa.array(english), "mixed": pa.array(mixed)}


def owners(rng: np.random.Generator, rows: int) -> dict[str, tuple[Sequence[SecretKey], Index]]:
    """Return three ways of owning rows: each its own key, ten a key in mixed order, one key for all."""
    keys = [SecretKey(row.tobytes()) for row in rng.integers(0, 256, (rows, 32), dtype=np.uint8)]
    few = rows // REPEATS
    return {
        "own key": (keys, np.arange(rows)),
        "ten to a key": (keys[:few], rng.permutation(np.arange(rows) % few)),
        "one key": (keys[:1], np.zeros(rows, np.int64)),
    }


def distinct_phones(rng: np.random.Generator, rows: int) -> Any:
    """Return Chinese mobile numbers, no two alike."""
    return _digits(13_000_000_000 + rng.choice(7_000_000_000, rows, replace=False), 11)


def distinct_ids(rng: np.random.Generator, rows: int) -> Any:
    """Return customers' ids such as `u00412077`."""
    numbers = rng.permutation(10 * rows)[:rows]
    return pa.array([f"u{number:08d}" for number in numbers.tolist()])


def distinct_cards(rng: np.random.Generator, rows: int) -> Any:
    """Return card numbers of 16 digits that pass Luhn, no two alike."""
    bodies = 411_111_000_000_000 + rng.choice(999_999_999, rows, replace=False)
    places = bodies[:, None] // 10 ** np.arange(15) % 10  # (rows, 15) the last digit first
    doubled = places[:, ::2] * 2
    total = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1) + places[:, 1::2].sum(axis=1)
    return _digits(bodies * 10 + -total % 10, 16)


def repeated(rng: np.random.Generator, column: Any) -> Any:
    """Return as many rows of a tenth of the values, some often and most seldom, as orders repeat their consumers."""
    count = len(column) // REPEATS
    return column.take(pa.array((count * rng.random(len(column)) ** 2).astype(np.int64)))


def peer_values(made: Values) -> list[str]:
    """Return phones as a list of Python's texts, few enough for a peer that takes them one by one."""
    texts: list[str] = made.named["phones"].slice(0, PLACES).to_pylist()
    return texts


def _distinct(make: Callable[[], str], count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[make()] = None
    return list(found)


def _digits(numbers: Any, width: int) -> Any:
    return pa.array(np.char.zfill(numbers.astype(f"U{width}"), width))
