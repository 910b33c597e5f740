"""Restriction: kept, but used for nothing more."""

import pytest

from cartveil.errors import InputError, IntegrityError, RefusedError, UnknownSubjectError
from cartveil.guard.vault import Vault
from shop import ANNA, BOTH_STORES, CASE, MAX, OFFICER, ONE, SCIENCE, Clock


def test_a_restricted_consumer_is_read_by_themselves_alone(vault: Vault) -> None:
    vault.restrict(ONE, "101", ground="objection")
    with pytest.raises(RefusedError, match="restricted"):
        vault.read(ANNA, "orders", "101", purpose="support")
    with pytest.raises(RefusedError, match="restricted"):
        vault.reveal(ANNA, "orders", "101", fields=["note"], purpose="support", context=CASE)
    assert vault.read(ONE, "orders", "101", purpose="self_service").rows.num_rows == 6
    assert vault.access(OFFICER, "101").tables["orders"].num_rows == 6
    assert vault.read(ANNA, "orders", "102", purpose="support").rows.num_rows == 6


def test_the_refusal_is_written_down_with_its_rule(vault: Vault) -> None:
    vault.restrict(OFFICER, "101", ground="accuracy")
    with pytest.raises(RefusedError):
        vault.read(ANNA, "orders", "101", purpose="support")
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert (entry["action"], entry["decision"], entry["rule"], entry["rows"]) == ("read", "deny", "restricted", 0)


@BOTH_STORES
def test_a_restricted_consumer_leaves_in_no_export(vault: Vault) -> None:
    before = vault.export(SCIENCE, purpose="recommendation", recipient="models").counts
    vault.restrict(OFFICER, "101", ground="claim")
    after = vault.export(SCIENCE, purpose="recommendation", recipient="models").counts
    assert (before["consumers"], after["consumers"]) == (2, 1)


def test_an_officer_lifts_it(vault: Vault) -> None:
    vault.restrict(ONE, "101", ground="objection")
    with pytest.raises(RefusedError):
        vault.lift_restriction(ONE, "101")
    vault.lift_restriction(OFFICER, "101")
    assert vault.read(ANNA, "orders", "101", purpose="support").rows.num_rows == 6
    with pytest.raises(InputError):
        vault.lift_restriction(OFFICER, "101")
    vault.verify()


def test_only_the_consumer_and_an_officer_restrict(vault: Vault) -> None:
    for actor, subject in ((ANNA, "101"), (MAX, "101"), (ONE, "102")):
        with pytest.raises(RefusedError):
            vault.restrict(actor, subject, ground="objection")
    with pytest.raises(InputError):
        vault.restrict(OFFICER, "101", ground="whim")
    with pytest.raises(UnknownSubjectError):
        vault.restrict(OFFICER, "999", ground="objection")


def test_restricting_again_changes_the_ground(vault: Vault, clock: Clock) -> None:
    vault.restrict(OFFICER, "101", ground="accuracy")
    vault.restrict(OFFICER, "101", ground="unlawful")
    assert [each["ground"] for each in vault.access(OFFICER, "101").about["restrictions"]] == ["unlawful"]
    vault.verify()


@pytest.mark.parametrize("query", ["DELETE FROM restrictions", "UPDATE restrictions SET ground = 'claim'"])
def test_a_restriction_that_was_changed_in_the_file_is_noticed(vault: Vault, query: str) -> None:
    vault.restrict(OFFICER, "101", ground="objection")
    vault._room.store.connection.execute(query)
    with pytest.raises(IntegrityError):
        vault.verify()
