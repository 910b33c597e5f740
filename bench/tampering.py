"""Random attacks on an audit log, by whoever can write its database, knows how its tree is made, or even holds its key.

Each attack changes a log of some hundred entries, asks whether checking notices, and is undone. What is asked of the
check: given a checkpoint that was kept elsewhere, nothing that it covers may differ unnoticed. How much is noticed
without one is counted too.

Powers of an attacker: `file` changes rows and nothing else; `tree` also makes a matching tree and removes checkpoints
that stand in the way; `key` also signs new checkpoints, as the operator of the vault could.
"""

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.errors import IntegrityError
from cartveil.guard.audit import AuditLog, Checkpoint, parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.checkpoint import sign_checkpoint
from cartveil.guard.audit.entries import write_entry
from cartveil.guard.audit.log import TABLES
from cartveil.guard.audit.merkle import consistency_proof, inclusion_proof, leaf_hash, tree_root
from cartveil.guard.audit.tiles import recompute, tile_nodes
from cartveil.guard.store import SQLiteStore

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ORIGIN = "cartveil/shop"
POWERS = ("file", "tree", "key")

#: Sizes at which the log was signed; the last one is the checkpoint kept elsewhere. Tiles end at 256 and 512.
SIGNED = (90, 256, 300, 600)
SIZE = 640


@dataclass(frozen=True)
class Target:
    """A log to attack, in memory."""

    store: SQLiteStore
    log: AuditLog
    entries: list[bytes]
    notes: dict[int, str]
    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """Return the key that checks its checkpoints."""
        return self.key.public_key().public_bytes_raw()

    @property
    def outside(self) -> str:
        """Return the checkpoint that was kept elsewhere."""
        return self.notes[SIGNED[-1]]


Attack = Callable[[Target, random.Random, str], None]


def made_up(number: int, *, actor: str = "") -> dict[str, object]:
    """Return an audit entry."""
    return {
        "time": START + timedelta(seconds=number),
        "actor": actor or f"agent {number % 50}",
        "role": "support",
        "action": "read",
        "purpose": "support",
        "table": "orders",
        "fields": ["name", "phone", "address"],
        "view": "clear",
        "subject": f"{number:026d}",
        "rows": 3,
        "case": f"C-{number}",
        "decision": "allow",
        "rule": "support-case",
    }


def make_target() -> Target:
    """Return a log that nobody has touched."""
    store = SQLiteStore(Path("memory"), sqlite3.connect(":memory:", isolation_level=None))
    store.define(TABLES)
    log, key, notes = AuditLog(store), Ed25519PrivateKey.from_private_bytes(bytes(range(32))), {}
    for start, end in zip((0, *SIGNED), (*SIGNED, SIZE), strict=True):
        log.append([made_up(number) for number in range(start, end)])
        if end in SIGNED:
            public = key.public_key().public_bytes_raw()
            notes[end] = log.checkpoint(key.sign, public_key=public, origin=ORIGIN, time=START)
    return Target(store, log, log.entries(0, SIZE), notes, key)


def flip_entry(target: Target, dice: random.Random, power: str) -> None:
    """Change one bit of one entry."""
    entries = [*target.entries]
    place = dice.randrange(SIGNED[-1])
    entries[place] = _flipped(entries[place], dice)
    _rewrite(target, entries, power)


def flip_hash(target: Target, dice: random.Random, power: str) -> None:
    """Change one bit of one tile."""
    tiles = target.store.execute("SELECT level, position, hashes FROM audit_tiles").fetchall()
    level, index, tile = dice.choice(tiles)
    query = "UPDATE audit_tiles SET hashes = ? WHERE level = ? AND position = ?"
    target.store.execute(query, (_flipped(tile, dice), level, index))


def flip_checkpoint(target: Target, dice: random.Random, power: str) -> None:
    """Change one bit of one stored checkpoint."""
    size = dice.choice(SIGNED)
    note = _flipped(target.notes[size].encode(), dice)
    target.store.execute("UPDATE audit_checkpoints SET note = CAST(? AS TEXT) WHERE size = ?", (note, size))


