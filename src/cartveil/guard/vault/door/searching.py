"""Finding rows without knowing whose they are: by a value of a searchable column, or by an order that two tables share.

Sealed values are found by keyed codes, equal for equal values; tokens and pseudonyms by themselves. In this order:

1. the policy decides whether this actor may search by this field: whoever may see it clear or masked may;
2. the search is written down; only then are the ids of those who were found opened;
3. for each of them policy decides once more, now knowing who it is, and that is written down like any reading;
   Who may not be seen by the field searched by is left out, whatever else of them may be seen;
4. rows are opened and compared with what was searched for: a code that somebody moved shows nothing.

Pages follow the rows' own numbers, so that a page costs the same wherever it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.events.kinds import Method, Step, View
from cartveil.events.schema import Column
from cartveil.guard.keys import SecretKey
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.policy.request import is_torn
from cartveil.guard.protect.columns import as_array
from cartveil.guard.protect.rest import LAST_FOUR, Sealing, at_rest, last_four_index, search_index
from cartveil.guard.store import Cell
from cartveil.guard.vault import journal
from cartveil.guard.vault.door import reading
from cartveil.guard.vault.door.reading import Reading, Wish
from cartveil.guard.vault.room import Room, checked_context, subject_text
from cartveil.guard.vault.rows.consumers import find_present, ids_of
from cartveil.guard.vault.rows.resting import fetch, opened
from cartveil.guard.vault.rows.tables import RESTORE, Stored, stored_table

#: Rows that one page may hold.
MOST = 500

#: Beyond every row's number.
_NO_ROW = 2**63

#: How a column rests that equal values can be told by.
_EQUAL = (Method.TOKEN, Method.PSEUDONYM, Method.FPE)

#: Whoever sees as much of a field may also ask for rows by it.
_ENOUGH = (View.CLEAR, View.MASKED)


@dataclass(frozen=True)
class Found:
    """One page of what was found.

    Args:
        readings: The rows of each consumer on this page, as this actor may see them; rows that name nobody together.
        next: Where the next page begins: pass it as `after`. None on the last page.
    """

    readings: tuple[Reading, ...]
    next: int | None

    def __len__(self) -> int:
        return sum(each.rows.num_rows for each in self.readings)


@dataclass(frozen=True)
class Search:
    """What is looked for.

    Args:
        actor: Who asks.
        table: A table of the schema.
        column: A searchable column of it.
        value: The whole value, or its last four digits.
        purpose: What it is for.
        fields: Which fields of the rows; all if None.
        context: As for reading.
        last_four: Whether `value` is the last four digits of a phone or a card.
        after: Where the page before ended.
        limit: Rows of a page.
    """

    actor: Principal
    table: str
    column: str
    value: str = field(repr=False)
    purpose: str
    fields: Sequence[str] | None = None
    context: Mapping[str, object] | None = None
    last_four: bool = False
    after: int = 0
    limit: int = 50


@dataclass(frozen=True)
class _Asked:
    """A search that was decided."""

    request: Request
    decision: Decision
    labels: Mapping[str, object]  # case and session
    fields: tuple[str, ...]  # of rows that name nobody


@dataclass(frozen=True)
class _Page:
    """Rows that were found, in order, and whose they are."""

    rows: tuple[int, ...]
    owners: tuple[int | None, ...]
    next: int | None


def find(room: Room, search: Search) -> Found:
    """Return rows by the value of a column; see `Vault.find`."""
    _check_page(search)
    stored = stored_table(room, search.table)
    condition, values = _condition(room, stored, search)
    asked = _ask(room, stored, search)
    query = f"SELECT row, consumer FROM {condition} AND row > ? ORDER BY row LIMIT ?"  # noqa: S608 - made-up names
    page = _look(room, search, asked, (query, values))
    return _shown(room, stored, search, (page, asked))


def related(room: Room, search: Search, *, to: str) -> Found:
    """Return rows of another table that share a token with one consumer's rows; see `Vault.related`.

    Args:
        room: The vault.
        search: Its `table` and `column` are where the tokens are taken from, its `value` is the consumer's id.
        to: The table that is looked in.
    """
    _check_page(search)
    source, target = stored_table(room, search.table), stored_table(room, to)
    own = source.table.column(search.column)
    other = _sharing(target, own)
    there = replace(search, table=to, column=other.name)
    reading.check_labels(room.known(subject_text(search.value)), checked_context(search.context))
    asked = _ask(room, target, there)
    wish = Wish(search.actor, search.table, search.value, search.purpose, [own.name], search.context)
    reading.read(room, wish)  # says, and writes down, whether this consumer's orders may be followed
    tokens = f"SELECT {_sql(source, own)} FROM records_{source.number} WHERE consumer = ?"  # noqa: S608 - made-up names
    query = (
        f"SELECT row, consumer FROM records_{target.number} WHERE {_sql(target, other)} IN ({tokens}) "  # noqa: S608
        "AND row > ? ORDER BY row LIMIT ?"
    )
    consumer = find_present(room, room.lookup(subject_text(search.value)))
    page = _look(room, there, asked, (query, (-1 if consumer is None else consumer.number,)))
    return _shown(room, target, there, (page, asked))


def check_codes(room: Room, tables: Sequence[Stored]) -> None:
    """Compare the number of search codes with that of sealed values: what has lost its code is found by nobody.

    Rows that are held for somebody who was erased have no codes any more, and are left out.

    Raises:
        IntegrityError: Codes were removed, or added.
    """
    erased = "SELECT id FROM consumers WHERE lookup IN (SELECT lookup FROM erasures)"
    present = f"(consumer IS NULL OR consumer NOT IN ({erased}))"
    for stored in tables:
        for name, spec in stored.columns():
            if not spec.index or spec.protect.method is not Method.SEAL:
                continue
            codes = f"SELECT count(*) FROM search_codes WHERE place = ? AND {present}"  # noqa: S608 - made-up names
            cells = f"SELECT count(*) FROM records_{stored.number} WHERE {name} IS NOT NULL AND {present}"  # noqa: S608
            (coded,) = room.store.execute(codes, (stored.search_place(spec),)).fetchone()
            (held,) = room.store.execute(cells).fetchone()
            if coded != held:
                raise _moved(stored, spec.name)


def _check_page(search: Search) -> None:
    if not isinstance(search.limit, int) or not 1 <= search.limit <= MOST:
        raise InputError(f"a page has 1 to {MOST} rows", path="limit", hint="ask for the next page with `after`")
    if not isinstance(search.after, int) or not 0 <= search.after < _NO_ROW:
        raise InputError("is where no page ended", path="after", hint="pass what `next` of the page before says")
    if is_torn(search.value):
        raise InputError("is not whole Unicode text", path=f"{search.table}.{search.column}", hint="give a value")
    if not search.value.strip():
        raise InputError("nothing is looked for", path=f"{search.table}.{search.column}", hint="give a value")


def _condition(room: Room, stored: Stored, search: Search) -> tuple[str, tuple[object, ...]]:
    """Return the table and the condition, in SQL, of the rows that have a value."""
    spec = stored.table.column(search.column)
    path, method = f"{stored.table.name}.{spec.name}", spec.protect.method
    text = pa.array([search.value], pa.string())
    if spec is stored.subject:
        raise InputError("is no search", path=path, hint="read the consumer by their id")
    if search.last_four:
        return _codes(stored.last_four_place(spec)), (_last_four(room, spec, text, path=path),)
    if method is Method.SEAL and spec.index:
        code = as_array(search_index(text, spec.kind, derive=room.keyring.derive))[0].as_py()
        return _codes(stored.search_place(spec)), (code,)
    if method in _EQUAL:
        loud = replace(spec, protect=Step(method, tuple({**dict(spec.protect.options), "few_values": True}.items())))
        none = Sealing([], pa.array([0], pa.int64()))
        place = room.place(stored.table, spec.name)
        cell = as_array(at_rest(text, loud, place=place, derive=room.keyring.derive, sealing=none))[0].as_py()
        return f"records_{stored.number} WHERE {_sql(stored, spec)} = ?", (Cell(cell),)
    hint = "search by a sealed column with `index = true`, or by a token"
    raise InputError("cannot be searched by", path=path, hint=hint)


def _codes(place: int) -> str:
    return f"search_codes WHERE place = {place} AND code = ?"


def _last_four(room: Room, spec: Column, text: pa.Array, *, path: str) -> str:
    if spec.kind not in LAST_FOUR or spec.protect.method is not Method.SEAL or not spec.index:
        hint = "search for the whole value"
        raise InputError("is not found by four digits", path=path, hint=hint)
    (digits,) = text.to_pylist()
    if len(digits) != 4 or not digits.isdecimal():
        raise InputError("four digits are looked for", path=path, hint="give the last four, such as `8000`")
    row = room.store.execute("SELECT value FROM meta WHERE name = 'last four'").fetchone()
    if row is None:
        hint = "search for the whole value; put the data into a new vault for searches by four digits"
        raise InputError("this vault was made before searches by four digits", path=path, hint=hint)
    return str(as_array(last_four_index(text, spec.kind, derive=room.keyring.derive))[0].as_py())


def _sql(stored: Stored, spec: Column) -> str:
    return next(name for name, column in stored.columns() if column is spec)


def _sharing(target: Stored, wanted: Column) -> Column:
    """Return the column of a table whose tokens equal those of a column of another: one of the same kind."""
    if wanted.protect.method is Method.TOKEN:
        for _, column in target.columns():
            if column.protect.method is Method.TOKEN and column.kind is wanted.kind:
                return column
    hint = "tables are joined by tokens of one kind, such as `order_id`"
    raise InputError(f"shares no token with `{wanted.name}`", path=target.table.name, hint=hint)


def _ask(room: Room, stored: Stored, search: Search) -> _Asked:
    """Refuse to search by a field that this actor may not see, whoever it would be that is found."""
    context = checked_context(search.context)
    # Rows of consumers are decided one by one later; rows that name nobody are decided here.
    fields = [] if stored.subject is not None else reading.stored_fields(stored, search.fields)
    about = {key: context[key] for key in ("case_open", "break_glass", "reason")}
    cases = room.outside.cases
    if stored.subject is None and about["case_open"] and cases is not None:
        about["case_open"] = cases(str(context["case"]), "")  # a case is about a consumer; these rows name none
    about |= {"fields": list(dict.fromkeys([search.column, *fields])), "purpose": search.purpose}
    request, decision = journal.ask(room, search.actor, "read", table=stored.table, about=about)
    asked = _Asked(request, decision, {"case": context["case"], "session": context["session"]}, tuple(fields))
    if decision.views.get(search.column) in _ENOUGH:
        return asked
    with room.store.transaction():
        entry = _write_down(room, asked, "deny", {})
    _tell(room, entry)
    hint = decision.hint or "search by a field that you may see clear or masked"
    raise RefusedError(decision.refusal or "may not be searched by", path=f"{search.table}.{search.column}", hint=hint)


def _write_down(room: Room, asked: _Asked, decision: str, facts: Mapping[str, object]) -> Mapping[str, object]:
    """Append the entry of a search, inside the caller's transaction, and return it."""
    whole = {**asked.labels, **facts}
    entry = journal.entry(room, asked.request, decision=decision, rules=asked.decision.rules, facts=whole)
    entry["action"] = "find"
    room.log.append([entry])
    return entry


