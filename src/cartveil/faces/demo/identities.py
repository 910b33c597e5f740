"""Made-up people for real purchases: the shipped orders name nobody, so that there is nothing of theirs to protect.

Half of them are Chinese, half British or American. Every number passes its check digit and every place exists; nobody
of them does. A customer's identity hangs on the seed and the customer's number alone, not on who else is asked for.

    >>> table = synthetic_identities([17850], seed=1)
    >>> table.column_names[:4]
    ['customer_id', 'name', 'mobile', 'email']
    >>> synthetic_identities([12346, 17850], seed=1).slice(1).equals(table)
    True
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pyarrow as pa

from cartveil.events.names import family_names, given_names
from cartveil.faces.demo.addresses import american_address, british_address, chinese_address
from cartveil.faces.demo.notes import delivery_note
from cartveil.faces.demo.numbers import (
    american_id,
    american_phone,
    british_id,
    british_mobile,
    chinese_id,
    chinese_mobile,
    payment_card,
)

#: What is asked consent for, and the share of customers who give it.
CONSENT_SHARES = {"recommendation": 0.9, "marketing": 0.6, "analytics": 0.75}

_TEXT_COLUMNS = ("name", "mobile", "email", "address", "id_number", "card", "delivery_note", "consent")

_SYLLABLES = (
    "an bo chen da fei gang hao hui jia jing kai lan lei lin min na ping qi rui shan tao wen xiao xin ya yan yu zhen"
)

# Domains that RFC 2606 keeps free, so that no letter reaches anybody.
_DOMAINS_ZH = ("example.com", "mail.cn.example", "example.net")
_DOMAINS_EN = ("example.com", "example.net", "mail.example.org")


def synthetic_identities(customer_ids: Sequence[int | str], *, seed: int) -> pa.Table:
    """Return one made-up identity per customer.

    Args:
        customer_ids: Numbers or texts, as the orders have them.
        seed: Another seed gives other people.

    Returns:
        customer_id, name, mobile, email, address, birth_date (date), id_number, card, delivery_note, consent (purposes
        parted by `;`), in the order asked for. The schema's metadata says `synthetic`.

    Guarantees:
        - The same customer and seed give the same identity, whoever else is asked for.
    """
    people = [_person(Random(f"{seed}/identity/{customer}")) for customer in customer_ids]
    columns: dict[str, pa.Array] = {"customer_id": pa.array(customer_ids)}
    for name in ("name", "mobile", "email", "address", "birth_date", "id_number", "card", "delivery_note", "consent"):
        kind = pa.string() if name in _TEXT_COLUMNS else pa.date32()
        columns[name] = pa.array([person[name] for person in people], kind)
    return pa.table(columns).replace_schema_metadata({"synthetic": "true"})


def _person(random: Random) -> dict[str, object]:
    born = date(1945, 1, 1) + timedelta(days=random.randrange(60 * 365))
    chinese = random.random() < 0.5
    person = _chinese(random, born) if chinese else _english(random, born)
    return person | {
        "birth_date": born,
        "card": payment_card(random, chinese=chinese),
        "delivery_note": delivery_note(random, name=person["name"], mobile=person["mobile"], chinese=chinese),
        "consent": _consent(random),
    }


def _chinese(random: Random, born: date) -> dict[str, str]:
    address, district = chinese_address(random)
    handle = "".join(random.sample(_SYLLABLES.split(), random.choice((2, 3))))
    return {
        "name": _common(family_names("zh"), random) + random.choice(given_names("zh")),
        "mobile": chinese_mobile(random),
        "email": f"{handle}{random.randrange(1000)}@{random.choice(_DOMAINS_ZH)}",
        "address": address,
        "id_number": chinese_id(random, district=district, born=born),
    }


def _english(random: Random, born: date) -> dict[str, str]:
    given, family = random.choice(given_names("en")), _common(family_names("en"), random)
    british = random.random() < 0.7
    handle = f"{given}.{family}".lower().replace("'", "")
    return {
        "name": f"{given} {family}",
        "mobile": british_mobile(random) if british else american_phone(random),
        "email": f"{handle}{born:%y}@{random.choice(_DOMAINS_EN)}",
        "address": british_address(random) if british else american_address(random),
        "id_number": british_id(random) if british else american_id(random),
    }


def _common(names: Sequence[str], random: Random) -> str:
    """Draw a family name; those that stand first are drawn more often, as in life."""
    return names[min(int(len(names) * random.random() ** 3), len(names) - 1)]


def _consent(random: Random) -> str | None:
    given = [purpose for purpose, share in CONSENT_SHARES.items() if random.random() < share]
    return ";".join(given) or None
