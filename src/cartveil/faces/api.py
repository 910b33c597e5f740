"""The functions that users of Python reach for first, safe by default.

Each takes an Arrow table, a pandas or polars frame, a list of dicts, or the path of a file. From `anonymize` and
`access_control` frames and lists come back as what they were; everything else comes back as an Arrow table. The
caller's object is never changed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import InputError, KeyringError, RefusedError
from cartveil.events import scanning
from cartveil.events.kinds import Role
from cartveil.events.reading import as_table
from cartveil.events.schema import Schema, Table, load_schema
from cartveil.faces.finding import text_finder
from cartveil.guard import protect
from cartveil.guard.keys import SecretKey
from cartveil.guard.keys.secret import KEY_BYTES
from cartveil.guard.policy import Policy, Principal, Request
from cartveil.guard.protect import DeidentificationReport
from cartveil.guard.protect.redact import Record, redact_records
from cartveil.guard.protect.stand_ins import Form, Style

_CONTEXT = ("case_open", "consent", "hour")


def encrypt(data: Any, key: bytes) -> Any:
    """Encrypt every value with AES-256-GCM.

    Args:
        data: A table in any of the forms above.
        key: 32 bytes from `secrets.token_bytes(32)`; keep it apart from the data.

    Returns:
        An Arrow table, whatever came in: the same columns and rows, every value a ciphertext (bytes); NULL stays
        NULL. What the columns were stands, sealed as well, in the schema's metadata.

    Raises:
        InputError: The data cannot be read, or is encrypted already.
        KeyringError: The key has not 32 bytes.

    Guarantees:
        - Two equal values give different ciphertexts.
        - `decrypt(encrypt(data, key), key)` has the values and types of `data`.
    """
    return protect.encrypt(data if isinstance(data, pa.Table) else as_table(data), key)


def decrypt(data: pa.Table, key: bytes, *, whole: bool = False) -> pa.Table:
    """Open what `encrypt` closed.

    Args:
        data: The Arrow table that `encrypt` gave, or some of its rows and columns. A Parquet or Arrow file keeps what
            is needed to open it; a frame of another library does not.
        key: The same 32 bytes.
        whole: Refuse a table of which rows, columns or values were left out, or rows repeated.

    Raises:
        InputError: No Arrow table.
        KeyringError: The key has not 32 bytes.
        DecryptionError: Another key, or a changed table; the two are deliberately not told apart.
    """
    if not isinstance(data, pa.Table):
        hint = "pass the Arrow table that `encrypt` gave; `pyarrow.parquet.read_table` reads it back from a file"
        raise InputError(f"`{type(data).__name__}` is not an Arrow table", path="data", hint=hint)
    return protect.decrypt(data, key, whole=whole)


def anonymize(data: Any, schema: Schema | Path | str | None = None) -> tuple[Any, DeidentificationReport]:
    """De-identify a table under a key that is thrown away.

    Args:
        data: A table in any of the forms above.
        schema: What the columns are; found by `scan` where not given.

    Returns:
        The released table, in the caller's form, and a report: what was done to each column, the smallest group of
        look-alikes, and the label. The label says `de-identified`; it says `anonymised` only where nothing can be
        undone or linked and the re-identification check passes.
    """
    table = as_table(data)
    released, report = protect.deidentify(table, _described(table, schema), finder=text_finder())
    return _like(data, released), report


def redact(text: str | Sequence[str | None], *, form: str = "labels", key: bytes | None = None, scope: str = "") -> Any:
    """Replace personal information in a text, or in each of several.

    Args:
        text: One text, or texts; None stays None.
        form: `labels` such as `[phone]`, `masks` such as `138****5678`, or `surrogates`: made-up values.
        key: 32 bytes, for surrogates that are the same another time; else they are the same in this call only.
        scope: Whose texts these are. The same value gets the same surrogate within a scope, and another one elsewhere.

    Returns:
        A text, or a list of as many.

    Raises:
        InputError: `form` is none of these.
        KeyringError: The key has not 32 bytes.

    Guarantees:
        - Any text will do: empty, a megabyte in one line, with half a surrogate pair in it.
    """
    style = _style(form, key)
    texts = [text] if isinstance(text, str) else list(text)
    records = [Record(each, (), scope) for each in texts if each is not None]
    done = redact_records(records, text_finder(), style=style)
    made = [None if each is None else next(done) for each in texts]
    return made[0] if isinstance(text, str) else made


def _style(form: str, key: bytes | None) -> Style:
    if form not in set(Form):
        hint = f"use {', '.join(f'`{word}`' for word in Form)}"
        raise InputError(f"`{form}` is no way to redact", path="form", hint=hint)
    if key is not None and (not isinstance(key, bytes) or len(key) != KEY_BYTES):
        raise KeyringError(f"a key has {KEY_BYTES} bytes", path="key", hint="take one from `secrets.token_bytes(32)`")
    return Style(Form(form), SecretKey.generate() if key is None else SecretKey(key))


def access_control(
    data: Any,
    user: Mapping[str, Any],
    *,
    schema: Schema | Path | str | None = None,
    policy: Path | str | None = None,
) -> Any:
    """Return the view of the data that this user may see.

    Args:
        data: A table in any of the forms above.
        user: `name`, `role` and `purpose`, and circumstances such as `case_open`. A user of the role `consumer`
            sees the rows whose subject is `name`, and no others.
        schema: What the columns are; found by `scan` where not given.
        policy: Cedar policies; the shipped ones where not given.

    Returns:
        The rows in the caller's form; each column clear, masked, generalised or as a pseudonym. Columns that the
        user may not see are left out.

    Raises:
        RefusedError: The user may see no column; the hint names the smallest change that would permit it.
        InputError: `user` lacks a word, or has an unknown one.
    """
    table = as_table(data)
    described = _described(table, schema)
    principal, purpose, context = _user(user)
    if principal.role == "consumer":
        table = _own_rows(table, described, principal.name)
        context["own_record"] = True
    fields = tuple((column.name, column.kind) for column in described.columns)
    request = Request(principal, "read", described.name, fields, purpose, context)
    decision = (Policy.load(policy) if policy else Policy.load()).decide(request)
    if not decision.allowed:
        raise RefusedError(decision.refusal or "policy permits no field", path=described.name, hint=decision.hint)
    return _like(data, protect.view_of(table, described, decision.views))


def _user(user: Mapping[str, Any]) -> tuple[Principal, str, dict[str, Any]]:
    known = {"name", "role", "purpose", "attributes", *_CONTEXT}
    missing, unknown = {"name", "role", "purpose"} - set(user), set(user) - known
    if missing or unknown:
        what = f"lacks `{min(missing)}`" if missing else f"has the unknown word `{min(unknown)}`"
        raise InputError(what, path="user", hint='such as {"name": "lin", "role": "support", "purpose": "support"}')
    context = {name: user[name] for name in _CONTEXT if name in user}
    name = user["name"]
    if name == "" or isinstance(name, bool) or not isinstance(name, str | int):
        # Nobody's rows, or the text of a gap, must not become somebody's own.
        raise InputError("must be a text or a whole number", path="user.name", hint="a login, or a consumer's id")
    return Principal(str(name), str(user["role"]), user.get("attributes") or {}), str(user["purpose"]), context


def _own_rows(table: pa.Table, described: Table, name: str) -> pa.Table:
    subject = described.by_role(Role.SUBJECT)
    if subject is None:
        hint = 'pass a schema in which a column has role = "subject"'
        raise InputError("no column says whose a row is", path=described.name, hint=hint)
    return table.filter(pc.equal(pc.cast(table[subject.name], pa.string()), name))


def _described(table: pa.Table, schema: Schema | Path | str | None) -> Table:
    if schema is None:
        return scanning.scan({"data": table}).schema.tables[0]
    loaded = schema if isinstance(schema, Schema) else load_schema(schema)
    names = set(table.column_names)
    fitting = [each for each in loaded.tables if {column.name for column in each.columns} == names]
    if any(set(each.columns) != set(fitting[0].columns) for each in fitting):
        hint = "pass a schema with the one table that is meant"
        raise InputError("several tables of the schema have the columns of the data", path=loaded.name, hint=hint)
    if fitting:
        return fitting[0]
    raise InputError("no table of the schema has the columns of the data", path=loaded.name)


def _like(data: Any, table: pa.Table) -> Any:
    """Return the table in the form that the caller's data had."""
    if isinstance(data, list):
        return table.to_pylist()
    module = type(data).__module__.partition(".")[0]
    if module == "pandas":
        return table.to_pandas()
    if module == "polars":
        import polars

        return polars.from_arrow(table)
    return table
