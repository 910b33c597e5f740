"""The two tables of the shared language: `Events`, which may name people, and `ProtectedEvents`, which cannot.

The second crosses from the wing that may see secrets to the wing that learns. Its constructor asks for a
`ProtectionMark`, which only `cartveil.guard.protect` may import (a contract of import-linter checks it), so a search
for `ProtectionMark` finds every place where raw data could become training data.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartveil.errors import IntegrityError, ReadError
from cartveil.events.mark import ProtectionMark
from cartveil.events.schema import Table

#: Columns of every `ProtectedEvents`, in order; further columns of the release follow them.
EVENT_COLUMNS = ("subject", "time", "item", "order", "amount", "quantity", "description")

_META = b"cartveil.release"


@dataclass(frozen=True)
class Events:
    """A table that may hold personal data, with the schema that says what each column is."""

    table: pa.Table
    schema: Table


@dataclass(frozen=True)
class ProtectedEvents:
    """Events that name nobody: pseudonyms, items, coarse times and amounts.

    Args:
        table: Columns of `EVENT_COLUMNS` as far as the release has them, sorted by subject and time; `subject`
            and `order` are pseudonyms (text), `time` is a timestamp, `item` text.
        release: What the release was made for: `purpose`, `recipient`, `period`, `schema`, counts. No secrets.
        mark: See `ProtectionMark`.
    """

    table: pa.Table
    release: Mapping[str, str]
    mark: ProtectionMark = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.mark, ProtectionMark):
            raise TypeError("only cartveil.guard.protect makes ProtectedEvents")
        object.__setattr__(self, "release", MappingProxyType(dict(self.release)))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def without(self, subjects: Iterable[str]) -> "ProtectedEvents":
        """Return the events of everybody else."""
        gone = pa.array(list(subjects), pa.string())
        keep = pc.invert(pc.is_in(self.table["subject"].cast(pa.string()), value_set=gone))
        return ProtectedEvents(self.table.filter(keep), self.release, self.mark)

    def of(self, subject: str) -> pa.Table:
        """Return one pseudonym's events."""
        return self.table.filter(pc.equal(self.table["subject"].cast(pa.string()), subject))

    def save(self, path: str | Path | BinaryIO) -> None:
        """Write a Parquet file, or into an open one, that carries the release's description."""
        pairs = {_META + b"." + key.encode(): value.encode() for key, value in self.release.items()}
        pq.write_table(self.table.replace_schema_metadata({_META: b"1", **pairs}), path, compression="zstd")


def load_protected(path: str | Path) -> ProtectedEvents:
    """Read what `ProtectedEvents.save` wrote.

    Raises:
        ReadError: No such file, or not Parquet.
        IntegrityError: A Parquet file that no release made.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        hint = "make one with `cartveil export`"
        raise ReadError("no such file", path=str(path), hint=hint) from None
    except (OSError, pa.ArrowInvalid) as error:
        hint = "name a file that `cartveil export` wrote"
        raise ReadError("not a Parquet file", path=str(path), hint=hint) from error
    metadata = table.schema.metadata or {}
    _check_release(metadata, path)
    prefix = _META + b"."
    release = {key[len(prefix) :].decode(): value.decode() for key, value in metadata.items() if key.startswith(prefix)}
    return ProtectedEvents(table.replace_schema_metadata(), release, ProtectionMark())


def protected_parts(path: str | Path, *, columns: Sequence[str], rows: int = 1 << 16) -> Iterator[pa.RecordBatch]:
    """Read some columns of what `ProtectedEvents.save` wrote, part by part: a release need not fit into memory.

    Args:
        path: The release.
        columns: Which to read; what it does not have is left out.
        rows: Of a part, at most.

    Raises:
        ReadError: No such file, or not Parquet.
        IntegrityError: A Parquet file that no release made.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_release(file.schema_arrow.metadata or {}, path)
            known = [name for name in columns if name in file.schema_arrow.names]
            yield from file.iter_batches(batch_size=rows, columns=known)
    except FileNotFoundError:
        hint = "make one with `cartveil export`"
        raise ReadError("no such file", path=str(path), hint=hint) from None
    except (OSError, pa.ArrowInvalid) as error:
        hint = "name a file that `cartveil export` wrote"
        raise ReadError("not a Parquet file", path=str(path), hint=hint) from error


def _check_release(metadata: Mapping[bytes, bytes], path: str | Path) -> None:
    if _META not in metadata:
        hint = "learning takes only what `cartveil export` wrote, never a raw table"
        raise IntegrityError("not a release of Cartveil", path=str(path), hint=hint)
