"""Consumers' events as a stream: who uses an account, told by how each event stands to the account's own past.

What an event is says little: everybody logs in, browses and buys. What gives a stranger away is where he comes from,
how little of the account's own device and network he shares, and what he does there and how fast.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.column_kinds import check_kinds
from cartveil.insight.sequences.places import Visits, at_first, count_before, standing, sum_to, visits_of
from cartveil.insight.sequences.relations import keys_of, mean_before, since_before, starts_of, times_before, within
from cartveil.insight.sequences.streams import StreamSpec, clock_columns, in_order, numbers, seconds_of, yes_no

_HOUR, _DAY = 3600, 86400

#: Columns that a table of consumers' events must have, beside `event_id`, `time` and `consumer`.
NEEDED = ("session", "device", "network", "region", "channel", "action", "category", "amount", "decision")

#: Actions that take something of value, and those that change what protects an account.
_TAKES, _CHANGES = ("checkout", "coupon"), ("password_change", "address_change", "payment_change")
#: Events of everybody that an account without a past is worth.
_PEERS = 5.0

_PLAIN = ("action", "decision", "channel", "category")
_FIELDS = (*_PLAIN, "after", "hour", "day", "place", "chain_is_new")

_WORDS = (
    ("place", "device and network: {value}; usual: {usual}"),
    ("chain_is_new", "device and network hang together with nothing seen on this account before"),
    ("after", "came after {value}; usual: {usual}"),
    ("hour", "at work between {value} o'clock; usual: {usual}"),
    ("day", "on a {value}; usual: {usual}"),
    ("device_days", "a device first used here {value} days ago; usual: {usual}"),
    ("device_visits", "a device with {value} visits before; usual: {usual}"),
    ("device_share", "a device with a share of {value} of the visits; usual: {usual}"),
    ("device_unused_days", "a device last used {value} days ago; usual: {usual}"),
    ("network_days", "a network first used here {value} days ago; usual: {usual}"),
    ("network_visits", "a network with {value} visits before; usual: {usual}"),
    ("network_share", "a network with a share of {value} of the visits; usual: {usual}"),
    ("network_unused_days", "a network last used {value} days ago; usual: {usual}"),
    ("chain_days", "these devices and networks first came {value} days ago; usual: {usual}"),
    ("chain_visits", "these devices and networks came {value} times before; usual: {usual}"),
    ("device_rarity", "a device that this account hardly ever used"),
    ("network_rarity", "a network from which this account hardly ever came"),
    ("chain_rarity", "devices and networks that this account hardly ever used"),
    ("chain_unused_days", "these devices and networks last came {value} days ago; usual: {usual}"),
    ("account_days", "an account of {value} days; usual: {usual}"),
    ("account_visits", "an account with {value} visits before; usual: {usual}"),
    ("elsewhere_since_device", "came {value} times from elsewhere since this device; usual: {usual}"),
    ("accounts_of_network", "a network that {value} accounts came from; usual: {usual}"),
    ("hour_rarity_of_all", "at an hour at which hardly anybody comes"),
    ("visits_7_days", "{value} visits in a week; usual: {usual}"),
    ("seconds_in_visit", "{value} seconds into the visit; usual: {usual}"),
    ("seconds_since_last", "{value} seconds after the step before; usual: {usual}"),
    ("amount_against_all", "an amount of another size than most"),
    ("events_in_visit", "{value} steps in this visit; usual: {usual}"),
    ("changes_on_chain", "{value} changes of what protects the account from these devices; usual: {usual}"),
    ("denied_in_visit", "{value} refusals in this visit; usual: {usual}"),
    ("denied_on_chain", "{value} refusals of these devices; usual: {usual}"),
    ("spent_on_chain", "spent more from these devices than is usual"),
    ("takes_1_days", "{value} purchases and coupons in a day; usual: {usual}"),
    ("changes_1_days", "{value} changes of what protects the account in a day; usual: {usual}"),
    ("events_on_chain", "{value} steps from these devices so far; usual: {usual}"),
    ("takes_rate_on_chain", "a share of {value} of the steps from these devices took something; usual: {usual}"),
    ("chain_share", "these devices and networks are a share of {value} of the visits; usual: {usual}"),
    ("region_share", "a region with a share of {value} of the visits; usual: {usual}"),
    ("channel_share", "a channel with a share of {value} of the visits; usual: {usual}"),
    ("other_device_hours", "another device was here {value} hours ago; usual: {usual}"),
    ("other_chain_hours", "the account's other devices were here {value} hours ago; usual: {usual}"),
    ("device_switches", "changed devices {value} times in two weeks; usual: {usual}"),
    ("chain_switches", "changed to strange devices and back {value} times in two weeks; usual: {usual}"),
    ("unseen_days", "{value} days after the visit before; usual: {usual}"),
    ("takes_7_days", "bought or redeemed {value} times in a week; usual: {usual}"),
    ("elsewhere_since_chain", "the account's other devices came {value} times since; usual: {usual}"),
    ("hour_rarity", "an hour at which this account hardly ever comes"),
    ("category_rarity", "a category that this account hardly ever looks at"),
    ("action_rarity", "an action that this account hardly ever takes"),
    ("amount", "an amount of {value}; usual: {usual}"),
    ("amount_against_own", "an amount far from what this account usually spends"),
    ("takes_in_visit", "bought or redeemed {value} times in one visit; usual: {usual}"),
    ("takes_on_chain", "bought or redeemed {value} times from these devices; usual: {usual}"),
    ("takes_against_habit", "bought or redeemed more than this account usually does"),
    ("spent_in_visit", "spent {value} in one visit; usual: {usual}"),
    ("spent_against_habit", "spent {value} times this account's usual; usual: {usual}"),
    ("changes_in_visit", "changed password, address or payment {value} times in one visit; usual: {usual}"),
    ("changes_7_days", "changed password, address or payment {value} times in a week; usual: {usual}"),
    ("denied_1_days", "refused {value} times within a day; usual: {usual}"),
    ("denied_7_days", "refused {value} times within a week; usual: {usual}"),
    ("visits_1_days", "{value} visits within the day before; usual: {usual}"),
)


def consumer_stream(events: pa.Table) -> tuple[pa.Table, StreamSpec]:
    """Describe each event of consumers by what it is and by how it stands to the account's events before it.

    Args:
        events: Columns event_id, time, consumer and those of `NEEDED`; consumers, devices and networks are opaque.

    Returns:
        The stream, in order of time, and its spec; `actor` is the consumer. Nothing in a row depends on a later row.

    Raises:
        ColumnError: A column is missing, or numbers or times are something else; no value is told.
    """
    for name in NEEDED:
        if name not in events.column_names:
            raise ColumnError("not a table of consumers' events: this column is missing", path=name)
    check_kinds(events, {"event_id": "whole numbers", "time": "timestamps", "amount": "numbers"})
    events = in_order(events, StreamSpec(fields=("action",), actor="consumer", index="event_id"))
    seconds = seconds_of(events["time"])
    visits = visits_of(events, seconds)
    amount = _amounts(events)
    numeric = _places(events, visits) | _rhythm(seconds, visits) | _tastes(events, amount)
    numeric |= _so_far(events, seconds, visits, amount=amount)
    columns = _what(events, seconds, visits) | {name: numbers(values) for name, values in numeric.items()}
    base = {name: events[name] for name in ("event_id", "time", "consumer", "session")}
    spec = StreamSpec(fields=_FIELDS, numeric=tuple(numeric), actor="consumer", index="event_id", words=_WORDS)
    return pa.table({**base, **columns}), spec


def _amounts(events: pa.Table) -> NDArray[np.float64]:
    return np.asarray(events["amount"].cast(pa.float64()).to_numpy(zero_copy_only=False))


def _what(events: pa.Table, seconds: NDArray[np.int64], visits: Visits) -> dict[str, pa.Array | pa.ChunkedArray]:
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: events[name].cast(pa.string()) for name in _PLAIN}
    action = columns["action"].combine_chunks()
    before = _row_before(visits.of)
    columns["after"] = action.take(pa.array(np.maximum(before, 0), mask=before < 0))
    device, network = (times_before(keys) > 0 for keys in (visits.device, visits.network))
    names = np.array(["all new", "known network", "known device", "all known"], dtype=object)
    columns["place"] = pa.array(names[(2 * device + network)[visits.of]], pa.string())
    columns["chain_is_new"] = yes_no((times_before(visits.chain) == 0)[visits.of])
    return columns | dict(clock_columns(seconds))


def _row_before(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row before each in its group, -1 where there is none."""
    order = np.argsort(groups, kind="stable")
    before = np.empty(len(groups), dtype=np.int64)
    before[order] = np.where(starts_of(groups[order]) == np.arange(len(groups)), -1, np.roll(order, 1))
    return before


