"""What a receipt must say, piece by piece, and what is said where it does not."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.audit import AuditLog
from cartveil.guard.audit.receipt import KIND, canonical, encoded, encoded_proof, verify_receipt
from logbook import KEY, OTHER, PUBLIC, START, filled, sign
from saying import Said, said, says

WHEN = "2026-11-22T09:30:00.000000Z"
CHANGED = says(
    IntegrityError,
    "was changed, or is no receipt of this vault",
    "receipt",
    "ask for the receipt again: `cartveil erase` returns it as it was",
)


def size(note: str) -> int:
    return int(note.splitlines()[1])


def erased(log: AuditLog, *, before: bool = True, deleted: dict[str, int] | None = None, **entry: object) -> dict:
    """Return a receipt whose log says what `entry` says."""
    filled(log, 5)
    earlier = sign(log)
    said_in_log = {"time": START, "actor": "officer", "action": "erase", "decision": "allow", "rows": 7, **entry}
    index = log.append([said_in_log])
    filled(log, 2)
    note = sign(log)
    audit: dict[str, Any] = {
        "entry": log.entry(index).decode(),
        "index": index,
        "proof": encoded_proof(log.prove_inclusion(index)),
        "checkpoint": note,
    }
    if before:
        audit |= {"before": earlier, "consistency": encoded_proof(log.prove_consistency(size(earlier)))}
    body = {"kind": KIND, "tenant": "shop", "time": WHEN, "subject": "abc", "public_key": encoded(PUBLIC)}
    return signed({**body, "deleted": deleted or {"orders": 4, "people": 3}, "audit": audit})


def signed(body: dict) -> dict:
    body = {name: value for name, value in body.items() if name != "signature"}
    return {**body, "signature": encoded(KEY.sign(canonical(body)))}


def forged(receipt: dict, change: Callable[[dict], object]) -> dict:
    """Return a receipt that was changed and signed again, by the one who holds the key."""
    other = copy.deepcopy(receipt)
    change(other)
    return signed(other)


def test_the_canonical_form_is_pinned() -> None:
    assert canonical({"b": [1, "é"], "a": {"d": None, "c": True}}) == '{"a":{"c":true,"d":null},"b":[1,"é"]}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"a": float("nan")})


@pytest.mark.parametrize("before", [True, False])
def test_a_receipt_says_what_holds(log: AuditLog, before: bool) -> None:
    receipt = erased(log, before=before)
    holds = {"subject": "abc", "time": WHEN, "deleted": {"orders": 4, "people": 3}, "entries": 8}
    assert verify_receipt(receipt) == verify_receipt(receipt, public_key=PUBLIC) == holds
    own = receipt["audit"]["checkpoint"]
    assert verify_receipt(receipt, checkpoint=own) == {**holds, "checkpoint": 8}


@pytest.mark.parametrize(
    "change",
    [
        {"signature": None},
        {"signature": "?"},
        {"signature": encoded(bytes(64))},
        {"kind": "another kind"},
        {"subject": "abd"},
        {"audit": None},
        {"deleted": {}},
        {"public_key": encoded(OTHER.public_key().public_bytes_raw())},
        {"extra": 1},
    ],
)
def test_a_changed_receipt_says_so(log: AuditLog, change: dict) -> None:
    receipt = {**erased(log), **change}
    assert said(lambda: verify_receipt(receipt)) == CHANGED
    assert said(lambda: verify_receipt({})) == CHANGED


def test_a_receipt_of_another_key_says_so(log: AuditLog) -> None:
    other = OTHER.public_key().public_bytes_raw()
    assert said(lambda: verify_receipt(erased(log), public_key=other)) == CHANGED


def test_bytes_have_one_spelling(log: AuditLog) -> None:
    receipt = erased(log)
    text = receipt["signature"]  # 64 bytes leave spare bits before the padding
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:-3] + letters[letters.index(text[-3]) ^ 1] + "=="
    assert said(lambda: verify_receipt({**receipt, "signature": other})) == CHANGED


@pytest.mark.parametrize(
    "entry",
    [{"action": "read"}, {"decision": "deny"}, {"rows": 6}, {"rows": 8}],
    ids=["action", "decision", "less", "more"],
)
def test_the_log_must_say_what_the_receipt_says(log: AuditLog, entry: dict) -> None:
    receipt = erased(log, **entry)
    assert said(lambda: verify_receipt(receipt)) == CHANGED


@pytest.mark.parametrize(
    "change",
    [
        lambda receipt: receipt.update(kind="cartveil erasure receipt v0"),
        lambda receipt: receipt.pop("tenant") and receipt.pop("subject"),
        lambda receipt: receipt["audit"].update(proof=["?"]),
        lambda receipt: receipt["audit"].update(entry="{}"),
        lambda receipt: receipt["audit"].pop("index"),
        lambda receipt: receipt["audit"].pop("consistency"),
        lambda receipt: receipt["audit"].update(consistency=["?"]),
        lambda receipt: receipt.update(deleted={"orders": "4"}),
    ],
)
def test_a_receipt_that_its_signer_forged_does_not_hold(log: AuditLog, change: Callable[[dict], object]) -> None:
    receipt = forged(erased(log), change)
    with pytest.raises(IntegrityError):
        verify_receipt(receipt)


def test_what_the_parts_of_a_forged_receipt_say(log: AuditLog) -> None:
    receipt = erased(log)

    def found(change: Callable[[dict], object]) -> Said:
        return said(lambda: verify_receipt(forged(receipt, change)))

    by_another = sign(log, key=OTHER)
    unsigned = says(IntegrityError, "is not signed by this key", "checkpoint")
    assert found(lambda it: it["audit"].update(checkpoint=by_another)) == unsigned
    assert found(lambda it: it["audit"].update(before=by_another)) == unsigned
    astray = says(IntegrityError, "inclusion proof does not lead to the root")
    assert found(lambda it: it["audit"].update(index=4)) == astray
    assert found(lambda it: it["audit"]["proof"].pop()) == astray
    broken = says(IntegrityError, "consistency proof does not lead to the roots")
    assert found(lambda it: it["audit"]["consistency"].pop()) == broken
    elsewhere = sign(log, origin="cartveil/other")
    another = says(IntegrityError, "is of another log", "checkpoint")
    assert found(lambda it: it["audit"].update(before=elsewhere)) == another
    nested: list = []
    for _ in range(20_000):
        nested = [nested]
    assert said(lambda: verify_receipt({**receipt, "extra": nested})) == CHANGED


def test_what_a_checkpoint_from_elsewhere_says(log: AuditLog) -> None:
    early = sign(log)
    filled(log, 2)
    kept = sign(log)
    receipt = erased(log)
    own, before = receipt["audit"]["checkpoint"], receipt["audit"]["before"]
    filled(log, 3)
    late = sign(log)
    assert [size(note) for note in (early, kept, before, own, late)] == [0, 2, 7, 10, 13]
    for note, old, new in ((late, 10, 13), (kept, 2, 10)):
        hint = f"ask for it: `Vault.prove_consistency({old}, {new})`, or name the published log"
        needs = says(IntegrityError, "needs a proof of consistency with the receipt", "checkpoint", hint)
        assert said(lambda: verify_receipt(receipt, checkpoint=note)) == needs  # noqa: B023 - asked at once
        proof = log.prove_consistency(old, new)
        for given in (proof, encoded_proof(proof), tuple(proof)):
            assert verify_receipt(receipt, checkpoint=note, consistency=given)["checkpoint"] == size(note)
        wrong = says(IntegrityError, "is not a proof of consistency", "consistency")
        for given in (["?"], 3, ["AB=="]):
            assert said(lambda: verify_receipt(receipt, checkpoint=note, consistency=given)) == wrong  # noqa: B023
        astray = says(IntegrityError, "consistency proof does not lead to the roots")
        assert said(lambda: verify_receipt(receipt, checkpoint=note, consistency=[])) == astray  # noqa: B023
    for note in (early, before, own):
        assert verify_receipt(receipt, checkpoint=note)["checkpoint"] == size(note)


def test_a_checkpoint_from_elsewhere_is_of_the_same_log_and_key(log: AuditLog) -> None:
    receipt = erased(log)
    elsewhere = sign(log, origin="cartveil/other")
    wanted = says(IntegrityError, "is of another log", "checkpoint")
    assert said(lambda: verify_receipt(receipt, checkpoint=elsewhere)) == wanted
    by_another = sign(log, key=OTHER)
    wanted = says(IntegrityError, "is not signed by this key", "checkpoint")
    assert said(lambda: verify_receipt(receipt, checkpoint=by_another)) == wanted


def test_a_receipt_survives_json_and_is_left_as_it_was(log: AuditLog) -> None:
    receipt = json.loads(json.dumps(erased(log)))
    before = copy.deepcopy(receipt)
    verify_receipt(receipt)
    assert receipt == before
    assert datetime.fromisoformat(receipt["time"]) == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
