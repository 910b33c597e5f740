"""A receipt and the log it came from, seen by someone who has neither vault nor log: only a checkpoint and a proof."""

import copy
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.audit import parse_checkpoint
from cartveil.guard.audit.checkpoint import sign_checkpoint
from cartveil.guard.audit.receipt import canonical, encoded, encoded_proof, verify_receipt
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from shop import ADMIN, OFFICER, ORDERS


@pytest.fixture
def receipt(vault: Vault) -> dict:
    return vault.erase(OFFICER, "101")


def sizes(vault: Vault, receipt: dict, note: str) -> tuple[int, int]:
    own, outside = int(receipt["audit"]["checkpoint"].splitlines()[1]), int(note.splitlines()[1])
    return min(own, outside), max(own, outside)


def test_a_later_checkpoint_and_the_proof_show_that_the_log_still_stands_by_it(
    vault: Vault, receipt: dict, keyring: Keyring
) -> None:
    vault.audit_events(OFFICER)
    note = vault.checkpoint()
    proof = vault.prove_consistency(*sizes(vault, receipt, note))
    for given in (proof, encoded_proof(proof)):
        said = verify_receipt(receipt, public_key=keyring.public_key, checkpoint=note, consistency=given)
        assert said["checkpoint"] > said["entries"]


def test_an_earlier_checkpoint_and_the_proof_show_that_the_log_was_not_rewritten(vault: Vault) -> None:
    early = vault.checkpoint()
    vault.audit_events(OFFICER)
    vault.put(ADMIN, "orders", ORDERS.slice(0, 1))  # signs the log again
    receipt = vault.erase(OFFICER, "102")
    proof = vault.prove_consistency(*sizes(vault, receipt, early))
    verify_receipt(receipt, checkpoint=early, consistency=proof)
    with pytest.raises(IntegrityError, match="needs a proof"):
        verify_receipt(receipt, checkpoint=early)


def test_its_own_checkpoint_and_the_one_before_need_no_proof(receipt: dict) -> None:
    own, before = (parse_checkpoint(receipt["audit"][name]).size for name in ("checkpoint", "before"))
    assert before < own
    for name in ("checkpoint", "before"):
        assert verify_receipt(receipt, checkpoint=receipt["audit"][name])["deleted"]["orders"] == 6


def test_a_wrong_proof_another_checkpoint_and_none_are_refused(vault: Vault, receipt: dict) -> None:
    vault.audit_events(OFFICER)
    vault.audit_events(OFFICER)
    note = vault.checkpoint()
    proof = vault.prove_consistency(*sizes(vault, receipt, note))
    for forged in (None, [], proof[:-1], [*proof, bytes(32)], [bytes(32), *proof[1:]], ["no base64"], [3]):
        with pytest.raises(IntegrityError):
            verify_receipt(receipt, checkpoint=note, consistency=forged)
    with pytest.raises(IntegrityError):
        verify_receipt(receipt, checkpoint=note.replace("shop", "shed"), consistency=proof)


def test_the_log_of_a_fork_does_not_stand_by_it(vault: Vault, receipt: dict, keyring: Keyring) -> None:
    """Even who holds the key and signs another history cannot link it to the receipt."""
    room = vault._room
    with room.store.transaction():
        room.store.execute("DELETE FROM audit_entries")
        room.store.execute("DELETE FROM audit_tiles")
        room.log.append([{"time": room.now(), "actor": f"{number}"} for number in range(40)])
    note = vault.checkpoint()
    proof = vault.prove_consistency(*sizes(vault, receipt, note))
    with pytest.raises(IntegrityError, match="roots"):
        verify_receipt(receipt, public_key=keyring.public_key, checkpoint=note, consistency=proof)


@pytest.mark.parametrize("changes", [{"root": bytes(32)}, {"origin": "cartveil/other"}])
@pytest.mark.parametrize("name", ["checkpoint", "before"])
def test_a_checkpoint_of_another_log_or_root_is_refused_at_the_sizes_it_knows(
    receipt: dict, keyring: Keyring, name: str, changes: dict
) -> None:
    promise = replace(parse_checkpoint(receipt["audit"][name]), **changes)
    note = sign_checkpoint(promise, keyring.sign, public_key=keyring.public_key)
    proof = receipt["audit"]["consistency"] if name == "before" else []
    for given in (None, proof):
        with pytest.raises(IntegrityError):
            verify_receipt(receipt, public_key=keyring.public_key, checkpoint=note, consistency=given)


def test_receipts_from_before_consistency_proofs_still_verify(receipt: dict, keyring: Keyring) -> None:
    old = copy.deepcopy(receipt)
    del old["signature"], old["audit"]["before"], old["audit"]["consistency"]
    old["signature"] = encoded(keyring.sign(canonical(old)))
    assert verify_receipt(old, public_key=keyring.public_key)["entries"] > 0
    with pytest.raises(IntegrityError, match="needs a proof"):
        verify_receipt(old, checkpoint=receipt["audit"]["before"])


def test_the_tenant_cannot_sign_a_receipt_whose_log_was_rewritten_before_it(receipt: dict, keyring: Keyring) -> None:
    forged = copy.deepcopy(receipt)
    del forged["signature"]
    forged["audit"]["consistency"] = encoded_proof([bytes(32)] * len(forged["audit"]["consistency"]))
    forged["signature"] = encoded(keyring.sign(canonical(forged)))
    with pytest.raises(IntegrityError):
        verify_receipt(forged)


def test_the_verifier_needs_neither_vault_nor_keyring_nor_database(receipt: dict) -> None:
    code = (
        "import sys, json\n"
        "from cartveil.guard.audit.receipt import verify_receipt\n"
        "print(verify_receipt(json.load(sys.stdin))['deleted']['orders'])\n"
        "print([name for name in sys.modules if name.startswith(('cartveil.guard.vault', 'cartveil.guard.keys'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(receipt), capture_output=True, text=True)
    assert done.stdout.splitlines() == ["6", "[]"], done.stderr
