"""Values that a sign gives away: keys, links, mail and device addresses; and those that only a word gives away."""

import ipaddress
import re
from typing import Any

from cartveil.events.kinds import Kind
from cartveil.events.patterns.shapes import Shape, Test

_LINK = r"[!-;=?-~]"  # ASCII but for angle brackets
_LAST = r"[0-9A-Za-z/#=&_~$%+-]"
_LOCAL = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._%+-"
_DOT = r"(?: ?[(（\[【]dot[)）\]】] ?| dot | ?点 ?|\.)"
_TOKEN = re.compile(
    r"//[^/@]{1,80}@|[?&#](?:[\w-]{0,24}(?:token|key|sig|sign|auth|session|sid|code|pass|pwd|ticket|phone|mobile|mail|uid|user|name|id))=",
    re.IGNORECASE,
)


def _has_token(match: re.Match[str]) -> bool:
    return bool(_TOKEN.search(match[0]))


def _is_network(match: re.Match[str]) -> bool:
    if not any(map(str.isdigit, match[0])):
        return False
    try:
        ipaddress.ip_network(match[0], strict=False)
    except ValueError:
        return False
    before = match.string[match.start() - 1 : match.start()]
    return not (before.isascii() and (before.isalnum() or before in (":", ".")) and before)


def _shape(kind: Kind, expression: str, passes: Test | None = None, **more: Any) -> Shape:
    return Shape(kind, re.compile(expression, re.ASCII), passes, **more)


