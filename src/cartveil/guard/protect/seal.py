"""Authenticated encryption of single values under the consumer's own data key, bound to where they stand.

Destroying one consumer's key makes exactly that consumer's cells unreadable. A cell that is moved to another row,
column, table or tenant does not open.

Wire format of a cell, pinned by a test:
- one byte format version, 1
- one byte cipher suite, 1 = AES-256-GCM
- 12 bytes nonce, random
- the ciphertext of the typed value (see `cells`), then 16 bytes tag
- associated data: version and suite; then tenant, table and column, each as two bytes big-endian length and
  UTF-8; then the row's id as UTF-8
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cartveil.errors import ColumnError, DecryptionError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import cells
from cartveil.guard.protect.columns import Values, as_array, as_text, shaped_like

FORMAT, AES_256_GCM = 1, 1
NONCE_BYTES = 12
_HEADER = bytes([FORMAT, AES_256_GCM])
_BODY = len(_HEADER) + NONCE_BYTES


@dataclass(frozen=True)
class Place:
    """Where a cell stands, apart from its row."""

    tenant: str
    table: str
    column: str

    def context(self) -> bytes:
        """Return the bytes that every cell of this column is bound to."""
        names = [name.encode() for name in (self.tenant, self.table, self.column)]
        return _HEADER + b"".join(len(name).to_bytes(2) + name for name in names)


def seal(
    column: Values, keys: Sequence[SecretKey], *, place: Place, rows: Values, index: Iterable[int] | None = None
) -> Values:
    """Encrypt each value under its consumer's key.

    Args:
        column: Text, numbers, dates, times, decimals, booleans or bytes.
        keys: A key per row; or, with `index`, the keys that `index` points to.
        place: Tenant, table and column.
        rows: A column of row ids; needed again to open.
        index: (rows,) for each row the position of its key in `keys`.

    Returns:
        Binary cells; NULL stays NULL.

    Raises:
        ColumnError: Lengths disagree, or the type cannot be sealed.

    Guarantees:
        - `unseal` gives back the same values in the same type.
        - A changed bit, another key, or another place makes a cell fail to open.

    Source: NIST SP 800-38D with random 96-bit nonces; a consumer's key seals far fewer than 2^32 values.
    """
    values, contexts = cells.pack(column).to_pylist(), _contexts(place, rows, len(column))
    nonces = os.urandom(NONCE_BYTES * len(values))
    sealed: list[bytes | None] = [None] * len(values)
    for cipher, places in _by_key(keys, index, len(values)):
        encrypt = cipher.encrypt
        for at in places:
            if (value := values[at]) is not None:
                nonce = nonces[NONCE_BYTES * at : NONCE_BYTES * (at + 1)]
                sealed[at] = _HEADER + nonce + encrypt(nonce, value, contexts[at])
    return shaped_like(pa.array(sealed, pa.binary()), column)


def unseal(
    column: Values, keys: Sequence[SecretKey], *, place: Place, rows: Values, index: Iterable[int] | None = None
) -> Values:
    """Decrypt what `seal` made; arguments as there.

    Raises:
        DecryptionError: Any cell does not open, whatever the cause.
        ColumnError: Lengths disagree.
    """
    sealed, contexts = as_array(column).to_pylist(), _contexts(place, rows, len(column))
    opened: list[bytes | None] = [None] * len(sealed)
    try:
        for cipher, places in _by_key(keys, index, len(sealed)):
            decrypt = cipher.decrypt
            for at in places:
                if (cell := sealed[at]) is not None:
                    opened[at] = decrypt(*_nonce_and_rest(cell), contexts[at])
    except (InvalidTag, ValueError):
        # One error for a wrong key, a moved cell, a changed bit and a short cell: telling them apart helps attackers.
        path = f"{place.table}.{place.column}"
        raise DecryptionError("a value does not open", path=path, hint="check the keyring and the row ids") from None
    return shaped_like(cells.unpack(opened), column)


def _contexts(place: Place, rows: Values, count: int) -> list[bytes]:
    if len(rows) != count:
        raise ColumnError(f"{len(rows)} row ids for {count} values", path=f"{place.table}.{place.column}")
    shared = place.context()
    ids = as_text(rows).cast(pa.large_binary())
    if ids.null_count:
        raise ColumnError("a row has no id", path=f"{place.table}.{place.column}")
    return [shared + row for row in ids.to_pylist()]


def _nonce_and_rest(cell: bytes) -> tuple[bytes, bytes]:
    if not cell.startswith(_HEADER):
        raise InvalidTag
    return cell[len(_HEADER) : _BODY], cell[_BODY:]


def _by_key(keys: Sequence[SecretKey], index: Iterable[int] | None, count: int) -> Iterator[tuple[AESGCM, list[int]]]:
    """Yield each key's cipher with the rows that it serves: one set-up per key, and never many at a time."""
    numbers = [id(key) for key in keys] if index is None else index
    owners = np.asarray(numbers, np.int64)
    if len(owners) != count:
        raise ColumnError(f"{len(owners)} keys for {count} values", hint="give a key per row, or `index`")
    order = np.argsort(owners, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
        if len(rows):
            key = keys[rows[0] if index is None else owners[rows[0]]]
            yield AESGCM(key.expose()), rows.tolist()
