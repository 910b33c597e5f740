"""What is known of words before any training: where a surname, a district or the word for a road stands in a text.

Every list is a `Sort`. A character learns of each sort whether a word of it begins here, runs on, or ends here; a
network makes of it what it can. Chinese words are found wherever they stand, English ones as whole words only.

>>> lexicon = lexicon_of({"surname": ["欧阳", "王"]})
>>> from cartveil.insight.decisions.finder.alphabet import codes_of
>>> [hex(each) for each in lexicon.marks(codes_of("欧阳王"))[:, 0]]
['0x1', '0x0', '0x1']
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cartveil.events.names import family_names, given_names
from cartveil.insight.decisions.finder.alphabet import CLASSES, Codes, classes_of, codes_of, folded

Marks = NDArray[np.uint64]

#: Sorts a lexicon may have: one bit each, in whole bytes.
MOST = 40

#: Longest English name in words (`New South Wales`), and longest word, in characters.
_WORDS, _LONGEST = 3, 40

#: What `words_zh.parquet` tells words apart by.
WORD_SORTS = ("noun", "verb", "place", "body", "brand", "foreign", "other")

_PRIME = np.uint64(0x100000001B3)
_SIEVE_BITS = 22

_SUFFIXES = ("特别行政区", "自治区", "自治州", "自治县", "省", "市", "区", "县", "旗", "盟", "地区", "州")

_ENDS = {
    "town": "镇 乡 街道 街道办 街道办事处 村 社区 居委会 村委会 开发区 工业区 工业园 园区 新区 农场 "
    "林场 苏木 屯 庄 湾 坝 组 队",
    "road": "路 街 巷 弄 大道 大街 胡同 道 里 高速 国道 省道 公路 环路 中路 东路 西路 南路 北路 支路 交叉口 路口 线",
    "number": "号 号院 弄 之 附 第",
    "building": "栋 幢 座 号楼 楼 期 区 组团 单元楼 塔",
    "unit": "单元 门 层 楼 梯 栋",
    "room": "室 房 号房 户 号室",
    "estate": "花园 小区 苑 大厦 广场 中心 公寓 家园 新村 城 庄园 华庭 山庄 商城 市场 "
    "酒店 宾馆 大楼 宿舍 学校 大学 医院 "
    "银行 超市 写字楼 工业园 科技园 花苑 嘉园 别墅 府 郡 公馆 国际 商厦 车站 机场 派出所 政府 小学 中学 幼儿园",
    "organisation": "公司 集团 有限公司 股份 股份有限公司 银行 大学 学院 医院 学校 研究所 研究院 协会 "
    "委员会 工厂 厂 局 部 厅 "
    "院 社 所 中心 俱乐部 球队 联盟 联合会 基金会 基金 证券 保险 法院 检察院 公安局 "
    "政府 商会 队 组织 电视台 报社 出版社 "
    "工作室 事务所 门店 专卖店 旗舰店 药店 饭店 餐厅 酒店 超市 商行 科技 传媒 贸易 实业 投资 控股 物流 快递 地产",
    "title": "先生 女士 小姐 阿姨 叔叔 老师 经理 总 教授 博士 医生 主任 师傅 大哥 大姐 哥 "
    "姐 同学 队长 局长 部长 院长 校长 "
    "总裁 董事长 总经理 董事 秘书 律师 记者 主席 市长 省长 书记 教练 导演 演员 "
    "会长 所长 处长 科长 工程师 设计师 分析师 "
    "球员 主教练 总监 创始人 董事会 监事 讲师 研究员 院士 会计师 经济师 老板 客服 警官 护士 司机 太太 夫人 老太太 少爷",
    "before_name": "收件人 收货人 联系人 姓名 我叫 本人 名叫 户名 持卡人 寄件人 找 给 由 是 叫 转 老 小 阿 致 亲爱的",
    "address_lead": "地址 住址 收货地址 住在 寄到 送到 送货 位于 家住 发到 快递到 邮寄",
    "said": "说 称 表示 认为 指出 介绍 告诉 透露 坦言 强调 回忆 讲 问 答 发现 担任 出任 任",
}
_ENGLISH = {
    "title": "mr mrs ms miss dr prof sir madam lord lady",
    "street": "street st road rd avenue ave lane ln drive dr court ct square sq boulevard blvd way place pl close "
    "terrace crescent grove gardens park row hill highway hwy parkway pkwy suite apt apartment floor flat unit",
    "organisation": "inc ltd llc llp corp corporation company co group plc gmbh university college school bank "
    "institute association foundation holdings partners ventures and sons hospital church council ministry",
    "month": "january february march april may june july august september october november december jan feb mar apr "
    "jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday",
}


@dataclass(frozen=True)
class Lexicon:
    """Words by the hash of their characters.

    Args:
        sorts: Names of the sorts; the position is the bit.
        hashes: Of all words, rising, (words,).
        masks: Which sorts each is of, (words,).
        lengths: Lengths that words without spaces between letters have, rising.
        sieve: True where some word's hash ends in these bits; most places need no closer look.
    """

    sorts: tuple[str, ...]
    hashes: NDArray[np.uint64]
    masks: Marks
    lengths: tuple[int, ...]
    sieve: NDArray[np.bool_]

    def marks(self, codes: Codes) -> Marks:
        """Return which sorts begin, run on and end at each character, (n, 3); a bit for each sort.

        Args:
            codes: Folded; whatever stands between two texts belongs to no word.
        """
        marks = np.zeros((len(codes), 3), dtype=np.uint64)
        prefix = np.concatenate([np.zeros(1, dtype=np.uint64), _prefixes(codes)])
        whole = _letters(codes)
        for length in self.lengths:
            begins = np.arange(max(len(codes) - length + 1, 0))
            self._mark(marks, prefix, (begins, begins + length), whole)
        for words in range(1, _WORDS + 1):
            begins, ends = _phrases(*_runs(whole), words)
            short = ends - begins <= _LONGEST
            self._mark(marks, prefix, (begins[short], ends[short]), None)
        return marks

    def _mark(
        self,
        marks: Marks,
        prefix: NDArray[np.uint64],
        edges: tuple[NDArray[np.int64], NDArray[np.int64]],
        letters: NDArray[np.bool_] | None,
    ) -> None:
        """Mark the words among these stretches, of which no two begin at one place.

        Args:
            marks: To add to.
            prefix: Hash of all that stands before each character and of the whole, (n + 1,).
            edges: Where the stretches begin and end.
            letters: Where letters stand, if a stretch that begins with one is no word; None where it may be one.
        """
        begins, ends = edges
        if not len(begins):
            return
        found = prefix[ends] - prefix[begins] * _powers()[ends - begins]
        found ^= found >> np.uint64(29)
        likely = np.flatnonzero(self.sieve[found & np.uint64((1 << _SIEVE_BITS) - 1)])
        place = np.searchsorted(self.hashes, found[likely])
        here = self.hashes[np.minimum(place, len(self.hashes) - 1)] == found[likely]
        if letters is not None:
            here &= ~letters[begins[likely]]
        masks, begin, end = self.masks[place[here]], begins[likely[here]], ends[likely[here]]
        marks[begin, 0] |= masks
        marks[end - 1, 2] |= masks
        lengths = np.maximum(end - begin - 2, 0)
        inside = np.repeat(begin + 1 - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        np.bitwise_or.at(marks[:, 1], inside, np.repeat(masks, lengths))


def lexicon_of(words: Mapping[str, Iterable[str]]) -> Lexicon:
    """Return a lexicon of these sorts of words.

    Args:
        words: Sort -> its words, in any case.
    """
    hashes, masks = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.uint64)]
    lengths: set[int] = set()
    for bit, each in enumerate(words.values()):
        found, theirs = _hashes(sorted(set(each)))
        hashes.append(found)
        masks.append(np.full(len(found), 1 << bit, dtype=np.uint64))
        lengths |= theirs
    known, place = np.unique(np.concatenate(hashes), return_inverse=True)
    kept = np.zeros(len(known), dtype=np.uint64)
    np.bitwise_or.at(kept, place, np.concatenate(masks))
    sieve = np.zeros(1 << _SIEVE_BITS, dtype=bool)
    sieve[known & np.uint64((1 << _SIEVE_BITS) - 1)] = True
    return Lexicon(tuple(words), known, kept, tuple(sorted(lengths)), sieve)


def _hashes(words: Sequence[str]) -> tuple[NDArray[np.uint64], set[int]]:
    """Return the hash of each word, and the lengths of those without letters."""
    if not words:
        return np.empty(0, dtype=np.uint64), set()
    ends = np.cumsum([len(word) for word in words])
    begins = ends - np.array([len(word) for word in words])
    codes = folded(codes_of("".join(words)))
    prefix = np.concatenate([np.zeros(1, dtype=np.uint64), _prefixes(codes)])
    found = prefix[ends] - prefix[begins] * _powers()[ends - begins]
    lettered = np.add.reduceat(_letters(codes), begins) > 0
    return found ^ (found >> np.uint64(29)), set((ends - begins)[~lettered].tolist())


@cache
def shipped_lexicon() -> Lexicon:
    """Return the words that ship with Cartveil: names, divisions, and what addresses and organisations end in."""
    words: dict[str, Iterable[str]] = {
        "surname": family_names("zh"),
        "given": given_names("zh"),
        **_divisions(),
        "country": _column("countries.csv", "name_zh"),
        **{name: listed.split() for name, listed in _ENDS.items()},
        "given_en": [name.lower() for name in given_names("en")],
        "family_en": [name.lower() for name in family_names("en")],
        "place_en": {*_column("us_cities.csv", "city"), *_column("british_areas.csv", "town")},
        "state_en": [*_column("us_states.csv", "name"), *_column("countries.csv", "name_en")],
        **{f"{name}_en": listed.split() for name, listed in _ENGLISH.items()},
        **_common_words(),
    }
    return lexicon_of({name: {word.lower() for word in each if word} for name, each in words.items()})


def _common_words() -> dict[str, list[str]]:
    """Return the words of a dictionary by what they are: nouns, verbs, places."""
    with (resources.files("cartveil.events") / "tables" / "words_zh.parquet").open("rb") as file:
        table = pq.read_table(file)
    words = np.array(table["word"].to_pylist(), dtype=object)
    sorts = np.array(table["sort"].to_pylist(), dtype=object)
    return {f"{sort}_zh": words[sorts == sort].tolist() for sort in WORD_SORTS}


def _divisions() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"province": set(), "city": set(), "district": set(), "short": set()}
    for row in _rows("divisions.csv"):
        if row["level"] in found:
            found[row["level"]].add(row["name_zh"])
            found["short"].update(_stem(row["name_zh"]))
    return found


def _stem(name: str) -> list[str]:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            return [name.removesuffix(suffix)]
    return []


def _rows(file: str) -> list[dict[str, str]]:
    text = (resources.files("cartveil.events") / "tables" / file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _column(file: str, name: str) -> list[str]:
    return [row[name] for row in _rows(file)]


def _letters(codes: Codes) -> NDArray[np.bool_]:
    classes = classes_of(codes)
    return np.asarray((classes == CLASSES.index("lower")) | (classes == CLASSES.index("upper")))


def _runs(letters: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each run of letters begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], letters, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _phrases(
    starts: NDArray[np.int64], stops: NDArray[np.int64], words: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each so many runs begin and end that stand one character apart: `New York`, `Stratford-upon`."""
    count = max(len(starts) - words + 1, 0)
    near = np.ones(count, dtype=bool)
    for run in range(1, words):
        near &= starts[run : run + count] - stops[run - 1 : run - 1 + count] == 1
    return starts[:count][near], stops[words - 1 :][near]


def _prefixes(codes: Codes) -> NDArray[np.uint64]:
    """Return the polynomial hash of everything up to each character, modulo 2 ** 64, (n,)."""
    # sum(c_i * p^(n - i)) = p^n * sum(c_i * p^-i): with the inverse of p one running sum does it.
    n = len(codes)
    powers, inverse = _long_powers(n), _long_powers(n, inverse=True)
    return np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * inverse[:n], dtype=np.uint64) * powers[:n]


@cache
def _powers() -> NDArray[np.uint64]:
    return _long_powers(_LONGEST + 1)


def _long_powers(count: int, *, inverse: bool = False) -> NDArray[np.uint64]:
    factors = np.full(count, pow(int(_PRIME), -1, 1 << 64) if inverse else _PRIME, dtype=np.uint64)
    factors[:1] = 1
    return factors.cumprod(dtype=np.uint64)
