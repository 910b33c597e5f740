"""The keyring: what opens it, what does not, and what it says then."""

import base64
import copy
import json
import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import (
    CartveilError,
    DecryptionError,
    InputError,
    IntegrityError,
    KeyringError,
    PassphraseError,
    ReadError,
    StorageError,
)
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.keys import keyring as keyring_module
from cartveil.guard.keys.sealing import derive_key, length_prefixed, open_key, seal_key
from cartveil.guard.keys.secret import SecretKey

CHEAP = ScryptProfile("test", cost=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.keyring"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring.create(path, "correct horse", tenant="shop", profile=CHEAP)


def test_opened_keyring_gives_the_same_keys(keyring: Keyring, path: Path) -> None:
    again = Keyring.open(path, "correct horse")
    assert again.tenant == "shop"
    assert again.derive("lookup", "a") == keyring.derive("lookup", "a")
    assert again.public_key == keyring.public_key
    key, wrapped = keyring.new_data_key()
    assert again.unwrap(wrapped) == key


def test_file_is_for_its_owner_only_and_leaves_no_neighbour(keyring: Keyring, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_existing_file_is_never_overwritten(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(KeyringError, match="exists already"):
        Keyring.create(path, "correct horse", tenant="shop", profile=CHEAP)
    assert path.read_text() == "precious"


def test_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Keyring.create(tmp_path / "none" / "k", "correct horse", tenant="shop", profile=CHEAP)


def test_missing_file_says_what_to_do(path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        Keyring.open(path, "correct horse")
    assert caught.value.hint is not None


def test_empty_passphrase_is_refused(path: Path) -> None:
    with pytest.raises(InputError):
        Keyring.create(path, "", tenant="shop", profile=CHEAP)
    assert not path.exists()


@pytest.mark.parametrize("wrong", ["", "Correct horse", "correct horse "])
def test_wrong_passphrase_is_told_apart(keyring: Keyring, path: Path, wrong: str) -> None:
    with pytest.raises(PassphraseError):
        Keyring.open(path, wrong)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"format": "other"}'])
def test_another_file_is_not_a_keyring(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyringError, match="is not a keyring"):
        Keyring.open(path, "correct horse")


def test_any_changed_byte_is_noticed(keyring: Keyring, path: Path) -> None:
    original = path.read_bytes()
    for position in range(0, len(original), 3):
        changed = bytearray(original)
        changed[position] ^= 1
        if json_equal(bytes(changed), original):
            continue
        path.write_bytes(bytes(changed))
        with pytest.raises(CartveilError):
            Keyring.open(path, "correct horse")


def test_forged_file_with_a_right_digest_is_noticed(keyring: Keyring, path: Path) -> None:
    body = json.loads(path.read_bytes())
    body["keys"][1]["state"] = "retired"
    write_with_digest(path, body)
    with pytest.raises(IntegrityError):
        Keyring.open(path, "correct horse")


def test_keys_are_bound_to_their_tenant_and_name() -> None:
    key, lock = SecretKey.generate(), SecretKey.generate()
    sealed = seal_key(key, lock, place=b"a")
    assert open_key(sealed, lock, place=b"a") == key
    with pytest.raises(DecryptionError):
        open_key(sealed, lock, place=b"b")


def test_signature_checks_with_the_public_key(keyring: Keyring) -> None:
    Ed25519PublicKey.from_public_bytes(keyring.public_key).verify(keyring.sign(b"message"), b"message")


def test_wrapped_key_of_another_tenant_does_not_open(keyring: Keyring, tmp_path: Path) -> None:
    other = Keyring.create(tmp_path / "other", "correct horse", tenant="other", profile=CHEAP)
    with pytest.raises(DecryptionError):
        keyring.unwrap(other.new_data_key()[1])


@pytest.mark.parametrize("bit", range(0, 44 * 8, 7))
def test_changed_wrapped_key_does_not_open(keyring: Keyring, bit: int) -> None:
    wrapped = bytearray(keyring.new_data_key()[1])
    wrapped[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(DecryptionError):
        keyring.unwrap(bytes(wrapped))


@pytest.mark.parametrize("wrapped", [b"", b"short", bytes(100)])
def test_what_is_no_wrapped_key_does_not_open(keyring: Keyring, wrapped: bytes) -> None:
    with pytest.raises(DecryptionError):
        keyring.unwrap(wrapped)


def test_derived_keys_differ_by_label_scope_and_split(keyring: Keyring) -> None:
    scopes = [("a",), ("a", ""), ("a", "b"), ("ab",), ("", "ab"), ("b", "a")]
    keys = {keyring.derive(*scope).expose() for scope in scopes}
    assert len(keys) == len(scopes)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_length_prefixed_lists_never_collide(one: list[str], other: list[str]) -> None:
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)


def test_keyring_shows_ids_and_states_only(keyring: Keyring) -> None:
    assert [(key.name, key.state) for key in keyring.key_ids()] == [
        ("root-1", "active"),
        ("wrapping-1", "active"),
        ("signing-1", "active"),
    ]
    shown = repr(keyring)
    assert shown == "Keyring(tenant='shop', keys=['root-1', 'wrapping-1', 'signing-1'])"


@pytest.mark.parametrize("escape", [copy.copy, copy.deepcopy, pickle.dumps])
def test_keyring_is_not_pickled_or_copied(keyring: Keyring, escape) -> None:
    with pytest.raises(TypeError):
        escape(keyring)


def test_passphrase_and_keys_do_not_stand_in_the_file(keyring: Keyring, path: Path) -> None:
    content = path.read_bytes()
    for key in keyring._secrets.values():
        assert key.expose() not in content
        assert base64.b64encode(key.expose()) not in content
    assert b"correct horse" not in content


@pytest.mark.parametrize("numbers", [{"cost": 3}, {"cost": 2**40}, {"block_size": 0}, {"parallelism": 10**6}])
def test_absurd_scrypt_numbers_are_refused_before_they_cost_anything(
    keyring: Keyring, path: Path, numbers: dict[str, int]
) -> None:
    body = json.loads(path.read_bytes())
    body["lock"].update(numbers)
    write_with_digest(path, body)
    with pytest.raises(IntegrityError):
        Keyring.open(path, "correct horse")


def write_with_digest(path: Path, body: dict) -> None:
    import hashlib

    rest = {key: value for key, value in body.items() if key not in ("digest", "mark")}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    body["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(body))


def json_equal(one: bytes, other: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


@pytest.mark.parametrize(("name", "value"), [("cost", float("inf")), ("profile", "\ud800")])
def test_numbers_and_texts_that_json_alone_knows_are_a_changed_file(
    keyring: Keyring, path: Path, name: str, value: object
) -> None:
    body = json.loads(path.read_bytes())
    body["lock"][name] = value
    body["digest"] = "0"
    path.write_text(json.dumps(body))
    with pytest.raises(IntegrityError):
        Keyring.open(path, "correct horse")


@pytest.mark.parametrize("tenant", ["two\nlines", "\ud800", ""])
def test_a_tenant_is_one_line_of_text(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(InputError):
        Keyring.create(tmp_path / "another", "correct horse", tenant=tenant, profile=ScryptProfile("test", cost=2))


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 300])
def test_many_data_keys_are_made_and_opened_at_once(keyring: Keyring, path: Path, count: int) -> None:
    keys, wrapped = keyring.new_data_keys(count)
    assert len({key.expose() for key in keys}) == len(set(wrapped)) == count
    assert Keyring.open(path, "correct horse").unwrap_many(wrapped) == keys
    assert [keyring.unwrap(each) for each in wrapped] == keys


def test_derived_keys_are_those_of_root_tenant_label_and_scope(keyring: Keyring) -> None:
    # What was derived once lies in vaults and releases: this must never change.
    root = keyring._secrets["root-1"]
    assert keyring.derive("lookup", "a", "b") == derive_key(root, "shop", "lookup", "a", "b")
    info = b"cartveil key v1" + b"\0\0\0\4shop" + b"\0\0\0\6lookup"
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root.expose())
    assert keyring.derive("lookup").expose() == expected


def test_few_derived_keys_are_kept_at_hand(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_module, "_MOST_DERIVED", 3)
    first = keyring.derive("0").expose()
    for label in range(8):
        keyring.derive(str(label))
        assert len(keyring._derived) <= 3
    assert keyring.derive("0").expose() == first
