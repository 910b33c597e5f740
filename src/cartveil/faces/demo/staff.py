"""Some weeks of a shop's staff reading the vault through its one door, one of them snooping.

The reads are real calls with real decisions and real audit entries; only the people are made up. What the detector
sees is the audit log alone. `StaffReport` keeps the truth, for the check after the detector has spoken.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from cartveil.errors import RefusedError
from cartveil.faces.demo.screens import Shop
from cartveil.faces.demo.shifts import Look, plan_looks
from cartveil.guard.vault import Wish

#: Wishes, drawn one by one -> an answer or an error for each.
ReadMany = Callable[[Iterable[Wish]], Sequence[object]]


@dataclass(frozen=True)
class StaffReport:
    """What was done, and the truth about it.

    Args:
        reads: How many reads were tried, refused ones included.
        refused: How many of them policy refused, by actor.
        by_actor: How many reads each actor tried.
        snoop: The employee who snooped.
        snooped: The customers who were looked at without a reason.
        snoop_reads: Positions, from 0 in the order of the reads, of the looks without a reason.
        snoop_days: The days on which they happened.
    """

    reads: int
    refused: Mapping[str, int]
    by_actor: Mapping[str, int]
    snoop: str
    snooped: tuple[str, ...]
    snoop_reads: tuple[int, ...]
    snoop_days: tuple[date, ...]


def simulate_staff(
    read_many: ReadMany,
    shop: Shop,
    *,
    customers: Sequence[str],
    start: datetime,
    days: int = 28,
    seed: int = 0,
    reads: int = 8000,
    set_clock: Callable[[datetime], None],
) -> StaffReport:
    """Let a made-up staff do its work through the vault's door, in order of time.

    Args:
        read_many: The door, such as `Vault.read_many`; called once for each day that somebody works.
        shop: The tables that the staff's screens show.
        customers: Subjects as the vault knows them, most active first.
        start: Midnight of the first day.
        days: Calendar days; at least 14, so that habits can form before the snooping starts.
        seed: Draws habits, tasks and the snoop.
        reads: About how many reads in all.
        set_clock: Called before each read with its time.

    Returns:
        Counts and the truth. Refusals are part of real life: they are counted and do not stop the work.

    Raises:
        InputError: Fewer than 50 customers or 14 days.
    """
    looks = plan_looks(customers=customers, start=start, days=days, seed=seed, reads=reads)
    refused: Counter[str] = Counter()
    # A day at a time: its entries become durable together, and no more than its answers are held.
    for _, today in groupby(looks, key=lambda look: look.time.date()):
        asked = list(today)
        answers = read_many(_wishes(asked, shop, set_clock))
        refused.update(
            look.actor.name for look, answer in zip(asked, answers, strict=True) if isinstance(answer, RefusedError)
        )
    return _report(looks, refused)


def _wishes(looks: Sequence[Look], shop: Shop, set_clock: Callable[[datetime], None]) -> Iterator[Wish]:
    for look in looks:
        set_clock(look.time)
        table, fields = shop.shown(look.screen)
        yield Wish(look.actor, table, look.subject, look.purpose, fields, look.context())


def _report(looks: Sequence[Look], refused: Mapping[str, int]) -> StaffReport:
    peeks = {index: look for index, look in enumerate(looks) if look.snooping}
    return StaffReport(
        reads=len(looks),
        refused=dict(refused),
        by_actor=dict(Counter(look.actor.name for look in looks)),
        snoop=next(iter(peeks.values())).actor.name,
        snooped=tuple(sorted({look.subject for look in peeks.values()})),
        snoop_reads=tuple(peeks),
        snoop_days=tuple(sorted({look.time.date() for look in peeks.values()})),
    )
