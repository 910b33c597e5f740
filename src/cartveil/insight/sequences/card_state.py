"""What a stream of transactions keeps of its customers and terminals, so that each payment takes the same time.

`facts_of` finds facts for a whole table at once; here they are kept event by event, and come out the same to the bit.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from cartveil.insight.sequences.card_history import WINDOWS
from cartveil.insight.sequences.transactions import DAY

_WINDOWS = tuple(days * DAY for days in WINDOWS)

#: Rows that no window reaches any more are dropped once so many have gathered.
_DROPPED_AT = 256


@dataclass
class Payment:
    """A payment whose verdict is not in yet.

    Args:
        seconds: When.
        cents: How much.
        excess: See `card_history.excess_of`.
        told: What its steps tell of it; see `card_trails.trails_of`.
        name: What the payment is called.
        fraud: What was reported so far.
    """

    seconds: int
    cents: int
    excess: int
    told: tuple[float, ...]
    name: Hashable = None
    fraud: bool = False


class Sums:
    """Running sums over the rows of one owner, of which windows of the last days are asked for.

    Args:
        width: Numbers per row.
    """

    def __init__(self, width: int) -> None:
        self.seconds: list[int] = []
        self.sums: list[list[int]] = [[0] for _ in range(width)]

    def add(self, seconds: int, values: tuple[int, ...]) -> None:
        """Take in one more row, not older than those before."""
        self.seconds.append(seconds)
        for sums, value in zip(self.sums, values, strict=True):
            sums.append(sums[-1] + value)

    def windows(self, now: int) -> list[int]:
        """Return how many rows each window holds, then the sums of each number in each window."""
        self._drop(now)
        places = [bisect_right(self.seconds, now - window) for window in _WINDOWS]
        found = [len(self.seconds) - place for place in places]
        for sums in self.sums:
            found += [sums[-1] - sums[place] for place in places]
        return found

    def _drop(self, now: int) -> None:
        gone = bisect_right(self.seconds, now - _WINDOWS[-1])
        if gone >= _DROPPED_AT:
            del self.seconds[:gone]
            for sums in self.sums:
                del sums[:gone]


@dataclass
class Run:
    """The last run of frauds, as `card_history` finds it; times are -1 where there is none."""

    known: int = 0
    frauds: int = 0
    legitimate: int = -1
    begin: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    found: tuple[int, int, int] = (-1, -1, 0)

    def add(self, seconds: int, fraud: bool, plain: bool) -> None:
        """Take in one more verdict on a payment of that time."""
        if fraud:
            self.frauds += 1
            self.begin = self.begin or (self.known, seconds)
            if plain:
                self.last = (self.known, seconds)
                self.found = (self.begin[1], self.legitimate, self.known - self.begin[0] + 1)
        else:
            self.legitimate, self.begin = seconds, None
        self.known += 1

    def facts(self, now: int) -> list[int]:
        """Return what `OWNER_FACTS` has from `known_ever` on."""
        begin, before, run = self.found
        last = -1 if self.last is None else self.last[1]
        since = -1 if self.last is None else self.known - 1 - self.last[0]
        ages = [_age(now, each) for each in (last, begin, before, self.legitimate)]
        return [self.known, self.frauds, *ages[:3], run, since, ages[3]]


@dataclass
class Owner:
    """What is kept of one customer or terminal.

    Args:
        paid: Sums of all its payments: cents and excess.
        verdicts: Sums of those whose verdict is in: frauds and plain frauds.
        waiting: Payments whose verdict is not in.
        run: Its last run of frauds.
        clean: Payments that are not known to be fraud: number, cents, their squares.
        fresh: The same of those that wait.
        latest: When it last paid.
        step: When its trail last had a step, -1 before the first.
    """

    paid: Sums = field(default_factory=lambda: Sums(2))
    verdicts: Sums = field(default_factory=lambda: Sums(2))
    waiting: deque[Payment] = field(default_factory=deque)
    run: Run = field(default_factory=Run)
    clean: list[int] = field(default_factory=lambda: [0, 0, 0])
    fresh: list[int] = field(default_factory=lambda: [0, 0, 0])
    latest: int = -1
    step: int = -1

    def settle(self, now: int, delay: int) -> list[Payment]:
        """Take in the verdicts that are in by now, and return the payments they are of."""
        settled = []
        while self.waiting and self.waiting[0].seconds + delay <= now:
            payment = self.waiting.popleft()
            plain = payment.fraud and payment.excess == 0
            self.verdicts.add(payment.seconds, (int(payment.fraud), int(plain)))
            self.run.add(payment.seconds, payment.fraud, plain)
            for place, value in enumerate((1, payment.cents, payment.cents**2)):
                self.fresh[place] -= value
                self.clean[place] += 0 if payment.fraud else value
            settled.append(payment)
        return settled

    def facts(self, now: int, delay: int) -> list[int]:
        """Return `OWNER_FACTS` as of now; verdicts must be settled."""
        known = self.verdicts.windows(now - delay)
        return [*self.paid.windows(now), *known, _age(now, self.latest), *self.run.facts(now)]

    def add(self, payment: Payment) -> None:
        """Take in a payment."""
        self.paid.add(payment.seconds, (payment.cents, payment.excess))
        for place, value in enumerate((1, payment.cents, payment.cents**2)):
            self.fresh[place] += value
        self.waiting.append(payment)
        self.latest = payment.seconds


def _age(now: int, seconds: int) -> int:
    return now - seconds if seconds >= 0 else -1
