"""Task `reviews_zh` of `bench.pii`: shopping reviews with made-up people put into them, and without.

The carriers are read from the file given (Parquet, column `review`). Those with a long run of digits, an e-mail or a
link are set aside, since nobody knows whether that is somebody's. Every other one of the rest gets one value in a
sentence of its own, at its beginning or its end or between two of its sentences: a name, an address, a mobile in
full-width digits or parted by spaces, a WeChat id. The others stay as they are, a third of them with an order number
that is nobody's phone, and whatever is found in those is a false alarm, save the order number as an order number.
Companies
are counted apart: a review of a hotel names one. So are carriers that speak of books, films or their makers, which name
real people more often than not: `false_alarms_per_1000` leaves them out, `false_alarms_per_1000_with_works` has them.

Family names are drawn as often as they are borne; given names are of common characters, and among those that the
generator of the training texts holds out (`generating.is_held_out`); the sentences
around them are written here and stand in no training text. It is the shipped finder that is asked; there is nothing to
train.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq

from cartveil.events.kinds import Kind
from cartveil.events.names import family_names
from cartveil.events.spans import Span
from cartveil.insight.decisions.finder.generating.addresses import detail, region
from cartveil.insight.decisions.finder.generating.draft import skewed
from cartveil.insight.decisions.finder.generating.people import is_held_out
from cartveil.insight.decisions.finder.generating.tables import words
from cartveil.insight.decisions.finder.shipped import shipped_glance, shipped_tagger
from cartveil.insight.decisions.finder.text_finder import TextFinder

SEED = 20

_UNCLEAR = re.compile(r"\d[\d\s-]{5,}\d|[\w.]@\w|://|www\.")
_WORKS = re.compile("《|书|作者|作家|小说|电影|影片|主演|导演|演员|明星|歌|诗")
_ENDS = re.compile(r"[。！？!?；;]")

#: Kinds under which each sort of value is to be found.
WANTED: dict[str, tuple[Kind, ...]] = {
    "name": (Kind.PERSON_NAME, Kind.NICKNAME),
    "address": (Kind.ADDRESS,),
    "phone_wide": (Kind.PHONE,),
    "phone_spaced": (Kind.PHONE,),
    "wechat": (Kind.MESSENGER_ID, Kind.PAYMENT_ACCOUNT, Kind.NICKNAME),
}
#: What tells nothing of a person: the order numbers that were put in, and the hotels and shops that reviews are about.
NOBODY = (Kind.ORDER_ID, Kind.TRACKING_ID, Kind.COMPANY)

STRUCTURED = ("phone_wide", "phone_spaced", "wechat")

SENTENCES = {
    "name": (
        "这次是{}帮我下的单",
        "收货人写的是{}",
        "有事可以找{}",
        "导购{}讲解得很仔细",
        "我姐{}也买了一套",
        "麻烦转告{}一声",
        "{}先生来电说已经补发",
        "维修员{}当天就上门了",
        "签收人{}",
        "店长{}亲自道歉了",
        "我同学{}用过都说好",
        "{}女士的包裹被我错拿了",
        "谢谢{}一直跟进",
        "包裹是{}代领的",
        "户主{}在家就行",
    ),
    "address": ("请改寄{}", "我家就在{}", "换货的话送到{}", "收货地址写的{}", "自提点在{}"),
    "phone_wide": ("有问题打{}", "手机{}", "换号了，现在用{}", "回访请拨{}"),
    "phone_spaced": ("有问题打{}", "手机{}", "换号了，现在用{}", "回访请拨{}"),
    "wechat": ("加微信{}聊", "我的微信号：{}", "想团购的加我微信 {}", "微信{}"),
}
_DECOYS = ("订单号{}", "订单编号：{}", "单号{}一直没动", "我的订单{}")


def evaluate(job: Any) -> dict[str, Any]:
    """Return the figures of the shipped finder on the carriers of a job's test file."""
    return figures_of(TextFinder(shipped_tagger(), glance=shipped_glance()).many, carriers_of(job.test))


def carriers_of(path: Path) -> list[str]:
    """Return the reviews that hold nothing of doubtful origin."""
    texts: list[str | None] = pq.read_table(path, columns=["review"])["review"].to_pylist()
    return [text for text in texts if text and text.strip() and not _UNCLEAR.search(text)]


