"""What every store does, whatever database it is: one suite, run over each."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartveil.errors import CartveilError, IntegrityError, StorageError
from cartveil.guard.store import Cell, PostgreSQLStore, SQLiteStore, Store
from shop import BOTH_STORES

pytestmark = BOTH_STORES

TABLES = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key BLOB) STRICT;
CREATE TABLE lines (
  row INTEGER NOT NULL, place INTEGER NOT NULL, person INTEGER REFERENCES people (id), c0 ANY, c1 ANY,
  PRIMARY KEY (place, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX lines_person ON lines (person);
"""


def open_store(place: Path | str) -> Store:
    return PostgreSQLStore.open(place) if isinstance(place, str) else SQLiteStore.open(place)


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store: Store = PostgreSQLStore.create(place) if isinstance(place, str) else SQLiteStore.create(place)
    with store.transaction():
        store.define(TABLES)
    yield store
    store.close()


PEOPLE = [(1, "张三", b"\x00\xff"), (2, "Ann's 50% ?", b""), (3, "", None)]


def put_people(store: Store) -> None:
    with store.transaction():
        store.insert("people", ("id", "name", "key"), PEOPLE)


def test_what_is_put_comes_back(store: Store) -> None:
    put_people(store)
    assert store.execute("SELECT id, name, key FROM people ORDER BY id").fetchall() == PEOPLE
    assert list(store.execute("SELECT name FROM people WHERE id = ?", (1,))) == [("张三",)]
    assert store.execute("SELECT name FROM people WHERE id = ?", (9,)).fetchone() is None


@pytest.mark.parametrize("count", [0, 1, 15, 16, 5001])
def test_many_rows_are_put_as_few_are(store: Store, count: int) -> None:
    rows = [(row, row % 3, None, f"text {row}", bytes([row % 256])) for row in range(count)]
    with store.transaction():
        store.insert("lines", ("row", "place", "person", "c0", "c1"), iter(rows))
    assert store.execute("SELECT row, place, person, c0, c1 FROM lines ORDER BY row").fetchall() == rows


cells = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
no_halves = cells.filter(lambda cell: not isinstance(cell, str) or not any("\ud800" <= c <= "\udfff" for c in cell))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(no_halves, no_halves), max_size=20))
def test_cells_keep_value_and_type(store: Store, rows: list[tuple[object, object]]) -> None:
    with store.transaction():
        store.execute("DELETE FROM lines")
        lines = ((row, 0, None, *cells) for row, cells in enumerate(rows))
        store.insert("lines", ("row", "place", "person", "c0", "c1"), lines)
    back = store.execute("SELECT c0, c1 FROM lines ORDER BY row").fetchall()
    assert [[(type(cell), cell) for cell in row] for row in back] == [[(type(c), c) for c in row] for row in rows]


def test_cells_are_counted_compared_and_told_apart(store: Store) -> None:
    tokens = ["a", "b", "a", None, b"a", 1]
    with store.transaction():
        store.insert("lines", ("row", "place", "c0"), [(row, 0, token) for row, token in enumerate(tokens)])
    query = "SELECT (SELECT count(*) FROM (SELECT DISTINCT c0 FROM lines WHERE c0 IS NOT NULL LIMIT ?) AS a)"
    assert store.execute(query, (100,)).fetchone() == (4,)
    assert store.execute("SELECT row FROM lines WHERE c0 = ? ORDER BY row", (Cell("a"),)).fetchall() == [(0,), (2,)]
    assert store.execute("SELECT row FROM lines WHERE c0 = ?", (Cell(b"a"),)).fetchall() == [(4,)]
    assert "a" not in repr(Cell("a"))[5:-1]