def _tell(room: Room, entry: Mapping[str, object]) -> None:
    """Tell the platform of a glass that was broken, or tried, when the entry is on the disk."""
    if entry["reason"] and room.outside.alert is not None:
        room.outside.alert(entry)


def _look(room: Room, search: Search, asked: _Asked, query: tuple[str, Sequence[object]]) -> _Page:
    """Return the page of rows that a query finds, and write down how many."""
    sql, values = query
    with room.store.transaction():
        lines = room.store.execute(sql, (*values, search.after, search.limit + 1)).fetchall()
        rows = tuple(int(row) for row, _ in lines[: search.limit])
        owners = tuple(None if owner is None else int(owner) for _, owner in lines[: search.limit])
        views = asked.decision.views if asked.fields else {}
        entry = _write_down(room, asked, "allow", {"rows": len(rows), "views": views})
    _tell(room, entry)
    return _Page(rows, owners, rows[-1] if len(lines) > search.limit else None)


def _shown(room: Room, stored: Stored, search: Search, outcome: tuple[_Page, _Asked]) -> Found:
    """Open what was found, each consumer's rows as the policy allows, and compare it with what was searched for."""
    page, asked = outcome
    if not page.rows:
        return Found((), None)
    if stored.subject is None:
        key = room.keyring.derive("table rest", stored.table.name)
        unowned = _unowned(room, stored, asked, (page.rows, key))
        _check_cells(room, stored, search, [(None, page.rows, key)])
        return Found((unowned,), page.next)
    people = _people(room, page)
    wishes = [_wish(search, subject, rows) for subject, rows, _, _ in people]
    outcomes = reading.read_many(room, wishes) if wishes else []
    # A search is let through for whoever may be found; that it may be said of this very person is known only now.
    seen = [
        (each, person)
        for each, person in zip(outcomes, people, strict=True)
        if isinstance(each, Reading) and each.views[search.column] in _ENOUGH
    ]
    if any(each.rows.num_rows != len(rows) for each, (_, rows, _, _) in seen):
        raise _moved(stored, search.column)
    _check_cells(room, stored, search, [(number, rows, key) for _, (_, rows, number, key) in seen])
    return Found(tuple(_asked_for(search, each) for each, _ in seen), page.next)


