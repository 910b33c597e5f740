from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from cartveil.errors import RefusedError
from cartveil.events.kinds import Kind, Role
from cartveil.events.schema import Table, column_of
from cartveil.faces.demo.employees import ACCOUNT_MANAGER, SERVICE, STAFF
from cartveil.faces.demo.screens import Shop
from cartveil.faces.demo.shifts import Look, plan_looks
from cartveil.faces.demo.staff import simulate_staff

START = datetime(2011, 12, 12, tzinfo=UTC)
SHOP = Shop(
    Table("customers", "customers.csv", (column_of("id", Kind.USER_ID, role=Role.SUBJECT),)),
    Table("orders", "orders.csv", (column_of("buyer", Kind.USER_ID, role=Role.SUBJECT),)),
)
CUSTOMERS = [str(12346 + place) for place in range(600)]


def plan(seed: int = 7, reads: int = 8000, days: int = 28) -> tuple[Look, ...]:
    return plan_looks(customers=CUSTOMERS, start=START, days=days, seed=seed, reads=reads)


@pytest.fixture(scope="module", params=range(6))
def looks(request: pytest.FixtureRequest) -> tuple[Look, ...]:
    return plan(seed=request.param)


def snoop_of(looks: tuple[Look, ...]) -> str:
    return next(look.actor.name for look in looks if look.snooping)


def test_the_plan_hangs_on_its_arguments_alone() -> None:
    assert plan(seed=3) == plan(seed=3)
    assert plan(seed=3) != plan(seed=4)


@pytest.mark.parametrize("reads", [2000, 8000])
def test_about_as_many_reads_as_asked_for(reads: int) -> None:
    assert 0.85 * reads < len(plan(reads=reads)) < 1.15 * reads


def test_reads_come_in_order_of_time(looks: tuple[Look, ...]) -> None:
    assert [look.time for look in looks] == sorted(look.time for look in looks)


def test_everybody_works(looks: tuple[Look, ...]) -> None:
    assert {look.actor.name for look in looks} == {name for name, *_ in STAFF} | {SERVICE.name}


def test_people_keep_to_weekdays_and_daytime(looks: tuple[Look, ...]) -> None:
    people = [look.time for look in looks if look.actor.name != SERVICE.name]
    assert {time.weekday() for time in people} <= set(range(5))
    assert all(5 <= time.hour < 20 for time in people)


def test_one_support_employee_peeks_at_two_or_three_customers_without_a_case(looks: tuple[Look, ...]) -> None:
    peeks = [look for look in looks if look.snooping]
    assert len({look.actor.name for look in peeks}) == 1
    assert peeks[0].actor.role == "support"
    assert peeks[0].actor.name != ACCOUNT_MANAGER
    assert 2 <= len({look.subject for look in peeks}) <= 3
    assert {look.case for look in peeks} == {None}


def test_the_snooping_is_in_the_last_six_to_eight_working_days(looks: tuple[Look, ...]) -> None:
    working = sorted({look.time.date() for look in looks if look.time.weekday() < 5})
    days = sorted({look.time.date() for look in looks if look.snooping})
    assert 6 <= len(days) <= 8
    assert days == working[-len(days) :]


def test_the_snoop_reads_as_much_as_before(looks: tuple[Look, ...]) -> None:
    snoop, first = snoop_of(looks), min(look.time.date() for look in looks if look.snooping)
    a_day = Counter(look.time.date() for look in looks if look.actor.name == snoop)
    before = [count for day, count in a_day.items() if day < first]
    since = [count for day, count in a_day.items() if day >= first]
    assert 0.75 < (sum(since) / len(since)) / (sum(before) / len(before)) < 1.25


def test_the_account_manager_looks_like_a_snoop_from_the_first_day(looks: tuple[Look, ...]) -> None:
    days = defaultdict(set)
    for look in looks:
        if look.actor.name == ACCOUNT_MANAGER and look.subject in CUSTOMERS[:5]:
            days[look.subject].add(look.time.date())
    assert max(map(len, days.values())) >= 8


def test_repeat_callers_have_one_open_case(looks: tuple[Look, ...]) -> None:
    snoop = snoop_of(looks)
    same = Counter(
        (look.actor.name, look.subject, look.case) for look in looks if look.case and look.actor.name != snoop
    )
    assert sum(count >= 10 for count in same.values()) >= 2


def test_refusals_are_counted_and_do_not_stop_the_work() -> None:
    done = []

    def read_many(wishes):
        today = list(wishes)
        done.extend(today)
        return [RefusedError("not permitted") if wish.actor.role == "marketing" else None for wish in today]

    report = simulate_staff(
        read_many, SHOP, customers=CUSTOMERS, start=START, days=14, seed=1, reads=1000, set_clock=lambda _: None
    )
    assert report.reads == len(done) == sum(report.by_actor.values())
    assert report.refused == {"ivo": report.by_actor["ivo"]}


def test_the_report_tells_which_reads_were_snooping() -> None:
    done, clock = [], []

    def read_many(wishes):
        today = [(wish, clock[-1]) for wish in wishes]
        done.extend(today)
        return [None] * len(today)

    report = simulate_staff(read_many, SHOP, customers=CUSTOMERS, start=START, seed=1, set_clock=clock.append)
    peeks = [done[place] for place in report.snoop_reads]
    assert {wish.actor.name for wish, _ in peeks} == {report.snoop}
    assert tuple(sorted({wish.subject for wish, _ in peeks})) == report.snooped
    assert tuple(sorted({time.date() for _, time in peeks})) == report.snoop_days
    assert all(wish.context == {"case_open": False} for wish, _ in peeks)
    assert clock == sorted(clock)
