"""A keyring locked by a PKCS#11 token, a real one: SoftHSM."""

import builtins
import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from cartveil.errors import CartveilError, KeyringError, MissingExtraError, PassphraseError
from cartveil.guard.keys import Keyring, ScryptProfile, Token
from cartveil.guard.keys.ids import lock_kind
from cartveil.guard.keys.token import Mechanism
from hsm import Hsm

CHEAP = ScryptProfile("test", cost=2)
MECHANISMS = ["aes-kw", "rsa-oaep-sha1"]


@pytest.fixture(scope="module")
def keyed(hsm: Hsm) -> Hsm:
    """Return the token with a key for each mechanism that SoftHSM knows."""
    for mechanism in MECHANISMS:
        hsm.token(mechanism, mechanism=mechanism).make_key()
    return hsm


@pytest.fixture(params=MECHANISMS)
def token(keyed: Hsm, request: pytest.FixtureRequest) -> Token:
    return keyed.token(request.param, mechanism=request.param)


def test_keyring_opens_with_its_token(token: Token, tmp_path: Path) -> None:
    keyring = Keyring.create(tmp_path / "k", token, tenant="shop")
    key, wrapped = keyring.new_data_key()
    assert Keyring.open(tmp_path / "k", token).unwrap(wrapped) == key
    assert lock_kind(tmp_path / "k") == "pkcs11"


def test_the_file_says_which_key_and_neither_module_nor_pin(keyed: Hsm, token: Token, tmp_path: Path) -> None:
    Keyring.create(tmp_path / "k", token, tenant="shop")
    text = (tmp_path / "k").read_text()
    section = json.loads(text)["lock"]
    assert section["token"] == keyed.label
    assert section["key"] == section["mechanism"]
    assert keyed.pin not in text
    assert "softhsm" not in text
    # Module and PIN are enough to open it: the labels come from the file.
    assert Keyring.open(tmp_path / "k", Token(keyed.module, keyed.pin)).tenant == "shop"


def test_each_locking_has_a_key_of_its_own(token: Token) -> None:
    (one, first), (other, second) = token.lock(), token.lock()
    assert one != other
    assert first["wrapped"] != second["wrapped"]
    assert one.expose().hex() not in json.dumps(first)


@pytest.mark.parametrize("there", MECHANISMS)
def test_from_passphrase_to_token_and_back(keyed: Hsm, there: str, tmp_path: Path) -> None:
    keyring = Keyring.create(tmp_path / "k", "correct horse", tenant="shop", profile=CHEAP)
    key, wrapped = keyring.new_data_key()
    token = keyed.token(there, mechanism=there)
    keyring.relock(token)
    with pytest.raises(KeyringError, match="locked with a PKCS#11 token"):
        Keyring.open(tmp_path / "k", "correct horse")
    moved = Keyring.open(tmp_path / "k", token)
    assert moved.rotate() == 2
    moved.relock("battery staple", profile=CHEAP)
    with pytest.raises(PassphraseError, match="locked with a passphrase"):
        Keyring.open(tmp_path / "k", token)
    assert Keyring.open(tmp_path / "k", "battery staple").unwrap(wrapped) == key


@pytest.mark.parametrize("mechanism", ["rsa-oaep-sha256", "rsa-oaep-sha384", "rsa-oaep-sha512"])
def test_a_hash_that_the_token_lacks_is_said(keyed: Hsm, mechanism: str) -> None:
    # SoftHSM 2.6 knows SHA-1 alone; a newer one that knows more must then open what it locked.
    token = keyed.token("rsa-oaep-sha1", mechanism=mechanism)
    try:
        key, section = token.lock()
    except KeyringError as error:
        said = error
    else:
        assert token.unlock(section) == key
        return
    assert "does not know this mechanism" in said.message
    assert "rsa-oaep-sha1" in said.hint


def test_wrong_pin_is_a_wrong_passphrase_and_is_not_repeated(keyed: Hsm) -> None:
    with pytest.raises(PassphraseError, match="PIN") as caught:
        keyed.token("aes-kw", pin="9999-wrong").lock()
    assert "9999" not in str(caught.value) + caught.value.hint
    with pytest.raises(PassphraseError, match="no PIN"):
        keyed.token("aes-kw", pin="").lock()
    keyed.token("aes-kw").lock()  # a right one is still good, and counts the wrong ones anew


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"token": "elsewhere"}, "no such token"), ({"key": "elsewhere"}, "has no key `elsewhere`")],
)
def test_wrong_labels_are_told_apart(keyed: Hsm, wrong: dict[str, str], said: str) -> None:
    with pytest.raises(KeyringError, match=said) as caught:
        keyed.token(**{"key": "aes-kw", **wrong}).lock()
    assert caught.value.hint


def test_a_key_of_another_kind_is_not_taken(keyed: Hsm) -> None:
    with pytest.raises(KeyringError, match="has no key"):
        keyed.token("rsa-oaep-sha1", mechanism="aes-kw").lock()


@pytest.mark.parametrize("module", ["/nowhere/libnothing.so", __file__])
def test_what_is_no_module_is_said(keyed: Hsm, module: str) -> None:
    with pytest.raises(KeyringError, match="no PKCS#11 module"):
        Token(module, keyed.pin).lock()


def test_another_key_does_not_open_it(keyed: Hsm, tmp_path: Path) -> None:
    first = keyed.token("first")
    first.make_key()
    Keyring.create(tmp_path / "k", first, tenant="shop")
    rename_key(keyed, "first", "former")
    keyed.token("first").make_key()
    with pytest.raises(KeyringError, match="does not open it"):
        Keyring.open(tmp_path / "k", first)
    # The file itself is whole: with the right key in place it opens.
    rename_key(keyed, "first", "second")
    rename_key(keyed, "former", "first")
    assert Keyring.open(tmp_path / "k", first).tenant == "shop"


