"""What the keys say when they say no: each sentence, where it points, and the way out."""

import builtins
import copy
import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from cartveil.errors import (
    CartveilError,
    DecryptionError,
    InputError,
    IntegrityError,
    KeyringError,
    MissingExtraError,
    PassphraseError,
    ReadError,
    StorageError,
)
from cartveil.guard.keys import Keyring, Passphrase, ScryptProfile, SecretKey, Token, passphrase, token, wrapping
from cartveil.guard.keys.document import only_writer
from cartveil.guard.keys.passphrase import Argon2idProfile
from cartveil.guard.keys.sealing import open_key

CHEAP = ScryptProfile("test", cost=2)
RESTORE = "restore it from a backup"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "k"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring.create(path, "correct horse", tenant="shop", profile=CHEAP)


def said(act: Callable[[], object]) -> tuple[type[CartveilError], str, str | None, str]:
    """Return what an act says: the kind of error, its sentence, where, and the hint."""
    with pytest.raises(CartveilError) as caught:
        act()
    error = caught.value
    assert str(error) == (f"{error.path}: {error.message}" if error.path else error.message)
    return type(error), error.message, error.path, error.hint


class Locked:
    """A lock of another kind, whose key opens nothing here."""

    kind = "pkcs11"

    def lock(self) -> tuple[SecretKey, dict[str, Any]]:
        return SecretKey(bytes(32)), {"kind": self.kind}

    def unlock(self, section: object) -> SecretKey:
        return SecretKey(b"x" * 32)


def test_of_making_a_keyring(keyring: Keyring, path: Path) -> None:
    def create(where: Path, tenant: str = "shop", text: str = "correct horse") -> Callable[[], Keyring]:
        return lambda: Keyring.create(where, text, tenant=tenant, profile=CHEAP)

    one_line = "a tenant's name must be one line of printable text"
    assert said(create(path.parent / "new", "")) == (InputError, one_line, f"{path.parent}/new", InputError.usual_hint)
    assert said(create(path)) == (KeyringError, "exists already", str(path), "open it, or choose another path")
    needs = "a keyring needs a passphrase"
    hint = "give a long one; nothing can stand in for it"
    assert said(create(path.parent / "new", text="")) == (InputError, needs, None, hint)


def test_of_opening_a_keyring(keyring: Keyring, path: Path, tmp_path: Path) -> None:
    wrong = "check the passphrase; nothing can stand in for it"
    assert said(lambda: Keyring.open(path, "wrong")) == (
        PassphraseError,
        "the passphrase does not open it",
        str(path),
        wrong,
    )
    assert said(lambda: Keyring.open(path, Locked())) == (
        PassphraseError,
        "is locked with a passphrase",
        str(path),
        "set CARTVEIL_PASSPHRASE, or pass --passphrase-file FILE",
    )
    keyring.relock(Locked())
    assert said(lambda: Keyring.open(path, "correct horse")) == (
        KeyringError,
        "is locked with a PKCS#11 token",
        str(path),
        "name the token's module and PIN: CARTVEIL_PKCS11_MODULE, CARTVEIL_PKCS11_PIN",
    )
    assert said(lambda: Keyring.open(path, Locked())) == (
        KeyringError,
        "the token's key does not open it",
        str(path),
        "use the token that it was locked with",
    )
    gone = tmp_path / "gone"
    hint = "make one with `cartveil init`, or name another path"
    assert said(lambda: Keyring.open(gone, "x")) == (ReadError, "no such keyring", str(gone), hint)
    assert said(lambda: Keyring.open(tmp_path, "x")) == (
        ReadError,
        "cannot be read: Is a directory",
        str(tmp_path),
        ReadError.usual_hint,
    )


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "cartveil keyring v9"}'])
def test_of_what_is_no_keyring(path: Path, content: str) -> None:
    path.write_text(content)
    assert said(lambda: Keyring.open(path, "x")) == (KeyringError, "is not a keyring", str(path), RESTORE)


