"""Whether a value of a column is somebody's name, in the forms that tables write names in."""

import re
from functools import cache
from importlib import resources

from cartveil.events.names import family_names, given_names, looks_like_name, split_chinese_name

#: The common family names of China in Latin letters, in the spellings of Beijing, Hong Kong and Taipei.
_SPELLINGS = """
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he gao lin luo zheng liang xie song tang han feng
deng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu lv ding ren shen yao zhong cui tan fan fu
liao qian dai bai zou meng qin qiu hou jia gu xiong xia xue shi duan lei tao hao gong shao wan mao qi kang mo kong
ouyang sima situ zhuge murong wong chan cheung lau leung lam ng chow yip tsang kwok tse chiu fung lai mok hui yeung ho
tam siu kwan law poon yuen chiang hsu tsai hsieh kuo hung lo chang lee chien
"""
_LATIN_FAMILY = frozenset(_SPELLINGS.split())
_SYLLABLE = re.compile(r"(?i)^(?:[bpmfdtnlgkhjqxrzcsyw]|zh|ch|sh)?(?:[aeiouvü]{1,3}(?:ng?|r)?)$")
_LATIN_WORD = re.compile(r"^[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'’.-]*$")
_MINORITY = re.compile(r"^[㐀-鿿]{1,8}[·•・][㐀-鿿]{1,8}(?:[·•・][㐀-鿿]{1,8})?$")
_TITLED = re.compile(r"^([㐀-鿿]{1,3})(?:先生|女士|小姐|太太|老师|阿姨|叔叔|师傅|经理|同学)$")
_TITLE = re.compile(r"^(?:mr|mrs|ms|miss|mx|dr|prof|sir|madam|rev)\.?$", re.IGNORECASE)


def looks_like_person(text: str) -> bool:
    """Return whether this has the form of a person's name: `张伟`, `王女士`, `Emma Wilson`, `WANG Xiaoming`."""
    if looks_like_name(text) or _MINORITY.match(text):
        return True
    titled = _TITLED.match(text)
    if titled:
        return titled[1] in _families() or split_chinese_name(titled[1]) is not None
    words = text.replace(",", " ").split()
    return _titled_words(words) or _is_latin_chinese(words) or _is_known(words)


def _is_known(words: list[str]) -> bool:
    """Return whether two or three words begin with a given name and end with a family name, or the other way round."""
    if not 2 <= len(words) <= 3:
        return False
    first, last = words[0].casefold(), words[-1].casefold()
    return (first in _known("given") and last in _known("family")) or (
        first in _known("family") and last in _known("given")
    )


def _titled_words(words: list[str]) -> bool:
    return 2 <= len(words) <= 5 and bool(_TITLE.match(words[0])) and all(map(_LATIN_WORD.match, words))


def _is_latin_chinese(words: list[str]) -> bool:
    """Return whether two or three words are a Chinese name in Latin letters, family name first or last."""
    if not 2 <= len(words) <= 3:
        return False
    for family, given in ((words[0], words[1:]), (words[-1], words[:-1])):
        if family.casefold() in _LATIN_FAMILY and _is_pinyin("".join(given).replace("-", "")):
            return True
    return False


def _is_pinyin(text: str) -> bool:
    """Return whether this is one to three syllables of Chinese in Latin letters."""
    return any(
        _SYLLABLE.match(text[:first]) and (first == len(text) or _is_tail(text[first:]))
        for first in range(1, min(6, len(text)) + 1)
    )


def _is_tail(text: str) -> bool:
    return any(
        _SYLLABLE.match(text[:first]) and (first == len(text) or bool(_SYLLABLE.match(text[first:])))
        for first in range(1, min(6, len(text)) + 1)
    )


def looks_like_first_or_last_name(text: str) -> bool:
    """Return whether this is a known given name or family name that stands alone."""
    return text.casefold() in _parts()


@cache
def _parts() -> frozenset[str]:
    names = (*given_names("en"), *family_names("en"), *given_names("zh"), *family_names("zh"))
    return frozenset(name.casefold() for name in names) | _LATIN_FAMILY | _known("given") | _known("family")


@cache
def _known(part: str) -> frozenset[str]:
    text = (resources.files("cartveil.events") / "tables" / f"known_{part}_names_en.txt").read_text(encoding="utf-8")
    return frozenset(text.casefold().split())


@cache
def _families() -> frozenset[str]:
    return frozenset(family_names("zh"))