def figures_of(many: Callable[[Sequence[str]], list[list[Span]]], carriers: Sequence[str]) -> dict[str, Any]:
    """Return recall of what was put in, per sort, and false alarms where nothing was.

    Args:
        many: The finder, for many texts at once.
        carriers: Reviews.
    """
    random = Random(SEED)
    held = [_with_value(random, text) for text in carriers[::2]]
    clean = [_with_decoy(random, text) if random.random() < 1 / 3 else text for text in carriers[1::2]]
    many(clean[:2])  # tables are made when they are first asked for
    started = time.perf_counter()
    found, alarms = many([text for text, *_ in held]), many(clean)
    seconds = time.perf_counter() - started
    characters = sum(map(len, clean)) + sum(len(text) for text, *_ in held)
    alarming = [
        (span.kind, bool(_WORKS.search(text)))
        for text, spans in zip(clean, alarms, strict=True)
        for span in spans
        if span.kind not in NOBODY
    ]
    plain = sum(not _WORKS.search(text) for text in clean)
    false = Counter(kind for kind, works in alarming if not works)
    return {
        **_recall(held, found),
        "false_alarms_per_1000": 1000 * sum(false.values()) / max(plain, 1),
        "false_alarms": {str(kind): 1000 * count / plain for kind, count in false.most_common()},
        "false_alarms_per_1000_with_works": 1000 * len(alarming) / len(clean),
        "companies_per_1000": 1000 * sum(span.kind is Kind.COMPANY for spans in alarms for span in spans) / len(clean),
        "carriers": len(carriers),
        "carriers_without_works": plain,
        "characters_per_second": characters / seconds,
    }


def _recall(held: Sequence[tuple[str, str, int, int]], found: Sequence[Sequence[Span]]) -> dict[str, Any]:
    there, covered, exact, characters, hit = Counter[str](), Counter[str](), Counter[str](), 0, 0
    for (_, sort, start, end), spans in zip(held, found, strict=True):
        mine = [span for span in spans if span.kind in WANTED[sort]]
        reached = {place for span in mine for place in range(span.start, span.end)} & set(range(start, end))
        for each in (sort, "structured" if sort in STRUCTURED else "", "all"):
            there[each] += 1
            covered[each] += len(reached) == end - start
            exact[each] += any((span.start, span.end) == (start, end) for span in mine)
        characters, hit = characters + end - start, hit + len(reached)
    sorts = [sort for sort in (*WANTED, "structured", "all") if there[sort]]
    return {
        "covered_recall": {sort: covered[sort] / there[sort] for sort in sorts},
        "recall": exact["all"] / max(there["all"], 1),
        "exact_recall": {sort: exact[sort] / there[sort] for sort in sorts},
        "character_recall": hit / max(characters, 1),
    }


def _with_value(random: Random, carrier: str) -> tuple[str, str, int, int]:
    """Return a carrier with one value in it, its sort, and where it stands."""
    sort = random.choice(("name", "name", "address", "phone_wide", "phone_spaced", "wechat"))
    value = _value(random, sort)
    sentence = random.choice(SENTENCES[sort])
    text, start = _inserted(random, carrier, sentence.format(value))
    start += sentence.index("{}")
    return text, sort, start, start + len(value)


def _with_decoy(random: Random, carrier: str) -> str:
    number = f"{random.randint(2019, 2025)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}{_digits(random, 10)}"
    return _inserted(random, carrier, random.choice(_DECOYS).format(number))[0]


def _inserted(random: Random, carrier: str, sentence: str) -> tuple[str, int]:
    """Return the carrier with a sentence in it, and where the sentence begins."""
    places = [0, *(match.end() for match in _ENDS.finditer(carrier)), len(carrier)]
    place = random.choice(places)
    mark = random.choice("，。！ ")
    before = carrier[:place] + (mark if place and carrier[place - 1] not in "。！？!?；; ，," else "")
    return before + sentence + (mark if carrier[place:] else "") + carrier[place:], len(before)


def _value(random: Random, sort: str) -> str:
    if sort == "name":
        return _name(random)
    if sort == "address":
        return "".join(text for text, _ in (*region(random), *detail(random)))
    if sort == "wechat":
        return random.choice(("wx", "wxid_", "", "v")) + _letters(random) + random.choice("_-") + _digits(random, 4)
    number = random.choice(("138", "139", "150", "177", "186", "199")) + _digits(random, 8)
    if sort == "phone_wide":
        return "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    return " ".join(random.choice(((number[:3], number[3:7], number[7:]), tuple(number), (number[:5], number[5:]))))


def _name(random: Random) -> str:
    """Draw a name whose given name stands in no training text."""
    common = words("names_zh.txt")["given"][:300]
    while True:
        given = "".join(random.choices(common, k=random.choice((1, 2, 2, 2))))
        if is_held_out(given):
            return skewed(random, family_names("zh"), 3.0) + given


def _digits(random: Random, count: int) -> str:
    return "".join(random.choices("0123456789", k=count))


def _letters(random: Random) -> str:
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(4, 8)))
