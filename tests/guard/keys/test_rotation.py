"""The life of wrapping keys: made, retired, destroyed, and locked anew; the file is whole at every moment."""

import hashlib
import json
import multiprocessing
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cartveil.errors import (
    DecryptionError,
    InputError,
    IntegrityError,
    KeyringError,
    PassphraseError,
    ReadError,
    StorageError,
)
from cartveil.events import writing
from cartveil.guard.keys import Keyring, ScryptProfile, SecretKey
from cartveil.guard.keys.ids import key_ids, lock_kind
from cartveil.guard.keys.passphrase import Argon2idProfile

CHEAP = ScryptProfile("test", cost=2)
V1 = Path(__file__).with_name("keyring_v1.json")

#: What the version that wrote `keyring_v1.json` wrapped with it, and SHA-256 of the data key.
V1_WRAPPED = "00000001711621840eb53796a5cf78ae3c129ce50b20247e5008a98875373a8f3be1117243cc92b72cd04bc4"
V1_KEY = "5cc8f195954278deb15e8046fc7b08e7949ca164589a6b1a99b1138fb6ccfcc9"
V1_PUBLIC = "3d1456830526b7712ea0ff93d51b0092b556c630b69af00b3ee7a26f2795f784"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.keyring"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring.create(path, "correct horse", tenant="shop", profile=CHEAP)


def states(keyring: Keyring) -> dict[str, str]:
    return {key.name: str(key.state) for key in keyring.key_ids()}


def wrapping_states(keyring: Keyring) -> list[str]:
    return [state for name, state in states(keyring).items() if name.startswith("wrapping")]


def test_rotation_retires_the_former_key(keyring: Keyring, path: Path) -> None:
    assert keyring.rotate() == keyring.version == 2
    assert states(keyring) == {
        "root-1": "active",
        "wrapping-1": "retired",
        "signing-1": "active",
        "wrapping-2": "active",
    }
    assert states(Keyring.open(path, "correct horse")) == states(keyring)
    assert key_ids(path) == keyring.key_ids()


def test_retired_key_opens_and_wraps_no_more(keyring: Keyring) -> None:
    key, wrapped = keyring.new_data_key()
    keyring.rotate()
    assert keyring.unwrap(wrapped) == key
    assert keyring.new_data_key()[1][:4] == b"\0\0\0\2"
    (again,) = keyring.rewrap_many([wrapped])
    assert again[:4] == b"\0\0\0\2"
    assert keyring.unwrap(again) == key


def test_rotation_changes_neither_root_nor_signing_key(keyring: Keyring) -> None:
    before = keyring.derive("lookup").expose(), keyring.public_key, keyring.sign(b"text")
    keyring.rotate()
    assert (keyring.derive("lookup").expose(), keyring.public_key, keyring.sign(b"text")) == before


def test_rotation_after_a_version_is_done_once(keyring: Keyring, path: Path) -> None:
    other = Keyring.open(path, "correct horse")
    assert keyring.rotate(after=1) == 2
    assert other.rotate(after=1) == 2
    assert other.rotate(after=2) == 3


def test_destroyed_key_is_gone_from_the_file(keyring: Keyring, path: Path) -> None:
    _, wrapped = keyring.new_data_key()
    keyring.rotate()
    keyring.destroy("wrapping-1")
    lines = {f"{key['purpose']}-{key['version']}": key for key in json.loads(path.read_bytes())["keys"]}
    assert lines["wrapping-1"]["sealed"] == ""
    for open_ in (lambda: keyring, lambda: Keyring.open(path, "correct horse")):
        with pytest.raises(DecryptionError):
            open_().unwrap(wrapped)
        with pytest.raises(DecryptionError):
            open_().unwrap_many([keyring.new_data_key()[1], wrapped])


def test_destroying_twice_changes_nothing(keyring: Keyring, path: Path) -> None:
    keyring.rotate()
    keyring.destroy("wrapping-1")
    keyring.destroy("wrapping-1")
    assert wrapping_states(Keyring.open(path, "correct horse")) == ["destroyed", "active"]


@pytest.mark.parametrize("name", ["root-1", "signing-1", "wrapping-2"])
def test_a_key_in_use_is_not_destroyed(keyring: Keyring, path: Path, name: str) -> None:
    keyring.rotate()
    before = path.read_bytes()
    with pytest.raises(KeyringError, match="in use"):
        keyring.destroy(name)
    assert path.read_bytes() == before


def test_unknown_key_is_not_destroyed(keyring: Keyring) -> None:
    with pytest.raises(InputError) as caught:
        keyring.destroy("wrapping-9")
    assert "`wrapping-1`" in caught.value.hint


