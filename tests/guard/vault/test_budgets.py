"""The ledger of privacy budgets: who grants, who spends, what is left, and that nobody changes it unseen."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rights import budgets
from cartveil.guard.vault.rights.budget_lines import Line, all_lines
from shop import ADMIN, BOTH_STORES, MAX, OFFICER, SCIENCE

FOR = {"purpose": "recommendation"}


def grant(vault: Vault, epsilon: float = 8, delta: float = 1e-5) -> None:
    vault.grant_budget(OFFICER, "orders", **FOR, epsilon=epsilon, delta=delta)


def reserve(vault: Vault, epsilon: float = 3, delta: float = 1e-6, who: Principal = SCIENCE) -> Line:
    return vault.reserve_budget(who, "orders", **FOR, epsilon=epsilon, delta=delta)


def left(vault: Vault) -> tuple[float, float]:
    (budget,) = vault.budgets(OFFICER)
    return budget.epsilon_left, budget.delta_left


@BOTH_STORES
def test_what_is_reserved_is_gone_whatever_was_used(vault: Vault) -> None:
    grant(vault)
    line = reserve(vault, 4, 2e-6)
    assert left(vault) == (4, 8e-6)
    settled = vault.settle_budget(SCIENCE, line.id, epsilon=3.25, delta=1e-6)
    assert (settled.state, settled.epsilon, settled.delta) == ("spent", "4", "0.000002")
    (budget,) = vault.budgets(SCIENCE)
    assert (budget.epsilon_left, budget.delta_left, budget.reserved, budget.spent) == (4, 8e-6, 0, 1)
    vault.verify()


def test_who_trains_again_and_again_and_says_it_cost_nothing_is_refused(vault: Vault) -> None:
    grant(vault, 4, 1e-5)
    line = reserve(vault, 4, 1e-6)
    vault.settle_budget(SCIENCE, line.id, epsilon=0, delta=0)
    with pytest.raises(RefusedError, match="epsilon 0 of 4"):
        reserve(vault, 4, 1e-6)


@BOTH_STORES
@pytest.mark.parametrize("settled", [False, True])
def test_an_officer_releases_what_was_not_used(vault: Vault, settled: bool) -> None:
    grant(vault)
    line = reserve(vault, 4, 2e-6)
    if settled:
        vault.settle_budget(SCIENCE, line.id, epsilon=1, delta=1e-6)
    with pytest.raises(InputError, match="more than was reserved"):
        vault.release_budget(OFFICER, line.id, epsilon=4.5, delta=0)
    released = vault.release_budget(OFFICER, line.id, epsilon=1.5, delta=1e-6)
    assert (released.state, released.epsilon, released.actor) == ("spent", "1.5", SCIENCE.name)
    (budget,) = vault.budgets(OFFICER)
    assert (budget.epsilon_left, budget.delta_left, budget.reserved, budget.spent) == (6.5, 9e-6, 0, 1)
    vault.verify()
    with pytest.raises(InputError, match="more than was reserved"):  # nothing is taken back
        vault.release_budget(OFFICER, line.id, epsilon=2, delta=1e-6)
    with pytest.raises(InputError, match="settled already"):
        vault.settle_budget(SCIENCE, line.id, epsilon=1, delta=1e-6)


@pytest.mark.parametrize("who", [SCIENCE, MAX, ADMIN])
def test_only_an_officer_releases(vault: Vault, who: Principal) -> None:
    grant(vault)
    line = reserve(vault)
    with pytest.raises(RefusedError):
        vault.release_budget(who, line.id, epsilon=0, delta=0)
    with pytest.raises(InputError, match="no such reservation"):
        vault.release_budget(OFFICER, "nothing", epsilon=0, delta=0)
    assert left(vault)[0] == 5
    vault.verify()


def test_a_grant_is_no_reservation(vault: Vault) -> None:
    grant(vault)
    (line,) = all_lines(vault._room)
    for act in (vault.release_budget, vault.settle_budget):
        with pytest.raises(InputError, match="no such reservation"):
            act(OFFICER, line.id, epsilon=0, delta=0)


@BOTH_STORES
def test_a_refusal_names_what_is_left_and_changes_nothing(vault: Vault) -> None:
    grant(vault)
    reserve(vault, 6.5, 4e-6)
    with pytest.raises(RefusedError, match=r"epsilon 1\.5 of 8 and delta 6e-06 of 1e-05 are left") as caught:
        reserve(vault, 2, 1e-6)
    assert caught.value.path == "orders for recommendation"
    with pytest.raises(RefusedError, match="asked for are 1 and 7e-06"):
        reserve(vault, 1, 7e-6)
    assert left(vault) == (1.5, 6e-6)
    denied = [line["rule"] for line in vault.audit_events(OFFICER).to_pylist() if line["decision"] == "deny"]
    assert denied == ["budget-spent", "budget-spent"]
    vault.verify()


def test_all_of_a_budget_can_be_spent_and_no_more(vault: Vault) -> None:
    grant(vault, 0.3, 3e-6)
    for _ in range(3):
        reserve(vault, 0.1, 1e-6)
    assert left(vault) == (0, 0)
    with pytest.raises(RefusedError, match=r"epsilon 0 of 0\.3"):
        reserve(vault, 1e-6, 0)


def test_without_a_grant_nothing_is_spent(vault: Vault) -> None:
    with pytest.raises(RefusedError, match="no budget was granted"):
        reserve(vault)
    grant(vault)
    with pytest.raises(RefusedError, match="no budget was granted"):
        vault.reserve_budget(SCIENCE, "orders", purpose="forecast", epsilon=1, delta=0)
    with pytest.raises(RefusedError, match="no budget was granted"):
        vault.reserve_budget(SCIENCE, "customers", **FOR, epsilon=1, delta=0)


def test_grants_add_up(vault: Vault) -> None:
    grant(vault, 1, 1e-6)
    now = vault.grant_budget(OFFICER, "orders", **FOR, epsilon=2.5, delta=1e-6)
    assert (now.epsilon, now.delta, now.epsilon_left) == (3.5, 2e-6, 3.5)


@pytest.mark.parametrize("who", [SCIENCE, MAX, ADMIN])
def test_only_an_officer_grants(vault: Vault, who: Principal) -> None:
    with pytest.raises(RefusedError):
        vault.grant_budget(who, "orders", **FOR, epsilon=1, delta=1e-6)
    assert vault.budgets(OFFICER) == []


@pytest.mark.parametrize("who", [OFFICER, MAX, ADMIN])
def test_only_data_science_spends(vault: Vault, who: Principal) -> None:
    grant(vault)
    with pytest.raises(RefusedError):
        reserve(vault, who=who)
    with pytest.raises(RefusedError):
        vault.reserve_budget(SCIENCE, "orders", purpose="marketing", epsilon=1, delta=0)
    assert left(vault)[0] == 8


def test_others_do_not_see_budgets(vault: Vault) -> None:
    with pytest.raises(RefusedError):
        vault.budgets(MAX)


def test_a_reservation_settles_once_by_whoever_made_it_and_never_above(vault: Vault) -> None:
    grant(vault)
    line = reserve(vault, 3, 1e-6)
    with pytest.raises(RefusedError, match="somebody else"):
        vault.settle_budget(Principal("other", "data_science"), line.id, epsilon=0, delta=0)
    for more in ({"epsilon": 3.000001, "delta": 0}, {"epsilon": 1, "delta": 2e-6}):
        with pytest.raises(InputError, match="more than was reserved"):
            vault.settle_budget(SCIENCE, line.id, **more)
    assert left(vault)[0] == 5
    vault.settle_budget(SCIENCE, line.id, epsilon=1, delta=1e-6)
    with pytest.raises(InputError, match="settled already"):
        vault.settle_budget(SCIENCE, line.id, epsilon=0, delta=0)
    with pytest.raises(InputError, match="no such reservation"):
        vault.settle_budget(SCIENCE, "nothing", epsilon=0, delta=0)
    vault.verify()


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e7, True, "4", None])
def test_what_is_no_epsilon_is_refused(vault: Vault, value: object) -> None:
    grant(vault)
    for act in (reserve, grant):
        with pytest.raises(InputError) as caught:
            act(vault, value)  # type: ignore[operator]
        assert caught.value.path == "epsilon"
    with pytest.raises(InputError):
        reserve(vault, 1, value if value != 1e7 else 1)  # type: ignore[arg-type]


def test_a_purpose_or_a_table_that_nobody_knows_is_refused(vault: Vault) -> None:
    with pytest.raises(InputError, match="unknown purpose"):
        vault.grant_budget(OFFICER, "orders", purpose="curiosity", epsilon=1, delta=1e-6)
    with pytest.raises(InputError):
        vault.grant_budget(OFFICER, "nothing", **FOR, epsilon=1, delta=1e-6)


@given(st.floats(0, 1e5), st.floats(0, 0.99))
def test_costs_are_rounded_up_and_grants_down(epsilon: float, delta: float) -> None:
    wish = {"epsilon": epsilon, "delta": delta}
    cost, granted = budgets._figures(wish, up=True), budgets._figures(wish, up=False)
    for name, value in wish.items():
        assert Decimal(granted[name]) <= Decimal(str(value)) <= Decimal(cost[name])
        assert Decimal(cost[name]) - Decimal(granted[name]) <= Decimal("1e-6")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["grant", "reserve", "settle", "release"]), st.integers(0, 30), st.integers(0, 3))
    )
)
def test_the_ledger_counts_as_a_plain_sum_does(empty: Vault, acts: list[tuple[str, int, int]]) -> None:
    """Amounts are tenths, which no float holds; each example uses the budget where the last one left it."""
    found = empty.budgets(OFFICER)
    granted, open_ = (round(10 * found[0].epsilon), {}) if found else (0, {})
    gone = granted - round(10 * found[0].epsilon_left) if found else 0
    for act, tenths, place in acts:
        name = list(open_)[place % len(open_)] if open_ else ""
        fits = {
            "grant": tenths > 0,
            "reserve": granted > 0 and tenths <= granted - gone,
            "settle": bool(name) and tenths <= open_.get(name, 0),
            "release": bool(name) and tenths <= open_.get(name, 0),
        }[act]
        try:
            if act == "grant":
                grant(empty, tenths / 10)
                granted += tenths
            elif act == "reserve":
                open_[reserve(empty, tenths / 10, 0).id] = tenths
                gone += tenths
            elif act == "settle":
                empty.settle_budget(SCIENCE, name, epsilon=tenths / 10, delta=0)
                del open_[name]
            else:
                empty.release_budget(OFFICER, name, epsilon=tenths / 10, delta=0)
                gone += tenths - open_.pop(name)
            assert fits, act
        except (InputError, RefusedError):
            assert not fits, act
    if granted:
        assert left(empty)[0] == pytest.approx((granted - gone) / 10, abs=1e-12)
    empty.verify()


CHANGES = {
    "less was spent": "UPDATE budgets SET epsilon = '0.1' WHERE state = 'reserved'",
    "more was granted": "UPDATE budgets SET epsilon = '80' WHERE state = 'granted'",
    "for another purpose": "UPDATE budgets SET purpose = 'forecast' WHERE state = 'reserved'",
    "it was a grant": "UPDATE budgets SET state = 'granted' WHERE state = 'reserved'",
    "nothing was spent": "DELETE FROM budgets WHERE state = 'reserved'",
    "nothing was there": "DELETE FROM budgets",
}


@BOTH_STORES
@pytest.mark.parametrize("change", CHANGES)
def test_a_ledger_that_was_changed_spends_nothing_more(vault: Vault, change: str) -> None:
    grant(vault)
    reserve(vault)
    vault._room.store.execute(CHANGES[change])
    for act in (reserve, grant, Vault.verify, lambda vault: vault.budgets(OFFICER)):
        with pytest.raises(IntegrityError, match="budget"):
            act(vault)


def test_a_line_that_is_put_back_as_it_was_before_is_noticed(vault: Vault) -> None:
    grant(vault)
    line = reserve(vault, 3, 1e-6)
    store = vault._room.store
    (old,) = store.execute("SELECT * FROM budgets WHERE id = ?", (line.id,)).fetchall()
    vault.settle_budget(SCIENCE, line.id, epsilon=2, delta=1e-6)
    store.execute("DELETE FROM budgets WHERE id = ?", (line.id,))
    store.execute(f"INSERT INTO budgets VALUES ({', '.join('?' * len(old))})", old)  # noqa: S608 - marks only
    with pytest.raises(IntegrityError, match="not what the log says"):
        reserve(vault)


@BOTH_STORES
def test_the_log_tells_each_act(vault: Vault) -> None:
    grant(vault, 8, 1e-5)
    line = reserve(vault, 3, 1e-6)
    vault.settle_budget(SCIENCE, line.id, epsilon=2.5, delta=1e-6)
    vault.release_budget(OFFICER, line.id, epsilon=2.5, delta=1e-6)
    said = [
        (entry["actor"], entry["action"], entry["table"], entry["purpose"], entry["session"])
        for entry in vault.audit_events(OFFICER).to_pylist()
        if "budget" in entry["action"]
    ]
    assert said == [
        ("olga", "grant_budget", "orders", "recommendation", "granted/epsilon=8/delta=0.00001"),
        ("pipeline", "spend_budget", "orders", "recommendation", "reserved/epsilon=3/delta=0.000001"),
        (
            "pipeline",
            "spend_budget",
            "orders",
            "recommendation",
            "spent/epsilon=3/delta=0.000001/used/epsilon=2.5/delta=0.000001",
        ),
        ("olga", "grant_budget", "orders", "recommendation", "spent/epsilon=2.5/delta=0.000001"),
    ]
