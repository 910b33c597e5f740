"""Whatever is asked, in whatever order: log, rows, holds and erasures agree, and nobody who was erased comes back."""

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import CartveilError, ErasedError
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rights.budget_lines import all_lines
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, ORDERS, POLICY, SCHEMA, SCIENCE, Clock

WHO = st.sampled_from(["101", "102", "103"])
ACTS = st.one_of(
    st.tuples(st.just("erase"), WHO),
    st.tuples(st.just("erase_many"), st.lists(WHO, min_size=1, max_size=3)),
    st.tuples(st.just("hold"), WHO),
    st.tuples(st.just("hold_table"), st.sampled_from(["orders", "customers"])),
    st.tuples(st.just("lift"), st.integers(0, 3)),
    st.tuples(st.just("restrict"), WHO),
    st.tuples(st.just("free"), WHO),
    st.tuples(st.just("correct"), WHO),
    st.tuples(st.just("file"), WHO),
    st.tuples(st.just("answer"), st.integers(0, 3)),
    st.tuples(st.just("sweep"), st.booleans()),
    st.tuples(st.just("put"), WHO),
    st.tuples(st.just("grant"), st.integers(1, 4)),
    st.tuples(st.just("spend"), st.integers(1, 4)),
    st.tuples(st.just("settle"), st.integers(0, 3)),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("reopen"), st.none()),
)


def wait(clock: Clock, days: int) -> None:
    clock.time += timedelta(days=days)


def one_of(found: list, place: int) -> str:
    """Return the name of one hold or request, or one that is not there."""
    return found[place % len(found)].id if found else "none"


def orders_of(subject: str) -> pa.Table:
    return ORDERS.slice(6 * (int(subject) - 101), 6)


#: What each act does, given the vault, the clock and which.
DO = {
    "erase": lambda vault, clock, who: vault.erase(OFFICER, who),
    "erase_many": lambda vault, clock, who: vault.erase_many(OFFICER, who),
    "hold": lambda vault, clock, who: vault.hold(
        OFFICER, ground="legal_claim", subject=who, until=(clock.time + timedelta(30)).date()
    ),
    "hold_table": lambda vault, clock, table: vault.hold(OFFICER, ground="tax", table=table),
    "lift": lambda vault, clock, place: vault.lift_hold(OFFICER, one_of(vault.holds(OFFICER), place)),
    "restrict": lambda vault, clock, who: vault.restrict(OFFICER, who, ground="claim"),
    "free": lambda vault, clock, who: vault.lift_restriction(OFFICER, who),
    "correct": lambda vault, clock, who: vault.correct(OFFICER, "orders", who, {"price": 1.0, "note": "nobody"}),
    "file": lambda vault, clock, who: vault.file_request(OFFICER, who, kind="erase"),
    "answer": lambda vault, clock, place: vault.fulfil(OFFICER, one_of(vault.requests(OFFICER, state="open"), place)),
    "sweep": lambda vault, clock, dry: vault.sweep(OFFICER, dry_run=dry),
    "put": lambda vault, clock, who: vault.put(ADMIN, "orders", orders_of(who)),
    "grant": lambda vault, clock, much: vault.grant_budget(OFFICER, "orders", **FOR, epsilon=much, delta=1e-6),
    "spend": lambda vault, clock, much: vault.reserve_budget(SCIENCE, "orders", **FOR, epsilon=much, delta=1e-7),
    "settle": lambda vault, clock, place: vault.settle_budget(
        SCIENCE, one_of(all_lines(vault._room), place), epsilon=0.5, delta=0
    ),
    "release": lambda vault, clock, place: vault.release_budget(
        OFFICER, one_of(all_lines(vault._room), place), epsilon=0.25, delta=0
    ),
    "wait": lambda vault, clock, days: wait(clock, days),
}
FOR = {"purpose": "recommendation"}


@settings(max_examples=25, deadline=None)
@given(acts=st.lists(ACTS, max_size=12))
def test_everything_agrees_after_every_act(
    acts: list[tuple[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, clock = tmp_path_factory.mktemp("shop"), Clock()
    keyring = Keyring.create(home / "keyring", "phrase", tenant="shop", profile=ScryptProfile("test", cost=2))
    vault = Vault.create(home / "v", keyring, SCHEMA, clock=clock, policy=POLICY, survive_power_loss=False)
    erased: set[str] = set()
    try:
        vault.put(ADMIN, "customers", CUSTOMERS)
        vault.put(ADMIN, "orders", ORDERS)
        for what, which in acts:
            if what == "reopen":
                vault.close()
                vault = Vault.open(home / "v", keyring, clock=clock, policy=POLICY)
                continue
            try:
                DO[what](vault, clock, which)
                if what.startswith("erase"):
                    erased |= {which} if isinstance(which, str) else set(which)
            except CartveilError:
                pass
        vault.verify()
        assert all(budget.epsilon_left >= 0 for budget in vault.budgets(OFFICER))
        for subject in erased:
            with pytest.raises(ErasedError):
                vault.read(ANNA, "orders", subject, purpose="support")
    finally:
        vault.close()
