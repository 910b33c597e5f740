"""Holds: what must be kept stays, and is told; the rest goes, and all of it when the hold ends."""

from datetime import date, timedelta

import pytest

from cartveil.errors import ErasedError, InputError, IntegrityError, RefusedError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault, verify_receipt
from shop import ADMIN, ANNA, BOTH_STORES, OFFICER, ONE, ORDERS, POLICY, Clock

TAX = {"ground": "tax", "table": "orders", "until": date(2027, 12, 31)}


def later(clock: Clock, **span: float) -> None:
    clock.time += timedelta(**span)


@BOTH_STORES
def test_what_is_not_held_goes_and_the_receipt_says_what_stays(vault: Vault, keyring: Keyring) -> None:
    vault.hold(OFFICER, **TAX)
    receipt = vault.erase(OFFICER, "101")
    assert receipt["deleted"] == {"customers": 1, "orders": 0, "products": 0}
    assert receipt["kept"] == {"orders": {"rows": 6, "ground": "tax", "until": "2027-12-31"}}
    assert receipt["key"] == ""
    assert verify_receipt(receipt, public_key=keyring.public_key)["deleted"] == receipt["deleted"]
    assert vault.verify()["rows"] == 4 - 1 + 18


def test_what_is_held_of_an_erased_consumer_nobody_reads(vault: Vault) -> None:
    vault.hold(OFFICER, **TAX)
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.read(ANNA, "orders", "101", purpose="support")
    with pytest.raises(ErasedError):
        vault.access(ONE, "101")
    with pytest.raises(ErasedError):
        vault.put(ADMIN, "orders", ORDERS)
    assert vault.access(OFFICER, "101").tables["orders"].num_rows == 6


def test_erasing_again_changes_nothing_while_the_hold_lasts(vault: Vault) -> None:
    vault.hold(OFFICER, **TAX)
    receipt = vault.erase(OFFICER, "101")
    assert vault.erase(OFFICER, "101") == receipt
    assert vault.sweep(OFFICER)["erasures"] == 0
    vault.verify()


@pytest.mark.parametrize("how", ["sweep", "erase"])
def test_when_the_hold_ends_the_rest_goes(vault: Vault, clock: Clock, keyring: Keyring, how: str) -> None:
    vault.hold(OFFICER, **TAX)
    first = vault.erase(OFFICER, "101")
    later(clock, days=800)
    if how == "sweep":
        assert vault.sweep(OFFICER, dry_run=True)["erasures"] == 1
        assert vault.sweep(OFFICER)["erasures"] == 1
    last = vault.erase(OFFICER, "101")
    assert (last["deleted"]["orders"], "kept" in last, len(last["key"])) == (6, False, 64)
    assert last["subject"] == first["subject"]
    verify_receipt(last, public_key=keyring.public_key)
    assert vault.verify()["consumers"] == 3


def test_a_hold_on_one_consumer_is_not_on_others(vault: Vault) -> None:
    hold = vault.hold(OFFICER, ground="legal_claim", subject="101")
    assert vault.erase(OFFICER, "102")["deleted"]["orders"] == 6
    kept = vault.erase(OFFICER, "101")["kept"]
    assert {name: each["rows"] for name, each in kept.items()} == {"customers": 1, "orders": 6}
    assert kept["orders"]["ground"] == "legal_claim"
    vault.lift_hold(OFFICER, hold.id)
    assert vault.erase(OFFICER, "101")["deleted"] == {"customers": 1, "orders": 6, "products": 0}
    vault.verify()


def test_a_hold_by_age_keeps_what_is_young_enough(vault: Vault, clock: Clock) -> None:
    # Orders are of 1, 2 and 3 January 2026; the clock says 22 November.
    clock.time = clock.time.replace(month=1, day=12)
    vault.hold(OFFICER, ground="tax", table="orders", days=10)
    receipt = vault.erase(OFFICER, "101")
    assert (receipt["deleted"]["orders"], receipt["kept"]["orders"]["rows"]) == (4, 2)
    later(clock, days=1)
    assert vault.erase(OFFICER, "101")["deleted"] == {"customers": 0, "orders": 2, "products": 0}
    vault.verify()