def _asked_for(search: Search, reading: Reading) -> Reading:
    """Return a reading without the column searched by, where that one was not asked for."""
    if search.fields is None or search.column in search.fields:
        return reading
    views = {name: view for name, view in reading.views.items() if name != search.column}
    return Reading(reading.rows.drop_columns([search.column]), views, reading.rules)


_Person = tuple[str, tuple[int, ...], int, SecretKey]


def _people(room: Room, page: _Page) -> list[_Person]:
    """Return the id, rows, number and key of each consumer of a page who is not being erased."""
    owners = [owner for owner in dict.fromkeys(page.owners) if owner is not None]
    if not owners:
        return []
    query = (
        f"SELECT id, data_key, subject FROM consumers WHERE id IN ({', '.join('?' * len(owners))}) "  # noqa: S608 - marks only
        "AND lookup NOT IN (SELECT lookup FROM erasures)"
    )
    numbers, ids, keys = ids_of(room, room.store.execute(query, owners).fetchall())
    rows: dict[int | None, tuple[int, ...]] = {}
    for row, owner in zip(page.rows, page.owners, strict=True):
        rows[owner] = (*rows.get(owner, ()), row)
    known = zip(ids.to_pylist(), numbers, keys, strict=True)
    people = [(subject, rows[number], number, key) for subject, number, key in known]
    return sorted(people, key=lambda person: person[1])


