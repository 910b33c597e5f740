"""Made-up names in running text: whole or in part, with titles, in both scripts and in pinyin.

Family name and given name have each their own surrogate, so that `张伟`, `张先生`, `小张` and `Mr Smith` are, after the
change, still the people that they were before.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from cartveil.events.names import family_names, given_names, split_chinese_name
from cartveil.guard.protect.stand_ins.draws import Draw, Scope
from cartveil.guard.protect.stand_ins.lists import listed
from cartveil.guard.protect.surrogate import shares_character, shares_word

_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_DOTS = re.compile(r"([·•・‧．.])")
_TITLE = re.compile(
    r"(?:先生|女士|小姐|太太|夫人|阿姨|叔叔|大叔|大爷|大妈|大哥|大姐|师傅|老师|教授|医生|大夫|护士|律师|经理|主任|主管|总监|"
    r"老板|店长|会计|工程师|工|总|哥|姐|叔|姨|婶|爷|奶奶|同学|同志|队长|院长|校长|博士|警官|法官|书记|局长|处长|科长)$"
)
_NICK = re.compile(r"^[小老阿大]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True)
class People:
    """What is settled of names in a scope: parts of the record's own person, and the surrogates that they have.

    Args:
        scope: Draws for everybody else.
        settled: (`whole`, `family` or `given`, form) -> surrogate.
    """

    scope: Scope
    settled: dict[tuple[str, str], str] = field(default_factory=dict)


def name_surrogate(text: str, people: People) -> str:
    """Return a made-up name of the same culture and shape; titles and what is no letter stay."""
    if settled := people.settled.get(("whole", _fold(" ".join(text.split())))):
        return settled
    return _han_name(text, people) if _HAN.search(text) else _latin_name(text, people)


def settle(name: str, surrogate: str, people: People) -> None:
    """Remember the surrogate that a person bears already, for the whole name and its parts."""
    people.settled.setdefault(("whole", _fold(" ".join(name.split()))), surrogate)
    for (kind, word), made in zip(_parts(name), _parts(surrogate), strict=False):
        people.settled.setdefault((kind, _fold(word)), made[1])


def _parts(name: str) -> list[tuple[str, str]]:
    """Return family name and given name, in this order, as forms to look up; one of them alone is the family's."""
    if _HAN.search(name):
        bare = "".join(_HAN.findall(name))
        family, given = split_chinese_name(bare) or (bare, "")
        return [("family", family), ("given", given)]
    words = [word for word in _WORD.findall(name) if _fold(word) not in listed("titles")]
    if not words:
        return []
    if "," in name:
        words = [*words[1:], words[0]]
    return [("family", words[-1]), ("given", words[0])] if len(words) > 1 else [("family", words[0])]


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().rstrip(".")


# Chinese


def _han_name(text: str, people: People) -> str:
    parts = _DOTS.split(text)
    if len(parts) > 1:
        return "".join(
            part if _DOTS.fullmatch(part) else _foreign(part, text, people) if _HAN.search(part) else ""
            for part in parts
        )
    title = _TITLE.search(text)
    end = title.start() if title and title.start() else len(text)
    called = _NICK.match(text) if len(_HAN.findall(text[:end])) == 2 and end == len(text) else None
    start = called.end() if called else 0
    places = [place for place in range(start, end) if _HAN.match(text[place])]
    made = _han_letters("".join(text[place] for place in places), people)
    if len(made) != len(places):
        return text[:start] + made + text[end:]
    letters = dict(zip(places, made, strict=True))
    return "".join(letters.get(place, sign) for place, sign in enumerate(text))


def _han_letters(bare: str, people: People) -> str:
    if bare in _families():
        return _chosen("family", bare, bare, people)
    if split := split_chinese_name(bare):
        return _chosen("family", split[0], bare, people) + _chosen("given", split[1], bare, people)
    if len(bare) <= 2:
        return _chosen("given", bare, bare, people)
    return _chosen("family", bare[:1], bare, people) + _chosen("given", bare[1:], bare, people)


def _foreign(part: str, whole: str, people: People) -> str:
    draw = people.scope.draw("foreign name", part)
    return draw.one_of([word for word in listed("transliterated_names") if not shares_character(word, whole)])