def test_of_a_changed_keyring(keyring: Keyring, path: Path) -> None:
    changed = (IntegrityError, "was changed since it was written", str(path), RESTORE)
    for forge in (
        lambda body: body.update(digest="0"),
        lambda body: body.update(mark="0"),
        lambda body: body.update(mark="é"),
        lambda body: body.update(mark=None),
        lambda body: body["keys"][1].update(sealed=body["keys"][2]["sealed"]),
    ):
        body = json.loads(path.read_bytes())
        forge(body)
        copied = path.with_name("changed")
        copied.write_text(json.dumps(body if body["digest"] == "0" else with_digest(body)))
        assert said(lambda: Keyring.open(copied, "correct horse"))[:2] == changed[:2]  # noqa: B023 - asked at once
    body = json.loads(path.read_bytes())
    body["keys"][1]["state"] = "lost"
    path.write_text(json.dumps(with_digest(body)))
    made_elsewhere = (IntegrityError, "is not a keyring that this version wrote", str(path), RESTORE)
    assert said(lambda: Keyring.open(path, "correct horse")) == made_elsewhere
    body = json.loads(path.read_bytes())
    body["keys"][1]["state"] = "active"
    body["lock"]["salt"] = "?"
    path.write_text(json.dumps(with_digest(body)))
    assert said(lambda: Keyring.open(path, "correct horse")) == made_elsewhere
    path.write_text(json.dumps({**body, "digest": "0"}))
    assert said(lambda: Keyring.open(path, "correct horse")) == changed


def with_digest(body: dict) -> dict:
    rest = {key: value for key, value in body.items() if key not in ("digest", "mark")}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**body, "digest": hashlib.sha256(text.encode()).hexdigest()}


def test_of_a_key_that_was_sealed_elsewhere(keyring: Keyring, path: Path) -> None:
    # Whoever holds the root key could mark such a file; the keys in it are still bound to their names.
    body = json.loads(path.read_bytes())
    body["keys"][1]["sealed"], body["keys"][2]["sealed"] = body["keys"][2]["sealed"], body["keys"][1]["sealed"]
    path.write_text(json.dumps(marked(keyring, body)))
    changed = (IntegrityError, "was changed since it was written", str(path), RESTORE)
    assert said(lambda: Keyring.open(path, "correct horse")) == changed
    assert said(keyring.refresh) == changed


def marked(keyring: Keyring, body: dict) -> dict:
    import hmac

    from cartveil.guard.keys.sealing import derive_key

    rest = {key: value for key, value in body.items() if key not in ("digest", "mark")}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = derive_key(keyring._secrets["root-1"], "keyring file").expose()
    return with_digest({**body, "mark": hmac.new(key, text, hashlib.sha256).hexdigest()})


def test_of_changing_a_keyring(keyring: Keyring, path: Path) -> None:
    reader = Keyring.open(path, "correct horse")
    keyring.rotate()
    usual = InputError.usual_hint
    assert said(lambda: keyring.require(3)) == (InputError, "must be from 1 to 2", "min_version", usual)
    known = "known: `root-1`, `wrapping-1`, `signing-1`, `wrapping-2`"
    assert said(lambda: keyring.destroy("wrapping-7")) == (InputError, "no such key", str(path), known)
    hint = "rotate first; only a retired wrapping key can be destroyed"
    assert said(lambda: keyring.destroy("root-1")) == (KeyringError, "`root-1` is in use", str(path), hint)
    keyring.relock("battery staple", profile=CHEAP)
    anew = "open it again, with what it is locked with now"
    assert said(reader.refresh) == (KeyringError, "was locked anew since it was opened", str(path), anew)
    other = Keyring.create(path.with_name("other"), "battery staple", tenant="shop", profile=CHEAP)
    shutil.copy(other.path, path)
    assert said(keyring.rotate)[1] == "was locked anew since it was opened"


def test_of_a_folder_that_is_gone(tmp_path: Path) -> None:
    def enter() -> None:
        with only_writer(tmp_path / "gone" / "k"):
            pass

    where, reason = str(tmp_path / "gone"), "cannot be opened: No such file or directory"
    assert said(enter) == (StorageError, reason, where, StorageError.usual_hint)


def test_of_wraps_and_sealed_keys(keyring: Keyring) -> None:
    (_, wrapped), under = keyring.new_data_key(), SecretKey(bytes(32))
    many = [wrapped] * 200
    closed = (DecryptionError, "a wrapped key does not open", None, DecryptionError.usual_hint)
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for act in (
        lambda: keyring.unwrap(b""),
        lambda: keyring.unwrap(changed),
        lambda: keyring.unwrap(b"\0\0\0\7" + wrapped[4:]),
        lambda: keyring.unwrap_many([*many, changed]),
        lambda: keyring.unwrap_many([*many, b""]),
        lambda: keyring.unwrap_many([*many, b"\0\0\0\7" + wrapped[4:]]),
        lambda: keyring.unwrap_many([wrapped, changed]),
        lambda: keyring.rewrap_many([changed]),
    ):
        assert said(act) == closed
    sealed = (DecryptionError, "a sealed key does not open", None, DecryptionError.usual_hint)
    assert said(lambda: open_key(bytes(60), under, place=b"a")) == sealed
    assert said(lambda: open_key(b"", under, place=b"a")) == sealed


