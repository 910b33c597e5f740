"""Rotation in a vault: everyone keeps what is theirs, old wraps end, and nobody comes back with an old keyring."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import CartveilError, DecryptionError, InputError, IntegrityError, KeyringError, RefusedError
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rows.versions import Versions, read_versions, write_versions
from cartveil.guard.vault.upkeep import rotating
from shop import ADMIN, ANNA, BOTH_STORES, CASE, CUSTOMERS, MAX, OFFICER, ONE, POLICY, Clock, opened

CHEAP = ScryptProfile("test", cost=2)


def reopened(vault: Vault, keyring: Keyring) -> Keyring:
    return Keyring.open(keyring.path, "correct horse")


def wraps(vault: Vault) -> dict[int, bytes]:
    rows = vault._room.store.execute("SELECT id, data_key FROM consumers").fetchall()
    return {int(number): bytes(wrapped) for number, wrapped in rows}


def versions(vault: Vault) -> list[int]:
    return sorted(int.from_bytes(wrapped[:4]) for wrapped in wraps(vault).values())


def somebody(number: int) -> pa.Table:
    return CUSTOMERS.slice(3, 1).set_column(0, "customer", pa.array([number]))


def names(vault: Vault) -> list[str]:
    rows = vault.read(ANNA, "customers", "101", purpose="support", fields=["name"], context=CASE)
    return list(rows.rows["name"].to_pylist())


@BOTH_STORES
def test_everyone_has_the_new_key_and_reads_as_before(vault: Vault, keyring: Keyring) -> None:
    before, shown = wraps(vault), names(vault)
    keys = {number: keyring.unwrap(wrapped) for number, wrapped in before.items()}
    done = vault.rotate_keys(ADMIN)
    assert (done.version, done.rewrapped, done.destroyed) == (2, 4, ())
    assert versions(vault) == [2, 2, 2, 2]
    assert {number: keyring.unwrap(wrapped) for number, wrapped in wraps(vault).items()} == keys
    assert names(vault) == shown
    assert vault.verify()["consumers"] == 4


@BOTH_STORES
def test_the_old_key_destroyed_makes_old_wraps_unreadable(vault: Vault, keyring: Keyring) -> None:
    before = wraps(vault)
    assert vault.rotate_keys(OFFICER, destroy_old=True).destroyed == ("wrapping-1",)
    for held in (keyring, reopened(vault, keyring)):
        for wrapped in before.values():
            with pytest.raises(DecryptionError):
                held.unwrap(wrapped)
    assert vault.verify()["consumers"] == 4


def test_a_backup_from_before_is_closed_and_says_so(
    vault: Vault, keyring: Keyring, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "backup").mkdir()
    copy = tmp_path / "backup" / vault.path.name
    vault._room.store.execute("VACUUM INTO ?", (str(copy),))
    vault.rotate_keys(ADMIN, destroy_old=True)
    # Beside the keyring the newest checkpoint lies, by which an old vault is known; a thief leaves it there.
    taken = shutil.copy(keyring.path, tmp_path / "backup" / "keyring")
    with Vault.open(copy, Keyring.open(taken, "correct horse"), clock=clock, policy=POLICY) as old:
        with pytest.raises(DecryptionError):
            old.read(ANNA, "orders", "102", purpose="support")
        with pytest.raises(IntegrityError, match="wrapped key"):
            old.rotate_keys(ADMIN)


def test_retired_keys_can_be_destroyed_later(vault: Vault, keyring: Keyring) -> None:
    vault.rotate_keys(ADMIN)
    vault.rotate_keys(ADMIN)
    before = wraps(vault)
    assert vault.destroy_old_keys(OFFICER) == ("wrapping-1", "wrapping-2")
    assert vault.destroy_old_keys(OFFICER) == ()
    assert [key.state for key in reopened(vault, keyring).key_ids() if key.name.startswith("wrapping")] == [
        "destroyed",
        "destroyed",
        "active",
    ]
    assert all(keyring.unwrap(wrapped) for wrapped in before.values())


def test_a_key_is_not_destroyed_while_somebody_needs_it(vault: Vault, keyring: Keyring) -> None:
    (one, *_) = wraps(vault).values()
    vault.rotate_keys(ADMIN)
    vault._room.store.execute("UPDATE consumers SET data_key = ? WHERE id = 1", (one,))
    for act in (vault.destroy_old_keys, lambda actor: vault.require_keys(actor, 2)):
        with pytest.raises(KeyringError, match="1 consumers have a key older"):
            act(ADMIN)
    assert keyring.unwrap(one)
    assert vault.rotate_keys(ADMIN, destroy_old=True).rewrapped == 4
    assert vault.verify()["consumers"] == 4


def test_nobody_rotates_whom_policy_does_not_let(vault: Vault, keyring: Keyring) -> None:
    file = keyring.path.read_bytes()
    acts: list[Callable[[], object]] = [
        lambda: vault.rotate_keys(ANNA),
        lambda: vault.rotate_keys(ONE),
        lambda: vault.destroy_old_keys(MAX),
        lambda: vault.require_keys(ANNA, 1),
        lambda: vault.relock_keys(ANNA, "mine"),
    ]
    for act in acts:
        with pytest.raises(RefusedError):
            act()
    assert keyring.path.read_bytes() == file
    log = vault.audit_events(OFFICER)
    said = [line for line in log.to_pylist() if line["action"] == "rotate"]
    assert [line["decision"] for line in said] == ["deny"] * 5


def test_the_log_says_who_did_what_to_which_key(vault: Vault) -> None:
    vault.rotate_keys(ADMIN, destroy_old=True)
    vault.require_keys(OFFICER, 2)
    vault.relock_keys(ADMIN, "battery staple")
    lines = [line for line in vault.audit_events(OFFICER).to_pylist() if line["action"] == "rotate"]
    assert [(line["actor"], line["fields"], line["rows"]) for line in lines] == [
        ("root", ["towards wrapping-2"], 4),
        ("root", ["destroy wrapping-1"], 0),
        ("olga", ["require wrapping-2"], 0),
        ("root", ["relock"], 0),
    ]


def test_min_version_refuses_a_wrap_that_was_put_back(vault: Vault, keyring: Keyring) -> None:
    (one, *_) = wraps(vault).values()
    vault.rotate_keys(ADMIN)
    vault.require_keys(ADMIN, 2)
    vault._room.store.execute("UPDATE consumers SET data_key = ? WHERE id = 1", (one,))
    with pytest.raises(DecryptionError):
        vault.read(ANNA, "orders", "101", purpose="support")
    vault.require_keys(ADMIN, 1)
    assert vault.read(ANNA, "orders", "101", purpose="support").rows.num_rows == 6
    with pytest.raises(InputError):
        vault.require_keys(ADMIN, 9)


@BOTH_STORES
def test_a_program_open_since_before_reads_and_enrols_by_the_new_key(
    vault: Vault, keyring: Keyring, place: Path | str
) -> None:
    with opened(place, reopened(vault, keyring)) as other:
        vault.rotate_keys(ADMIN, destroy_old=True)
        other.put(ADMIN, "customers", somebody(900))
        assert versions(vault) == [2, 2, 2, 2, 2]
        assert other.read(ANNA, "orders", "102", purpose="support").rows.num_rows == 6
        assert other.verify()["consumers"] == 5
    assert vault.verify()["consumers"] == 5


def test_who_is_enrolled_while_others_are_wrapped_anew_is_not_missed(
    vault: Vault, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(vault.path, reopened(vault, keyring)) as other:
        monkeypatch.setattr(rotating, "CHUNK", 1)
        seen: list[tuple[int, int]] = []

        def between(done: int, total: int) -> None:
            seen.append((done, total))
            other.put(ADMIN, "customers", somebody(900 + done))

        assert vault.rotate_keys(ADMIN, destroy_old=True, on_progress=between).rewrapped == 4
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert versions(vault) == [2] * 8
    assert vault.verify()["consumers"] == 8


@BOTH_STORES
def test_who_is_erased_meanwhile_stays_erased(
    vault: Vault, keyring: Keyring, place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(place, reopened(vault, keyring)) as other:
        rewrap = keyring.rewrap_many

        def erased_between(wrapped: list[bytes]) -> list[bytes]:
            other.erase(OFFICER, "102")
            return rewrap(wrapped)

        monkeypatch.setattr(Keyring, "rewrap_many", lambda self, wrapped: erased_between(wrapped))
        assert vault.rotate_keys(ADMIN).rewrapped == 3
    assert versions(vault) == [2, 2, 2]
    assert vault.verify()["consumers"] == 3


def test_a_receipt_names_the_wrapped_key_as_it_was_destroyed(
    vault: Vault, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cartveil.guard.vault.rights import erasing

    begin, seen = erasing._begin, []

    def rotated_after(room, cases):
        begin(room, cases)
        with opened(vault.path, reopened(vault, keyring)) as other:
            other.rotate_keys(ADMIN)
        seen.append(wraps(vault)[1])

    monkeypatch.setattr(erasing, "_begin", rotated_after)
    receipt = vault.erase(OFFICER, "101")
    assert seen[0][:4] == b"\0\0\0\2"
    assert receipt["key"] == hashlib.sha256(seen[0]).hexdigest()


def test_a_changed_wrapped_key_stops_a_rotation_and_nothing_is_lost(vault: Vault, keyring: Keyring) -> None:
    wrapped = wraps(vault)[2]
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    vault._room.store.execute("UPDATE consumers SET data_key = ? WHERE id = 2", (changed,))
    with pytest.raises(IntegrityError, match="wrapped key"):
        vault.rotate_keys(ADMIN, destroy_old=True)
    assert "destroyed" not in {str(key.state) for key in reopened(vault, keyring).key_ids()}
    vault._room.store.execute("UPDATE consumers SET data_key = ? WHERE id = 2", (wrapped,))
    done = vault.rotate_keys(ADMIN, destroy_old=True)
    assert (done.version, done.rewrapped) == (2, 4)


def test_an_older_copy_of_the_keyring_is_refused(vault: Vault, keyring: Keyring, tmp_path: Path, clock: Clock) -> None:
    copies = [tmp_path / "before", tmp_path / "retired"]
    shutil.copy(keyring.path, copies[0])
    vault.rotate_keys(ADMIN)
    shutil.copy(keyring.path, copies[1])
    vault.destroy_old_keys(ADMIN)
    for copy in copies:
        with pytest.raises(KeyringError, match="is older than the vault"):
            Vault.open(vault.path, Keyring.open(copy, "correct horse"), clock=clock, policy=POLICY)
    with opened(vault.path, reopened(vault, keyring)) as again:
        assert again.verify()["consumers"] == 4


@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "",
        "[]",
        '{"version": 9, "towards": null, "destroyed": 0, "mark": ""}',
        '{"version": 2, "towards": null, "destroyed": 0}',
    ],
)
def test_forged_knowledge_of_keys_is_noticed(vault: Vault, keyring: Keyring, clock: Clock, value: str) -> None:
    vault.rotate_keys(ADMIN)
    vault._room.store.execute("UPDATE meta SET value = ? WHERE name = 'keys'", (value,))
    with pytest.raises(IntegrityError, match="keys was changed"):
        Vault.open(vault.path, reopened(vault, keyring), clock=clock, policy=POLICY)


def test_knowledge_put_back_is_noticed_by_the_log(vault: Vault) -> None:
    vault.rotate_keys(ADMIN)
    row = vault._room.store.execute("SELECT value FROM meta WHERE name = 'keys'").fetchone()
    vault.rotate_keys(ADMIN)
    vault.verify()
    vault._room.store.execute("UPDATE meta SET value = ? WHERE name = 'keys'", row)
    with pytest.raises(IntegrityError, match="older than its log"):
        vault.verify()
    vault._room.store.execute("DELETE FROM meta WHERE name = 'keys'")
    with pytest.raises(IntegrityError, match="older than its log"):
        vault.verify()


def test_every_field_of_that_knowledge_is_marked(vault: Vault) -> None:
    known = Versions(version=2, towards=3, destroyed=1)
    with vault._room.store.transaction():
        write_versions(vault._room, known)
    assert read_versions(vault._room) == known
    (text,) = vault._room.store.execute("SELECT value FROM meta WHERE name = 'keys'").fetchone()
    for name in ("version", "towards", "destroyed"):
        body = json.loads(text)
        body[name] = 7
        vault._room.store.execute("UPDATE meta SET value = ? WHERE name = 'keys'", (json.dumps(body),))
        with pytest.raises(IntegrityError):
            read_versions(vault._room)


def test_two_rotations_at_once_end_with_one_key_for_all(vault: Vault, keyring: Keyring) -> None:
    errors: list[CartveilError] = []

    def rotate() -> None:
        try:
            with opened(vault.path, Keyring.open(keyring.path, "correct horse")) as other:
                other.rotate_keys(ADMIN)
        except CartveilError as error:
            errors.append(error)

    threads = [threading.Thread(target=rotate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(versions(vault))) == 1
    assert vault.destroy_old_keys(ADMIN)
    assert vault.verify()["consumers"] == 4


def test_an_empty_vault_rotates(empty: Vault, keyring: Keyring) -> None:
    assert empty.rotate_keys(ADMIN, destroy_old=True).rewrapped == 0
    empty.put(ADMIN, "customers", CUSTOMERS)
    assert versions(empty) == [2, 2, 2, 2]


def test_relocking_changes_what_opens_the_vault(vault: Vault, keyring: Keyring, clock: Clock) -> None:
    before = reopened(vault, keyring)
    vault.relock_keys(ADMIN, "battery staple")
    with Vault.open(vault.path, Keyring.open(keyring.path, "battery staple"), clock=clock, policy=POLICY) as again:
        assert again.verify()["consumers"] == 4
        again.rotate_keys(ADMIN)
    # Who has had it open since before must open it again to see the new key.
    with pytest.raises(KeyringError, match="locked anew"):
        opened(vault.path, before)


def test_an_older_keyring_put_back_meanwhile_ends_no_rotation(
    vault: Vault, keyring: Keyring, path: Path, clock: Clock
) -> None:
    old = keyring.path.read_bytes()
    vault.rotate_keys(ADMIN, destroy_old=True)
    new = keyring.path.read_bytes()
    keyring.path.write_bytes(old)
    for act in (vault.rotate_keys, lambda actor: vault.relock_keys(actor, "new horse")):
        with pytest.raises(KeyringError, match="older"):
            act(ADMIN)
    assert keyring.path.read_bytes() == old
    assert vault.read(ANNA, "customers", "101", purpose="support").rows.num_rows == 1
    keyring.path.write_bytes(new)
    with opened(path, Keyring.open(keyring.path, "correct horse"), clock) as again:
        assert again.rotate_keys(ADMIN, destroy_old=True).version == 3
        again.verify()
