"""Portable SQL in the words of PostgreSQL.

>>> in_postgresql("SELECT hash FROM audit_nodes WHERE level = ?")
'SELECT hash FROM audit_nodes WHERE level = %s'
>>> definition("CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID")
'CREATE TABLE meta (name text COLLATE "C" PRIMARY KEY, value bit varying)'
"""

import re
from functools import lru_cache

#: Types of portable SQL. Text is compared byte by byte, as SQLite does; see `cells` for ANY.
_TYPES = {
    "INTEGER": "bigint",
    "TEXT": 'text COLLATE "C"',
    "BLOB": "bytea",
    "REAL": "double precision",
    "ANY": "bit varying",
}

_TYPE = re.compile(rf"(?<=\s)({'|'.join(_TYPES)})\b")
_CAST = re.compile(r"\bAS INTEGER\b")
_ENDING = re.compile(r"\)\s*(?:STRICT|WITHOUT ROWID)(?:\s*,\s*(?:STRICT|WITHOUT ROWID))*\s*$")


@lru_cache(maxsize=512)
def in_postgresql(query: str) -> str:
    """Return a query as psycopg takes it: `%s` for `?`, and `%%` for `%`; what stands in quotes keeps its `?`."""
    parts = _CAST.sub("AS bigint", query).replace("%", "%%").split("'")
    return "'".join(part if place % 2 else part.replace("?", "%s") for place, part in enumerate(parts))


def definition(statement: str) -> str:
    """Return `CREATE TABLE` or `CREATE INDEX` with PostgreSQL's types; its tables need not be told to be strict."""
    return _TYPE.sub(lambda found: _TYPES[found[1]], _ENDING.sub(")", statement.strip()))
