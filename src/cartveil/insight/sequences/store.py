"""A store of sequences: all events in flat, memory-mapped Arrow arrays, by consumer and time.

    subject, time, item          offsets  0         2    3
    b, 10, pen                   time     11   12   10
    a, 11, ink           ->      item     1    0    0         words of item: pen, ink
    a, 12, pen                   consumers a        b

What stands in memory is what is looked at. Values stand as they were, words as
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

from cartveil.errors import ColumnError, InputError, IntegrityError, ModelError
from cartveil.insight.sequences.integrity import AGAIN, FileDigest, require_unchanged, sha256_of

#: Rises when the layout of the files changes; other versions are refused.
FORMAT = 2

#: Files of a store; the words of the n-th field stand in `words-n.arrow`.
DESCRIPTION, EVENTS, CONSUMERS = "store.json", "events.arrow", "consumers.arrow"

#: Code of a NULL among a field's codes.
MISSING = -1

#: Column of numbers that every store has: logarithm of one plus the seconds since the consumer's event before.
GAP = "gap"


def _require_names(kind: str, names: object) -> None:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError("must be names of columns", path=kind, hint='such as ("item",), with its comma')
    if len(set(names)) < len(names):
        raise InputError("a column is named twice", path=kind, hint="name each once")


@dataclass(frozen=True)
class SequenceSpec:
    """Which columns of the events a store keeps.

    Args:
        fields: Columns with words, such as items; the first is the one that is predicted.
        numeric: Columns with numbers, kept as 32-bit floats; none may be called `GAP`, which every store has.
        subject: Who acted: a pseudonym.
        time: When: a timestamp, a date, or whole seconds since 1970.

    Raises:
        InputError: No field, one twice, or something that is no name.
        ColumnError: A column of numbers has a name that the store needs.
    """

    fields: tuple[str, ...] = ("item",)
    numeric: tuple[str, ...] = ()
    subject: str = "subject"
    time: str = "time"

    def __post_init__(self) -> None:
        for kind, names in (("fields", self.fields), ("numeric", self.numeric)):
            _require_names(kind, names)
            object.__setattr__(self, kind, tuple(names))
        _require_names("subject and time", (self.subject, self.time))
        if not self.fields:
            raise InputError("a store needs a field", path="fields", hint="name the column that is to be predicted")
        if GAP in self.numeric:
            raise ColumnError("every store has a column of this name", path=GAP, hint="give yours another name")


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
    def open(cls, folder: str | Path, *, verify: bool = True) -> "SequenceStore":
        """Open what `write_sequences` wrote; nothing but names and offsets stays in memory.

        Args:
            folder: Where it is.
            verify: Whether the events are read once and compared with their digest, which costs about as much as
                reading the file does. Without it a wrong bit among the events is not noticed, or only by an error
                where it is used; everything else is compared all the same.

        Raises:
            ModelError: No store, one of another version, or one whose description cannot be understood.
            IntegrityError: A file is missing, was changed, or is from another store.
        """
        place = Path(folder)
        told = _described(place)
        require_unchanged(place, told.files, trusted=() if verify else (EVENTS,))
        spec = told.spec
        events = _mapped(place / EVENTS, events_schema(spec))
        people = _mapped(place / CONSUMERS, _PEOPLE)
        words = {name: _mapped(place / words_file(number), _WORDS) for number, name in enumerate(spec.fields)}
        sizes, hashes = people["events"].to_numpy(), people["hash"].to_numpy()
        if len(events) != told.events or not _fit(sizes, hashes, told.events):
            raise IntegrityError("files of the store do not belong together", path=str(folder), hint=AGAIN)
        return cls(
            folder=place,
            spec=spec,
            offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)]),
            time=flat(events["time"]),
            codes={name: flat(events[f"field.{name}"]) for name in spec.fields},
            numeric={name: flat(events[f"numeric.{name}"]) for name in (GAP, *spec.numeric)},
            words={name: table["word"] for name, table in words.items()},
            subjects=people["subject"],
            hashes=hashes,
        )

    def numbers_of(self, subjects: Iterable[str]) -> NDArray[np.int64]:
        """Return the numbers of those of these consumers who are in the store, rising."""
        wanted = pa.array(list(subjects), pa.string())
        return np.flatnonzero(pc.is_in(self.subjects, value_set=wanted).to_numpy())

    def digest(self) -> str:
        """Return SHA-256 over all files: what a model's card says that it was trained on."""
        whole = hashlib.sha256()
        for file in (DESCRIPTION, *files_of(self.spec)):
            whole.update(bytes.fromhex(sha256_of(self.folder / file)))
        return whole.hexdigest()


