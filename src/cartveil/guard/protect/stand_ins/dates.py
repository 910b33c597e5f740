"""Dates in texts, all of a scope moved by one offset: the days between two of them stay, and so does the writing.

A date of birth in an identity number moves by the same offset as one that is written out.
"""

import datetime as dt
import re
from functools import cache

from cartveil.guard.protect.stand_ins.digits import plain_digits, read, write
from cartveil.guard.protect.stand_ins.draws import Scope

#: Days that a date moves, to either side: at least a month, so that even a month alone changes; at most two years.
_LEAST_DAYS, _MOST_DAYS = 31, 730

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = rf"(?P<word>{'|'.join(f'{month[:3]}(?:{month[3:]})?' for month in _MONTHS)}|sept)"
_YEAR, _NUMBER = r"(?P<year>(?:18|19|20)\d\d)", r"\d{1,2}"
_BETWEEN = r"\s*[-/.年]\s*"

_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)(?!\d)",
        rf"{_YEAR}{_BETWEEN}(?P<month>{_NUMBER})(?:\s*[-/.月]\s*)(?P<day>{_NUMBER})",
        rf"(?P<day>{_NUMBER})(?P<nth>st|nd|rd|th)?(?:\s+of)?[\s.-]*{_MONTH}\.?[\s,.-]*{_YEAR}",
        rf"{_MONTH}\.?\s*(?P<day>{_NUMBER})(?P<nth>st|nd|rd|th)?,?\s*{_YEAR}",
        rf"(?P<first>{_NUMBER})[-/.](?P<second>{_NUMBER})[-/.]{_YEAR}",
        rf"{_YEAR}{_BETWEEN}(?P<month>{_NUMBER})",
        rf"{_MONTH}\.?,?\s*{_YEAR}",
        rf"(?P<month>{_NUMBER})\s*月\s*(?P<day>{_NUMBER})",
        rf"(?P<day>{_NUMBER})(?P<nth>st|nd|rd|th)?(?:\s+of)?\s*{_MONTH}",
        rf"{_MONTH}\.?\s*(?P<day>{_NUMBER})",
        rf"^\D*{_YEAR}\D*$",
    )
)

#: Stands in for what a date does not say: a leap year, and the middle of the month.
_SOME_YEAR, _SOME_DAY = 2000, 15

_HAN_NUMBER = re.compile(r"[一二三四五六七八九十廿卅]{1,3}(?=[月日号])|(?<=年)[一二三四五六七八九十]{1,2}$")
_HAN_DIGITS = "〇一二三四五六七八九"


def offset(scope: Scope) -> dt.timedelta:
    """Return by how much dates of this scope move; never less than a month."""
    draw = scope.draw("date offset")
    days = _LEAST_DAYS + draw.below(_MOST_DAYS - _LEAST_DAYS + 1)
    return dt.timedelta(days=-days if draw.below(2) else days)


def moved(day: dt.date, scope: Scope) -> dt.date:
    """Return a day moved by the scope's offset; a day that would leave the calendar moves the other way."""
    by = offset(scope)
    return day + by if 1880 < (day + by).year < 2100 else day - by


def date_surrogate(text: str, scope: Scope) -> str | None:
    """Return a date in the same writing, moved; None where no date can be read.

    Args:
        text: Such as `1990-05-03`, `1990年5月`, `一九九〇年五月三日`, `3 May 1990`.
        scope: Whose offset it is.
    """
    plain, places = _with_numbers(text)
    for form in _FORMS:
        if match := form.search(plain):
            made = _moved_match(match, scope)
            if made is not None:
                return _put_back(text, plain[: match.start()] + made + plain[match.end() :], bool(places))
    return None


