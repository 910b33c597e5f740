"""Where a consumer comes from: how a visit's device and network stand to those of the account's own past.

A new phone comes from a known home, and a known phone travels: whoever owns an account leaves a chain of devices and
networks that hang together. Who was let in by a stolen password stands beside that chain.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import keys_of, since_before, starts_of, times_before

Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Visits:
    """Sessions of consumers, in order of time; a change of device or network begins a new one.

    Args:
        of: Visit of each event, (events,).
        first: First event of each visit, rising, (visits,).
        seconds: When each begins, (visits,).
        account: Number of the consumer, (visits,).
        device: Number of (account, device), -1 where there is none, (visits,).
        network: Number of (account, network), likewise.
        chain: Number of the chain of devices and networks that it hangs on, as known then, (visits,).
    """

    of: Keys
    first: Keys
    seconds: Keys
    account: Keys
    device: Keys
    network: Keys
    chain: Keys


def visits_of(events: pa.Table, seconds: Keys) -> Visits:
    """Return the visits of events that stand in order of time.

    Args:
        events: Columns consumer, session, device, network.
        seconds: Time of each event.
    """
    account = keys_of(events["consumer"])
    device, network = (keys_of(account, _filled(events[name])) for name in ("device", "network"))
    keys = keys_of(account, _filled(events["session"]), device, network)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    first = first[order]
    chain = chains(device[first], network[first])
    return Visits(place[inverse], first, seconds[first], account[first], device[first], network[first], chain)


def chains(devices: Keys, networks: Keys) -> Keys:
    """Return which chain each visit hangs on, as far as was known when it began.

    Two visits hang together that share a device or a network; what joins two chains belongs to the older one from then
    on.

    Args:
        devices: Number of (account, device), (visits,), in order of time.
        networks: Number of (account, network).
    """
    # A step needs those before it, so this is a loop; there are a few visits to an account.
    by_device, by_network, joined = {}, {}, []  # type: ignore[var-annotated]
    answer = np.empty(len(devices), dtype=np.int64)

    def root(chain: int) -> int:
        while joined[chain] != chain:
            chain = joined[chain]
        return chain

    for visit, (device, network) in enumerate(zip(devices.tolist(), networks.tolist(), strict=True)):
        known = {root(chain) for chain in (by_device.get(device), by_network.get(network)) if chain is not None}
        chain = min(known, default=len(joined))
        if not known:
            joined.append(chain)
        for other in known:
            joined[other] = chain
        by_device[device] = by_network[network] = chain
        answer[visit] = chain
    return answer


def standing(keys: Keys, visits: Visits, name: str) -> dict[str, NDArray[np.float64]]:
    """Return how known a key is to its account when each visit begins.

    Args:
        keys: Such as `Visits.device`, (visits,).
        visits: The visits.
        name: What the key is called.

    Returns:
        Days since first and last seen (NaN where it is new), visits before, their share of the account's, and how rare
        they are among them in nats.
    """
    seen, total = times_before(keys), times_before(visits.account)
    age = np.where(seen > 0, (visits.seconds - at_first(keys, visits.seconds)) / 86400, np.nan)
    return {
        f"{name}_days": age,
        f"{name}_visits": seen.astype(np.float64),
        f"{name}_share": np.where(total > 0, seen / np.maximum(total, 1), np.nan),
        f"{name}_rarity": np.asarray(-np.log((seen + 0.5) / (total + 1.0))),
        f"{name}_unused_days": since_before(keys, visits.seconds) / 86400,
    }


def count_before(keys: Keys, asked: Keys) -> NDArray[np.int64]:
    """Return how many rows before each have the key that it asks for, which need not be its own.

    Args:
        keys: Key of each row, -1 where there is none, (rows,).
        asked: Key that each row asks for, (rows,).
    """
    rows = np.arange(len(keys))
    width = len(keys) + 1
    ranked = np.sort(keys * width + rows)
    found = np.searchsorted(ranked, asked * width + rows) - np.searchsorted(ranked, asked * width)
    return np.where(asked < 0, 0, found)


def at_first(keys: Keys, values: Keys) -> Keys:
    """Return the value at the first row with the same key, (rows,)."""
    order = np.argsort(keys, kind="stable")
    answer = np.empty_like(values)
    answer[order] = values[order][starts_of(keys[order])]
    return answer


def sum_to(keys: Keys, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the values with the same key up to and with each row, (rows,)."""
    order = np.argsort(keys, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(values[order])])
    answer = np.empty(len(keys))
    answer[order] = total[1:] - total[starts_of(keys[order])]
    return answer


def _filled(column: pa.ChunkedArray) -> Keys:
    """Return a number per value, one of them for NULL."""
    return keys_of(column) + 1