_PEOPLE = pa.schema({"subject": pa.string(), "hash": pa.uint64(), "events": pa.int64()})
_WORDS = pa.schema({"word": pa.string()})


def words_file(number: int) -> str:
    """Return the name of the file with the words of the n-th field."""
    return f"words-{number}.arrow"


def files_of(spec: SequenceSpec) -> list[str]:
    """Return the names of all files of a store but its description."""
    return [EVENTS, CONSUMERS, *(words_file(number) for number in range(len(spec.fields)))]


def events_schema(spec: SequenceSpec) -> pa.Schema:
    """Return the columns of a store's events, in order."""
    words = {f"field.{name}": pa.int32() for name in spec.fields}
    numbers = {f"numeric.{name}": pa.float32() for name in (GAP, *spec.numeric)}
    return pa.schema({"time": pa.int64(), **words, **numbers})


def describe(spec: SequenceSpec, events: int, files: Mapping[str, FileDigest]) -> str:
    """Return the text of a store's description."""
    digests = {name: asdict(each) for name, each in files.items()}
    told = {"format": FORMAT, "spec": asdict(spec), "events": events, "files": digests}
    return json.dumps(told, ensure_ascii=False, indent=1)


def flat(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of one chunk without NULL as the very memory that it stands in."""
    return np.asarray(column.chunk(0).to_numpy(zero_copy_only=True))


@dataclass(frozen=True)
class _Description:
    spec: SequenceSpec
    events: int
    files: Mapping[str, FileDigest]

    def __post_init__(self) -> None:
        if type(self.events) is not int or sorted(self.files) != sorted(files_of(self.spec)):
            raise ValueError
        for told in self.files.values():
            if type(told.size) is not int or not isinstance(told.sha256, str):
                raise TypeError


def _described(folder: Path) -> _Description:
    file = folder / DESCRIPTION
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError("no store of sequences here", path=str(folder), hint=AGAIN) from None
    except (OSError, ValueError) as error:
        raise ModelError("description cannot be read", path=str(file), hint=AGAIN) from error
    found = told.get("format") if isinstance(told, dict) else None
    if found != FORMAT:
        raise ModelError(f"format version `{found}` is not `{FORMAT}`", path=str(file), hint=AGAIN)
    try:
        files = {name: FileDigest(**each) for name, each in told["files"].items()}
        return _Description(SequenceSpec(**told["spec"]), told["events"], files)
    except (AttributeError, KeyError, TypeError, ValueError, InputError) as error:
        raise ModelError("description is not that of a store", path=str(file), hint=AGAIN) from error


def _mapped(file: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        table.validate()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise IntegrityError("no table can be read from it", path=str(file), hint=AGAIN) from error
    if not table.schema.equals(schema) or any(column.null_count for column in table.columns):
        raise IntegrityError("its columns are not those of the store", path=str(file), hint=AGAIN)
    return table


def _fit(sizes: NDArray[np.int64], hashes: NDArray[np.uint64], events: int) -> bool:
    """Return whether consumers with so many events each can be those of the store."""
    return bool(events >= 1 and np.all(sizes >= 1) and sizes.sum() == events and np.all(hashes[1:] >= hashes[:-1]))