def drop(target: Target, dice: random.Random, power: str) -> None:
    """Take one entry out, and move up those after it."""
    entries = [*target.entries]
    del entries[dice.randrange(SIGNED[-1])]
    _rewrite(target, entries, power)


def swap(target: Target, dice: random.Random, power: str) -> None:
    """Let two entries change places."""
    entries = [*target.entries]
    one, other = dice.sample(range(SIGNED[-1]), 2)
    entries[one], entries[other] = entries[other], entries[one]
    _rewrite(target, entries, power)


def duplicate(target: Target, dice: random.Random, power: str) -> None:
    """Put a copy of an entry somewhere."""
    copied = target.entries[dice.randrange(SIZE)]
    entries = [*target.entries]
    entries.insert(dice.randrange(SIGNED[-1]), copied)
    _rewrite(target, entries, power)


def insert(target: Target, dice: random.Random, power: str) -> None:
    """Put an entry in that nobody wrote."""
    entries = [*target.entries]
    entries.insert(dice.randrange(SIGNED[-1]), write_entry(made_up(dice.randrange(SIZE), actor="nobody")))
    _rewrite(target, entries, power)


def truncate(target: Target, dice: random.Random, power: str) -> None:
    """Cut the end off."""
    _rewrite(target, target.entries[: dice.randrange(SIGNED[-1])], power)


def fork(target: Target, dice: random.Random, power: str) -> None:
    """Tell another story from some entry on, as long as the true one or longer."""
    start, end = dice.randrange(SIGNED[-1]), SIZE + dice.randrange(40)
    other = [write_entry(made_up(number, actor="nobody")) for number in range(start, end)]
    _rewrite(target, target.entries[:start] + other, power)


def rollback(target: Target, dice: random.Random, power: str) -> None:
    """Put an older copy of the database back, and perhaps go on from there."""
    size = dice.choice([*(0, *SIGNED[:-1]), dice.randrange(SIGNED[-1])])
    target.store.execute("DELETE FROM audit_checkpoints WHERE size > ?", (size,))
    later = [write_entry(made_up(SIZE + number)) for number in range(dice.choice((0, SIZE - size)))]
    _rewrite(target, target.entries[:size] + later, "key" if power == "key" else "tree")


#: Attacks on the database.
ATTACKS: dict[str, Attack] = {
    "flip entry": flip_entry,
    "flip hash": flip_hash,
    "flip checkpoint": flip_checkpoint,
    "drop": drop,
    "swap": swap,
    "duplicate": duplicate,
    "insert": insert,
    "truncate": truncate,
    "fork": fork,
    "rollback": rollback,
}

#: Attacks on whoever checks a proof.
FORGERIES = ("forged inclusion", "forged consistency")


def is_noticed(target: Target, attack: Attack, dice: random.Random, power: str) -> tuple[bool, bool]:
    """Attack, check with and without the checkpoint kept elsewhere, and undo it."""
    store = target.store
    store.execute("BEGIN")
    try:
        attack(target, dice, power)
        return _differs(target, target.outside), _differs(target)
    finally:
        store.execute("ROLLBACK")


def forged_inclusion_is_noticed(target: Target, dice: random.Random) -> bool:
    """Offer a proof for what does not stand there, under the checkpoint kept elsewhere."""
    promise = parse_checkpoint(target.outside)
    index = dice.randrange(promise.size)
    entry, proof = target.entries[index], target.log.prove_inclusion(index, promise.size)
    match dice.randrange(4):
        case 0:
            entry = _flipped(entry, dice)
        case 1:
            index = (index + dice.randrange(1, promise.size)) % promise.size
        case 2:  # the true proof of another log
            other = [*target.entries]
            other[index] = entry = write_entry(made_up(index, actor="nobody"))
            proof = inclusion_proof(index, promise.size, _nodes(other))
        case _:
            proof = _forged(proof, dice)
    try:
        verify_inclusion(entry, index=index, size=promise.size, proof=proof, root=promise.root)
    except IntegrityError:
        return True
    return False