def test_min_version_closes_older_keys_and_opens_them_again(keyring: Keyring, path: Path) -> None:
    key, wrapped = keyring.new_data_key()
    keyring.rotate()
    keyring.require(2)
    for held in (keyring, Keyring.open(path, "correct horse")):
        assert held.min_version == 2
        with pytest.raises(DecryptionError):
            held.unwrap(wrapped)
        with pytest.raises(DecryptionError):
            held.rewrap_many([wrapped])
    keyring.require(1)
    assert Keyring.open(path, "correct horse").unwrap(wrapped) == key


@pytest.mark.parametrize("version", [0, 2, -1])
def test_min_version_is_one_that_is_there(keyring: Keyring, version: int) -> None:
    with pytest.raises(InputError):
        keyring.require(version)


def test_a_keyring_that_was_open_takes_up_the_new_key(keyring: Keyring, path: Path) -> None:
    reader = Keyring.open(path, "correct horse")
    keyring.rotate()
    key, wrapped = keyring.new_data_key()
    assert reader.unwrap(wrapped) == key
    assert reader.version == 2


def test_what_was_open_stays_open_though_the_file_forgets_it(keyring: Keyring, path: Path) -> None:
    key, wrapped = keyring.new_data_key()
    reader = Keyring.open(path, "correct horse")
    keyring.rotate()
    keyring.require(2)
    keyring.destroy("wrapping-1")
    newer = keyring.new_data_key()
    # One question may bring wraps of both, fetched before the old ones were replaced.
    assert reader.unwrap_many([wrapped, newer[1]]) == [key, newer[0]]


def test_a_version_that_nobody_made_does_not_open(keyring: Keyring) -> None:
    _, wrapped = keyring.new_data_key()
    with pytest.raises(DecryptionError):
        keyring.unwrap(b"\0\0\0\x09" + wrapped[4:])
    with pytest.raises(DecryptionError):
        keyring.unwrap(bytes(4) + wrapped[4:])


def test_relocked_file_opens_with_the_new_passphrase_alone(keyring: Keyring, path: Path) -> None:
    keyring.rotate()
    keyring.destroy("wrapping-1")
    kept = keyring.new_data_key()
    before = states(keyring)
    keyring.relock("battery staple", profile=Argon2idProfile("test", memory_kib=8, iterations=1))
    with pytest.raises(PassphraseError):
        Keyring.open(path, "correct horse")
    again = Keyring.open(path, "battery staple")
    assert states(again) == before
    assert again.unwrap(kept[1]) == kept[0]
    assert again.derive("lookup") == keyring.derive("lookup")
    assert again.rotate() == 3
    assert lock_kind(path) == "passphrase"


def test_relocking_seals_under_another_key(keyring: Keyring, path: Path) -> None:
    before = [line["sealed"] for line in json.loads(path.read_bytes())["keys"]]
    keyring.relock("correct horse", profile=CHEAP)
    after = [line["sealed"] for line in json.loads(path.read_bytes())["keys"]]
    assert not set(before) & set(after)


def test_a_keyring_open_since_before_goes_on_and_takes_no_new_keys(keyring: Keyring, path: Path) -> None:
    reader = Keyring.open(path, "correct horse")
    key, wrapped = keyring.new_data_key()
    keyring.relock("battery staple", profile=CHEAP)
    assert reader.unwrap(wrapped) == key
    for act in (reader.rotate, reader.refresh, lambda: reader.relock("mine", profile=CHEAP)):
        with pytest.raises(KeyringError, match="locked anew"):
            act()
    assert Keyring.open(path, "battery staple").unwrap(wrapped) == key


def test_empty_passphrase_changes_nothing(keyring: Keyring, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError):
        keyring.relock("")
    assert path.read_bytes() == before


def test_file_of_the_first_version_still_opens_and_is_carried_on(path: Path) -> None:
    shutil.copy(V1, path)
    keyring = Keyring.open(path, "correct horse")
    wrapped = bytes.fromhex(V1_WRAPPED)
    assert hashlib.sha256(keyring.unwrap(wrapped).expose()).hexdigest() == V1_KEY
    assert keyring.public_key.hex() == V1_PUBLIC
    assert json.loads(path.read_bytes())["format"] == "cartveil keyring v1"
    keyring.rotate()
    again = Keyring.open(path, "correct horse")
    assert json.loads(path.read_bytes())["format"] == "cartveil keyring v2"
    assert hashlib.sha256(again.unwrap(wrapped).expose()).hexdigest() == V1_KEY
    assert wrapping_states(again) == ["retired", "active"]


