"""The log itself: entries, their tree and signed checkpoints, in the database of whoever keeps the records.

It works in the caller's store and inside the caller's transaction, so that data and log change together or
not at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import pyarrow as pa

from cartveil.errors import IntegrityError
from cartveil.guard.audit.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from cartveil.guard.audit.entries import read_entries, write_entry
from cartveil.guard.audit.merkle import Nodes, consistency_proof, inclusion_proof, leaf_hash, tree_root
from cartveil.guard.audit.tiles import HASH_BYTES, WIDTH, grow, recompute, shape, tile_nodes
from cartveil.guard.store import Store

TABLES = """
CREATE TABLE audit_entries (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TABLE audit_tiles (
  level INTEGER NOT NULL, position INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, position)
) STRICT;
CREATE TABLE audit_checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
"""

# Entries that are looked at together: 32 tiles.
_BATCH = 32 * WIDTH

# Tiles held while a proof is made.
_KEPT = 64

# More entries than a log can have.
_MOST = 2**62


class AuditLog:
    """An append-only Merkle log in three tables of a store.

    Args:
        store: Open, with `TABLES` created. Transactions are the caller's.

    Guarantees:
        - `append` of n entries costs about n hashes, n small rows and n / 256 tiles, whatever the size of the log.
        - Every proof and checkpoint verifies without the database.
        - Reading, proving and verifying go on while another program appends.
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

        Raises:
            IntegrityError: The end of the tree is damaged; nothing is built upon it.
        """
        size = self.size
        written = [write_entry(entry) for entry in entries]
        grown = grow([leaf_hash(entry) for entry in written], size=size, tiles=self.tile)
        self._store.insert("audit_entries", ("position", "entry"), enumerate(written, size))
        query = (
            "INSERT INTO audit_tiles (level, position, hashes) VALUES (?, ?, ?) "
            "ON CONFLICT (level, position) DO UPDATE SET hashes = excluded.hashes"
        )
        for tile in grown:
            self._store.execute(query, tile)
        return size

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` entries, or over all."""
        return tree_root(self.size if size is None else size, self._nodes())

    def entry(self, index: int) -> bytes:
        """Return one entry in its canonical form."""
        row = self._store.execute("SELECT entry FROM audit_entries WHERE position = ?", (index,)).fetchone()
        if row is None:
            raise IntegrityError("entry is missing", path=f"audit[{index}]")
        return bytes(row[0])

    def entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries from one index up to, not including, another, in their canonical form.

        Raises:
            IntegrityError: One is missing.
        """
        query = "SELECT position, entry FROM audit_entries WHERE position >= ? AND position < ? ORDER BY position"
        rows = self._store.execute(query, (start, end)).fetchall()
        for expected, (position, _) in enumerate(rows, start):
            if position != expected:
                raise IntegrityError("entry is missing", path=f"audit[{expected}]")
        if start + len(rows) != end:
            raise IntegrityError("entry is missing", path=f"audit[{start + len(rows)}]")
        return [bytes(entry) for _, entry in rows]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile, joined; empty where there is none."""
        query = "SELECT hashes FROM audit_tiles WHERE level = ? AND position = ?"
        row = self._store.execute(query, (level, index)).fetchone()
        return b"" if row is None else bytes(row[0])

    def prove_inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that an entry stands at an index of the first `size` entries, or of all."""
        return inclusion_proof(index, self.size if size is None else size, self._nodes())

    def prove_consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the log of `new` entries, or of all, begins with the log of `old` entries."""
        return consistency_proof(old, self.size if new is None else new, self._nodes())

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

    def latest_checkpoint(self, below: int | None = None) -> str | None:
        """Return the latest stored checkpoint, or the latest of fewer than `below` entries, or None."""
        query = "SELECT note FROM audit_checkpoints WHERE size < ? ORDER BY size DESC LIMIT 1"
        row = self._store.execute(query, (_MOST if below is None else below,)).fetchone()
        return None if row is None else str(row[0])

    def events(self) -> pa.Table:
        """Return the log as an event table of `ENTRY_SCHEMA`, in order of time."""
        rows = self._store.execute("SELECT position, entry FROM audit_entries ORDER BY position").fetchall()
        return read_entries((entry for _, entry in rows), indexes=[position for position, _ in rows])

    def verify(self, *checkpoints: str, public_key: bytes) -> dict[str, int]:
        """Recompute the whole log from its entries and compare with everything that was ever promised.

        Args:
            checkpoints: Kept outside; the only thing that shows that a log was cut together with its own checkpoints.
            public_key: Who signs checkpoints.

        Returns:
            Counts: `entries`, `checkpoints`.

        Raises:
            IntegrityError: Something differs; the path names the first entry that does.
        """
        rows = self._store.execute("SELECT size, note FROM audit_checkpoints ORDER BY size").fetchall()
        promises = [_stored_promise(int(size), str(note), public_key) for size, note in rows]
        promises += [verify_checkpoint(note, public_key=public_key) for note in checkpoints]
        size = self.size  # what is appended from here on is for the next time
        self._check_entries(size)
        self._check_shape()
        nodes = self._nodes()
        for promise in promises:
            _check_promise(promise, size, nodes)
        if len({promise.origin for promise in promises}) > 1:
            raise IntegrityError("checkpoint is of another log", path="audit")
        return {"entries": size, "checkpoints": len(rows)}

    def _nodes(self) -> Nodes:
        # One proof, or one check, asks for the same few tiles again and again; the next one looks anew.
        return tile_nodes(lru_cache(maxsize=_KEPT)(self.tile))

    def _check_entries(self, size: int) -> None:
        """Hash the first `size` entries and compare with the stored tiles."""
        for level, index, tile in recompute(self._leaves(size)):
            stored = self.tile(level, index)
            if stored[: len(tile)] != tile:
                place = _first_difference(stored, tile)
                path = f"audit[{(index * WIDTH + place) * WIDTH**level}]"
                raise IntegrityError("part of the tree was changed" if level else "entry was changed", path=path)

    def _leaves(self, size: int) -> Iterator[list[bytes]]:
        for start in range(0, size, _BATCH):
            yield [leaf_hash(entry) for entry in self.entries(start, min(size, start + _BATCH))]

    def _check_shape(self) -> None:
        """Compare the tiles with those that there must be, as both stand at one moment: no hash without its entry."""
        (first,) = self._store.execute("SELECT min(position) FROM audit_entries").fetchone()
        if first not in (None, 0):
            raise IntegrityError("entry is out of place", path=f"audit[{first}]")
        query = (
            "SELECT level, position, length(hashes), (SELECT max(position) FROM audit_entries) "
            "FROM audit_tiles ORDER BY level, position"
        )
        rows = self._store.execute(query).fetchall()
        size = rows[0][3] + 1 if rows and rows[0][3] is not None else 0
        if [(level, index, length / HASH_BYTES) for level, index, length, _ in rows] != list(shape(size)):
            raise IntegrityError("entry is missing", path=f"audit[{size}]")


def _stored_promise(size: int, note: str, public_key: bytes) -> Checkpoint:
    promise = verify_checkpoint(note, public_key=public_key)
    if promise.size != size:
        raise IntegrityError("checkpoint is out of place", path=f"audit[{size}]")
    return promise


def _check_promise(promise: Checkpoint, size: int, nodes: Nodes) -> None:
    if promise.size > size:
        raise IntegrityError(f"log is shorter than its checkpoint of {promise.size} entries", path=f"audit[{size}]")
    if tree_root(promise.size, nodes) != promise.root:
        raise IntegrityError(f"differs from its checkpoint of {promise.size} entries", path=f"audit[0:{promise.size}]")


def _first_difference(stored: bytes, tile: bytes) -> int:
    """Return the place of the first hash in which a stored tile is not the one it should be."""
    places = range(0, len(tile), HASH_BYTES)
    return next(n for n, at in enumerate(places) if stored[at : at + HASH_BYTES] != tile[at : at + HASH_BYTES])
