"""The log itself: entries, their tree and signed checkpoints, in the database of whoever keeps the records.

It works in the caller's store and inside the caller's transaction, so that data and log change together or
not at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from cartveil.errors import IntegrityError
from cartveil.guard.audit.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from cartveil.guard.audit.entries import read_entries, write_entry
from cartveil.guard.audit.merkle import (
    Nodes,
    build,
    consistency_proof,
    grow,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from cartveil.guard.store import Store

TABLES = """
CREATE TABLE audit_entries (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TABLE audit_nodes (
  level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
"""


class AuditLog:
    """An append-only Merkle log in three tables of a store.

    Args:
        store: Open, with `TABLES` created. Transactions are the caller's.

    Guarantees:
        - `append` of n entries costs 2n hashes and n + 2n small rows, whatever the size of the log.
        - Every proof and checkpoint verifies without the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def size(self) -> int:
        """Return the number of entries."""
        (last,) = self._store.execute("SELECT max(position) FROM audit_entries").fetchone()
        return 0 if last is None else int(last) + 1

    def append(self, entries: Sequence[Mapping[str, object]]) -> int:
        """Append entries and return the index of the first.

        Args:
            entries: As `write_entry` takes them.
        """
        size = self.size
        written = [write_entry(entry) for entry in entries]
        grown = grow([leaf_hash(entry) for entry in written], size=size, nodes=self._nodes)
        self._store.insert("audit_entries", ("position", "entry"), enumerate(written, size))
        self._store.insert("audit_nodes", ("level", "position", "hash"), grown)
        return size

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` entries, or over all."""
        return tree_root(self.size if size is None else size, self._nodes)

    def entry(self, index: int) -> bytes:
        """Return one entry in its canonical form."""
        row = self._store.execute("SELECT entry FROM audit_entries WHERE position = ?", (index,)).fetchone()
        if row is None:
            raise IntegrityError("entry is missing", path=f"audit[{index}]")
        return bytes(row[0])

    def prove_inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that an entry stands at an index of the first `size` entries, or of all."""
        return inclusion_proof(index, self.size if size is None else size, self._nodes)

    def prove_consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the log of `new` entries, or of all, begins with the log of `old` entries."""
        return consistency_proof(old, self.size if new is None else new, self._nodes)

    def checkpoint(self, sign: Callable[[bytes], bytes], *, public_key: bytes, origin: str, time: datetime) -> str:
        """Sign, store and return a checkpoint over all entries."""
        size = self.size
        note = sign_checkpoint(Checkpoint(origin, size, self.root(size), time), sign, public_key=public_key)
        query = (
            "INSERT INTO audit_checkpoints (size, note) VALUES (?, ?) "
            "ON CONFLICT (size) DO UPDATE SET note = excluded.note"
        )
        self._store.execute(query, (size, note))
        return note

    def latest_checkpoint(self) -> str | None:
        """Return the latest stored checkpoint, or None."""
        row = self._store.execute("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def events(self) -> pa.Table:
        """Return the log as an event table of `ENTRY_SCHEMA`, in order of time."""
        rows = self._store.execute("SELECT position, entry FROM audit_entries ORDER BY position").fetchall()
        return read_entries((entry for _, entry in rows), indexes=[position for position, _ in rows])

    def verify(self, checkpoint: str | None = None, *, public_key: bytes) -> dict[str, int]:
        """Recompute the whole log from its entries and compare with everything that was ever promised.

        Args:
            checkpoint: One kept outside; the only thing that shows that a log was cut together with its checkpoints.
            public_key: Who signs checkpoints.

        Returns:
            Counts: `entries`, `checkpoints`.

        Raises:
            IntegrityError: Something differs; the path names the first entry that does.
        """
        levels = build(self._checked_leaves())
        self._check_nodes(levels)
        notes = [str(note) for (note,) in self._store.execute("SELECT note FROM audit_checkpoints ORDER BY size")]
        outside = [] if checkpoint is None else [checkpoint]
        for note in notes + outside:
            _check_promise(verify_checkpoint(note, public_key=public_key), levels)
        return {"entries": len(levels[0]), "checkpoints": len(notes)}

    def _nodes(self, level: int, position: int) -> bytes:
        query = "SELECT hash FROM audit_nodes WHERE level = ? AND position = ?"
        row = self._store.execute(query, (level, position)).fetchone()
        if row is None:
            raise IntegrityError("part of the tree is missing", path=f"audit[{position << level}]")
        return bytes(row[0])

    def _checked_leaves(self) -> Iterator[bytes]:
        """Yield leaf hashes from the entries, each compared with the stored one."""
        query = (
            "SELECT e.position, e.entry, n.hash FROM audit_entries AS e LEFT JOIN audit_nodes AS n "
            "ON n.level = 0 AND n.position = e.position ORDER BY e.position"
        )
        for expected, (position, entry, stored) in enumerate(self._store.execute(query)):
            if position != expected:
                raise IntegrityError("entry is missing", path=f"audit[{expected}]")
            value = leaf_hash(entry)
            if value != stored:
                raise IntegrityError("entry was changed", path=f"audit[{position}]")
            yield value

    def _check_nodes(self, levels: list[list[bytes]]) -> None:
        """Compare the stored trees with the recomputed ones, both ways."""
        count = 0
        query = "SELECT level, position, hash FROM audit_nodes ORDER BY level, position"
        for level, position, stored in self._store.execute(query):
            if level >= len(levels) or position >= len(levels[level]):
                raise IntegrityError("entry is missing", path=f"audit[{position << level}]")
            if levels[level][position] != stored:
                raise IntegrityError("part of the tree was changed", path=f"audit[{position << level}]")
            count += 1
        if count != sum(len(row) for row in levels):
            raise IntegrityError("part of the tree is missing", path="audit")


def _check_promise(promise: Checkpoint, levels: list[list[bytes]]) -> None:
    size = len(levels[0])
    if promise.size > size:
        raise IntegrityError(f"log is shorter than its checkpoint of {promise.size} entries", path=f"audit[{size}]")
    nodes: Nodes = lambda level, position: levels[level][position]  # noqa: E731
    if tree_root(promise.size, nodes) != promise.root:
        raise IntegrityError(f"differs from its checkpoint of {promise.size} entries", path=f"audit[0:{promise.size}]")