def test_changed_file_of_the_first_version_is_noticed(path: Path) -> None:
    body = json.loads(V1.read_bytes())
    body["tenant"] = "another"
    path.write_text(json.dumps(with_digest(body)))
    with pytest.raises((IntegrityError, PassphraseError)):
        Keyring.open(path, "correct horse")


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: body["keys"][1].update(state="destroyed"),
        lambda body: body["keys"][1].update(state="destroyed", sealed=""),
        lambda body: body["keys"][1].update(state="retired"),
        lambda body: body["keys"][1].update(state="lost"),
        lambda body: body["keys"][0].update(state="active"),
        lambda body: body["keys"].pop(1),
        lambda body: body["keys"].append(dict(body["keys"][0])),
        lambda body: body["keys"].reverse(),
        lambda body: body["keys"][3].update(version=3),
        lambda body: body.update(min_version=2),
        lambda body: body.update(min_version=0),
        lambda body: body.update(min_version=9),
        lambda body: body.update(tenant="other"),
        lambda body: body.update(lock={}),
        lambda body: body.pop("lock"),
        lambda body: body["lock"].update(function="argon2id"),
    ],
)
def test_forged_states_are_noticed(keyring: Keyring, path: Path, forge: Callable[[dict], object]) -> None:
    keyring.rotate()
    reader = Keyring.open(path, "correct horse")
    body = json.loads(path.read_bytes())
    before = json.dumps(body)
    forge(body)
    if json.dumps(body) == before:
        return
    path.write_text(json.dumps(with_digest(body)))
    with pytest.raises((IntegrityError, KeyringError)):
        Keyring.open(path, "correct horse")
    with pytest.raises((IntegrityError, KeyringError)):
        reader.refresh()


def with_digest(body: dict) -> dict:
    rest = {key: value for key, value in body.items() if key not in ("digest", "mark")}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**body, "digest": hashlib.sha256(text.encode()).hexdigest()}


def test_another_tenants_file_in_its_place_is_noticed(keyring: Keyring, path: Path, tmp_path: Path) -> None:
    other = Keyring.create(tmp_path / "other", "correct horse", tenant="shop", profile=CHEAP)
    shutil.copy(other.path, path)
    with pytest.raises(KeyringError):
        keyring.rotate()


def test_gone_file_is_said(keyring: Keyring, path: Path) -> None:
    path.unlink()
    with pytest.raises(ReadError):
        keyring.rotate()


