"""`keys`: ids and states, rotation, and what locks them, as a person types it."""

import json
import shutil
from pathlib import Path

import pytest

from command import CONSUMERS, PASSPHRASE, cartveil
from hsm import Hsm

OPS = ("--as", "ops:admin")
LIN = ("--as", "lin:support", "--purpose", "support")


def shown() -> str:
    return cartveil("keys", "vault").out


def test_ids_and_states_are_shown_and_nothing_else(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARTVEIL_PASSPHRASE")
    done = cartveil("keys", "vault")
    assert (done.code, done.err) == (0, "")
    assert done.out == "root-1 active\nwrapping-1 active\nsigning-1 active\n"
    assert cartveil("keys", "show", "vault").out == done.out
    as_json = json.loads(cartveil("keys", "vault", "--json").out)
    assert as_json[1] == {"id": "wrapping-1", "state": "active"}


def test_rotation_says_what_it_did(shop: Path) -> None:
    done = cartveil("keys", "rotate", "vault", *OPS)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"cartveil: wrapped the keys of {CONSUMERS} consumers by wrapping-2\n"
    assert shown() == "root-1 active\nwrapping-1 retired\nsigning-1 active\nwrapping-2 active\n"
    again = cartveil("keys", "rotate", "vault", *OPS, "--destroy-old", "--json")
    assert json.loads(again.out) == {
        "key": "wrapping-3",
        "rewrapped": CONSUMERS,
        "destroyed": ["wrapping-1", "wrapping-2"],
    }
    assert "destroyed wrapping-2: backups from before cannot be read any more" in again.err
    assert cartveil("read", "vault", "customers", "c3", *LIN).code == 0
    assert cartveil("verify", "vault").code == 0


def test_old_keys_are_destroyed_only_when_that_is_confirmed(shop: Path) -> None:
    assert cartveil("keys", "destroy", "vault", *OPS, "--yes").err == "cartveil: no key is retired\n"
    cartveil("keys", "rotate", "vault", *OPS)
    assert cartveil("keys", "destroy", "vault", *OPS).code != 0
    assert "wrapping-1 retired" in shown()
    assert cartveil("keys", "destroy", "vault", *OPS, "--yes").err == "cartveil: destroyed wrapping-1\n"
    assert "wrapping-1 destroyed" in shown()


def test_an_older_key_can_be_refused_and_let_in_again(shop: Path) -> None:
    cartveil("keys", "rotate", "vault", *OPS)
    assert cartveil("keys", "require", "vault", "2", *OPS).code == 0
    assert cartveil("keys", "require", "vault", "1", *OPS).code == 0
    wrong = cartveil("keys", "require", "vault", "3", *OPS)
    assert wrong.code == 2
    assert "must be from 1 to 2" in wrong.err


def test_who_may_not_rotate_is_told_who_may(shop: Path) -> None:
    done = cartveil("keys", "rotate", "vault", "--as", "lin:support")
    assert done.code == 1
    assert "no rule permits `rotate`" in done.err
    assert "wrapping-2" not in shown()


def test_a_new_passphrase_opens_and_the_old_one_does_not(shop: Path) -> None:
    (shop / "new").write_text("another long sentence\n")
    profile = ("--profile", "argon2id-owasp")
    done = cartveil("keys", "relock", "vault", *OPS, "--new-passphrase-file", "new", *profile)
    assert (done.code, done.out) == (0, "")
    assert json.loads((shop / "vault" / "keyring.json").read_text())["lock"]["profile"] == "argon2id-owasp"
    refused = cartveil("verify", "vault")
    assert (refused.code, "the passphrase does not open it" in refused.err) == (1, True)
    assert cartveil("verify", "vault", "--passphrase-file", "new").code == 0


@pytest.mark.parametrize("words", [(), ("--new-passphrase-file", "new", "--pkcs11-token", "shop")])
def test_one_new_lock_must_be_named(shop: Path, words: tuple[str, ...]) -> None:
    done = cartveil("keys", "relock", "vault", *OPS, *words)
    assert done.code == 2
    assert "give either --new-passphrase-file or --pkcs11-token" in done.err


def test_a_token_without_module_is_a_clear_refusal(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARTVEIL_PKCS11_MODULE", raising=False)
    done = cartveil("keys", "relock", "vault", *OPS, "--pkcs11-token", "shop")
    assert done.code == 1
    assert "hint: set CARTVEIL_PKCS11_MODULE" in done.err


def test_an_unknown_mechanism_in_the_environment_is_said(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTVEIL_PKCS11_MODULE", "/nowhere.so")
    monkeypatch.setenv("CARTVEIL_PKCS11_MECHANISM", "rot13")
    done = cartveil("verify", "vault")
    assert done.code == 2
    assert "known: aes-kw" in done.err


def test_a_folder_without_keys_is_said(files: Path) -> None:
    done = cartveil("keys", "nowhere")
    assert done.code == 2
    assert "no such keyring" in done.err


def test_keys_without_anything_shows_its_verbs(files: Path) -> None:
    done = cartveil("keys", "--help")
    for verb in ("show", "rotate", "destroy", "require", "relock", "make"):
        assert f"  {verb} " in done.out


@pytest.fixture
def with_token(hsm: Hsm, monkeypatch: pytest.MonkeyPatch) -> Hsm:
    monkeypatch.setenv("CARTVEIL_PKCS11_MODULE", str(hsm.module))
    monkeypatch.setenv("CARTVEIL_PKCS11_PIN", hsm.pin)
    return hsm


def named(hsm: Hsm, key: str, *more: str) -> tuple[str, ...]:
    return ("--pkcs11-token", hsm.label, "--pkcs11-key", key, *more)


def test_a_vault_is_made_with_a_token_and_needs_no_passphrase(
    files: Path, with_token: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cartveil("keys", "make", *named(with_token, "new vault"))
    assert (made.code, made.out) == (0, "")
    done = cartveil("init", "vault", *named(with_token, "new vault"))
    assert "without the token both are worthless" in done.err
    monkeypatch.delenv("CARTVEIL_PASSPHRASE")
    assert cartveil("put", "vault", "customers", "customers.csv", *OPS).code == 0
    assert cartveil("keys", "rotate", "vault", *OPS, "--destroy-old").code == 0
    assert cartveil("verify", "vault").code == 0
    monkeypatch.delenv("CARTVEIL_PKCS11_MODULE")
    refused = cartveil("verify", "vault")
    assert (refused.code, "is locked with a PKCS#11 token" in refused.err) == (1, True)


@pytest.mark.parametrize("mechanism", ["aes-kw", "rsa-oaep-sha1"])
def test_from_passphrase_to_token_and_back(
    shop: Path, with_token: Hsm, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = named(with_token, f"moved {mechanism}", "--pkcs11-mechanism", mechanism)
    assert cartveil("keys", "make", *there).code == 0
    assert cartveil("keys", "relock", "vault", *OPS, *there).code == 0
    monkeypatch.delenv("CARTVEIL_PASSPHRASE")
    assert cartveil("verify", "vault").code == 0
    (shop / "new").write_text(PASSPHRASE)
    assert cartveil("keys", "relock", "vault", *OPS, "--new-passphrase-file", "new").code == 0
    assert cartveil("verify", "vault").code == 1
    assert cartveil("verify", "vault", "--passphrase-file", "new").code == 0


def test_the_pin_is_never_shown(shop: Path, with_token: Hsm, monkeypatch: pytest.MonkeyPatch) -> None:
    there = named(with_token, "quiet")
    cartveil("keys", "make", *there)
    cartveil("keys", "relock", "vault", *OPS, *there)
    monkeypatch.setenv("CARTVEIL_PKCS11_PIN", "1357-wrong")
    done = cartveil("verify", "vault")
    assert done.code == 1
    assert "the PIN does not open the token" in done.err
    assert "1357" not in done.err + done.out


def test_an_older_keyring_is_refused_by_its_vault(shop: Path) -> None:
    shutil.copy(shop / "vault" / "keyring.json", shop / "older.json")
    cartveil("keys", "rotate", "vault", *OPS)
    shutil.copy(shop / "older.json", shop / "vault" / "keyring.json")
    done = cartveil("verify", "vault")
    assert done.code == 1
    assert "is older than the vault" in done.err
