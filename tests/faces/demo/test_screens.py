from cartveil.events.kinds import Kind, Role
from cartveil.events.schema import parse_schema
from cartveil.faces.demo.employees import JOBS
from cartveil.faces.demo.screens import Screen, Shop

PEOPLE, SALES = parse_schema(
    """
    [tables.people.columns]
    number = { kind = "user_id", role = "subject" }
    called = "person_name"
    phone = "phone"
    second = "phone"
    agreed = { kind = "consent", role = "consent" }
    [tables.sales.columns]
    buyer = { kind = "user_id", role = "subject" }
    at = { kind = "event_time", role = "time" }
    what = { kind = "product", role = "item" }
    """
).tables
SHOP = Shop(PEOPLE, SALES)


def test_a_screen_shows_the_shops_own_columns_in_the_screens_order() -> None:
    assert SHOP.shown(Screen("person", (Kind.PHONE, Kind.PERSON_NAME))) == ("people", ("phone", "called"))
    assert SHOP.shown(Screen("purchases", (Role.ITEM, Role.TIME))) == ("sales", ("what", "at"))


def test_what_the_shop_does_not_keep_is_not_shown() -> None:
    assert SHOP.shown(Screen("person", (Kind.EMAIL, Kind.PHONE))) == ("people", ("phone",))


def test_a_screen_that_would_be_empty_shows_the_customers_number() -> None:
    assert SHOP.shown(Screen("person", (Kind.FREE_TEXT,))) == ("people", ("number",))


def test_one_table_can_be_both() -> None:
    shop = Shop(SALES, SALES)
    assert shop.shown(Screen("person", (Kind.PERSON_NAME,))) == ("sales", ("buyer",))


def test_every_screen_of_every_job_shows_something() -> None:
    screens = {screen for job in JOBS.values() for task in job.tasks.values() for screen in task}
    assert all(SHOP.shown(screen)[1] for screen in screens)
