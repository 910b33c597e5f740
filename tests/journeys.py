"""Events of a few consumers, made up at random, and a slow obvious reading of them, for the tests of sequences."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from hypothesis import strategies as st

from cartveil.insight.sequences import write_sequences
from cartveil.insight.sequences.store import SequenceSpec

SPEC = SequenceSpec(fields=("item", "shop"), numeric=("amount",))

_ROW = st.tuples(
    st.sampled_from(["ann", "bo", "cy", "dora-with-a-long-name", ""]),
    st.integers(0, 20),
    st.sampled_from(["pen", "ink", "cup", "墨", None]),
    st.sampled_from(["east", "west", None]),
    st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
)

rows = st.lists(_ROW, min_size=1, max_size=40)


def table(found):
    names = ("subject", "time", "item", "shop", "amount")
    types = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.float64())
    columns = zip(*found, strict=True) if found else [()] * len(names)
    return pa.table(
        {name: pa.array(list(column), kind) for name, kind, column in zip(names, types, columns, strict=True)}
    )


def by_consumer(found):
    """Return the rows of each consumer, in order of time."""
    people = {}
    for row in found:
        people.setdefault(row[0], []).append(row)
    return {name: sorted(events, key=lambda row: row[1]) for name, events in people.items()}


@contextmanager
def stored(source, spec=SPEC, **options):
    """Yield a store of these events, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield write_sequences(source, Path(folder) / "store", spec, **options)


def regular(sizes, *, gap=1):
    """Return events of consumers `c0`, `c1`, ...: so many each, one every `gap` seconds, items `i0`, `i1`, ..."""
    found = [(f"c{who}", gap * when, f"i{when}") for who, size in enumerate(sizes) for when in range(size)]
    subjects, times, items = zip(*found, strict=True)
    return pa.table({"subject": list(subjects), "time": pa.array(times, pa.int64()), "item": list(items)})