def _places(events: pa.Table, visits: Visits) -> dict[str, NDArray[np.float64]]:
    """Return how known device, network, chain, region and channel are; known when the visit began."""
    found: dict[str, NDArray[np.float64]] = {}
    for name, keys in (("device", visits.device), ("network", visits.network), ("chain", visits.chain)):
        found |= standing(keys, visits, name)
    opening = pa.array(visits.first)
    for name in ("region", "channel"):
        keys = keys_of(visits.account, events[name].take(opening))
        found[f"{name}_share"] = standing(keys, visits, name)[f"{name}_share"]
    account = standing(visits.account, visits, "account")
    found |= {"account_days": account["account_days"], "account_visits": account["account_visits"]}
    found["unseen_days"] = account["account_unused_days"]
    found |= _others(visits)
    network = keys_of(events["network"].take(opening))
    found["accounts_of_network"] = _others_on(network, visits.network)
    return {name: values[visits.of] for name, values in found.items()}


def _others_on(network: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many accounts had been seen on a network before."""
    first = times_before(own) == 0
    order = np.argsort(network, kind="stable")
    total = np.concatenate([[0], np.cumsum(first[order])])
    answer = np.empty(len(network))
    answer[order] = total[np.arange(len(order))] - total[starts_of(network[order])]
    return answer


def _others(visits: Visits) -> dict[str, NDArray[np.float64]]:
    """Return what the account did elsewhere: whether its owner goes on beside this device."""
    before = _row_before(visits.account)
    total, found = times_before(visits.account), {}
    for name, keys in (("device", visits.device), ("chain", visits.chain)):
        moved = (before >= 0) & (keys != keys[np.maximum(before, 0)])
        found[f"{name}_switches"] = within(visits.account, visits.seconds, seconds=14 * _DAY, counted=moved) + moved
        found[f"other_{name}_hours"] = _since_other(visits, keys)
        elsewhere = total - times_before(keys)
        found[f"elsewhere_since_{name}"] = elsewhere - at_first(keys, elsewhere)
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def _since_other(visits: Visits, keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return hours since the account's last visit on another key, NaN where there was none."""
    order = np.argsort(visits.account, kind="stable")
    ordered, seconds = keys[order], visits.seconds[order]
    changed = np.ones(len(order), dtype=bool)
    changed[1:] = ordered[1:] != ordered[:-1]
    # Where the run of visits on this key began; the visit before it was elsewhere, if it was the account's at all.
    run = np.maximum.accumulate(np.where(changed, np.arange(len(order)), 0))
    last = np.where(run > starts_of(visits.account[order]), seconds[np.maximum(run - 1, 0)], np.nan)
    answer = np.empty(len(order))
    answer[order] = (seconds - last) / _HOUR
    return answer


def _rhythm(seconds: NDArray[np.int64], visits: Visits) -> dict[str, NDArray[np.float64]]:
    """Return how unusual the hour is for the account and for all, and how often it came lately."""
    hour = visits.seconds % _DAY // _HOUR
    account, zero = visits.account * 24, np.zeros_like(hour)
    own, peers = (
        sum(count_before(base + hour, base + (hour + step) % 24) for step in range(-2, 3)) for base in (account, zero)
    )
    of_all = peers / np.maximum(np.arange(len(hour)), 1) + 0.01
    found: dict[str, NDArray[np.float64]] = {
        "hour_rarity": np.asarray(-np.log((own + _PEERS * of_all) / (times_before(visits.account) + _PEERS))),
        "hour_rarity_of_all": np.asarray(-np.log(of_all)),
    }
    for days in (1, 7):
        found[f"visits_{days}_days"] = within(visits.account, visits.seconds, seconds=days * _DAY).astype(np.float64)
    found = {name: values[visits.of] for name, values in found.items()}
    found["seconds_in_visit"] = (seconds - visits.seconds[visits.of]).astype(np.float64)
    found["seconds_since_last"] = since_before(visits.of, seconds)
    return found


def _tastes(events: pa.Table, amount: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return how unusual category, action and amount are for the account."""
    account, category, action = (keys_of(events[name]) for name in ("consumer", "category", "action"))
    found = {
        "category_rarity": _rarity(account, category),
        "action_rarity": _rarity(account, action),
        "amount": amount,
    }
    known = ~np.isnan(amount)
    log = np.log1p(np.maximum(np.nan_to_num(amount), 0.0))
    own = np.where(known, keys_of(account, action), -1)
    found["amount_against_own"] = np.where(known, log - mean_before(own, log), np.nan)
    peers = np.where(known & (category >= 0), keys_of(category + 1, action), -1)
    found["amount_against_all"] = np.where(known, log - mean_before(peers, log), np.nan)
    return found


def _rarity(account: NDArray[np.int64], value: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return minus the logarithm of the value's share of the account's past, backed by everybody's; NaN for none."""
    pair = keys_of(account, value)
    filled = np.where(value >= 0, account, -1)
    everybody = (times_before(value) + 0.5) / (np.arange(len(value)) + 10.0)
    share = (times_before(pair) + _PEERS * everybody) / (times_before(filled) + _PEERS)
    return np.where(value >= 0, -np.log(share), np.nan)


def _so_far(
    events: pa.Table, seconds: NDArray[np.int64], visits: Visits, *, amount: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return what was done in this visit, on this chain, and by the account lately; the event itself included."""
    counted = _kinds(events)
    account, chain = visits.account[visits.of], visits.chain[visits.of]
    spent = np.where(counted["takes"], np.nan_to_num(amount), 0.0)
    found: dict[str, NDArray[np.float64]] = {"events_in_visit": (times_before(visits.of) + 1).astype(np.float64)}
    for name, weight in (*counted.items(), ("spent", spent)):
        found[f"{name}_in_visit"] = sum_to(visits.of, weight.astype(np.float64))
        found[f"{name}_on_chain"] = sum_to(chain, weight.astype(np.float64))
    for name, chosen in counted.items():
        for days in (1, 7):
            lately = within(account, seconds, seconds=days * _DAY, counted=chosen) + chosen
            found[f"{name}_{days}_days"] = lately.astype(np.float64)
    found |= _against_habit(account, counted["takes"], spent, found)
    found["events_on_chain"] = (times_before(chain) + 1).astype(np.float64)
    found["takes_rate_on_chain"] = found["takes_on_chain"] / found["events_on_chain"]
    return found


def _kinds(events: pa.Table) -> dict[str, NDArray[np.bool_]]:
    """Return which events take something, change what protects the account, and were refused."""
    action, decision = (events[name].cast(pa.string()) for name in ("action", "decision"))
    denied = np.asarray(pc.fill_null(pc.equal(decision, "deny"), False))
    takes, changes = (np.asarray(pc.is_in(action, pa.array(words))) & ~denied for words in (_TAKES, _CHANGES))
    return {"takes": takes, "changes": changes, "denied": denied}


def _against_habit(
    account: NDArray[np.int64],
    takes: NDArray[np.bool_],
    spent: NDArray[np.float64],
    so_far: dict[str, NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    """Return what was taken and spent in this visit beside what the account took per event and spent per purchase."""
    before = sum_to(account, takes.astype(np.float64)) - takes
    # An account without a past is taken to buy at every twentieth event, for what others spent before.
    rate = (before + 1) / (times_before(account) + 20)
    others = (np.cumsum(spent) - spent) / np.maximum(np.cumsum(takes) - takes, 1)
    usual = (sum_to(account, spent) - spent + others) / (before + 1)
    return {
        "takes_against_habit": so_far["takes_in_visit"] - rate * so_far["events_in_visit"],
        "spent_against_habit": np.where(usual > 0, so_far["spent_in_visit"] / np.where(usual > 0, usual, 1), np.nan),
    }