#: Searched in the whole text, in order, each only where its sign stands.
SIGNED: tuple[Shape, ...] = (
    _shape(Kind.SECRET, r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", confidence=1.0, signs=("-----",)),
    _shape(
        Kind.SECRET,
        r"[Asrpgx](?<![0-9A-Za-z].)(?:KIA[0-9A-Z]{16}|Iza[0-9A-Za-z_-]{35}|k_(?:live|test)_[0-9A-Za-z]{16,64}|k-[0-9A-Za-z_-]{20,200}|h[pousr]_[0-9A-Za-z]{36}"
        r"|ox[abprs]-[0-9A-Za-z-]{10,100})",
        confidence=0.95,
        signs=("AKIA", "AIza", "k_live_", "k_test_", "sk-", "gh", "xox"),
    ),
    _shape(
        Kind.SECRET,
        r"eyJ(?<![0-9A-Za-z]eyJ)[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]{10,1000}",
        confidence=0.95,
        signs=("eyJ",),
    ),
    _shape(
        Kind.URL,
        rf"://{_LINK}{{2,2000}}(?<={_LAST})",
        _has_token,
        confidence=0.95,
        lead="htps",
        reach=5,
        led=True,
        signs=("://",),
    ),
    _shape(
        Kind.URL, rf"://{_LINK}{{2,2000}}(?<={_LAST})", confidence=0.6, lead="htps", reach=5, led=True, signs=("://",)
    ),
    _shape(
        Kind.URL,
        rf"www\.(?<![0-9A-Za-z]www\.)[0-9A-Za-z-]{{1,63}}\.{_LINK}{{2,2000}}(?<={_LAST})",
        confidence=0.6,
        signs=("www.",),
    ),
    _shape(
        Kind.EMAIL,
        r"@(?:[0-9A-Za-z-]{1,63}[.。]){1,8}?[A-Za-z]{2,24}(?![0-9A-Za-z-]|[.。][A-Za-z])",
        confidence=0.99,
        lead=_LOCAL,
        reach=64,
        led=True,
        signs=("@",),
    ),
    _shape(
        Kind.EMAIL,
        r" ?@ ?(?:[0-9A-Za-z-]{1,63} ?[.。] ?){1,4}?(?:com|cn|net|org|edu|gov|info|co|uk|de|fr|jp|hk|tw|io|me)"
        r"(?![0-9A-Za-z-]|[.。][A-Za-z])",
        confidence=0.9,
        lead=_LOCAL,
        reach=64,
        led=True,
        signs=("@",),
    ),
    _shape(
        Kind.EMAIL,
        r"[ (（\[【艾](?:(?<= )(?:[(（\[【]at[)）\]】] ?|at (?=[0-9A-Za-z-]{1,63} dot )|艾特 ?)"
        r"|(?<=[(（\[【])at[)）\]】] ?|(?<=艾)特 ?)"
        rf"(?:[0-9A-Za-z-]{{1,63}}{_DOT}){{1,4}}[A-Za-z]{{2,8}}(?![0-9A-Za-z])",
        confidence=0.9,
        lead=_LOCAL,
        reach=64,
        led=True,
        signs=(" dot ", "(at)", "[at]", "（at）", "【at】", "艾特"),
    ),
    _shape(
        Kind.EMAIL,
        r"#(?:qq|163|126|gmail|outlook|hotmail|foxmail|sina|sohu|aliyun|139)\.com(?![0-9A-Za-z])",
        confidence=0.9,
        lead=_LOCAL,
        reach=64,
        led=True,
        signs=("#",),
    ),
    _shape(
        Kind.DEVICE_ID,
        r"[:-](?<=[0-9A-Fa-f]{2}[:-])(?<![0-9A-Za-z:\-][0-9A-Fa-f]{2}[:-])(?:[0-9A-Fa-f]{2}[:-]){4}[0-9A-Fa-f]{2}(?![0-9A-Za-z:-])",
        lead="0123456789abcdefABCDEF",
        led=True,
        signs=(":", "-"),
    ),
    _shape(
        Kind.IP_ADDRESS,
        r"[0-9A-Fa-f:](?:[0-9A-Fa-f]{0,3}:[0-9A-Fa-f]{0,4})(?::[0-9A-Fa-f]{0,4}){1,6}(?:(?:\.[0-9]{1,3}){3})?(?:/[0-9]{1,3})?(?![0-9A-Za-z:])",
        _is_network,
        signs=(":",),
    ),
)


def _begins_word(match: re.Match[str]) -> bool:
    """Return whether a match that begins with a Latin letter begins a word."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    return not (match[0][0].isascii() and before.isascii() and before.isalpha())


def _is_no_word(match: re.Match[str]) -> bool:
    return _begins_word(match) and match["value"].lower() not in _APPS


#: What follows the name of a messenger in talk about it.
_APPS = frozenset(
    {"wechat", "weixin", "alipay", "payment", "android", "iphone", "account", "message", "please", "mobile"}
)
_ID = r"(?P<value>[A-Za-z][0-9A-Za-z_-]{5,19})(?![0-9A-Za-z])"

#: Words whose value may be letters alone, and so are searched for from the word on.
WORDED: tuple[Shape, ...] = (
    _shape(
        Kind.SECRET,
        r"[密口Pp](?:(?<=密)码|(?<=口)令|(?<=[Pp])(?:ass ?(?:word|wd|code|phrase)|ASS(?:WORD|WD)|wd|WD))\s?"
        r"(?:(?:是|为|:|=|：|＝)\s?|is\s(?=[a-z]*[^a-z\s.,;!?]))(?P<value>(?:[!-+./:<-~-](?!\s|$)|[!-+./0-~-]){3,63}[!-~])",
        confidence=0.8,
    ),
    _shape(
        Kind.MESSENGER_ID,
        r"[微薇威徽Vv]信(?:号|号码|[Ii][Dd])?[^\w\s:：]{0,3}\s?(?:是|为|:|：)\s?" + _ID,
        _is_no_word,
        confidence=0.8,
        signs=("信",),
    ),
    _shape(
        Kind.MESSENGER_ID,
        r"[VvWw](?:(?<=[Ww])(?:e[Cc]hat(?: ?(?:id|ID))?|eixin|[Xx])|(?<=[Vv])[Xx]?)号?[^\w\s:：]{0,3}\s?"
        r"(?:is |是|:|：)\s?" + _ID,
        _is_no_word,
        confidence=0.8,
    ),
    _shape(
        Kind.MESSENGER_ID,
        r"[TtSs](?:elegram|kype|napchat)(?: ?(?:id|ID))?\s?(?:is |:|：|@)\s?@?"
        r"(?P<value>[A-Za-z][0-9A-Za-z_.-]{3,30}[0-9A-Za-z])",
        _is_no_word,
        confidence=0.8,
        signs=("elegram", "kype", "napchat"),
    ),
    _shape(
        Kind.MESSENGER_ID,
        r"[加➕](?:我|个)?\s?(?:[Vv](?:[Xx]|信)?|[Ww][Xx]|[微薇]信?)[^0-9A-Za-z\s]{0,3}\s?" + _ID,
        _is_no_word,
        confidence=0.8,
    ),
    _shape(
        Kind.BIRTH_DATE,
        r"[BbD](?:irthday|irth|OB|orn)(?: (?:is|was|on|date))?[\s:]{1,3}"
        r"(?P<value>[A-Z][a-z]{2,8}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{2})",
        confidence=0.85,
    ),
)
