"""What one value may look like, told of whole columns at once: each mark is an expression that Arrow runs.

>>> import pyarrow as pa
>>> shares_of(pa.array(["13812345678", "¥12.50"]))["amount"]
1.0
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: Words for `there is none`; they say nothing of what the others are.
NOTHING = (
    r"(?i)^(?:无|没有|暂无|未知|未填写?|未提供|空|null|none|nil|n\.?/?a\.?|nan|unknown|"
    r"not (?:given|known|provided)|tbd|test|测试|[-–—_?？.*/\\#x0]{1,6})$"
)

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
_CLOCK = (
    r"(?:[T ,]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?: ?[ap]\.?m\.?)?"
    r"(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_SIGN = r"(?:[$£€¥￥₩₹]|RMB|CNY|GBP|USD|EUR|HKD|HK\$|US\$|NT\$|TWD|JPY|元|人民币|港币|美元)"
_SUM = r"-?[0-9]{1,3}(?:[, ]?[0-9]{3}){0,3}(?:[.,][0-9]{1,4})?"
_HAN = r"\x{3400}-\x{9fff}"

#: Mark -> expression that the whole value, full-width signs made plain, must match.
EXPRESSIONS: Mapping[str, str] = {
    "digits": r"^[0-9]+$",
    "gender": (
        r"(?i)^(?:[mfux0129]|(?:fe)?male|(?:wo)?man|boy|girl|other|unknown|non-?binary|mrs?|ms|miss|男性?|女性?|未知|其他|保密|"
        r"先生|女士|小姐)$"
    ),
    "yes or no": r"(?i)^(?:y(?:es)?|no?|t(?:rue)?|f(?:alse)?|[01]|on|off|是|否|有|无|[已不未]?同意|granted|denied)$",
    "amount": rf"(?i)^{_SIGN}? ?-?{_SIGN}? ?{_SUM} ?{_SIGN}?$",
    "currency": rf"(?i)^(?:-?{_SIGN} ?{_SUM}|{_SUM} ?{_SIGN})$",
    "at": r"@",
    "three or four digits": r"^[0-9]{3,4}$",
    "mobile": r"^(?:\+?86)?1[3-9][0-9]{9}$",
    "hidden phone": r"^(?:\+?86[- ]?)?1[0-9]{2}[ -]?[*xX·•]{3,6}[ -]?[0-9]{2,4}$",
    "hidden card": r"^(?:[0-9]{4,6}[ -]?)?[*xX·•]{4,}(?:[ -]?[*xX·•]+)*[ -]?[0-9]{4}(?:[ -]?[0-9]{3})?$",
    "hidden identity": r"^[1-8][0-9]{2,5}[*xX·•]{6,14}[0-9]{0,3}[0-9Xx*]$",
    "hidden e-mail": r"^[0-9A-Za-z._%+-]{0,8}[*]{2,}[0-9A-Za-z._%+-]{0,8}@[0-9A-Za-z.*-]+$",
    "hidden name": rf"^[{_HAN}]{{1,2}}[*某○]{{1,2}}[{_HAN}]?$|^[*]{{1,2}}[{_HAN}]{{1,2}}$",
    "titled name": rf"^[{_HAN}]{{1,3}}(?:先生|女士|小姐|太太|老师|阿姨|叔叔|师傅|经理|同学|老板|总)$",
    # From 2005 on; longer counts of smaller parts are as long as card numbers, and are not guessed at.
    "seconds": r"^1[1-9][0-9]{8}(?:\.[0-9]{1,9})?$",
    "milliseconds": r"^1[1-9][0-9]{11}$",
    "compact time": (
        r"^(?:18[89]|19[0-9]|20[0-9])[0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
        r"(?:[ T_]?(?:[01][0-9]|2[0-3]):?[0-5][0-9](?::?[0-5][0-9](?:\.?[0-9]{3}(?:[0-9]{3})?)?)?)?Z?$"
    ),
    "written time": (
        rf"(?i)^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?(?:{_DAY}[ /.-]{_MONTH}[ /.,-]{{1,2}}(?:19|20)?"
        rf"[0-9]{{2}}|{_MONTH} {_DAY},? (?:19|20)[0-9]{{2}}|{_MONTH}[ -](?:19|20)[0-9]{{2}}){_CLOCK}$"
    ),
    "short time": (
        rf"(?i)^(?:[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-][0-9]{{2}}(?:[0-9]{{2}})?{_CLOCK}|"
        rf"(?:19|20)[0-9]{{2}}[-/年](?:0?[1-9]|1[0-2])月?"
        r"|(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)$"
    ),
    "dated code": r"^[A-Za-z]{0,4}-?20[0-4][0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-?[0-9]{4,}$",
    "order code": r"(?i)^(?:ord(?:er)?|so|po|inv(?:oice)?|txn|rcpt|receipt|dd)[-_#]?[0-9][0-9-]{3,}$",
    "clock": r"[0-9]:[0-5][0-9]",
    "written phone": (
        r"(?i)^(?:(?:\+|00)?[0-9]{1,3}[-. ]?)?(?:\([0-9]{2,5}\)|[0-9]{2,5})[-. ]?[0-9]{3,4}[-. ][0-9]{3,4}"
        r"(?: ?(?:x|ext\.?|转) ?[0-9]{1,6})?$"
    ),
    "ends in postcode": (r"[, ][A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}$|[, ][A-Z]{2},? [0-9]{5}(?:-[0-9]{4})?$"),
    "partners": (
        r"^\p{Lu}[\p{L}'’-]+(?:, \p{Lu}[\p{L}'’-]+)*,? (?:and|&) \p{Lu}|^\p{Lu}[\p{Ll}'’]+-\p{Lu}[\p{Ll}'’]+$"
    ),
    "hash": r"^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$",
    "password hash": (
        r"^(?:\$(?:2[abxy]?|argon2[id]{1,2}|[156]|scrypt|pbkdf2[a-z0-9-]*|y)\$|pbkdf2_|bcrypt|\{SSHA)[^ ]{10,}$"
    ),
    "signed token": r"^eyJ[0-9A-Za-z_-]{4,}\.eyJ[0-9A-Za-z_-]{4,}\.[0-9A-Za-z_-]*$",
    "browser": r"^(?:Mozilla|Dalvik|Opera|okhttp|curl|CFNetwork|MicroMessenger|[A-Za-z.]+)/[0-9.]+ ?(?:\(|$|CFNetwork)",
    "link": r"^(?:https?|ftp)://|^www\.[0-9a-z-]+\.",
    "company": (
        r"(?i)(?:公司|集团|企业|工厂|[工商]作室|事务所|合作社|经营部|商行|旗舰店|专营店|专卖店|官方店|小铺|超市|酒店|银行|支行|[门商药书]店|商城|商贸|"
        r"厂)$|(?:^|[ ,])(?:ltd|limited|inc|incorporated|llc|llp|plc|corp|corporation|co|company|gmbh|ag|s\.?a\.?r\.?l|"
        r"s\.?p\.?a|pty|group|holdings|bv|b\.v|n\.v|oy|ab|a/s|sons|partners|associates|bros|enterprises|industries)\.?\)?$"
    ),
    "health": (
        r"(?i)过敏|[高低]血[压糖脂]|糖尿|哮喘|[^大小]症$|癌|肿瘤|[炎病]$|怀孕|孕期|近视|骨折|抑郁|不耐受|贫血|allerg|diabet|asthma|"
        r"hypertens|pregnan|migraine|cancer|intoleran|arthritis|epilep|depress|anxiety|coeliac|celiac|eczema|"
        r"^(?:AB?|B|O)(?:[+-]|型|\+ve|-ve)$|cardiac|heart (?:disease|attack|condition)|[a-z]itis\b|kidney|insulin|disab"
    ),
    "unit number": r"(?i)^[0-9]{1,5}(?:\.[0-9]+)? ?(?:件|个|只|瓶|盒|包|箱|套|袋|双|pcs|pieces|units?|x)$",
}

_COUNTED: Mapping[str, Callable[[Any], Any]] = {
    "code": lambda texts: _all(_matches(texts, r"^[0-9A-Za-z#][0-9A-Za-z_.\-/#:]{1,39}$"), _matches(texts, r"[0-9]")),
    "words": lambda texts: pc.or_(
        _at_least(pc.count_substring_regex(texts, r"[^\s]+"), 4),
        _at_least(pc.count_substring_regex(texts, f"[{_HAN}]"), 10),
    ),
    "phone digits": lambda texts: _all(_digits(texts, 7, 15), pc.invert(_matches(texts, r"\p{L}"))),
    "long digits": lambda texts: pc.or_(_digits(texts, 12, 19), pc.match_substring(texts, "**")),
    "identity": lambda texts: _all(_length(texts, 6, 24), _digits(texts, 5, 24)),
    "short code": lambda texts: _all(_length(texts, 3, 10), _matches(texts, r"[0-9]")),
}


def shares_of(texts: pa.Array) -> dict[str, float]:
    """Return the share of values that bear each mark.

    Args:
        texts: (values,) text without NULL, already `plain` and without spaces around it.
    """
    marks = {name: _matches(texts, expression) for name, expression in EXPRESSIONS.items()}
    marks |= {name: test(texts) for name, test in _COUNTED.items()}
    return {name: _share(found) for name, found in marks.items()}


def _share(found: Any) -> float:
    return float(pc.mean(found.cast(pa.float64())).as_py() or 0.0)


def _matches(texts: Any, expression: str) -> Any:
    return pc.match_substring_regex(texts, expression)


def _digits(texts: Any, low: int, high: int) -> Any:
    return _between(pc.count_substring_regex(texts, "[0-9]"), low, high)


def _length(texts: Any, low: int, high: int) -> Any:
    return _between(pc.utf8_length(texts), low, high)


def _between(numbers: Any, low: int, high: int) -> Any:
    return _all(pc.greater_equal(numbers, low), pc.less_equal(numbers, high))


def _at_least(numbers: Any, low: int) -> Any:
    return pc.greater_equal(numbers, low)


def _all(first: Any, second: Any) -> Any:
    return pc.and_(first, second)
