"""What a column's name says of its kind, in both languages; the words themselves stand in `words.txt`.

The last word is the head: an `order date` is a date, a `订单金额` an amount. So of all words that are known, the one
that ends last decides; where two end at one place, the longer. Pinyin (`shouji`) and its initials (`sfzh`) are known,
and traditional letters are read as simple ones.

    >>> kind_of_name("InvoiceDate"), kind_of_name("收货地址"), kind_of_name("訂單編號")
    (<Kind.EVENT_TIME: 'event_time'>, <Kind.ADDRESS: 'address'>, <Kind.ORDER_ID: 'order_id'>)
"""

import re
from functools import cache
from importlib import resources

from cartveil.events.kinds import Kind
from cartveil.events.patterns import plain
from cartveil.events.places.characters import simplified

_PERSON = "customer|client|user|member|consumer|buyer|shopper|cust|subscriber|patient|guest|usr|mbr|clnt"
_NUMBER = r"(?: ?(?:id|ids|no|nr|num|number|nbr|code|key|ref|reference|uuid|guid))"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_KIND = re.compile(r"\[[a-z_]+\]")
_BETWEEN = re.compile(r"[\s_.\-/#:()（）【】*]+")


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that a column's name speaks of, or None."""
    words = spoken(name)
    best: tuple[int, int] = (0, 0)
    found = None
    for kind, expression in _expressions().items():
        for match in expression.finditer(words):
            rank = (match.end(), match.end() - match.start())
            if rank > best:
                best, found = rank, kind
    return found


def spoken(name: str) -> str:
    """Return a name as words in lower case: `CustomerID` and `customer_id` as `customer id`."""
    return _BETWEEN.sub(" ", _CAMEL.sub(" ", simplified(plain(name)))).strip().lower()


@cache
def _expressions() -> dict[Kind, re.Pattern[str]]:
    text = (resources.files("cartveil.events.scanning") / "words.txt").read_text(encoding="utf-8")
    words: dict[Kind, list[str]] = {}
    for line in text.splitlines():
        if _KIND.fullmatch(line):
            kind = Kind(line[1:-1])
            words[kind] = []
        elif line and not line.startswith("#"):
            words[kind].append(line.replace("{number}", _NUMBER).replace("{person}", _PERSON))
    return {kind: re.compile(rf"(?<![a-z])(?:{'|'.join(lines)})(?![a-z])") for kind, lines in words.items()}