@pytest.mark.parametrize("act", ["rotate", "require", "destroy", "relock"])
def test_a_full_disk_leaves_file_and_keyring_as_they_were(
    keyring: Keyring, path: Path, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.rotate()
    key, wrapped = keyring.new_data_key()
    before, shown = path.read_bytes(), states(keyring)

    def full(file: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_sync", full)
    acts: dict[str, Callable[[], object]] = {
        "rotate": keyring.rotate,
        "require": lambda: keyring.require(2),
        "destroy": lambda: keyring.destroy("wrapping-1"),
        "relock": lambda: keyring.relock("battery staple", profile=CHEAP),
    }
    with pytest.raises(StorageError):
        acts[act]()
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert (states(keyring), keyring.min_version) == (shown, 1)
    assert Keyring.open(path, "correct horse").unwrap(wrapped) == key
    assert keyring.rotate() == 3


def test_changed_file_keeps_its_owner_only_mode_and_no_neighbour(keyring: Keyring, path: Path) -> None:
    keyring.rotate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def rotate_often(path: Path, times: int) -> None:
    keyring = Keyring.open(path, "correct horse")
    for _ in range(times):
        keyring.rotate()


def test_programs_that_rotate_at_once_lose_no_key(keyring: Keyring, path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    programs = [fork.Process(target=rotate_often, args=(path, 10)) for _ in range(3)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert [program.exitcode for program in programs] == [0, 0, 0]
    assert wrapping_states(Keyring.open(path, "correct horse")) == ["retired"] * 30 + ["active"]


def die_in_replace(path: Path, *, after: bool) -> None:
    original = Path.replace

    def dying(new: Path, target: Path) -> Path:
        if after:
            original(new, target)
        os._exit(9)

    Path.replace = dying  # type: ignore[method-assign]
    Keyring.open(path, "correct horse").rotate()


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_the_file_is_replaced_it_is_old_or_new(keyring: Keyring, path: Path, *, after: bool) -> None:
    key, wrapped = keyring.new_data_key()
    child = multiprocessing.get_context("fork").Process(target=die_in_replace, args=(path,), kwargs={"after": after})
    child.start()
    child.join()
    assert child.exitcode == 9
    again = Keyring.open(path, "correct horse")
    assert again.version == (2 if after else 1)
    assert again.unwrap(wrapped) == key
    assert keyring.rotate(after=1) == 2


class Life(RuleBasedStateMachine):
    """Whatever is done in whatever order: exactly what was not destroyed and not closed opens."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["PYTEST_LIFE"]) / os.urandom(8).hex()
        self.folder.mkdir()
        self.passphrase = "correct horse"
        self.keyring = Keyring.create(self.folder / "k", self.passphrase, tenant="shop", profile=CHEAP)
        self.keys: dict[int, tuple[SecretKey, bytes]] = {1: self.keyring.new_data_key()}
        self.destroyed: set[int] = set()
        self.least = 1

    @precondition(lambda self: len(self.keys) < 6)
    @rule()
    def rotate(self) -> None:
        version = self.keyring.rotate()
        self.keys[version] = self.keyring.new_data_key()

    @rule(version=st.integers(1, 6))
    def destroy(self, version: int) -> None:
        if version < len(self.keys):
            self.keyring.destroy(f"wrapping-{version}")
            self.destroyed.add(version)

    @rule(version=st.integers(1, 6))
    def require(self, version: int) -> None:
        if version <= len(self.keys):
            self.keyring.require(version)
            self.least = version

    @rule()
    def relock(self) -> None:
        self.passphrase += "!"
        self.keyring.relock(self.passphrase, profile=CHEAP)

    @rule()
    def reopen(self) -> None:
        self.keyring = Keyring.open(self.folder / "k", self.passphrase)

    @invariant()
    def exactly_the_living_open(self) -> None:
        for version, (key, wrapped) in self.keys.items():
            if version in self.destroyed or version < self.least:
                with pytest.raises(DecryptionError):
                    self.keyring.unwrap(wrapped)
            else:
                assert self.keyring.unwrap(wrapped) == key

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


def test_whatever_is_done_exactly_the_living_keys_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setenv("PYTEST_LIFE", str(tmp_path))
    run_state_machine_as_test(Life, settings=settings(max_examples=25, stateful_step_count=12, deadline=None))


@pytest.mark.parametrize(
    "change",
    [
        {"keys": []},
        {"keys": [0, 1, 2]},
        {"keys": [0, 1, 3]},
        {"keys": [1, 2, 3]},
        {"keys": [0, 2, 1]},
        {"keys": [0, 1, 2, 3, 3]},
        {"keys": [0, 0, 1, 2, 3]},
        {"states": ["active", "active", "active", "active"]},
        {"states": ["active", "retired", "active", "retired"]},
        {"states": ["retired", "retired", "active", "active"]},
        {"states": ["active", "retired", "retired", "active"]},
        {"states": ["active", "active", "active", "retired"]},
        {"min_version": 0},
        {"min_version": 3},
    ],
)
def test_a_file_that_makes_no_sense_is_refused_before_it_is_opened(
    keyring: Keyring, path: Path, change: dict[str, list]
) -> None:
    keyring.rotate()
    body = json.loads(path.read_bytes())
    for key, state in zip(body["keys"], change.get("states", []), strict=False):
        key["state"] = state
    body["keys"] = [dict(body["keys"][place]) for place in change.get("keys", range(4))]
    body["min_version"] = change.get("min_version", 1)
    path.write_text(json.dumps(with_digest(body)))
    with pytest.raises(IntegrityError, match="is not a keyring that this version wrote"):
        key_ids(path)


def test_the_file_is_text_that_a_person_can_read(tmp_path: Path) -> None:
    Keyring.create(tmp_path / "k", "correct horse", tenant="小店", profile=CHEAP)
    lines = (tmp_path / "k").read_text(encoding="utf-8").splitlines()
    assert lines[:5] == [
        "{",
        ' "format": "cartveil keyring v2",',
        ' "tenant": "小店",',
        ' "lock": {',
        '  "kind": "passphrase",',
    ]
    assert key_ids(tmp_path / "k") == Keyring.open(tmp_path / "k", "correct horse").key_ids()


def test_what_a_killed_writer_left_goes_with_the_next_change(keyring: Keyring, path: Path) -> None:
    stray, other = path.with_name(f".{path.name}.{'0a' * 8}"), path.with_name(f".{path.name}.note")
    stray.write_bytes(path.read_bytes())  # it would open what was wrapped by a key that is destroyed
    other.write_text("mine")
    keyring.rotate()
    keyring.destroy("wrapping-1")
    assert not stray.exists()
    assert other.exists()
