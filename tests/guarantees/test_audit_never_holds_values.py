"""No value of a consumer's record ever stands in the audit log, in an error or in a log line."""

import logging

import pyarrow as pa
import pytest

from cartveil.errors import CartveilError, InputError
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, CASE, MAX, OFFICER, SCIENCE

CANARY = "canary7351"
VALUES = {
    "customer": f"{CANARY}-id",
    "name": f"{CANARY} name",
    "phone": f"{CANARY} phone",
    "birth": f"{CANARY} birth",
    "vip": f"{CANARY} vip",
    "consent": f"recommendation;{CANARY}",
}
ORDER = {name: f"{CANARY} {name}" for name in ("order", "item", "note")} | {"customer": f"{CANARY}-id"}


def errors_of(vault: Vault) -> list[str]:
    """Do everything that may be done, and everything that may not, around one consumer; return what was said."""
    own, subject = Principal(VALUES["customer"], "consumer"), VALUES["customer"]
    numbers = {"quantity": [1], "price": [2.0], "time": pa.array([0], pa.timestamp("us"))}
    customers, orders = (
        pa.table({k: [v] for k, v in VALUES.items()}),
        pa.table({k: [v] for k, v in ORDER.items()} | numbers),
    )
    acts = [
        lambda: vault.put(ADMIN, "customers", customers),
        lambda: vault.put(ADMIN, "orders", orders),
        lambda: vault.put(ANNA, "orders", orders),
        lambda: vault.put(ADMIN, "orders", orders.drop_columns(["note"])),
        lambda: vault.put(ADMIN, "customers", customers.append_column("code", [[CANARY]])),
        lambda: vault.put(ADMIN, "orders", orders.set_column(4, "quantity", pa.array([CANARY]))),
        lambda: vault.read(own, "customers", subject, purpose="self_service"),
        lambda: vault.read(own, "customers", f"{CANARY}-other", purpose="self_service"),
        lambda: vault.read(ANNA, "customers", subject, purpose="support", context=CASE),
        lambda: vault.read(ANNA, "customers", subject, purpose=CANARY),
        lambda: vault.read(ANNA, "customers", subject, purpose="support", context={"case": f"{CANARY} phone"}),
        lambda: vault.read(ANNA, "customers", subject, purpose="support", context={f"{CANARY}": True}),
        lambda: vault.reveal(ANNA, "orders", subject, fields=["note"], purpose="support", context=CASE),
        lambda: vault.read(MAX, "orders", subject, purpose="marketing"),
        lambda: vault.read(MAX, "orders", f"{CANARY}-nobody", purpose="marketing"),
        lambda: vault.find(ANNA, "customers", {"phone": VALUES["phone"]}, purpose="support", context=CASE),
        lambda: vault.find(ANNA, "customers", {"phone": f"{CANARY} other"}, purpose="support", context=CASE),
        lambda: vault.find(MAX, "customers", {"phone": VALUES["phone"]}, purpose="marketing"),
        lambda: vault.related(ANNA, "orders", subject, by="order", to="orders", purpose="support"),
        lambda: vault.read(ANNA, "customers", subject, purpose="support", context={"break_glass": True}),
        lambda: vault.read(
            ANNA, "customers", subject, purpose="support", context={"break_glass": True, "reason": "court-order-1"}
        ),
        lambda: vault.export(SCIENCE, purpose="recommendation", recipient="models"),
        lambda: vault.export(SCIENCE, purpose="recommendation", recipient=f"{CANARY} phone"),
        lambda: vault.rotate_keys(ADMIN),
        lambda: vault.file_request(own, subject, kind="correct"),
        lambda: vault.file_request(MAX, subject, kind="access"),
        lambda: vault.fulfil(OFFICER, "no-such-request"),
        lambda: vault.access(own, subject),
        lambda: vault.access(ANNA, subject),
        lambda: vault.correct(OFFICER, "customers", subject, {"name": f"{CANARY} other"}),
        lambda: vault.correct(OFFICER, "orders", subject, {"quantity": CANARY}),
        lambda: vault.correct(ANNA, "orders", subject, {"item": CANARY}),
        lambda: vault.restrict(own, subject, ground="objection"),
        lambda: vault.read(ANNA, "customers", subject, purpose="support"),
        lambda: vault.lift_restriction(OFFICER, subject),
        lambda: vault.hold(OFFICER, ground="tax", subject=subject, table="orders"),
        lambda: vault.plan_erasure(OFFICER, f"{CANARY}-nobody"),
        lambda: vault.sweep(OFFICER),
        lambda: vault.erase(MAX, subject),
        lambda: vault.erase(OFFICER, f"{CANARY}-nobody"),
        lambda: vault.erase_many(OFFICER, [f"{CANARY}-nobody", subject]),
        lambda: vault.erase(own, subject),
        lambda: vault.read(ANNA, "customers", subject, purpose="support"),
        lambda: vault.put(ADMIN, "orders", orders),
    ]
    said: list[str] = []
    for act in acts:
        try:
            act()
        except CartveilError as error:
            said.append(f"{error!r} {error.hint}")
    return said


def test_neither_log_nor_errors_hold_a_value(empty: Vault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = errors_of(empty)
    assert len(said) >= 10
    # What the caller misspells as a key of the context is the caller's own word, not a value of a record.
    assert not any(CANARY in text for text in said if "unknown key of the context" not in text)
    rows = empty._room.store.connection.execute("SELECT entry FROM audit_entries").fetchall()
    assert len(rows) > 10
    assert not any(CANARY.encode() in entry for (entry,) in rows)
    assert CANARY not in str(empty.audit_events(OFFICER).to_pylist())
    assert CANARY not in caplog.text


@pytest.mark.parametrize("word", ["101", "138-0013-8000", "tel:138.0013.8000"])
@pytest.mark.parametrize("claim", ["case", "session"])
def test_no_id_and_no_phone_is_a_case_or_a_session(vault: Vault, claim: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        vault.read(ANNA, "orders", "101", purpose="support", context={claim: word})
    assert word not in str(caught.value)
    vault.read(ANNA, "orders", "101", purpose="support", context={claim: "2026-11-22-001"})


def test_half_a_character_is_no_id(vault: Vault) -> None:
    with pytest.raises(InputError):
        vault.read(ANNA, "orders", "\ud800", purpose="support")
    with pytest.raises(InputError):
        Principal("\ud800", "support")
