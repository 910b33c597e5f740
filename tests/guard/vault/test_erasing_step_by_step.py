"""Erasure step by step: what each step writes, where, and what it says where it cannot go on."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cartveil.errors import ErasedError, InputError, IntegrityError, RefusedError, StorageError, UnknownSubjectError
from cartveil.events.schema import parse_schema
from cartveil.guard.audit import AuditLog, parse_checkpoint
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault, verify_receipt
from cartveil.guard.vault.receipt import audit_part, canonical, encoded, sign_receipt
from cartveil.guard.vault.rights import deleting, erasing
from cartveil.guard.vault.rights.holds import Held
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.erasures import Erasure
from cartveil.guard.vault.rows.tables import stored_table
from logbook import KEY, PUBLIC, filled, log, sign
from saying import Said, said, says
from shop import ADMIN, ANNA, OFFICER, ONE, POLICY, SCIENCE, Clock

__all__ = ["log"]

NOW, LATER = "2026-11-22T10:30:00+00:00", "2026-11-22T20:30:00+00:00"
TAX = {"ground": "tax", "table": "orders", "until": date(2027, 12, 31)}
LEFT = {"customers": 1, "orders": 6, "products": 0}


@pytest.fixture
def room(vault: Vault) -> Room:
    return vault._room


def wrapped_key(room: Room, number: int = 1) -> str:
    (key,) = room.store.execute("SELECT data_key FROM consumers WHERE id = ?", (number,)).fetchone()
    return hashlib.sha256(bytes(key)).hexdigest()


def states(room: Room) -> dict[str, str]:
    return dict(room.store.execute("SELECT lookup, state FROM erasures").fetchall())


def entries(room: Room) -> list[dict[str, Any]]:
    return [json.loads(entry) for entry in room.log.entries(0, room.log.size)]


class Killed(Exception):  # noqa: N818 - no error of ours: the process was killed
    """Stands for the end of the process."""


def kill(monkeypatch: pytest.MonkeyPatch, step: str) -> pytest.MonkeyPatch:
    def die(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(erasing, step, die)
    return monkeypatch


# Everything at once.


def test_a_receipt_says_all_that_was_done(vault: Vault, room: Room, keyring: Keyring) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    before, key, size = vault.checkpoint(), wrapped_key(room), room.log.size
    receipt = vault.erase(OFFICER, "101", forget=[lambda names: {"told": sorted(names)}])
    signature = receipt.pop("signature")
    audit = receipt.pop("audit")
    assert receipt == {
        "kind": "cartveil erasure receipt v1",
        "tenant": "shop",
        "time": NOW,
        "begun": NOW,
        "subject": room.receipt_name("101"),
        "deleted": LEFT,
        "key": key,
        "releases": 1,
        "forgotten": [{"told": ["recommendation/models/"]}],
        "public_key": encoded(keyring.public_key),
    }
    assert audit == {
        "index": size,
        "entry": room.log.entry(size).decode(),
        "proof": [encoded(each) for each in room.log.prove_inclusion(size)],
        "checkpoint": room.log.latest_checkpoint(),
        "before": before,
        "consistency": [encoded(each) for each in room.log.prove_consistency(size, size + 1)],
    }
    assert parse_checkpoint(audit["checkpoint"]).origin == "cartveil/shop"
    assert parse_checkpoint(audit["checkpoint"]).time.isoformat() == NOW
    verify_receipt({**receipt, "audit": audit, "signature": signature}, public_key=keyring.public_key)


def test_the_log_says_who_erased_whom_and_how_much(vault: Vault, room: Room) -> None:
    vault.erase(OFFICER, "101")
    vault.erase(OFFICER, "101")
    vault.erase(Principal("102", "consumer"), "102")
    plain = dict.fromkeys(("case", "reason", "session", "table", "view"), "")
    first = {
        **plain,
        "time": "2026-11-22T10:30:00.000000Z",
        "actor": "olga",
        "role": "privacy_officer",
        "action": "erase",
        "purpose": "compliance",
        "fields": [],
        "subject": room.audit_name("101"),
        "rows": 7,
        "decision": "allow",
        "rule": "privacy-erases",
    }
    themselves = room.audit_name("102")
    own = {"actor": themselves, "role": "consumer", "purpose": "self_service", "subject": themselves}
    *_, one, again, two = entries(room)
    assert (one, again) == (first, {**first, "rows": 0})
    assert two == {**first, **own, "rule": two["rule"]}


def test_vault_and_witness_keep_state_and_receipt(vault: Vault, room: Room) -> None:
    receipt = vault.erase(OFFICER, "101")
    lookup = room.lookup("101")
    row = room.store.execute("SELECT lookup, state, begun, progress, receipt FROM erasures").fetchall()
    assert [tuple(each) for each in row] == [(lookup, "done", NOW, "{}", json.dumps(receipt, ensure_ascii=False))]
    assert erasures.load(room, [lookup]) == {lookup: Erasure(lookup, "done", {}, receipt)}
    assert erasures.load(room, [lookup])[lookup].begun == NOW
    common = {"lookup": lookup, "subject": room.audit_name("101"), "begun": NOW}
    assert room.witness.lines(0) == [
        {**common, "state": "begun", "receipt": None},
        {**common, "state": "done", "receipt": receipt},
    ]
    assert room.witness.kept() == receipt["audit"]["checkpoint"]


def test_many_are_erased_in_groups_under_one_checkpoint(
    vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch, keyring: Keyring
) -> None:
    monkeypatch.setattr(erasing, "GROUP", 2)
    size, told = room.log.size, []
    receipts = vault.erase_many(
        OFFICER, ["103", "101", 102.0, " 103"], forget=[lambda people: told.append(people) or {"people": len(people)}]
    )
    assert receipts[0] == receipts[3]
    assert [receipt["audit"]["index"] for receipt in receipts] == [size, size + 1, size + 2, size]
    assert len({receipt["audit"]["checkpoint"] for receipt in receipts}) == 1
    assert parse_checkpoint(receipts[0]["audit"]["checkpoint"]).size == size + 3
    assert [receipt["forgotten"] for receipt in receipts] == [[{"people": 3}]] * 4
    assert told == [[{}, {}, {}]]
    for receipt, subject in zip(receipts, ("103", "101", "102", "103"), strict=True):
        assert verify_receipt(receipt, public_key=keyring.public_key)["subject"] == room.receipt_name(subject)
        assert receipt["deleted"] == LEFT
    assert vault.erase_many(OFFICER, []) == []
    assert vault.erase_many(OFFICER, ["104", "101"])[1] == receipts[1]
    assert room.log.size == size + 5
    vault.verify()


# Who may not, and who is not there.


def test_nobody_is_erased_where_one_is_refused(vault: Vault, room: Room) -> None:
    size = room.log.size
    with pytest.raises(RefusedError):
        vault.erase_many(ONE, ["101", "102"])
    assert states(room) == {}
    (refused,) = entries(room)[size:]
    assert (refused["decision"], refused["subject"], refused["purpose"], refused["actor"]) == (
        "deny",
        room.audit_name("102"),
        "self_service",
        room.audit_name("101"),
    )
    with pytest.raises(RefusedError):
        vault.erase(ANNA, "101")
    assert entries(room)[-1]["purpose"] == "compliance"
    assert room.witness.lines(0) == []


def test_nobody_is_erased_where_one_is_unknown(vault: Vault, room: Room) -> None:
    size = room.log.size
    unknown = says(UnknownSubjectError, "no such consumer", hint="check the id, and that their data was put")
    assert said(lambda: vault.erase_many(OFFICER, ["101", "999", "998"])) == unknown
    (denied,) = entries(room)[size:]
    assert (denied["decision"], denied["rule"], denied["subject"], denied["action"]) == (
        "deny",
        "unknown-consumer",
        room.audit_name("999"),
        "erase",
    )
    assert (states(room), room.witness.lines(0)) == ({}, [])
    vault.verify()


# Killed in the middle.


def test_from_the_first_step_on_a_consumer_is_erased(
    vault: Vault, room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, lookup = wrapped_key(room), room.lookup("101")
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    begun = Erasure(lookup, "begun", {"begun": NOW, "key": key})
    assert erasures.load(room, [lookup]) == {lookup: begun}
    assert erasures.load_state(room, "begun") == [begun]
    assert erasures.load_state(room, "done") == []
    with pytest.raises(ErasedError):
        vault.read(ANNA, "orders", "101", purpose="support")
    clock.at(20)
    receipt = vault.erase(OFFICER, "101")
    assert (receipt["begun"], receipt["time"], receipt["key"]) == (NOW, LATER, key)
    assert [line["state"] for line in room.witness.lines(0)] == ["begun", "begun", "done"]
    assert {line["begun"] for line in room.witness.lines(0)} == {NOW}
    assert [each["rows"] for each in entries(room) if each["action"] == "erase"] == [7]
    vault.verify()


def test_what_is_deleted_is_not_deleted_again(
    vault: Vault, room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, lookup, size = wrapped_key(room), room.lookup("101"), room.log.size
    with monkeypatch.context() as patched:
        kill(patched, "_tell")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    progress = {"begun": NOW, "key": key, "deleted": LEFT, "kept": {}, "index": size}
    assert erasures.load(room, [lookup]) == {lookup: Erasure(lookup, "deleted", progress)}
    clock.at(20)
    told: list[object] = []
    receipt = vault.erase(OFFICER, "101", forget=[lambda names: told.append(names) or {}])
    assert (receipt["audit"]["index"], receipt["deleted"], receipt["key"]) == (size, LEFT, key)
    assert (told, receipt["forgotten"]) == ([{}], [{}])
    assert room.log.size == size + 1
    vault.verify()


def test_some_begun_and_some_new_go_on_together(vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    receipts = vault.erase_many(OFFICER, ["102", "101"])
    assert [each["subject"] for each in receipts] == [room.receipt_name(each) for each in ("102", "101")]
    assert [(line["subject"], line["state"]) for line in room.witness.lines(0)[1:]] == [
        (room.audit_name("102"), "begun"),
        (room.audit_name("101"), "begun"),
        (room.audit_name("102"), "done"),
        (room.audit_name("101"), "done"),
    ]
    vault.verify()


def test_another_program_that_erases_the_same_is_told_of(room: Room) -> None:
    hint = "erase again when the other program is done"
    wanted = says(StorageError, "another program is erasing the same consumer", room.store.name, hint)
    assert said(lambda: erasing._receipt_of(room, Erasure("x", "begun"))) == wanted
    assert erasing._receipt_of(room, Erasure("x", "done", {}, {"a": 1})) == {"a": 1}


def test_what_another_program_finished_meanwhile_is_left_as_it_is(
    vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, first = erasing._tell, []

    def meanwhile(*words: Any) -> list[dict[str, Any]]:
        with monkeypatch.context() as patched:
            patched.setattr(erasing, "_tell", tell)
            first.append(vault.erase(OFFICER, "101"))
        return tell(*words)

    monkeypatch.setattr(erasing, "_tell", meanwhile)
    assert vault.erase(OFFICER, "101") == first[0]
    assert [line["state"] for line in room.witness.lines(0)].count("done") == 1
    vault.verify()


# What is held.


def test_what_is_held_is_reduced_then_kept_then_begun_again(vault: Vault, room: Room, clock: Clock) -> None:
    hold, lookup, key = vault.hold(OFFICER, **TAX), room.lookup("101"), wrapped_key(room)
    first = vault.erase(OFFICER, "101")
    kept = {"orders": {"rows": 6, "ground": "tax", "until": "2027-12-31"}}
    assert (first["kept"], first["key"], first["deleted"]) == (kept, "", {**LEFT, "orders": 0})
    assert erasures.load_state(room, "kept") == [Erasure(lookup, "kept", {}, first)]
    assert [line["state"] for line in room.witness.lines(0)] == ["begun", "kept"]
    assert vault.erase(OFFICER, "101") == first
    vault.verify()
    clock.at(20)
    vault.lift_hold(OFFICER, hold.id)
    last = vault.erase(OFFICER, "101")
    assert (last["begun"], last["key"], "kept" in last) == (LATER, key, False)
    assert last["deleted"] == {"customers": 0, "orders": 6, "products": 0}
    assert [line["state"] for line in room.witness.lines(0)] == ["begun", "kept", "begun", "done"]
    vault.verify()


def test_an_erasure_that_begins_again_says_so(vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, lookup, key = vault.hold(OFFICER, **TAX), room.lookup("101"), wrapped_key(room)
    vault.erase(OFFICER, "101")
    vault.lift_hold(OFFICER, hold.id)
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    assert erasures.load(room, [lookup])[lookup].progress == {"begun": NOW, "key": key, "again": True}
    vault.verify()
    vault.erase(OFFICER, "101")
    vault.verify()


def test_a_hold_on_another_keeps_nothing_here(vault: Vault) -> None:
    vault.hold(OFFICER, ground="legal_claim", subject="102")
    receipts = vault.erase_many(OFFICER, ["101", "102"])
    assert ["kept" in each for each in receipts] == [False, True]
    assert [each["deleted"]["orders"] for each in receipts] == [6, 0]
    assert vault.erase_many(OFFICER, ["101", "102"]) == receipts
    vault.verify()


def test_a_hold_that_changed_lets_the_erasure_go_on(vault: Vault, clock: Clock) -> None:
    vault.hold(OFFICER, **TAX)
    vault.hold(OFFICER, ground="legal_claim", subject="101", table="orders", until=date(2028, 6, 30))
    first = vault.erase(OFFICER, "101")
    assert first["kept"]["orders"]["ground"] == "legal_claim tax"
    clock.time += timedelta(days=500)
    assert vault.erase(OFFICER, "101")["kept"]["orders"]["ground"] == "legal_claim"
    vault.verify()


# What was forged.


def changed(room: Room) -> Said:
    return says(IntegrityError, "an erasure's state was changed", room.store.name)


@pytest.mark.parametrize(
    "how",
    [
        "UPDATE erasures SET state = 'done'",
        "UPDATE erasures SET state = 'deleted'",
        "UPDATE erasures SET progress = '{}'",
        "UPDATE erasures SET progress = 'no json'",
        "UPDATE erasures SET progress = '[]'",
        "UPDATE erasures SET progress = '3'",
        "UPDATE erasures SET receipt = 'no json'",
        "UPDATE erasures SET lookup = 'somebody'",
    ],
)
def test_a_forged_state_says_so(vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    room.store.execute(how)
    assert said(lambda: erasures.check_erasures(room)) == changed(room)
    assert said(lambda: erasures.load(room, [*states(room)])) == changed(room)
    state = states(room).popitem()[1]
    assert said(lambda: erasures.load_state(room, state)) == changed(room)


def test_a_receipt_of_somebody_else_says_so(vault: Vault, room: Room) -> None:
    one, two = vault.erase_many(OFFICER, ["101", "102"])
    lookup = room.lookup("101")
    room.store.execute("UPDATE erasures SET receipt = ? WHERE lookup = ?", (json.dumps(two), lookup))
    assert said(lambda: vault.erase(OFFICER, "101")) == changed(room)
    forged = {**one, "deleted": {"customers": 0}}
    room.store.execute("UPDATE erasures SET receipt = ? WHERE lookup = ?", (json.dumps(forged), lookup))
    with pytest.raises(IntegrityError, match="no receipt of this vault"):
        vault.erase(OFFICER, "101")


def test_a_list_that_is_not_what_the_log_says_says_so(vault: Vault, room: Room) -> None:
    line = tuple(room.store.execute("SELECT id, lookup, data_key, subject FROM consumers WHERE id = 1").fetchone())
    vault.erase_many(OFFICER, ["101", "102"])
    vault.erase(OFFICER, "101")
    erasures.check_erasures(room)
    room.store.insert("consumers", ("id", "lookup", "data_key", "subject"), [line])
    assert said(lambda: erasures.check_erasures(room)) == changed(room)
    room.store.execute("DELETE FROM consumers WHERE id = 1")
    erasures.check_erasures(room)
    room.store.execute("DELETE FROM erasures WHERE lookup = ?", (line[1],))
    assert said(lambda: erasures.check_erasures(room)) == changed(room)


def test_a_refused_erasure_is_none(vault: Vault, room: Room) -> None:
    with pytest.raises(RefusedError):
        vault.erase(ANNA, "101")
    vault.read(ANNA, "orders", "102", purpose="support")
    erasures.check_erasures(room)


def test_an_exchanged_consumer_is_not_erased_in_place_of_another(vault: Vault, room: Room) -> None:
    room.store.execute("UPDATE consumers SET lookup = lookup || '-' WHERE id = 1")
    room.store.execute("UPDATE consumers SET lookup = ? WHERE id = 2", (room.lookup("101"),))
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.erase(OFFICER, "101")
    assert states(room) == {}


# The parts by themselves.


def test_states_come_and_go_in_batches(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(erasures.batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert [len(each) for each in erasures.batches(range(10_001))] == [5000, 5000, 1]
    assert [erasures.marks([]), erasures.marks("a"), erasures.marks("abc")] == ["", "?", "?,?,?"]
    found = [Erasure(name, "begun", {"begun": name, "é": 1}) for name in "abc"]
    for _ in range(2):  # in place of what stood there
        erasures.save(room, found)
    assert erasures.load_state(room, "begun") == found
    monkeypatch.setattr(erasures, "batches", lambda values: (values[at : at + 2] for at in range(0, len(values), 2)))
    assert erasures.load(room, ["a", "c", "b", "z"]) == {each.lookup: each for each in found}
    erasures.save(room, [Erasure("a", "deleted", {"begun": "a"}), Erasure("b", "done", {}, {"begun": "b"}), found[2]])
    assert [each.state for each in erasures.load(room, list("abc")).values()] == ["deleted", "done", "begun"]
    assert [Erasure("x", "done").begun, Erasure("x", "done", {"begun": ""}, {}).begun] == ["", ""]
    assert [Erasure("x", "done", {"begun": "1"}, {"begun": "2"}).begun, found[0].begun] == ["1", "a"]


def rows(room: Room, table: int) -> list[tuple[int, int]]:
    found = room.store.execute(f"SELECT consumer, row FROM records_{table} ORDER BY row").fetchall()  # noqa: S608
    return [tuple(each) for each in found]


def test_people_are_deleted_but_for_what_is_held(room: Room) -> None:
    everything = rows(room, 2)
    mine = [row for consumer, row in everything if consumer == 1]
    held = {1: {"orders": Held(frozenset(mine[:2]), frozenset(["tax"]), "")}}
    with room.store.transaction():
        counts = deleting.delete_people(room, [1, 2], held=held, tables=["orders"])
    assert counts == {1: {"orders": 4}, 2: {"orders": 6}}
    assert rows(room, 2) == [(1, row) for row in mine[:2]] + [each for each in everything if each[0] == 3]
    assert len(rows(room, 1)) == 4
    with room.store.transaction():
        counts = deleting.delete_people(room, [1, 2, 4], held=held)
    assert counts == {
        1: {"customers": 1, "orders": 0, "products": 0},
        2: {"customers": 1, "orders": 0, "products": 0},
        4: {"customers": 1, "orders": 0, "products": 0},
    }
    left = [number for (number,) in room.store.execute("SELECT id FROM consumers ORDER BY id").fetchall()]
    assert left == [1, 3]  # of 1 something is held, and its key with it
    with room.store.transaction():
        assert deleting.delete_people(room, [3], held={3: {}, 1: held[1]}) == {3: LEFT}
    assert rows(room, 2) == [(1, row) for row in mine[:2]]


def test_people_and_rows_are_deleted_in_batches(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "batches", lambda values: ([each] for each in values))
    everything = [row for _, row in rows(room, 2)]
    with room.store.transaction():
        assert deleting.delete_rows(room, 2, everything[:3]) == 3
        assert deleting.delete_rows(room, 2, []) == 0
        assert deleting.delete_people(room, [1, 3], held={}) == {1: {**LEFT, "orders": 3}, 3: LEFT}
    assert len(rows(room, 2)) == 6


SEARCHED = parse_schema(
    """
    name = "shop"
    [tables.customers.columns]
    customer = { kind = "user_id", role = "subject" }
    phone = "phone"
    email = "email"
    [tables.partners.columns]
    customer = { kind = "user_id", role = "subject" }
    phone = "phone"
    """
)


@pytest.fixture
def searched(path: Path, keyring: Keyring, clock: Clock) -> Iterator[Vault]:
    with Vault.create(path, keyring, SEARCHED, clock=clock, policy=POLICY, survive_power_loss=False) as vault:
        people = {"customer": ["1", "2"], "phone": ["13800138000", "13900139000"], "email": ["a@b.cn", "c@d.cn"]}
        vault.put(ADMIN, "customers", pa.table(people))
        vault.put(ADMIN, "partners", pa.table({"customer": ["1"], "phone": ["13800138000"]}))
        yield vault


def codes(room: Room) -> set[tuple[int, int]]:
    return {tuple(each) for each in room.store.execute("SELECT place, row FROM search_codes").fetchall()}


def test_search_codes_go_with_what_they_find(searched: Vault) -> None:
    room = searched._room
    stored = stored_table(room, "customers")
    phone = stored.table.column("phone")
    everything = codes(room)
    places = {stored.search_place(phone), stored.last_four_place(phone)}
    assert len(places) == 2
    with room.store.transaction():
        deleting.delete_codes(room, stored, [1], columns=[phone])
    gone = everything - codes(room)
    assert gone == {(place, row) for place, row in everything if place in places and row == 1}
    assert len(gone) == 2
    with room.store.transaction():
        deleting.delete_codes(room, stored, [2, 1])
    others = stored_table(room, "partners")
    specs = others.table.columns
    theirs = {place for spec in specs for place in (others.search_place(spec), others.last_four_place(spec))}
    assert codes(room) == {each for each in everything if each[0] in theirs}
    searched.erase(OFFICER, "1")
    assert codes(room) == set()


def test_what_a_receipt_says_of_the_log(log: AuditLog, keyring: Keyring) -> None:
    filled(log, 3)
    first = sign(log)
    proof = [encoded(each) for each in log.prove_inclusion(1, 3)]
    one = {"index": 1, "entry": log.entry(1).decode(), "proof": proof, "checkpoint": first}
    assert audit_part(log, 1, first) == one
    filled(log, 4)
    second = sign(log)
    filled(log, 2)
    assert audit_part(log, 5, second) == {
        "index": 5,
        "entry": log.entry(5).decode(),
        "proof": [encoded(each) for each in log.prove_inclusion(5, 7)],
        "checkpoint": second,
        "before": first,
        "consistency": [encoded(each) for each in log.prove_consistency(3, 7)],
    }
    receipt = sign_receipt({"a": 1}, keyring)
    signature = receipt.pop("signature")
    assert receipt == {"kind": "cartveil erasure receipt v1", "a": 1, "public_key": encoded(keyring.public_key)}
    assert signature == encoded(keyring.sign(canonical(receipt)))


def test_a_receipt_that_another_key_signed_is_not_handed_out(vault: Vault, room: Room, log: AuditLog) -> None:
    receipt = vault.erase(OFFICER, "101")
    del receipt["signature"]
    index = log.append([{"time": room.now(), "action": "erase", "decision": "allow", "rows": 7}])
    forged = {**receipt, "audit": audit_part(log, index, sign(log)), "public_key": encoded(PUBLIC)}
    forged["signature"] = encoded(KEY.sign(canonical(forged)))
    verify_receipt(forged)
    room.store.execute("UPDATE erasures SET receipt = ?", (json.dumps(forged),))
    for act in (lambda: vault.erase(OFFICER, "101"), lambda: erasures.check_erasures(room)):
        with pytest.raises(IntegrityError, match="no receipt of this vault"):
            act()


def test_a_key_that_was_wrapped_anew_meanwhile_is_the_one_that_goes(
    vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    erasures.check_erasures(room)
    before = wrapped_key(room)
    (old,) = room.store.execute("SELECT data_key FROM consumers WHERE id = 1").fetchone()
    room.keyring.rotate()
    (new,) = room.keyring.rewrap_many([bytes(old)])
    room.store.execute("UPDATE consumers SET data_key = ? WHERE id = 1", (new,))
    assert before != wrapped_key(room)
    assert vault.erase(OFFICER, "101")["key"] == hashlib.sha256(new).hexdigest()


def test_of_a_consumer_who_is_gone_nothing_is_deleted(
    vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "102")
    key = wrapped_key(room, 2)
    with room.store.transaction():
        deleting.delete_people(room, [2], held={})
    two, one = vault.erase_many(OFFICER, ["102", "101"])
    assert (two["deleted"], two["key"]) == ({}, key)
    assert one["deleted"] == LEFT


def test_the_mark_of_a_state_is_pinned(vault: Vault, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        kill(patched, "_delete")
        with pytest.raises(Killed):
            vault.erase(OFFICER, "101")
    (lookup, text, receipt) = room.store.execute("SELECT lookup, progress, receipt FROM erasures").fetchone()
    progress = json.loads(text)
    mark = progress.pop("mark")
    whole = {"lookup": lookup, "progress": progress, "state": "begun"}
    assert mark == room.mark("erasure", json.dumps(whole, separators=(",", ":")))
    assert receipt is None


def test_a_group_is_one_transaction(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "GROUP", 2)
    groups, delete = [], erasing._delete
    monkeypatch.setattr(erasing, "_delete", lambda room, cases: groups.append(len(cases)) or delete(room, cases))
    vault.erase_many(OFFICER, ["101", "102", "103"])
    assert groups == [2, 1]


@pytest.mark.parametrize("subjects", ["101", b"101"])
def test_one_id_is_no_list_of_ids(vault: Vault, subjects: object) -> None:
    wanted = says(InputError, "must be a list of ids", "subjects", "`erase` takes one id")
    assert said(lambda: vault.erase_many(OFFICER, subjects)) == wanted  # type: ignore[arg-type]
