"""A small shop in a vault, and the people who ask: for every test that needs a vault."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.policy import Policy, Principal
from cartveil.guard.store import PostgreSQLStore
from cartveil.guard.vault import Vault

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.customers.columns]
    customer = { kind = "user_id", role = "subject" }
    name = "person_name"
    phone = "phone"
    birth = "birth_date"
    vip = { kind = "category" }
    consent = { kind = "consent", role = "consent" }
    code = "card_code"
    minor = "minor_flag"

    [tables.orders.columns]
    order = { kind = "order_id", role = "order" }
    customer = { kind = "user_id", role = "subject" }
    item = { kind = "product", role = "item" }
    quantity = { kind = "quantity", role = "quantity" }
    price = { kind = "amount", role = "amount" }
    time = { kind = "event_time", role = "time" }
    note = "free_text"

    [tables.products.columns]
    item = "product"
    supplier = "company"
    contact = "email"
    """
)

POLICY = Policy.load()

ADMIN = Principal("root", "admin")
ANNA = Principal("anna", "support")
MAX = Principal("max", "marketing")
ONE = Principal("101", "consumer")
SCIENCE = Principal("pipeline", "data_science")
OFFICER = Principal("olga", "privacy_officer")
CASE = {"case": "C-7", "case_open": True}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def at(self, hour: int) -> None:
        self.time = self.time.replace(hour=hour)


CUSTOMERS = pa.table(
    {
        "customer": pa.array([101, 102, 103, 104], pa.int64()),
        "name": ["张三丰", "Ann Smith", "李雷", None],
        "phone": ["13800138000", "+44 7700 900123", "13900139000", None],
        "birth": ["1980-02-03", "1991-12-31", None, None],
        "vip": [True, False, None, True],
        "consent": ["recommendation;marketing", "marketing", "recommendation", None],
    }
)


def orders() -> pa.Table:
    """Three orders of two lines for each of 101, 102, 103."""
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)
    lines = [(buyer, order, line) for buyer in (101, 102, 103) for order in range(3) for line in range(2)]
    return pa.table(
        {
            "order": [f"A{buyer}{order}" for buyer, order, _ in lines],
            "customer": pa.array([float(buyer) for buyer, _, _ in lines]),
            "item": [f"item {line}" for _, _, line in lines],
            "quantity": pa.array([order + 1 for _, order, _ in lines], pa.int32()),
            "price": [10.0 + line for _, _, line in lines],
            "time": pa.array([start + timedelta(days=order) for _, order, _ in lines], pa.timestamp("us", "UTC")),
            "note": ["ring 13800138000" if line else None for _, _, line in lines],
        }
    )


ORDERS = orders()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keyring", "correct horse", tenant="shop", profile=ScryptProfile("test", cost=2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.vault"


#: For tests of what must hold whatever lies under the vault; the others use a file.
BOTH_STORES = pytest.mark.parametrize("under", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def under(request: pytest.FixtureRequest) -> str:
    """Return what lies under the vault; see `BOTH_STORES`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def place(under: str, request: pytest.FixtureRequest) -> Path | str:
    """Return where the vault lies: a path, or the address of a schema."""
    return str(request.getfixturevalue("address")) if under == "postgresql" else request.getfixturevalue("path")


def opened(place: Path | str, keyring: Keyring, clock: Clock | None = None) -> Vault:
    """Open the vault of a place once more."""
    store = PostgreSQLStore.open(place) if isinstance(place, str) else place
    return Vault.open(store, keyring, clock=clock or Clock(), policy=POLICY)


@pytest.fixture
def empty(place: Path | str, keyring: Keyring, clock: Clock) -> Iterator[Vault]:
    store = PostgreSQLStore.create(place, survive_power_loss=False) if isinstance(place, str) else place
    with Vault.create(store, keyring, SCHEMA, clock=clock, policy=POLICY, survive_power_loss=False) as vault:
        yield vault


@pytest.fixture
def vault(empty: Vault) -> Vault:
    empty.put(ADMIN, "customers", CUSTOMERS)
    empty.put(ADMIN, "orders", ORDERS)
    return empty
