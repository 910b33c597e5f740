"""What only the rest of the table tells: a column's kind, seen from the columns beside it."""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind
from cartveil.events.scanning.guesses import Verdict
from cartveil.events.scanning.profile import Profile
from cartveil.events.scanning.words import spoken

_ROWS = 2_000
_UNKNOWN = (Kind.OTHER, Kind.CATEGORY)


def with_neighbours(
    verdicts: Mapping[str, Verdict], profiles: Mapping[str, Profile], table: pa.Table
) -> dict[str, Verdict]:
    """Correct kinds that only the rest of the table tells.

    Beside a quantity, a price shows that the short code which comes again is the item, and an item that the one
    number with decimals is the price. A description beside an item's code describes the item. Dates that stand inside
    the identity number beside them are births. A short code without a name, beside an address, is its postcode.

    Args:
        verdicts: Column -> verdict on it alone.
        profiles: Column -> what its values look like.
        table: Rows of the table, or of a sample of it.
    """
    corrected = dict(verdicts)
    kinds = {verdict.kind for verdict in verdicts.values()}
    unknown = [name for name, verdict in verdicts.items() if verdict.kind in _UNKNOWN]
    if Kind.QUANTITY in kinds and Kind.AMOUNT in kinds and Kind.PRODUCT not in kinds:
        for name in [name for name in unknown if _is_code(profiles[name])][:1]:
            corrected[name] = Verdict(Kind.PRODUCT, 0.5, "short codes that come again, beside prices and quantities")
    if Kind.QUANTITY in kinds and Kind.PRODUCT in kinds and Kind.AMOUNT not in kinds:
        numbers = [name for name in unknown if profiles[name].form == "number"]
        if len(numbers) == 1:
            corrected[numbers[0]] = Verdict(
                Kind.AMOUNT, 0.5, "the only number with decimals, beside items and quantities"
            )
    corrected |= _descriptions(corrected, verdicts, profiles)
    corrected |= _births(verdicts, table)
    if Kind.ADDRESS in kinds and Kind.POSTCODE not in kinds:
        for name in [name for name in unknown if _is_postcode(profiles[name])][:1]:
            corrected[name] = Verdict(Kind.POSTCODE, 0.5, "codes as long as postcodes, beside addresses")
    return corrected


def _descriptions(
    corrected: Mapping[str, Verdict], verdicts: Mapping[str, Verdict], profiles: Mapping[str, Profile]
) -> dict[str, Verdict]:
    if not any(verdict.kind is Kind.PRODUCT for verdict in corrected.values()):
        return {}
    people = any(verdict.kind is Kind.USER_ID for verdict in verdicts.values())
    reason = "describes the item beside it; holds nothing personal"
    return {
        name: replace(verdict, kind=Kind.PRODUCT, confidence=0.85, reason=reason)
        for name, verdict in verdicts.items()
        if _describes(name, verdict, profiles[name], people=people)
    }


def _describes(name: str, verdict: Verdict, profile: Profile, *, people: bool) -> bool:
    """Return whether a text beside an item describes it: a description, or a `name` where nobody else has one."""
    if profile.personal or profile.inside >= 0.01:
        return False
    if verdict.kind is Kind.PERSON_NAME:
        return spoken(name) == "name" and not people and profile.share("name") < 0.3
    return verdict.kind is Kind.FREE_TEXT and spoken(name).endswith(("description", "desc", "title", "描述"))


def _is_code(profile: Profile) -> bool:
    return profile.share("code") >= 0.8 and profile.length <= 14 and not profile.is_unique and profile.distinct > 1


def _is_postcode(profile: Profile) -> bool:
    # A postcode that begins with a zero keeps a column of them text; without one they could be any number.
    digits = profile.form == "text" and profile.share("digits") >= 0.95
    return digits and profile.length in (5, 6) and profile.share("three or four digits") == 0


def _births(verdicts: Mapping[str, Verdict], table: pa.Table) -> dict[str, Verdict]:
    """Return the columns of dates that stand inside the identity number of the same row."""
    numbers = [name for name, verdict in verdicts.items() if verdict.kind is Kind.ID_NUMBER]
    dates = [name for name, verdict in verdicts.items() if verdict.kind in (Kind.EVENT_TIME, Kind.OTHER)]
    found = {}
    for name in dates:
        if any(_stands_inside(table[name], table[number]) for number in numbers):
            found[name] = Verdict(Kind.BIRTH_DATE, 0.9, "the same day stands in the identity number beside it")
    return found


def _stands_inside(days: pa.ChunkedArray, numbers: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(numbers.type) or pa.types.is_nested(days.type) or pa.types.is_binary(days.type):
        return False
    inside = pc.utf8_slice_codeunits(numbers.slice(0, _ROWS), 6, 14)
    digits = pc.utf8_slice_codeunits(
        pc.replace_substring_regex(days.slice(0, _ROWS).cast(pa.string()), "[^0-9]", ""), 0, 8
    )
    same = pc.equal(inside, digits).drop_null()
    return len(same) >= 5 and bool(pc.mean(same.cast(pa.float64())).as_py() >= 0.5)
