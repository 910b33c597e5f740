"""Vaults of earlier layouts: brought to today's when they are opened, in one transaction.

Layout 1 kept the tree of the log as a row per node; layout 2 keeps it in tiles of 256. The hashes are copied, not
computed: a log that was tampered with before is found out after, as it would have been. Layout 3 adds the budgets of
private training.
"""

import re
from collections.abc import Iterator

from cartveil.errors import IntegrityError
from cartveil.guard.audit.tiles import HEIGHT, WIDTH, shape
from cartveil.guard.store import Store
from cartveil.guard.store.sqlite import LAYOUT
from cartveil.guard.vault.layout import TABLES

#: The layout that brought the tiles.
_TILES = 2


def upgrade(store: Store) -> None:
    """Bring a vault of an earlier layout to today's; nothing happens to one that has it.

    Raises:
        IntegrityError: Part of its log's tree is missing; nothing was changed.
    """
    if store.layout >= LAYOUT:
        return
    with store.transaction():
        before = store.layout
        if before >= LAYOUT:  # another program was faster
            return
        store.define(re.sub(r"CREATE (TABLE|INDEX)", r"CREATE \1 IF NOT EXISTS", TABLES))
        if before < _TILES:
            store.insert("audit_tiles", ("level", "position", "hashes"), _tiles(store))
            store.execute("DROP TABLE audit_nodes")
        store.layout = LAYOUT


def _tiles(store: Store) -> Iterator[tuple[int, int, bytes]]:
    (last,) = store.execute("SELECT max(position) FROM audit_nodes WHERE level = 0").fetchone()
    query = "SELECT hash FROM audit_nodes WHERE level = ? AND position >= ? AND position < ? ORDER BY position"
    for level, index, width in shape(0 if last is None else int(last) + 1):
        start = index * WIDTH
        rows = store.execute(query, (level * HEIGHT, start, start + width)).fetchall()
        if len(rows) != width:
            raise IntegrityError("part of the tree is missing", path=f"audit[{start * WIDTH**level}]")
        yield level, index, b"".join(hash_ for (hash_,) in rows)
