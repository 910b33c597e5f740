"""Which column plays which part, seen from its neighbours: one subject, one time, one item of each table."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind, Role
from cartveil.events.scanning.guesses import Verdict
from cartveil.events.scanning.profile import Profile
from cartveil.events.scanning.words import spoken

#: A code of fewer digits is no habit, and neither is one that many rows do not have.
_FEWEST_DIGITS, _NEARLY_ALL = 4, 0.98

_KIND_OF_ROLE = {
    Role.SUBJECT: Kind.USER_ID,
    Role.ORDER: Kind.ORDER_ID,
    Role.ITEM: Kind.PRODUCT,
    Role.AMOUNT: Kind.AMOUNT,
    Role.QUANTITY: Kind.QUANTITY,
    Role.CONSENT: Kind.CONSENT,
}
#: Among several columns of one kind, the words that make one play the part.
_PREFERRED = {
    Role.SUBJECT: ("customer", "consumer", "user", "member", "buyer", "客户", "用户", "会员", "买家", "顾客"),
    Role.TIME: ("invoice", "order", "purchase", "paid", "sold", "event", "下单", "订单", "购买", "支付", "交易"),
    Role.AMOUNT: ("paid", "amount", "unit price", "price", "实付", "金额", "单价", "价格"),
    Role.ITEM: ("code", "id", "sku", "no", "编号", "编码", "货号", "号"),
    Role.ORDER: ("order", "invoice", "订单"),
    Role.QUANTITY: ("quantity", "qty", "数量"),
    Role.CONSENT: ("consent", "同意"),
}


def roles(verdicts: Mapping[str, Verdict], profiles: Mapping[str, Profile]) -> dict[str, Role]:
    """Return the part of each column that plays one; no part is played twice."""
    played: dict[Role, str] = {}
    for role, kind in _KIND_OF_ROLE.items():
        names = [name for name, verdict in verdicts.items() if verdict.kind is kind]
        if role is Role.ITEM:
            names.sort(key=lambda name: _reads_like_text(profiles[name]))
        if names:
            played[role] = _preferred(role, names, verdicts)
    described = [
        name for name, verdict in verdicts.items() if verdict.kind is Kind.PRODUCT and name != played.get(Role.ITEM)
    ]
    if described:
        played[Role.DESCRIPTION] = max(described, key=lambda name: profiles[name].length)
    times = [name for name, verdict in verdicts.items() if verdict.kind is Kind.EVENT_TIME]
    if times and _has_events(played, profiles):
        played[Role.TIME] = _preferred(Role.TIME, times, verdicts)
    return {name: role for role, name in played.items()}


def _preferred(role: Role, names: list[str], verdicts: Mapping[str, Verdict]) -> str:
    words = _PREFERRED[role]
    if role is Role.ITEM:
        # The code before the text, whatever the names say.
        return names[0]
    rank = {
        name: next((place for place, word in enumerate(words) if word in spoken(name)), len(words)) for name in names
    }
    return min(names, key=lambda name: (rank[name], -verdicts[name].confidence))


def _reads_like_text(profile: Profile) -> float:
    return profile.share("words") + profile.length / 1_000 - profile.share("code")


def _has_events(played: Mapping[Role, str], profiles: Mapping[str, Profile]) -> bool:
    """Return whether rows are events: they tell of an item or an order, or a subject comes again."""
    subject = played.get(Role.SUBJECT)
    again = subject is not None and not profiles[subject].is_unique
    return again or bool({Role.ITEM, Role.ORDER} & played.keys() and subject is None)


def usual_code(items: pa.ChunkedArray) -> tuple[str, float] | None:
    """Return what items' codes look like, where nearly all begin with as many digits and some do not.

    The others are lines that sell nothing, such as postage and bank charges.

    Args:
        items: The column that plays the item.

    Returns:
        A pattern for the schema and the share of rows that match it; None where there is no such habit.
    """
    if not pa.types.is_string(items.type) and not pa.types.is_large_string(items.type):
        return None
    texts = items.drop_null()
    digits = pc.utf8_length(pc.struct_field(pc.extract_regex(texts, "^(?P<digits>[0-9]*)"), "digits"))
    if not len(texts):
        return None
    usual = int(pc.mode(digits)[0]["mode"].as_py())
    share = float(pc.mean(pc.greater_equal(digits, usual).cast(pa.float64())).as_py())
    if usual < _FEWEST_DIGITS or not _NEARLY_ALL <= share < 1:
        return None
    return f"[0-9]{{{usual}}}.*", share