def rename_key(hsm: Hsm, before: str, after: str) -> None:
    import pkcs11

    found = pkcs11.lib(str(hsm.module)).get_token(token_label=hsm.label)
    with found.open(rw=True, user_pin=hsm.pin) as session:
        session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=before)[pkcs11.Attribute.LABEL] = after


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("position", [0, 1, 20, -1])
def test_changed_wrapped_bytes_do_not_open(keyed: Hsm, mechanism: str, position: int) -> None:
    import base64

    token = keyed.token(mechanism, mechanism=mechanism)
    _, section = token.lock()
    changed = bytearray(base64.b64decode(section["wrapped"]))
    changed[position] ^= 1
    for wrong in (bytes(changed), bytes(changed[:-8]), b"", bytes(changed) * 2):
        with pytest.raises(CartveilError) as caught:
            token.unlock({**section, "wrapped": base64.b64encode(wrong).decode()})
        assert isinstance(caught.value, KeyringError)


@pytest.mark.parametrize("change", [{"mechanism": "rot13"}, {"wrapped": "?"}, {"wrapped": None}])
def test_a_section_that_nobody_wrote_is_a_value_error(keyed: Hsm, change: dict[str, object]) -> None:
    token = keyed.token("aes-kw")
    _, section = token.lock()
    with pytest.raises((ValueError, TypeError)):
        token.unlock({**section, **change})


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_made_key_stays_in_the_token_and_does_only_what_it_must(hsm: Hsm, mechanism: str) -> None:
    import pkcs11
    from pkcs11 import Attribute

    made = hsm.token(f"made {mechanism}", mechanism=mechanism)
    made.make_key()
    key, section = made.lock()  # another session than the one that made it: it was stored
    assert made.unlock(section) == key
    kind = pkcs11.ObjectClass.SECRET_KEY if mechanism == "aes-kw" else pkcs11.ObjectClass.PRIVATE_KEY
    able = {"aes-kw": {Attribute.WRAP, Attribute.UNWRAP}, "rsa-oaep-sha1": {Attribute.DECRYPT}}[mechanism]
    asked = {
        pkcs11.ObjectClass.SECRET_KEY: (Attribute.WRAP, Attribute.UNWRAP, Attribute.ENCRYPT, Attribute.DECRYPT),
        pkcs11.ObjectClass.PRIVATE_KEY: (Attribute.UNWRAP, Attribute.DECRYPT, Attribute.SIGN),
    }[kind]
    with pkcs11.lib(str(hsm.module)).get_token(token_label=hsm.label).open(user_pin=hsm.pin) as session:
        (found,) = list(session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: f"made {mechanism}"}))
        assert found[Attribute.SENSITIVE]
        assert not found[Attribute.EXTRACTABLE]
        assert {attribute for attribute in asked if found[attribute]} == able
        assert found.key_length == (256 if mechanism == "aes-kw" else 3072)
    with pytest.raises(KeyringError) as caught:
        made.make_key()
    assert str(caught.value) == f"{hsm.label}: the token has a key `made {mechanism}` already"
    assert caught.value.hint == "use it as it is, or choose another label"


def test_a_key_that_can_be_taken_out_is_refused(keyed: Hsm) -> None:
    import pkcs11

    found = pkcs11.lib(str(keyed.module)).get_token(token_label=keyed.label)
    with found.open(rw=True, user_pin=keyed.pin) as session:
        loose = {pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False}
        session.generate_key(pkcs11.KeyType.AES, 256, label="loose", store=True, template=loose)
    with pytest.raises(KeyringError) as caught:
        keyed.token("loose").lock()
    assert caught.value.message == "the token's key `loose` can be taken out of it"
    assert caught.value.hint == "make another with `cartveil keys make`, or set it sensitive and not extractable"


def test_several_keys_of_one_label_are_refused(keyed: Hsm) -> None:
    import pkcs11

    found = pkcs11.lib(str(keyed.module)).get_token(token_label=keyed.label)
    with found.open(rw=True, user_pin=keyed.pin) as session:
        for _ in range(2):
            session.generate_key(pkcs11.KeyType.AES, 256, label="twice", store=True)
    with pytest.raises(KeyringError, match="several keys"):
        keyed.token("twice").lock()


def test_nothing_of_the_lock_key_stays_in_the_token(keyed: Hsm) -> None:
    import pkcs11

    token = keyed.token("aes-kw")
    token.unlock(token.lock()[1])
    found = pkcs11.lib(str(keyed.module)).get_token(token_label=keyed.label)
    with found.open(user_pin=keyed.pin) as session:
        kinds = {each.key_type for each in session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})}
    assert kinds == {pkcs11.KeyType.AES}


@pytest.mark.parametrize("escape", [copy.copy, copy.deepcopy, pickle.dumps, vars])
def test_token_refuses_every_way_out(escape) -> None:
    with pytest.raises(TypeError):
        escape(Token("/m.so", "4321"))


def test_token_shows_its_labels_and_neither_pin_nor_module() -> None:
    shown = repr(Token("/m.so", "4321", label="shop", key="main", mechanism=Mechanism.RSA_OAEP_SHA1))
    assert shown == "Token(label='shop', key='main', mechanism='rsa-oaep-sha1')"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "pkcs11":
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        Token("/m.so", "4321").lock()
    assert caught.value.hint == "pip install 'cartveil[pkcs11]'"
