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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
    values = cells.pack(column).to_pylist()
    nonces = os.urandom(NONCE_BYTES * len(values))
    starts = range(0, len(nonces), NONCE_BYTES)
    sealed: list[bytes | None] = []
    for value, at, encrypt, context in zip(
        values, starts, _ciphers(keys, index, len(values), "encrypt"), _contexts(place, rows, len(values)), strict=True
    ):
        if value is None:
            sealed.append(None)
            continue
        nonce = nonces[at : at + NONCE_BYTES]
        sealed.append(_HEADER + nonce + encrypt(nonce, value, context))
    return shaped_like(pa.array(sealed, pa.binary()), column)


def unseal(
    column: Values, keys: Sequence[SecretKey], *, place: Place, rows: Values, index: Iterable[int] | None = None
) -> Values:
    """Decrypt what `seal` made; arguments as there.

    Raises:
        DecryptionError: Any cell does not open, whatever the cause.
        ColumnError: Lengths disagree.
    """
    sealed = as_array(column).to_pylist()
    ciphers = _ciphers(keys, index, len(sealed), "decrypt")
    opened: list[bytes | None] = []
    try:
        for cell, decrypt, context in zip(sealed, ciphers, _contexts(place, rows, len(sealed)), strict=True):
            if cell is None:
                opened.append(None)
                continue
            if not cell.startswith(_HEADER):
                raise InvalidTag
            opened.append(decrypt(cell[2:_BODY], cell[_BODY:], context))
    except (InvalidTag, ValueError):
        # One error for a wrong key, a moved cell, a changed bit and a short cell: telling them apart helps attackers.
        path = f"{place.table}.{place.column}"
        raise DecryptionError("a value does not open", path=path, hint="check the keyring and the row ids") from None
    return shaped_like(cells.unpack(opened), column)


def _contexts(place: Place, rows: Values, count: int) -> Iterator[bytes]:
    if len(rows) != count:
        raise ColumnError(f"{len(rows)} row ids for {count} values", path=f"{place.table}.{place.column}")
    shared = place.context()
    ids = as_text(rows).cast(pa.large_binary())
    if ids.null_count:
        raise ColumnError("a row has no id", path=f"{place.table}.{place.column}")
    return (shared + row for row in ids.to_pylist())


def _ciphers(
    keys: Sequence[SecretKey], index: Iterable[int] | None, count: int, direction: str
) -> Iterable[Callable[[bytes, bytes, bytes], bytes]]:
    """Return each row's cipher; a key object that serves many rows is set up once."""
    if index is None and len(keys) != count:
        raise ColumnError(f"{len(keys)} keys for {count} values", hint="give a key per row, or `index`")
    made: dict[int, Callable[[bytes, bytes, bytes], bytes]] = {}
    for key in keys:
        if id(key) not in made:
            made[id(key)] = getattr(AESGCM(key.expose()), direction)
    by_place = [made[id(key)] for key in keys]
    return by_place if index is None else [by_place[number] for number in index]