def test_of_a_machine_that_wraps_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapping, "_INITIAL", wrapping._INITIAL ^ wrapping._INITIAL)
    wrapping.self_test.cache_clear()
    hint = "do not keep keys on this machine"
    assert said(wrapping.self_test) == (IntegrityError, "the batched AES-KW fails its self-test", None, hint)
    wrapping.self_test.cache_clear()


def test_of_a_machine_without_argon2id(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(**numbers: object) -> None:
        raise UnsupportedAlgorithm("none")

    monkeypatch.setattr(passphrase, "Argon2id", unsupported)
    lock = Passphrase("correct horse", profile=Argon2idProfile("test", memory_kib=8, iterations=1))
    hint = "use a `cryptography` built on OpenSSL 3.2 or newer, or a profile of scrypt"
    assert said(lock.lock) == (KeyringError, "this machine's `cryptography` has no Argon2id", None, hint)


TOKEN_SAYS = {
    ("PinIncorrect", "PinInvalid", "PinLenRange"): (
        "the PIN does not open the token",
        "check CARTVEIL_PKCS11_PIN; after some wrong PINs a token locks itself",
    ),
    ("PinLocked",): ("the token's PIN is locked", "unlock it as the security officer"),
    ("NoSuchToken", "TokenNotPresent", "DeviceRemoved"): (
        "no such token",
        "check its label, and that it is plugged in",
    ),
    ("MultipleTokensReturned",): ("several tokens have this label", "give each a label of its own"),
    ("NoSuchKey",): (
        "the token has no key `main` for this",
        "make it with `cartveil keys make`, or check its label",
    ),
    ("MultipleObjectsReturned",): ("the token has several keys `main`", "give each its own label"),
    ("MechanismInvalid", "MechanismParamInvalid", "ArgumentsBad"): (
        "the token does not know this mechanism",
        "choose another, such as aes-kw or rsa-oaep-sha1",
    ),
    ("WrappedKeyInvalid", "WrappedKeyLenRange", "EncryptedDataInvalid", "EncryptedDataLenRange"): (
        "the token's key `main` does not open it",
        "use the token that the keyring was locked with",
    ),
    ("DeviceError",): ("the token refused: DeviceError", "look up this code in the manual of the token's maker"),
}


@pytest.mark.parametrize(("names", "says"), TOKEN_SAYS.items())
def test_of_a_token(names: tuple[str, ...], says: tuple[str, str]) -> None:
    for name in names:
        error = token._typed(name, token="shop", key="main")
        assert (error.message, error.path, error.hint) == (says[0], "shop", says[1])
        assert isinstance(error, PassphraseError) == name.startswith("Pin") if name != "PinLocked" else True
    assert token._not_opened("main").path is None


def test_of_a_token_that_was_not_named_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pkcs11")
    no_pin = (PassphraseError, "no PIN was given", "cartveil", "set CARTVEIL_PKCS11_PIN")
    assert said(Token("/m.so", "").lock) == no_pin
    module = str(tmp_path / "none.so")
    hint = "name the module, such as /usr/lib/softhsm/libsofthsm2.so"
    assert said(Token(module, "4321").lock) == (KeyringError, "no PKCS#11 module can be loaded", module, hint)


def test_of_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "pkcs11":
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    needs = "a token needs the extra `pkcs11` (python-pkcs11)"
    assert said(Token("/m.so", "4321").lock) == (MissingExtraError, needs, None, "pip install 'cartveil[pkcs11]'")


@pytest.mark.parametrize(
    ("escape", "says"),
    [
        (copy.copy, "a SecretKey is not copied"),
        (copy.deepcopy, "a SecretKey is not copied"),
        (pickle.dumps, "a SecretKey is not pickled or copied"),
        (lambda key: key.__getstate__(), "a SecretKey is not pickled or copied"),
        (str, "a secret key is not text"),
        (format, "a secret key is not text"),
    ],
)
def test_of_ways_out_of_a_key(escape: Callable[[SecretKey], object], says: str) -> None:
    with pytest.raises(TypeError) as caught:
        escape(SecretKey(bytes(32)))
    assert str(caught.value) == says
    with pytest.raises(ValueError, match=r"^a secret key is 32 bytes$"):
        SecretKey(b"")