def _moved_match(match: re.Match[str], scope: Scope) -> str | None:
    """Return the matched date, moved, or None where there is no such day."""
    groups = {name: place for name, place in match.re.groupindex.items() if match[name]}
    if "first" in groups:
        # 12/25/1990 can only be read one way; 03/04/1990 is read as most of the world does.
        american = int(match["first"]) <= _MONTHS_A_YEAR < int(match["second"])
        first, second = ("month", "day") if american else ("day", "month")
        groups = {first: groups["first"], second: groups["second"], "year": groups["year"]}
    day = _day({name: match[place] for name, place in groups.items()})
    if day is None:
        return None
    new = moved(day, scope)
    if list(groups) == ["year"] and new.year == day.year:
        new = new.replace(year=day.year + (1 if new > day else -1), day=1)
    numbers = [match[place] for name, place in groups.items() if name in ("month", "day")]
    padded = all(len(number) == _PADDED for number in numbers)
    if "月" in match[0]:  # nobody writes a zero there, but for forms that always do
        padded = padded and any(number.startswith("0") for number in numbers)
    text = match[0]
    for name, place in sorted(groups.items(), key=lambda group: match.start(group[1]), reverse=True):
        begin, end = match.start(place) - match.start(), match.end(place) - match.start()
        text = text[:begin] + _written(name, match[place], new, padded) + text[end:]
    return text


_MONTHS_A_YEAR, _PADDED, _SHORT = 12, 2, 3


def _written(name: str, old: str, new: dt.date, padded: bool) -> str:
    if name == "word":
        return _month_like(old, new.month)
    if name == "nth":
        return _ordinal(new.day)
    number = {"year": new.year, "month": new.month, "day": new.day}[name]
    return str(number).zfill(_PADDED) if padded else str(number)


def _ordinal(number: int) -> str:
    return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _day(parts: dict[str, str]) -> dt.date | None:
    word = parts.get("word")
    month = _month_number(word) if word else int(parts.get("month") or 6)
    try:
        return dt.date(int(parts.get("year") or _SOME_YEAR), month, int(parts.get("day") or _SOME_DAY))
    except ValueError:
        return None


def _month_number(word: str) -> int:
    return next(place for place, month in enumerate(_MONTHS, start=1) if month.startswith(word.casefold()[:3]))


def _month_like(word: str, number: int) -> str:
    short = len(word) == _SHORT or word.casefold() == "sept"
    made = _MONTHS[number - 1][: _SHORT if short else None]
    return made.upper() if word.isupper() else made.title() if word[:1].isupper() else made


# Chinese numerals


def _with_numbers(text: str) -> tuple[str, list[str]]:
    """Return the text with months and days in Chinese words as digits, and those words."""
    words: list[str] = []

    def number(match: re.Match[str]) -> str:
        words.append(match[0])
        return str(_han_values().get(match[0], 0))

    return plain_digits(_HAN_NUMBER.sub(number, text)), words


def _put_back(text: str, made: str, spelled: bool) -> str:
    """Write a moved date as the original was: in Chinese words, in digits of another script, or plain."""
    if spelled:
        words = {str(value): word for word, value in _han_values().items() if word[0] not in "廿卅"}
        made = re.sub(r"\d{1,2}(?=[月日号])|(?<=年)\d{1,2}$", lambda match: words[str(int(match[0]))], made)
        return _han_year(text, made)
    alike = not re.search("[A-Za-z]", made) and len(read(made)) == len(read(text))
    return write(text, read(made)) if alike else made


def _han_year(text: str, made: str) -> str:
    if text[:1] not in _HAN_DIGITS + "零":
        return made
    digits = "零" + _HAN_DIGITS[1:] if "零" in text else _HAN_DIGITS
    return "".join(digits[int(sign)] if sign in "0123456789" else sign for sign in made)


@cache
def _han_values() -> dict[str, int]:
    """Return the Chinese words of 1 to 31, also the older ones for twenty and thirty."""
    ones = ["", *_HAN_DIGITS[1:]]
    words = {ones[value]: value for value in range(1, 10)}
    for ten, value in (("十", 10), ("二十", 20), ("三十", 30), ("廿", 20), ("卅", 30)):
        words |= {ten + ones[one]: value + one for one in range(10) if value + one <= 31}
    return words