def test_two_holds_on_the_same_rows_last_as_long_as_the_longer(vault: Vault, clock: Clock) -> None:
    vault.hold(OFFICER, **TAX)
    vault.hold(OFFICER, ground="investigation", subject="101", table="orders", until=date(2028, 6, 30))
    kept = vault.erase(OFFICER, "101")["kept"]["orders"]
    assert (kept["ground"], kept["until"]) == ("investigation tax", "2028-06-30")
    later(clock, days=500)
    assert vault.erase(OFFICER, "101")["kept"]["orders"]["ground"] == "investigation"
    vault.verify()


def test_a_plan_says_what_would_happen_and_does_nothing(vault: Vault) -> None:
    vault.hold(OFFICER, **TAX)
    before = vault.counts()
    plan = vault.plan_erasure(OFFICER, "101", affected=[lambda names: {"models": len(names)}])
    assert plan["tables"]["customers"] == {"deleted": 1, "kept": 0}
    assert plan["tables"]["orders"] == {"deleted": 0, "kept": 6, "ground": "tax", "until": "2027-12-31"}
    assert (plan["key"], plan["affected"]) == ("kept", [{"models": 0}])
    assert {**vault.counts(), "entries": 0} == {**before, "entries": 0}
    receipt = vault.erase(OFFICER, "101")
    assert receipt["deleted"] == {name: each["deleted"] for name, each in plan["tables"].items()}
    vault.verify()


def test_only_an_officer_holds_and_lifts(vault: Vault) -> None:
    for actor in (ADMIN, ANNA, ONE):
        with pytest.raises(RefusedError):
            vault.hold(actor, **TAX)
    hold = vault.hold(OFFICER, **TAX)
    with pytest.raises(RefusedError):
        vault.lift_hold(ADMIN, hold.id)
    assert [each.id for each in vault.holds(OFFICER)] == [hold.id]


@pytest.mark.parametrize(
    "asked",
    [{"ground": "tax"}, {"ground": "whim", "table": "orders"}, {"ground": "tax", "table": "customers", "days": 9}],
)
def test_a_hold_that_makes_no_sense_is_refused(vault: Vault, asked: dict[str, object]) -> None:
    with pytest.raises(InputError):
        vault.hold(OFFICER, **asked)


@pytest.mark.parametrize(
    "query", ["UPDATE holds SET until = '2026-01-01'", "DELETE FROM holds", "UPDATE holds SET lookup = 'somebody'"]
)
def test_a_hold_that_was_changed_in_the_file_is_noticed(vault: Vault, query: str) -> None:
    vault.hold(OFFICER, **TAX)
    vault._room.store.connection.execute(query)
    with pytest.raises(IntegrityError):
        vault.verify()


def test_a_held_erasure_is_held_in_a_restored_backup_too(
    vault: Vault, keyring: Keyring, clock: Clock, tmp_path
) -> None:
    vault.hold(OFFICER, **TAX)
    vault.backup(ADMIN, tmp_path / "backup")
    receipt = vault.erase(OFFICER, "101")
    vault.close()
    vault.path.unlink()
    with Vault.restore(tmp_path / "backup", vault.path, keyring, actor=ADMIN, clock=clock, policy=POLICY) as again:
        assert again.erase(OFFICER, "101") == receipt
        assert again.access(OFFICER, "101").tables["customers"].num_rows == 0
        assert again.verify()["rows"] == 4 - 1 + 18
        later(clock, days=800)
        assert again.erase(OFFICER, "101")["deleted"]["orders"] == 6
        again.verify()


@pytest.mark.parametrize("days", [36_526, 10**7, 10**12, -1, True, "5", 2.5])
def test_an_age_that_no_calendar_reaches_is_refused(vault: Vault, days: object) -> None:
    with pytest.raises(InputError, match="whole number"):
        vault.hold(OFFICER, ground="tax", table="orders", days=days)  # type: ignore[arg-type]
    assert vault.erase(OFFICER, "101")["deleted"]["orders"] == 6


def test_the_longest_age_still_lets_others_be_erased(vault: Vault) -> None:
    vault.hold(OFFICER, ground="tax", table="orders", days=36_525)
    assert vault.erase(OFFICER, "101")["kept"]["orders"]["rows"] == 6
    vault.verify()


@pytest.mark.parametrize("until", ["2027-12-31", 5])
def test_the_last_day_is_a_date(vault: Vault, until: object) -> None:
    with pytest.raises(InputError, match="date"):
        vault.hold(OFFICER, ground="tax", table="orders", until=until)  # type: ignore[arg-type]
