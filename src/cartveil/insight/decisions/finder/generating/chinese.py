"""Chinese texts: clauses of reviews and chats, made-up sentences, and what names people or places."""

from collections.abc import Callable
from functools import cache
from random import Random

from cartveil.insight.decisions.finder.generating import addresses, numbers, people
from cartveil.insight.decisions.finder.generating.draft import Piece, Slot, filled, skewed
from cartveil.insight.decisions.finder.generating.organisations import chinese_organisation
from cartveil.insight.decisions.finder.generating.places import estate
from cartveil.insight.decisions.finder.generating.tables import lines, words

_STOPS = ("，", "，", "，", "。", "。", "！", " ", "、", "~", "...", "……", ",", ".", "；", "？", "!", "\n")
_POSTS = (
    "董事 监事 董事长 总经理 副总经理 经理 主任 局长 副局长 部长 院长 校长 教授 研究员 工程师 高级工程师 财务总监 秘书 "
    "主席 副主席 书记 记者 导演 教练 队长 总裁 副总裁 首席执行官 发言人 分析师 律师 医生 科长 处长 会计 讲师 独立董事"
)
_MARKS = ("[哈哈]", "[泪]", "😂", "👍", "😭", "[good]", "❤", "🙏", "[爱你]", "😄")

#: Share of the texts with a person in which any noun or verb may stand around the name.
_GENERIC = 0.5
_PARTICLES = "哦啊呢吧嘛呀哈啦咯哟喔呵了的"
_KEYS = ("n", "v", "a", "d", "vn", "i", "l", "z", "t", "q", "f", "r", "y", "b", "nz", "m", "s", "c", "p")
_BANKS = ("建设", "工商", "农业", "招商", "交通", "民生", "中信", "浦发")


def plain(random: Random) -> list[Piece]:
    """Draw a text that names nobody: one to five clauses."""
    pieces: list[Piece] = []
    for _ in range(random.choice((1, 1, 2, 2, 3, 4, 5))):
        pieces += [*_clause_piece(random), (_stop(random), None)]
    return pieces if random.random() < 0.6 else pieces[:-1]


def personal(random: Random) -> list[Piece]:
    """Draw a text that names somebody or some place, alone or among clauses that do not."""
    section = "generic" if random.random() < _GENERIC else "personal"
    template = random.choice(lines("texts_zh.txt")[section])
    pieces = filled(template, slots(), random)
    if random.random() < 0.35:
        pieces = [*_clause_piece(random), (_stop(random), None), *pieces]
    if random.random() < 0.35:
        pieces = [*pieces, (_stop(random), None), *_clause_piece(random)]
    return pieces


def bare(random: Random) -> list[Piece]:
    """Draw what stands in a field of a form: a name, an address, an organisation, little else."""
    return filled(random.choice(lines("texts_zh.txt")["bare"]), slots(), random)


def waybill(random: Random) -> list[Piece]:
    """Draw name, phone and address in any order, run together mostly."""
    parts: list[list[Piece]] = [
        people.person(random),
        [(numbers.chinese_phone(random), None)],
        addresses.chinese_address(random),
    ]
    random.shuffle(parts)
    mark = random.choice(("", "", "", "", "", " ", "，", ",", "/", "\t", "|", ";", "、", "\n"))
    first, second, third = parts
    return [*first, (mark, None), *second, (mark, None), *third]


@cache
def slots() -> dict[str, Slot]:
    """Return what may stand in the slots of the Chinese templates."""
    return {
        **{key: _word(key) for key in _KEYS},
        **{key: _plain(draw) for key, draw in _NUMBERS.items()},
        "clause": _clause,
        "frame": _frame,
        "product": _listed("things.txt", "products_zh"),
        "brand": _listed("things.txt", "brands_zh"),
        "adj": _adjective,
        "city": _listed("things.txt", "cities_zh"),
        "latin": _listed("things.txt", "latin"),
        "role": _listed("names_zh.txt", "roles"),
        "org": chinese_organisation,
        "place": _listed("words_zh.txt", "ns"),
        "person": people.person,
        "nick": _nick,
        "nickname": lambda random: [(people.nickname(random), people.PERSON)],
        "surname": lambda random: [(people.chinese_surname(random), people.PERSON)],
        "title": _plain(people.title),
        "titled": _plain(lambda random: people.title(random) if random.random() < 0.4 else ""),
        "titleword": _plain(people.title),
        "post": _plain(lambda random: random.choice(_POSTS.split())),
        "address": addresses.chinese_address,
        "region": addresses.region,
        "detail": addresses.detail,
        "estatename": _plain(estate),
        "estate": lambda random: [(estate(random), "place")],
        "bank": lambda random: [(f"{random.choice(_BANKS)}银行", None)],
    }


_NUMBERS: dict[str, Callable[[Random], str]] = {
    "count": lambda random: random.choice((str(random.randint(1, 60)), random.choice("一二三四五六七八九十两几"))),
    "price": numbers.price,
    "digits": lambda random: numbers.digits(random, 4, 16),
    "code": numbers.code,
    "time": lambda random: random.choice(
        (f"{random.randint(0, 23)}点", f"{random.randint(1, 12)}月{random.randint(1, 30)}日")
    ),
    "phone": numbers.chinese_phone,
    "idnumber": numbers.chinese_id,
    "card": numbers.card,
    "taxid": lambda random: "9" + numbers.digits(random, 16, 16) + random.choice("ABCDEFGH"),
    "born": lambda random: str(random.randint(1940, 2012)),
    "month": lambda random: str(random.randint(1, 12)),
}


def _clause_piece(random: Random) -> list[Piece]:
    pieces = _clause(random) if random.random() < 0.4 else _frame(random)
    draw = random.random()
    if draw < 0.08:
        pieces = [*pieces, (random.choice(_PARTICLES) * random.choice((1, 1, 2)), None)]
    elif draw < 0.13:
        pieces = [*pieces, (random.choice((*_MARKS, *words("things.txt")["latin"])), None)]
    return pieces


def _clause(random: Random) -> list[Piece]:
    return [(random.choice(lines("texts_zh.txt")["clauses"]), None)]


def _frame(random: Random) -> list[Piece]:
    pieces = filled(random.choice(lines("texts_zh.txt")["frames"]), slots(), random)
    while random.random() < 0.35:
        pieces += [(random.choice(("的", "了", "，", "就", "也", "都", "和", "在", "是", "不")), None)]
        pieces += filled(random.choice(lines("texts_zh.txt")["frames"]), slots(), random)
    return pieces


def _stop(random: Random) -> str:
    return random.choice(_STOPS) * (random.randint(2, 5) if random.random() < 0.06 else 1)


def _word(key: str) -> Slot:
    known = words("words_zh.txt").get(key) or tuple("一二三四五六七八九十两几半多")
    return lambda random: [(skewed(random, known, 2.2), None)]


def _listed(file: str, key: str) -> Slot:
    known = words(file)[key]
    return lambda random: [(random.choice(known), None)]


def _plain(draw: Callable[[Random], str]) -> Slot:
    return lambda random: [(draw(random), None)]


def _adjective(random: Random) -> list[Piece]:
    return [(skewed(random, words("words_zh.txt")["a"], 1.6), None)]


def _nick(random: Random) -> list[Piece]:
    known = words("words_zh.txt")
    made = "".join(skewed(random, known[random.choice("nvai")], 1.3) for _ in range(random.randint(1, 2)))
    return [(made + random.choice(("", "", "_", "er", "123")), None)]
