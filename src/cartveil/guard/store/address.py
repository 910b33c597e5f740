"""Where a PostgreSQL vault lies: server, database and schema, and never a password.

>>> parse_address("postgresql://keeper@db.example/shop?schema=north").name
'postgresql://db.example/shop?schema=north'
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from cartveil.errors import InputError

#: Where an address names no schema.
SCHEMA = "cartveil"

_SCHEMES = ("postgresql", "postgres")
_SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_HINT = "write it as `postgresql://user@host/database?schema=shop`"

#: Words of libpq that carry a secret; they have their own places.
_SECRETS = ("password", "sslpassword", "oauth_client_secret")


@dataclass(frozen=True)
class Address:
    """A database and the schema in it that holds one vault.

    Args:
        server: What libpq connects to; without the schema.
        schema: The namespace of the vault's tables.
        name: What errors call it: host, database and schema.
    """

    server: str
    schema: str
    name: str


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address of a database, not as a path."""
    return text.partition(":")[0] in _SCHEMES and "://" in text


def parse_address(text: str) -> Address:
    """Read `postgresql://user@host:port/database?schema=shop`; every other word after `?` is libpq's.

    Raises:
        InputError: No such address, or one that holds a password; the text itself is not repeated.
    """
    try:
        parts = urlsplit(text)
        words = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        password = parts.password
    except ValueError:
        raise InputError("is no address of a database", path="database", hint=_HINT) from None
    if parts.scheme not in _SCHEMES or parts.fragment:
        raise InputError("is no address of a database", path="database", hint=_HINT)
    if password is not None or any(word in words for word in _SECRETS):
        # It would end up in the vault's folder, in the shell's history and in the list of processes.
        hint = "leave it out; libpq finds it in PGPASSWORD, in ~/.pgpass or in a service file"
        raise InputError("a password must not stand in the address", path="database", hint=hint)
    schema = words.pop("schema", SCHEMA)
    if not _SCHEMA_NAME.fullmatch(schema):
        hint = "use up to 63 lower-case letters, digits and `_`; names that begin with `pg_` are PostgreSQL's own"
        raise InputError("is no name of a schema", path="database", hint=hint)
    server = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(words), ""))
    host = parts.netloc.rpartition("@")[2] or words.get("host", "")
    return Address(_with_authority(server), schema, f"postgresql://{host}{parts.path}?schema={schema}")


def _with_authority(server: str) -> str:
    """Return an address that libpq takes: `urlunsplit` drops the slashes of an empty host."""
    return server if "://" in server else server.replace("postgresql:", "postgresql://", 1)