def test_conflicts_are_settled(store: Store) -> None:
    put_people(store)
    query = "INSERT INTO people (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name"
    store.execute(query, (1, "new"))
    store.execute("INSERT INTO people (id, name) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (7, "new"))
    assert store.execute("SELECT id FROM people WHERE name = 'new'").fetchall() == [(1,)]


def test_numbers_are_pythons(store: Store) -> None:
    put_people(store)
    query = "SELECT count(*), max(id), sum(id), CAST('41' AS INTEGER) + 1, 'a ? % b' FROM people"
    row = store.execute(query).fetchone()
    assert row == (3, 3, 6, 42, "a ? % b")
    assert [type(value) for value in row[:4]] == [int] * 4


def test_text_is_ordered_by_code_point(store: Store) -> None:
    names = ["b", "B", "ä", "a", "张", "_"]
    with store.transaction():
        store.insert("people", ("id", "name"), enumerate(names))
    assert [name for (name,) in store.execute("SELECT name FROM people ORDER BY name")] == sorted(names)


def test_changes_say_how_many(store: Store) -> None:
    put_people(store)
    assert store.execute("UPDATE people SET key = ?", (b"x",)).rowcount == 3
    assert store.execute("DELETE FROM people WHERE id > ?", (1,)).rowcount == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_is_whole_or_not_at_all(store: Store, error: type[BaseException]) -> None:
    def fail() -> None:
        with store.transaction():
            store.insert("people", ("id", "name", "key"), PEOPLE)
            raise error

    with pytest.raises(error):
        fail()
    assert store.execute("SELECT count(*) FROM people").fetchone() == (0,)
    put_people(store)


def test_a_bulk_load_that_fails_leaves_nothing(store: Store) -> None:
    rows = [(row, str(row % 500)) for row in range(1000)]  # names come again
    with pytest.raises(CartveilError) as caught, store.typed_errors(), store.transaction():
        store.insert("people", ("id", "name"), rows)
    assert "499" not in str(caught.value) + str(caught.value.hint)
    assert caught.value.__suppress_context__
    assert store.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_rows_that_stop_coming_leave_nothing(store: Store) -> None:
    def rows() -> Iterator[tuple[int, str]]:
        yield from ((row, str(row)) for row in range(100))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.transaction():
        store.insert("people", ("id", "name"), rows())
    put_people(store)
    assert store.execute("SELECT count(*) FROM people").fetchone() == (3,)


def test_a_second_writer_waits(store: Store, place: Path | str) -> None:
    done: list[str] = []

    def write() -> None:
        other = open_store(place)
        with other.transaction():
            done.append("second")
            other.execute("INSERT INTO people (id, name) VALUES (2, 'second')")
        other.close()

    with store.transaction():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.2)
        done.append("first")
        store.execute("INSERT INTO people (id, name) VALUES (1, 'first')")
    thread.join()
    assert done == ["first", "second"]


def test_a_second_writer_gives_up_in_the_end(store: Store, place: Path | str) -> None:
    other = open_store(place)
    other.execute("SET lock_timeout = 1" if isinstance(place, str) else "PRAGMA busy_timeout = 1")
    with store.transaction(), pytest.raises(StorageError, match="in use"), other.typed_errors(), other.transaction():
        pass
    other.close()


def test_what_others_have_not_finished_is_not_seen(store: Store, place: Path | str) -> None:
    other = open_store(place)
    with store.transaction():
        store.insert("people", ("id", "name", "key"), PEOPLE)
        assert other.execute("SELECT count(*) FROM people").fetchone() == (0,)
    assert other.execute("SELECT count(*) FROM people").fetchone() == (3,)
    other.close()


def test_a_snapshot_is_one_moment_and_lets_others_write(store: Store, place: Path | str) -> None:
    other = open_store(place)
    with store.snapshot():
        assert store.execute("SELECT count(*) FROM people").fetchone() == (0,)
        put_people(other)
        assert store.execute("SELECT count(*) FROM people").fetchone() == (0,)
        with pytest.raises(CartveilError), store.typed_errors():
            store.execute("INSERT INTO people (id, name) VALUES (9, 'nine')")
    assert store.execute("SELECT count(*) FROM people").fetchone() == (3,)
    store.execute("INSERT INTO people (id, name) VALUES (9, 'nine')")
    other.close()


def test_nothing_is_nested(store: Store) -> None:
    with pytest.raises(CartveilError), store.typed_errors(), store.transaction(), store.transaction():
        pass
    put_people(store)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(StorageError, match="closed"), store.typed_errors():
        store.execute("SELECT 1")
    with pytest.raises(StorageError, match="closed"), store.typed_errors(), store.transaction():
        pass


def test_it_is_there_again_after_closing(store: Store, place: Path | str) -> None:
    put_people(store)
    store.close()
    again = open_store(place)
    assert again.execute("SELECT id, name, key FROM people ORDER BY id").fetchall() == PEOPLE
    again.check()
    again.close()


def test_it_is_not_made_twice(store: Store, place: Path | str) -> None:
    with pytest.raises(StorageError, match="exists already"):
        PostgreSQLStore.create(place) if isinstance(place, str) else SQLiteStore.create(place)


def test_a_removed_store_is_gone(store: Store, place: Path | str) -> None:
    store.remove()
    with pytest.raises(CartveilError, match="no such vault"):
        open_store(place)


def test_a_row_of_nobody_is_noticed(store: Store, place: Path | str) -> None:
    put_people(store)
    store.insert("lines", ("row", "place", "person"), [(1, 1, 1)])
    store.check()
    if isinstance(place, str):
        store.execute("ALTER TABLE lines DROP CONSTRAINT lines_person_fkey")
        store.execute("DELETE FROM people")
        store.execute("ALTER TABLE lines ADD FOREIGN KEY (person) REFERENCES people (id) NOT VALID")
    else:
        store.execute("PRAGMA foreign_keys = OFF")
        store.execute("DELETE FROM people")
    with pytest.raises(IntegrityError):
        store.check()


def test_traces_are_erased_between_other_work(store: Store) -> None:
    put_people(store)
    store.execute("DELETE FROM people WHERE id = 1")
    store.erase_traces()
    store.erase_traces()
    assert store.execute("SELECT count(*) FROM people").fetchone() == (2,)
