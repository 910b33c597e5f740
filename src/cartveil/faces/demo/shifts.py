"""The plan of some weeks of work: who looks at whom, when, on which screen, for which case.

A pure function of its arguments; nothing is read here. `cartveil.faces.demo.staff` carries the plan out.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from cartveil.errors import InputError
from cartveil.faces.demo.employees import (
    ACCOUNT_MANAGER,
    PEEK,
    SERVICE,
    SERVICE_SCREEN,
    STAFF,
    Employee,
    hire,
    next_task,
)
from cartveil.faces.demo.screens import Screen
from cartveil.guard.policy import Principal

_SATURDAY = 5
_SERVICE_SHARE = 0.14
_SERVICE_HOUR = 2
_FEWEST_CUSTOMERS, _FEWEST_DAYS = 50, 14


@dataclass(frozen=True)
class Look:
    """One planned read; `snooping` is the truth that nobody but the check may see."""

    time: datetime
    actor: Principal
    purpose: str
    screen: Screen
    subject: str
    case: str | None
    snooping: bool = False

    def context(self) -> dict[str, object]:
        """Return what the work tool tells the vault beside the request itself."""
        return {"case_open": False} if self.case is None else {"case_open": True, "case": self.case}


@dataclass(frozen=True)
class _Task:
    """One piece of work on one customer; `case` is None without one, "" where one is opened for it."""

    screens: tuple[Screen, ...]
    subject: str
    case: str | None = ""
    snooping: bool = False


@dataclass(frozen=True)
class _Office:
    """What the weeks hold in store: who snoops on whom, who calls again and again, which day is full.

    `callers` are (agent, customer, days): they look like snooping, but each has an open case.
    """

    seed: int
    customers: Sequence[str]
    activity: Sequence[float]
    working: tuple[datetime, ...]
    backlog: datetime
    snoop: str
    snooped: tuple[str, ...]
    snoop_days: frozenset[datetime]
    callers: tuple[tuple[str, str, tuple[datetime, ...]], ...]


def plan_looks(*, customers: Sequence[str], start: datetime, days: int, seed: int, reads: int) -> tuple[Look, ...]:
    """Return every read of everybody in order of time.

    Guarantees:
        - The same arguments give the same plan.
        - Nobody but the service reads at night or at the weekend; the snoop keeps to that too.
        - Peeks take the place of work: the snoop's volume stays what it was.
        - Peeks go to two or three customers, without a case, on the last six to eight working days.

    Raises:
        InputError: Fewer than 50 customers or 14 days.
    """
    if len(customers) < _FEWEST_CUSTOMERS or days < _FEWEST_DAYS:
        message = f"a staff needs at least {_FEWEST_CUSTOMERS} customers and {_FEWEST_DAYS} days"
        raise InputError(message, hint="pass more customers or more days")
    dates = [start + timedelta(days=day) for day in range(days)]
    office = _open(customers, tuple(day for day in dates if day.weekday() < _SATURDAY), seed=seed)
    by_people = reads * (1 - _SERVICE_SHARE)
    staff = hire(seed=seed, reads_a_day=by_people / (len(office.working) * len(STAFF)))
    looks = [look for person in staff for look in _weeks(person, office)]
    nightly = max(1, round(reads * _SERVICE_SHARE / days))
    looks += [look for night in dates for look in _night(night, office, count=nightly)]
    # The name breaks ties, so that the order does not hang on how the list was built.
    return tuple(sorted(looks, key=lambda look: (look.time, look.actor.name)))


def _open(customers: Sequence[str], working: tuple[datetime, ...], *, seed: int) -> _Office:
    random = Random(f"{seed}/office")
    agents = [name for name, role, _ in STAFF if role == "support" and name != ACCOUNT_MANAGER]
    snoop = random.choice(agents)
    called = random.sample([name for name in agents if name != snoop], 3)
    return _Office(
        seed=seed,
        customers=customers,
        # A few customers call often, most hardly ever: weights fall with the rank.
        activity=tuple(accumulate(1 / (rank + 40) for rank in range(len(customers)))),
        working=working,
        backlog=working[len(working) // 2 - 2],
        snoop=snoop,
        snooped=tuple(random.sample(customers[20:], random.choice((2, 3)))),
        snoop_days=frozenset(working[-random.randint(6, 8) :]),
        callers=tuple((agent, random.choice(customers[5:]), _stretch(working, random)) for agent in called),
    )


def _stretch(working: tuple[datetime, ...], random: Random) -> tuple[datetime, ...]:
    """Return three to five working days in a row, anywhere."""
    first = random.randrange(len(working) - 4)
    return working[first : first + random.randint(3, 5)]


def _weeks(person: Employee, office: _Office) -> Iterator[Look]:
    random = Random(f"{office.seed}/work/{person.name}")
    # One in three takes some days off; nobody whose days have a part in the story.
    needed = {office.snoop, *(agent for agent, *_ in office.callers)}
    on_leave = person.name not in needed and random.random() < 1 / 3
    leave = _stretch(office.working, random) if on_leave else ()
    for day in office.working:
        if day not in leave:
            yield from _day(person, day, office, random)


def _night(night: datetime, office: _Office, *, count: int) -> Iterator[Look]:
    random = Random(f"{office.seed}/night/{night:%Y%m%d}")
    moment = night + timedelta(hours=_SERVICE_HOUR, seconds=random.uniform(0, 300))
    for subject in random.sample(office.customers, min(count, len(office.customers))):
        yield Look(moment, SERVICE, "fulfilment", SERVICE_SCREEN, subject, _case("O", moment, random))
        moment += timedelta(seconds=random.uniform(0.5, 2.5))


def _day(person: Employee, day: datetime, office: _Office, random: Random) -> Iterator[Look]:
    busy = 1.7 if day == office.backlog and person.principal.role == "support" else 1.0
    target = max(4, round(person.pace * busy * random.gauss(1, 0.12)))
    tasks = _tasks(person, _extra(person, day, office, random), office, random, target=target)
    seen = day
    for moment, task in zip(_moments(person, day, random, count=len(tasks)), tasks, strict=True):
        case = _case(person.job.case_letter, moment, random) if task.case == "" else task.case
        # One task at a time: the next one waits until this one is done.
        seen = max(seen, moment)
        for screen in task.screens:
            yield Look(seen, person.principal, person.job.purpose, screen, task.subject, case, task.snooping)
            seen += timedelta(seconds=8 + random.lognormvariate(2.8, 0.5))


def _extra(person: Employee, day: datetime, office: _Office, random: Random) -> list[_Task]:
    """Return what only this person does on this day: repeat callers, or peeks."""
    tasks: list[_Task] = []
    for agent, caller, days in office.callers:
        if agent == person.name and day in days:
            case = _case("T", days[0], Random(f"{office.seed}/caller/{caller}"))
            tasks += [_Task(person.job.tasks["call"], caller, case)] * random.randint(2, 3)
    if person.name == office.snoop and day in office.snoop_days:
        tasks += [_Task(PEEK, random.choice(office.snooped), None, True) for _ in range(random.randint(2, 4))]
    return tasks


def _tasks(
    person: Employee, extra: Sequence[_Task], office: _Office, random: Random, *, target: int
) -> tuple[_Task, ...]:
    """Return the day's tasks in order, `extra` among them, until `target` reads are spent."""
    left = target - sum(len(task.screens) for task in extra)
    work: list[_Task] = []
    name: str | None = None
    while left > 0:
        name = next_task(person, name, random)
        subject = _customer(person, work, office, random)
        work.append(_Task(person.job.tasks[name], subject, "" if random.random() < person.ticketed else None))
        left -= len(work[-1].screens)
    for task in extra:
        work.insert(random.randint(0, len(work)), task)
    return tuple(work)


def _customer(person: Employee, work: Sequence[_Task], office: _Office, random: Random) -> str:
    """Return whom the next task is about: somebody of this morning, an account of one's own, or anybody."""
    if work and random.random() < 0.1:
        return random.choice(work).subject
    if person.name == ACCOUNT_MANAGER and random.random() < 0.35:
        return random.choice(office.customers[:5])
    return office.customers[bisect_left(office.activity, random.random() * office.activity[-1])]


def _moments(person: Employee, day: datetime, random: Random, *, count: int) -> list[datetime]:
    """Return when the tasks begin: within eight hours, with a break in the middle."""
    begin = person.starts + random.gauss(0, 0.15)
    hours = sorted(random.uniform(0, 7.4) for _ in range(count))
    return [day + timedelta(hours=begin + (hour if hour < 3.7 else hour + 0.6)) for hour in hours]


def _case(letter: str, moment: datetime, random: Random) -> str:
    """Return a case number; they grow with the time at which a case is opened."""
    return f"{letter}{int(moment.timestamp()) // 600 % 1_000_000:06d}{random.randrange(100):02d}"