def forged_consistency_is_noticed(target: Target, dice: random.Random) -> bool:
    """Offer a signed checkpoint of a log with another past, or a proof that is none."""
    promise, entries = parse_checkpoint(target.outside), [*target.entries]
    if dice.randrange(3):
        entries[dice.randrange(promise.size)] = write_entry(made_up(dice.randrange(SIZE), actor="nobody"))
        nodes = _nodes(entries)
        proof = consistency_proof(promise.size, SIZE, nodes)
        proof = dice.choice((proof, _forged(proof, dice), target.log.prove_consistency(promise.size, SIZE)))
    else:
        nodes = _nodes(entries)
        proof = _forged(consistency_proof(promise.size, SIZE, nodes), dice)
    new_root = tree_root(SIZE, nodes)
    try:
        verify_consistency(old=promise.size, new=SIZE, old_root=promise.root, new_root=new_root, proof=proof)
    except IntegrityError:
        return True
    return False


def attack_all(count: int, *, seed: int) -> dict[str, dict[str, int]]:
    """Attack `count` times, each kind in its turn.

    Returns:
        For each kind how many `attacks` there were, how many stayed `undetected` with a checkpoint kept elsewhere, and
        how many would have `without_checkpoint`.
    """
    dice, target = random.Random(seed), make_target()
    if _differs(target, target.outside):
        raise IntegrityError("an untouched log does not verify")
    kinds = [*ATTACKS, *FORGERIES]
    found = {kind: {"attacks": 0, "undetected": 0, "without_checkpoint": 0} for kind in kinds}
    forgeries = dict(zip(FORGERIES, (forged_inclusion_is_noticed, forged_consistency_is_noticed), strict=True))
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind in ATTACKS:
            noticed, alone = is_noticed(target, ATTACKS[kind], dice, dice.choice(POWERS))
            found[kind]["without_checkpoint"] += not alone
        else:
            noticed = forgeries[kind](target, dice)
        found[kind]["attacks"] += 1
        found[kind]["undetected"] += not noticed
    return found


def _differs(target: Target, *checkpoints: str) -> bool:
    try:
        with target.store.typed_errors():
            target.log.verify(*checkpoints, public_key=target.public_key)
    except IntegrityError:
        return True
    return False


def _rewrite(target: Target, entries: list[bytes], power: str) -> None:
    """Put other entries in place, and hide it as well as the attacker can."""
    store = target.store
    store.execute("DELETE FROM audit_entries")
    store.insert("audit_entries", ("position", "entry"), enumerate(entries))
    if power == "file":
        return
    store.execute("DELETE FROM audit_tiles")
    tiles = recompute([[leaf_hash(entry) for entry in entries]])
    store.insert("audit_tiles", ("level", "position", "hashes"), tiles)
    nodes = tile_nodes(target.log.tile)
    for (size,) in store.execute("SELECT size FROM audit_checkpoints").fetchall():
        if size > len(entries) or tree_root(size, nodes) != parse_checkpoint(target.notes[size]).root:
            store.execute("DELETE FROM audit_checkpoints WHERE size = ?", (size,))
    if power == "key":
        promise = Checkpoint(ORIGIN, len(entries), tree_root(len(entries), nodes), START)
        note = sign_checkpoint(promise, target.key.sign, public_key=target.public_key)
        query = "INSERT INTO audit_checkpoints VALUES (?, ?) ON CONFLICT (size) DO UPDATE SET note = excluded.note"
        store.execute(query, (len(entries), note))


def _nodes(entries: list[bytes]):  # type: ignore[no-untyped-def]
    tiles = {(level, index): tile for level, index, tile in recompute([[leaf_hash(entry) for entry in entries]])}
    return tile_nodes(lambda level, index: tiles[level, index])


def _forged(proof: list[bytes], dice: random.Random) -> list[bytes]:
    """Return a proof with one hash changed, left out, added or moved."""
    forged = [*proof]
    place = dice.randrange(len(forged))
    match dice.randrange(4):
        case 0:
            forged[place] = _flipped(forged[place], dice)
        case 1:
            del forged[place]
        case 2:
            forged.insert(place, dice.randbytes(32))
        case _:
            forged.append(forged.pop(place - 1))
            if forged == proof:
                forged.reverse()
    return forged


def _flipped(value: bytes, dice: random.Random) -> bytes:
    changed = bytearray(value)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)