def _chosen(kind: str, form: str, whole: str, people: People) -> str:
    if (kind, form) in people.settled:
        return people.settled[kind, form]
    choices = _han_families() if kind == "family" else _han_given(min(2, max(1, len(form))))
    return _other(choices, people.scope.draw(f"{kind} name", form), lambda word: shares_character(word, whole))


@cache
def _families() -> frozenset[str]:
    return frozenset(family_names("zh"))


@cache
def _han_families() -> tuple[str, ...]:
    return tuple(name for name in family_names("zh") if len(name) == 1)


@cache
def _han_given(length: int) -> tuple[str, ...]:
    return tuple(name for name in given_names("zh") if len(name) == length)


def _other(choices: Sequence[str], draw: Draw, taken: Callable[[str], bool]) -> str:
    first = draw.below(len(choices))
    for step in range(len(choices)):
        choice = choices[(first + step) % len(choices)]
        if not taken(choice):
            return choice
    return choices[first]


# Alphabets


def _latin_name(text: str, people: People) -> str:
    matches = [match for match in _WORD.finditer(text) if _fold(match[0]) not in listed("titles")]
    if not matches:
        return people.scope.draw("name", _fold(text)).one_of(family_names("en")) if text.strip() else text
    whole = _fold(text)
    pinyin = _is_pinyin([_fold(match[0]) for match in matches])
    family = _family_place(text, [_fold(match[0]) for match in matches], pinyin)
    parts, at = [], 0
    for place, match in enumerate(matches):
        if _fold(match[0]) in listed("particles") and len(matches) > 1 and place != family:
            parts.append(text[at : match.start()].rstrip())
        else:
            kind = "family" if place == family else "given"
            made = _latin_word(match[0], kind, whole, people, pinyin)
            parts += [text[at : match.start()], _cased_like(made, match[0])]
        at = match.end()
    return "".join([*parts, text[at:]])


def _family_place(text: str, words: list[str], pinyin: bool) -> int:
    """Return which word is the family name, -1 where none is."""
    if len(words) == 1:
        titled = any(_fold(word) in listed("titles") for word in _WORD.findall(text))
        return 0 if titled or words[0] not in _known_given() else -1
    if "," in text or (pinyin and words[0] in _folded(listed("pinyin_family_names"))):
        return 0
    return len(words) - 1


def _latin_word(word: str, kind: str, whole: str, people: People, pinyin: bool) -> str:
    form = _fold(word)
    if (kind, form) in people.settled:
        return people.settled[kind, form]
    if kind == "family":
        choices: Sequence[str] = listed("pinyin_family_names") if pinyin else family_names("en")
        return _other(choices, people.scope.draw("family name", form), lambda choice: shares_word(choice, whole))
    # The first letter depends on the first letter alone: `J. Smith` and `John Smith` stay one person.
    initials = _pinyin_initials() if pinyin else _initials()
    letters = [letter for letter in initials if letter.casefold() != form[:1]]
    letter = people.scope.draw("initial", form[:1]).one_of(letters)
    if len(form) == 1:
        return letter
    return _other(initials[letter], people.scope.draw("given name", form), lambda choice: shares_word(choice, whole))


def _by_initial(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name[0], []).append(name)
    return {letter: some for letter, some in sorted(found.items()) if len(some) >= _LEAST_OF_LETTER}


#: A letter with fewer names would make one person of many.
_LEAST_OF_LETTER = 4


@cache
def _pinyin_initials() -> dict[str, list[str]]:
    return _by_initial(listed("pinyin_given_names"))


@cache
def _initials() -> dict[str, list[str]]:
    return _by_initial(given_names("en"))


@cache
def _known_given() -> frozenset[str]:
    return frozenset(map(str.casefold, given_names("en")))


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(map(str.casefold, words))


def _is_pinyin(words: list[str]) -> bool:
    """Return whether a name is a romanised Chinese one: a family name at one end, and no English given name."""
    families = _folded(listed("pinyin_family_names"))
    if len(words) > 3 or any(word in _known_given() for word in words):
        return False
    return (words[0] in families or words[-1] in families) and all(_SYLLABLES.fullmatch(word) for word in words)


_SYLLABLES = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|"
    r"ia|ie|iu|ua|ue|ui|uo|er|[aeiouv])[-']?){1,3}"
)


def _cased_like(made: str, word: str) -> str:
    if word.isupper() and (len(word) > 1 or len(made) == 1):
        return made.upper()
    return made.lower() if word.islower() else made
