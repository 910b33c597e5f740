"""Who works in a made-up staff, and how: roles, screens, and the private habits of each employee.

Everybody here is made up. Habits differ from person to person and stay the same from day to day, which is what
makes a detector of unusual access possible at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from cartveil.events.kinds import Kind, Role
from cartveil.faces.demo.screens import Screen
from cartveil.guard.policy import Principal


@dataclass(frozen=True)
class Job:
    """What a role does all day: its purpose, the letter of its cases, and its tasks as sequences of screens."""

    purpose: str
    case_letter: str
    tasks: Mapping[str, tuple[Screen, ...]]


@dataclass(frozen=True)
class Employee:
    """One person, with habits: `starts` in hours after midnight, `pace` in reads a day, `ticketed` in share of tasks.

    `chain` gives, for the task just done, the weights of the tasks that may follow it.
    """

    principal: Principal
    job: Job
    starts: float
    pace: float
    ticketed: float
    chain: Mapping[str, tuple[float, ...]]

    @property
    def name(self) -> str:
        """Return the name that the audit log knows."""
        return str(self.principal.name)


_CONTACT = Screen("person", (Kind.PERSON_NAME, Kind.PHONE, Kind.EMAIL))
_LABEL = Screen("person", (Kind.PERSON_NAME, Kind.PHONE, Kind.ADDRESS))
_NOTE = Screen("person", (Kind.FREE_TEXT,))
_PROFILE = Screen("person", (Kind.PERSON_NAME, Kind.EMAIL, Kind.BIRTH_DATE))
_CONSENT = Screen("person", (Role.CONSENT, Kind.ADDRESS, Kind.BIRTH_DATE))
_PAYMENT = Screen("person", (Kind.PERSON_NAME, Kind.PAYMENT_CARD, Kind.EMAIL))
_IDENTITY = Screen("person", (Kind.PERSON_NAME, Kind.ID_NUMBER, Kind.BIRTH_DATE))
_ORDERS = Screen("purchases", (Role.ORDER, Role.TIME, Role.DESCRIPTION))
_LINES = Screen("purchases", (Role.ORDER, Role.ITEM, Role.QUANTITY))
_BASKET = Screen("purchases", (Role.TIME, Role.DESCRIPTION, Role.QUANTITY))
_AMOUNTS = Screen("purchases", (Role.TIME, Role.AMOUNT, Role.QUANTITY))

JOBS: dict[str, Job] = {
    "support": Job(
        "support",
        "T",
        {
            "call": (_CONTACT, _ORDERS),
            "delivery": (_ORDERS, _LABEL, _NOTE),
            "return": (_ORDERS, _CONTACT),
            "details": (_CONTACT, _PROFILE),
        },
    ),
    "fulfilment": Job(
        "fulfilment", "O", {"pack": (_LINES, _LABEL), "courier": (_LABEL, _NOTE), "missing": (_LINES, _LABEL, _NOTE)}
    ),
    "marketing": Job("marketing", "C", {"segment": (_CONSENT, _BASKET), "campaign": (_CONSENT,), "taste": (_BASKET,)}),
    "analyst": Job("analytics", "C", {"basket": (_BASKET,), "value": (_AMOUNTS, _BASKET), "region": (_CONSENT,)}),
    "fraud_review": Job(
        "fraud_review", "F", {"payment": (_PAYMENT, _AMOUNTS), "identity": (_IDENTITY, _PAYMENT), "orders": (_AMOUNTS,)}
    ),
}

#: Name, role and team of everybody. The account manager is support staff who looks at the same few customers always.
STAFF: tuple[tuple[str, str, str], ...] = (
    ("amina", "support", "phone"),
    ("bruno", "support", "phone"),
    ("chen", "support", "phone"),
    ("dora", "support", "mail"),
    ("elif", "support", "mail"),
    ("farid", "support", "key accounts"),
    ("gao", "fulfilment", "warehouse"),
    ("hanna", "fulfilment", "warehouse"),
    ("ivo", "marketing", "campaigns"),
    ("jun", "analyst", "insight"),
    ("kofi", "fraud_review", "risk"),
    ("lena", "fraud_review", "risk"),
)

ACCOUNT_MANAGER = "farid"

#: A peek is two ordinary support screens: what gives it away is the customer and the missing case.
PEEK: tuple[Screen, ...] = (_CONTACT, _ORDERS)

#: The nightly service that prints tomorrow's labels.
SERVICE = Principal(name="label-printer", role="fulfilment", attributes={"team": "service"})
SERVICE_SCREEN = _LABEL


def hire(*, seed: int, reads_a_day: float) -> tuple[Employee, ...]:
    """Return the staff, each with habits drawn from the seed and the name.

    Args:
        seed: Draws the habits; the same seed gives the same people.
        reads_a_day: Mean over the staff.
    """
    return tuple(_employee(*person, seed=seed, reads_a_day=reads_a_day) for person in STAFF)


def _employee(name: str, role: str, team: str, *, seed: int, reads_a_day: float) -> Employee:
    random = Random(f"{seed}/habits/{name}")
    job = JOBS[role]
    # A warehouse starts early, an analyst late.
    earliest = {"fulfilment": 6.0, "support": 7.5}.get(role, 8.5)
    return Employee(
        principal=Principal(name=name, role=role, attributes={"team": team}),
        job=job,
        starts=earliest + random.uniform(0, 2),
        pace=reads_a_day * random.uniform(0.7, 1.3),
        ticketed=random.uniform(0.93, 0.99),
        chain={task: _weights(random, len(job.tasks)) for task in job.tasks},
    )


def _weights(random: Random, size: int) -> tuple[float, ...]:
    # A flat Dirichlet sharpened: people have favourites, nobody does one thing only.
    return tuple(0.1 + random.gammavariate(0.8, 1.0) for _ in range(size))


def next_task(employee: Employee, last: str | None, random: Random) -> str:
    """Draw the next task from the employee's own chain."""
    names = tuple(employee.job.tasks)
    if last is None:
        return random.choice(names)
    return random.choices(names, weights=employee.chain[last])[0]
