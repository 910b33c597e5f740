"""Values as an agent may see them: enough to recognise, too little to use.

What is kept, per kind; stars have a fixed number wherever the length of the hidden part would tell something:
- names: 张三 -> 张*, 张三丰 -> 张*丰, 欧阳修文 -> 欧阳**; John Smith -> J*** S***
- phones: the shape of the country: 138****1234, +86 138****1234, +44 7*** ***456, +1 ***-***-2671;
  others the last two digits; landlines the area code and the last four digits
- e-mail: first letter and domain
- identity numbers: first three and last two characters (the province and no more of the birth date than nothing);
  passports: the first and the last two
- cards: last four; bank accounts: last four of ten or more
- addresses: province and city, or country, region and city
- postcodes: the first two of six Chinese digits, three of five American, the letters of a British one
- birth dates: the decade; IP addresses: the first two groups
- everything else: six stars

A value that does not have the shape of its kind, or is too short, becomes stars alone.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind
from cartveil.events.places import find_regions
from cartveil.guard.protect.columns import Values, each_distinct, each_value, in_order
from cartveil.guard.protect.letters import COMPOUND
from cartveil.guard.protect.profiles import Profile, hide_rooms, rules_of
from cartveil.guard.protect.shapes import by_shape

STARS = "******"

#: An RE2 pattern over the whole value, the pattern to replace if that is another one, and what is left. The first
#: that matches holds.
Rules = tuple[tuple[str, ...], ...]

_NAME: Rules = (
    (rf"^({COMPOUND})\p{{Han}}$", r"\1*"),
    (rf"^({COMPOUND})\p{{Han}}{{2,}}$", r"\1**"),
    (r"^(\p{Han})\p{Han}$", r"\1*"),
    (r"^(\p{Han})\p{Han}(\p{Han})$", r"\1*\2"),
    (r"^(\p{Han})[\p{Han}·・•.]{3,}$", r"\1**"),
    # In an alphabet each word keeps its first letter; a name of one or two letters would be told by it.
    (r"^[^\p{Han}\s\d][^\p{Han}\d]{2,}$", r"([^\s])[^\s]*", r"\1***"),
)

_PHONE: Rules = (
    (r"^((?:\+|00)?86[ -]?|)(1\d\d)[ -]?\d{4}[ -]?(\d{4})$", r"\1\2****\3"),
    (r"^(?:\+|00)44[ -]?(?:\(0\))?7[\d -]{6,12}(\d)[ -]?(\d)[ -]?(\d)$", r"+44 7*** ***\1\2\3"),
    (r"^07[\d -]{6,12}(\d)[ -]?(\d)[ -]?(\d)$", r"07*** ***\1\2\3"),
    (r"^\+?1[ .-]?\(?\d{3}\)?[ .-]?\d{3}[ .-]?(\d{4})$", r"+1 ***-***-\1"),
    (r"^\(?[2-9]\d{2}\)?[ .-]?\d{3}[ .-]?(\d{4})$", r"***-***-\1"),
    (r"^\+?[\d ().-]{6,}(\d)[ ().-]*(\d)$", r"***\1\2"),
)

_LANDLINE: Rules = (
    (
        r"^((?:\+|00)?86[ -]?|)(\(?0\d{2,3}\)?)[ -]?\d{3,4}[ -]?(\d{4})(?:[ -]*(?:转|ext\.?|x)?[ -]*\d{1,5})?$",
        r"\1\2-****\3",
    ),
    (r"^\(?[2-9]\d{2}\)?[ .-]?\d{3}[ .-]?(\d{4})$", r"***-***-\1"),
    (r"^\+?[\d ().-]{6,}(\d)[ ().-]*(\d)$", r"***\1\2"),
)

_EMAIL: Rules = ((r"^([^@\s])[^@]+@([^@\s]+)$", r"\1***@\2"), (r"^[^@\s]@([^@\s]+)$", r"***@\1"))

_CARD: Rules = ((r"^(?:\d[ -]?){9,15}(\d)[ -]?(\d)[ -]?(\d)[ -]?(\d)$", r"**** **** **** \1\2\3\4"),)

_RULES: dict[Kind, Rules] = {
    Kind.PERSON_NAME: _NAME,
    Kind.PHONE: _PHONE,
    Kind.LANDLINE: _LANDLINE,
    Kind.EMAIL: _EMAIL,
    Kind.ID_NUMBER: (
        (r"^(\d{3})\d{13}(\d[\dXx])$", r"\1*************\2"),
        (r"^(\d{3})\d{10}(\d\d)$", r"\1**********\2"),
        (r"^[\w -]{6,}(\w\w)$", rf"{STARS}\1"),
    ),
    Kind.PASSPORT: ((r"^(\w)\w{4,}(\w\w)$", r"\1*****\2"),),
    Kind.PAYMENT_CARD: _CARD,
    Kind.BANK_ACCOUNT: ((r"^[\dA-Z -]{6,}(\d)[ -]?(\d)[ -]?(\d)[ -]?(\d)$", r"****\1\2\3\4"),),
    Kind.PAYMENT_ACCOUNT: (*_EMAIL, _PHONE[0]),
    Kind.POSTCODE: (
        (r"^(\d\d)\d{4}$", r"\1****"),
        (r"^(\d{3})\d\d(?:-?\d{4})?$", r"\1**"),
        (r"^([A-Za-z]{1,2})\d[A-Za-z\d]? ?\d[A-Za-z]{2}$", r"\1** ***"),
    ),
    Kind.BIRTH_DATE: ((r"^(\d{3})\d\D?\d{1,2}\D?\d{1,2}(?:\D.*)?$", r"\1*-**-**"),),
    Kind.IP_ADDRESS: (
        (r"^(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}$", r"\1.*.*"),
        (r"^([0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}):[0-9A-Fa-f:.]+$", r"\1:***"),
    ),
}


def mask(column: Values, *, kind: Kind, profile: Profile | None = None) -> Values:
    """Hide most of each value.

    Args:
        column: Text, or what has a text form.
        kind: What the values are.
        profile: A rule from outside that may be stricter; see `profiles`.

    Returns:
        Text; NULL stays NULL.

    Guarantees:
        - No value of a sensitive kind comes back as it was.
        - Where the kind's stars have a fixed number, values of different length look alike.
    """
    if profile is Profile.WAYBILL and kind is Kind.ADDRESS:
        return each_distinct(column, hide_rooms)
    if profile is not None and (rules := rules_of(kind, profile)) is not None:
        return each_distinct(column, lambda values: _by_rules(values, rules))
    if kind is Kind.ADDRESS:
        return each_distinct(column, _addresses)
    return each_value(column, lambda values: _masked(values, kind))


def _masked(values: pa.Array, kind: Kind) -> pa.Array:
    rows, parts, left = by_shape(values, kind)
    if len(left):
        rows.append(left)
        parts.append(_by_rules(values.take(pa.array(left)), _RULES.get(kind, ())))
    return in_order(rows, [part.cast(values.type) for part in parts]) if parts else values


def _by_rules(values: pa.Array, rules: Rules) -> pa.Array:
    left = pc.utf8_trim_whitespace(values)
    places, rows, parts = np.arange(len(values)), [], []
    for pattern, *part, kept in rules:
        fits = pc.match_substring_regex(left, pattern)
        chosen = fits.to_numpy(zero_copy_only=False)
        if not chosen.any():
            continue
        rows.append(places[chosen])
        parts.append(pc.replace_substring_regex(left.filter(fits), part[0] if part else pattern, kept))
        # Most values fit the first rule or two; the others need not look at them again.
        places, left = places[~chosen], left.filter(pc.invert(fits))
    return in_order([*rows, places], [*parts, pa.repeat(pa.scalar(STARS, values.type), len(left))])


def _addresses(values: pa.Array) -> pa.Array:
    found = find_regions(values, level="city").combine_chunks()
    return pc.coalesce(pc.binary_join_element_wise(found, "***", ""), STARS)