def _wish(search: Search, subject: str, rows: tuple[int, ...]) -> Wish:
    fields = None if search.fields is None else [*search.fields, search.column]
    return Wish(search.actor, search.table, subject, search.purpose, fields, search.context, only=rows)


def _unowned(room: Room, stored: Stored, asked: _Asked, found: tuple[tuple[int, ...], SecretKey]) -> Reading:
    rows, key = found
    views = {name: asked.decision.views[name] for name in asked.fields}
    names = [name for name, view in views.items() if view is not View.NONE]
    resting = fetch(room, stored, names, consumer=None, rows=rows)
    clear = opened(room, resting, Sealing([key], pa.array(resting.rows, pa.int64()), [0] * len(resting)))
    columns = {name: reading.shown(room, resting, name, (clear, views[name])) for name in asked.fields}
    return Reading(pa.table(columns), views, asked.decision.rules)


def _check_cells(
    room: Room, stored: Stored, search: Search, found: Sequence[tuple[int | None, tuple[int, ...], SecretKey]]
) -> None:
    """Compare sealed cells with what was searched for: whoever can write the database could move a code."""
    spec = stored.table.column(search.column)
    if spec.protect.method is not Method.SEAL:
        return  # a token is what was compared itself, and the row's mark says that it is this row's
    coded = last_four_index if search.last_four else search_index
    derive = room.keyring.derive
    wanted = as_array(coded(pa.array([search.value], pa.string()), spec.kind, derive=derive))[0].as_py()
    for number, rows, key in found:
        resting = fetch(room, stored, [spec.name], consumer=number, rows=rows)
        clear = opened(room, resting, Sealing([key], pa.array(resting.rows, pa.int64()), [0] * len(resting)))
        codes = as_array(coded(clear[spec.name], spec.kind, derive=derive)).to_pylist()
        if codes != [wanted] * len(rows):
            raise _moved(stored, search.column)


def _moved(stored: Stored, column: str) -> IntegrityError:
    return IntegrityError("a search code was changed", path=f"{stored.table.name}.{column}", hint=RESTORE)
