"""A receipt of erasure is accepted as it is, and not with any byte changed, removed or added."""

import copy
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.errors import IntegrityError
from cartveil.faces.checking import check_text
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault, verify_receipt
from cartveil.guard.vault.receipt import canonical
from shop import OFFICER


@pytest.fixture
def receipt(vault: Vault) -> dict:
    return vault.erase(OFFICER, "101", forget=[lambda names: {"models": len(names)}])


def test_the_receipt_is_accepted_without_the_vault(receipt: dict, vault: Vault, keyring: Keyring) -> None:
    key = keyring.public_key
    vault.close()
    for file in vault.path.parent.iterdir():
        file.unlink()
    assert verify_receipt(json.loads(json.dumps(receipt)), public_key=key)["deleted"]["orders"] == 6


def test_any_changed_byte_is_rejected(receipt: dict, keyring: Keyring) -> None:
    text = json.dumps(receipt, ensure_ascii=False).encode()
    for place in range(len(text)):
        for bit in (1, 4):
            changed = bytearray(text)
            changed[place] ^= bit
            try:
                forged = json.loads(changed)
            except ValueError:
                continue  # no longer JSON: `cartveil verify` says so
            if forged == receipt:
                continue  # another spelling of the same values
            with pytest.raises(IntegrityError):
                verify_receipt(forged, public_key=keyring.public_key)


def test_any_value_left_out_or_added_is_rejected(receipt: dict) -> None:
    for name in receipt:
        with pytest.raises(IntegrityError):
            verify_receipt({key: value for key, value in receipt.items() if key != name})
    with pytest.raises(IntegrityError):
        verify_receipt({**receipt, "more": 1})
    for name in receipt["audit"]:
        less = copy.deepcopy(receipt)
        del less["audit"][name]
        with pytest.raises(IntegrityError):
            verify_receipt(less)


@pytest.mark.parametrize("forged", [{}, {"signature": 3}, {"signature": "", "public_key": ""}, {"signature": "é"}])
def test_what_is_no_receipt_is_rejected(forged: dict) -> None:
    with pytest.raises(IntegrityError):
        verify_receipt(forged)


def signed_by(receipt: dict, key: Ed25519PrivateKey, **changes: object) -> dict:
    import base64

    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    body = {**receipt, "public_key": public, **changes}
    del body["signature"]
    return {**body, "signature": base64.b64encode(key.sign(canonical(body))).decode()}


def test_a_receipt_signed_by_another_key_is_rejected(receipt: dict, keyring: Keyring) -> None:
    forged = signed_by(receipt, Ed25519PrivateKey.generate())
    with pytest.raises(IntegrityError):
        verify_receipt(forged)  # its checkpoint is not signed by that key
    with pytest.raises(IntegrityError):
        verify_receipt(forged, public_key=keyring.public_key)


def test_even_the_tenant_cannot_sign_what_the_log_does_not_say(receipt: dict, keyring: Keyring) -> None:
    for changes in ({"deleted": {"customers": 1}}, {"audit": {**receipt["audit"], "index": 0}}):
        forged = signed_by(receipt, keyring._signing, **changes)
        with pytest.raises(IntegrityError):
            verify_receipt(forged)


def test_a_name_that_stands_twice_is_rejected(receipt: dict) -> None:
    text = json.dumps(receipt)
    assert check_text(text)["deleted"] == receipt["deleted"]
    with pytest.raises(IntegrityError):
        check_text('{"deleted": {"customers": 999}, ' + text[1:])
