"""A store of sequences: all events in flat, memory-mapped Arrow arrays, by consumer and time.

    subject, time, item          offsets  0         2    3
    b, 10, pen                   time     11   12   10
    a, 11, ink           ->      item     1    0    0         words of item: pen, ink
    a, 12, pen                   consumers a        b

What stands in memory is what is looked at, and to open a store reads no event. Values stand as they were, words as
numbers of a list beside them; what training data teaches (vocabularies, scales) is laid over them by an `Encoding`, so
that one store serves every split of it.

Consumers stand in the order of a fixed hash of their names. It depends on nothing but the name, so a consumer falls on
the same side of a split when others come or go, and a first tenth of the store is a fair sample of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ModelError

#: Rises when the layout of the files changes; other versions are refused.
FORMAT = 1

#: Files of a store; the words of the n-th field stand in `words-n.arrow`.
DESCRIPTION, EVENTS, CONSUMERS = "store.json", "events.arrow", "consumers.arrow"

#: Code of a NULL among a field's codes.
MISSING = -1

#: Column of numbers that every store has: logarithm of one plus the seconds since the consumer's event before.
GAP = "gap"


@dataclass(frozen=True)
class SequenceSpec:
    """Which columns of the events a store keeps.

    Args:
        fields: Columns with words, such as items; the first is the one that is predicted.
        numeric: Columns with numbers, kept as 32-bit floats; none may be called `GAP`, which every store has.
        subject: Who acted: a pseudonym.
        time: When: a timestamp, a date, or whole seconds since 1970.
    """

    fields: tuple[str, ...] = ("item",)
    numeric: tuple[str, ...] = ()
    subject: str = "subject"
    time: str = "time"


#: Items alone.
ITEMS = SequenceSpec()


@dataclass(frozen=True, eq=False)
class SequenceStore:
    """Events of C consumers, N in all; see the module for how they lie.

    Args:
        folder: Where the files are.
        spec: What is kept.
        offsets: Consumer c has the events `offsets[c]` to `offsets[c + 1]`, (C + 1,).
        time: Microseconds since 1970, rising within a consumer, (N,).
        codes: Field -> place of each event's word in `words`, (N,) int32; `MISSING` for NULL.
        numeric: Column -> values (N,) float32; NaN for NULL. `GAP` comes first, NaN for a consumer's first event.
        words: Field -> its words, in the order in which they were first met.
        subjects: Names of the consumers, (C,).
        hashes: Hash of each name, rising, (C,) uint64.
    """

    folder: Path
    spec: SequenceSpec
    offsets: NDArray[np.int64] = field(repr=False)
    time: NDArray[np.int64] = field(repr=False)
    codes: Mapping[str, NDArray[np.int32]] = field(repr=False)
    numeric: Mapping[str, NDArray[np.float32]] = field(repr=False)
    words: Mapping[str, pa.ChunkedArray] = field(repr=False)
    subjects: pa.ChunkedArray = field(repr=False)
    hashes: NDArray[np.uint64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def consumers(self) -> int:
        """Return how many consumers there are."""
        return len(self.offsets) - 1

    @classmethod
    def open(cls, folder: str | Path) -> "SequenceStore":
        """Open what `write_sequences` wrote; nothing but names and offsets is read.

        Raises:
            ModelError: No store, a broken one, or one of another version.
        """
        place = Path(folder)
        spec, count = _described(place)
        try:
            events = _mapped(place / EVENTS)
            people = _mapped(place / CONSUMERS)
            words = {name: _mapped(place / words_file(number))["word"] for number, name in enumerate(spec.fields)}
        except (OSError, pa.ArrowException) as error:
            raise ModelError("a file of the store is missing or broken", path=str(folder), hint=_HINT) from error
        if len(events) != count:
            raise ModelError("files of the store do not belong together", path=str(folder), hint=_HINT)
        sizes = people["events"].to_numpy()
        return cls(
            folder=place,
            spec=spec,
            offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)]),
            time=flat(events["time"]),
            codes={name: flat(events[f"field.{name}"]) for name in spec.fields},
            numeric={name: flat(events[f"numeric.{name}"]) for name in (GAP, *spec.numeric)},
            words=words,
            subjects=people["subject"],
            hashes=people["hash"].to_numpy(),
        )

    def numbers_of(self, subjects: Iterable[str]) -> NDArray[np.int64]:
        """Return the numbers of those of these consumers who are in the store, rising."""
        wanted = pa.array(list(subjects), pa.string())
        return np.flatnonzero(pc.is_in(self.subjects, value_set=wanted).to_numpy())

    def digest(self) -> str:
        """Return SHA-256 over all files: what a model's card says that it was trained on."""
        whole = hashlib.sha256()
        for file in (DESCRIPTION, EVENTS, CONSUMERS, *(words_file(number) for number in range(len(self.spec.fields)))):
            with (self.folder / file).open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "sha256").digest())
        return whole.hexdigest()


_HINT = "write it again with `write_sequences`"


def words_file(number: int) -> str:
    """Return the name of the file with the words of the n-th field."""
    return f"words-{number}.arrow"


def describe(spec: SequenceSpec, events: int) -> str:
    """Return the text of a store's description."""
    return json.dumps({"format": FORMAT, "spec": asdict(spec), "events": events}, ensure_ascii=False, indent=1)


def flat(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of one chunk without NULL as the very memory that it stands in."""
    return np.asarray(column.chunk(0).to_numpy(zero_copy_only=True))


def _described(folder: Path) -> tuple[SequenceSpec, int]:
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError("no store of sequences here", path=str(folder), hint=_HINT) from None
    except (OSError, ValueError) as error:
        raise ModelError("description cannot be read", path=str(folder / DESCRIPTION), hint=_HINT) from error
    found = told.get("format") if isinstance(told, dict) else None
    if found != FORMAT:
        raise ModelError(f"format version `{found}` is not `{FORMAT}`", path=str(folder / DESCRIPTION), hint=_HINT)
    spec = told["spec"]
    columns = {name: tuple(spec[name]) for name in ("fields", "numeric")}
    return SequenceSpec(**columns, subject=spec["subject"], time=spec["time"]), told["events"]


def _mapped(file: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(file))).read_all()
