"""Authenticated encryption of single values under the consumer's own data key, bound to where they stand.

Destroying one consumer's key makes exactly that consumer's cells unreadable. A cell that is moved to another row,
column, table or tenant does not open, nor does one whose suite was written over.

Wire format of a cell, pinned by a test:
- one byte format version, 1
- one byte cipher suite, 1 = AES-256-GCM, 2 = SM4-GCM
- 12 bytes nonce, random
- the ciphertext of the typed value (see `cells`), then 16 bytes tag
- associated data: version and suite; then tenant, table and column, each as two bytes big-endian length and
  UTF-8; then the row's id as UTF-8
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.exceptions import InvalidTag

from cartveil.errors import ColumnError, DecryptionError, SchemaError
from cartveil.events.kinds import Step
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import cells
from cartveil.guard.protect.columns import Values, as_array, as_text, in_order, shaped_like
from cartveil.guard.protect.modes.suites import Suite

FORMAT = 1
NONCE_BYTES = 12
_HEADER_BYTES = 2
#: Rows whose texts stay in the cache together.
_CHUNK_ROWS = 1 << 11

_BODY = _HEADER_BYTES + NONCE_BYTES


@dataclass(frozen=True)
class Place:
    """Where a cell stands, apart from its row."""

    tenant: str
    table: str
    column: str

    def context(self, suite: Suite = Suite.AES_256_GCM) -> bytes:
        """Return the bytes that every cell of this column is bound to."""
        names = [name.encode() for name in (self.tenant, self.table, self.column)]
        return _header(suite) + b"".join(len(name).to_bytes(2) + name for name in names)


@dataclass(frozen=True)
class Form:
    """How cells are written.

    Args:
        suite: The cipher.
        pad: Bytes; a value's length is rounded up to a multiple of it, so that a cell's length tells less. 0 for none.
    """

    suite: Suite = Suite.AES_256_GCM
    pad: int = 0


USUAL = Form()

#: No value is padded by more.
LARGEST_PAD = 4096


def cell_form(step: Step) -> Form:
    """Return the form that a `seal` step of the schema asks for.

    Raises:
        SchemaError: No such suite, or a padding below 0 or above `LARGEST_PAD`.
    """
    suite, pad = step.option("suite", str(Suite.AES_256_GCM)), step.option("pad", 0)
    known = [str(suite) for suite in Suite]
    if suite not in known:
        raise SchemaError(f"unknown suite `{suite}`", hint=f"known: {', '.join(known)}")
    if not isinstance(pad, int) or not 0 <= pad <= LARGEST_PAD:
        raise SchemaError(f"`pad` is no number from 0 to {LARGEST_PAD}", hint="write `pad = 32`, or leave it out")
    return Form(Suite(str(suite)), pad)


def seal(
    column: Values,
    keys: Sequence[SecretKey],
    *,
    place: Place,
    rows: Values,
    index: Iterable[int] | None = None,
    form: Form = USUAL,
) -> Values:
    """Encrypt each value under its consumer's key.

    Args:
        column: Text, numbers, dates, times, decimals, booleans or bytes.
        keys: A key per row; or, with `index`, the keys that `index` points to.
        place: Tenant, table and column.
        rows: A column of row ids; needed again to open.
        index: (rows,) for each row the position of its key in `keys`.
        form: Cipher and padding; a cell says them itself.

    Returns:
        Binary cells; NULL stays NULL.

    Raises:
        ColumnError: Lengths disagree, the type cannot be sealed, or this machine has no such cipher.

    Guarantees:
        - `unseal` gives back the same values in the same type.
        - A changed bit, another key, or another place makes a cell fail to open.

    Source: NIST SP 800-38D with random 96-bit nonces; a consumer's key seals far fewer than 2^32 values.
    """
    form.suite.check()
    order, ids = _by_owner(keys, index, len(column)), _ids(rows, place, len(column))
    values, ids = order.sorted(cells.pack(column)), order.sorted(ids)
    parts = [
        _sealed(order.keys(keys, some), values[some], _contexts(form.suite, place, ids[some]), form)
        for some in _chunks(len(column))
    ]
    return shaped_like(order.back(pa.concat_arrays([pa.array([], pa.binary()), *parts])), column)


def _sealed(owners: list[SecretKey], values: pa.Array, contexts: list[bytes], form: Form) -> pa.Array:
    clear = cells.padded(values.to_pylist(), form.pad)
    nonces = np.frombuffer(os.urandom(NONCE_BYTES * len(values)), f"V{NONCE_BYTES}").tolist()
    header = _header(form.suite)
    sealer, last, encrypt = form.suite.sealer(), None, None
    sealed: list[bytes | None] = []
    for owner, value, nonce, context in zip(owners, clear, nonces, contexts, strict=True):
        if value is None:
            sealed.append(None)
            continue
        if encrypt is None or owner is not last:
            last, encrypt = owner, sealer(owner)
        sealed.append(header + nonce + encrypt(nonce, value, context))
    return pa.array(sealed, pa.binary())


def unseal(
    column: Values, keys: Sequence[SecretKey], *, place: Place, rows: Values, index: Iterable[int] | None = None
) -> Values:
    """Decrypt what `seal` made, of whatever suite and padding; arguments as there.

    Raises:
        DecryptionError: Any cell does not open, whatever the cause.
        ColumnError: Lengths disagree, or this machine has not the cells' suite.
    """
    order, ids = _by_owner(keys, index, len(column)), _ids(rows, place, len(column))
    sealed, ids = order.sorted(as_array(column)), order.sorted(ids)
    opened: list[bytes | None] = []
    try:
        for some in _chunks(len(column)):
            opened += _opened(order.keys(keys, some), sealed[some].to_pylist(), place, ids[some])
        return shaped_like(order.back(cells.unpack(cells.unpadded(opened))), column)
    except (InvalidTag, ValueError):
        # One error for a wrong key, a moved cell, a changed bit and a short cell: telling them apart helps attackers.
        path = f"{place.table}.{place.column}"
        raise DecryptionError("a value does not open", path=path, hint="check the keyring and the row ids") from None


def _header(suite: Suite) -> bytes:
    return bytes([FORMAT, suite.number])


def _suites(sealed: Sequence[bytes | None]) -> list[Suite]:
    """Return the suites that cells name; `InvalidTag` for a format or a suite that is not known."""
    known = {_header(suite): suite for suite in Suite}
    headers = {cell[:_HEADER_BYTES] for cell in sealed if cell is not None}
    if not headers <= known.keys():
        raise InvalidTag
    return [known[header] for header in sorted(headers)]


def _opened(owners: list[SecretKey], sealed: list[bytes | None], place: Place, ids: pa.Array) -> list[bytes | None]:
    opened: list[bytes | None] = [None] * len(sealed)
    for suite in _suites(sealed):
        suite.check()
        contexts, header = _contexts(suite, place, ids), _header(suite)
        opener, last, decrypt = suite.opener(), None, None
        for at, (cell, owner) in enumerate(zip(sealed, owners, strict=True)):
            if cell is None or not cell.startswith(header):
                continue
            if decrypt is None or owner is not last:
                last, decrypt = owner, opener(owner)
            opened[at] = decrypt(cell[_HEADER_BYTES:_BODY], cell[_BODY:], contexts[at])
    return opened


def _ids(rows: Values, place: Place, count: int) -> pa.Array:
    if len(rows) != count:
        raise ColumnError(f"{len(rows)} row ids for {count} values", path=f"{place.table}.{place.column}")
    ids = as_text(rows).cast(pa.large_binary())
    if ids.null_count:
        raise ColumnError("a row has no id", path=f"{place.table}.{place.column}")
    return ids


def _contexts(suite: Suite, place: Place, ids: pa.Array) -> list[bytes]:
    shared = place.context(suite)
    return [shared + row for row in ids.to_pylist()]


def _chunks(count: int) -> Iterator[slice]:
    return (slice(at, at + _CHUNK_ROWS) for at in range(0, count, _CHUNK_ROWS))


@dataclass(frozen=True)
class _Order:
    """Rows as they are worked on, all of an owner together: one set-up per key, and never many at a time."""

    places: npt.NDArray[np.int64]  # (rows,) of each row's key in `keys`
    rows: npt.NDArray[np.int64] | None  # (rows,) row numbers; None where the rows stand in this order

    def sorted(self, values: pa.Array) -> pa.Array:
        return values if self.rows is None else values.take(pa.array(self.rows))

    def back(self, values: pa.Array) -> pa.Array:
        return values if self.rows is None else in_order([self.rows], [values])

    def keys(self, keys: Sequence[SecretKey], some: slice) -> list[SecretKey]:
        return [keys[place] for place in self.places[some].tolist()]


def _by_owner(keys: Sequence[SecretKey], index: Iterable[int] | None, count: int) -> _Order:
    owners = np.asarray([id(key) for key in keys] if index is None else index, np.int64)
    if len(owners) != count:
        raise ColumnError(f"{len(owners)} keys for {count} values", hint="give a key per row, or `index`")
    if np.all(owners[1:] >= owners[:-1]):
        return _Order(np.arange(count) if index is None else owners, None)
    order = np.argsort(owners, kind="stable")
    return _Order(order if index is None else owners[order], order)
