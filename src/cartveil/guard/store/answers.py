"""What PostgreSQL says when it refuses, in the words of `cartveil.errors`; never its text, which may hold values."""

from cartveil.errors import CartveilError, IntegrityError, StorageError

#: By the class or the whole of an SQLSTATE, the longest that fits.
_STATES = {
    "53100": ("disk of the server is full", "free some space there; nothing was written"),
    "53": ("server has no room for this", "look at its memory, its disk and its number of connections"),
    "25006": ("cannot be written", "name the primary server, not a standby, and check `default_transaction_read_only`"),
    "55P03": ("is in use by another program", "try again when the other program is done"),
    "40": ("is in use by another program", "try again; nothing was written"),
    "54": ("a value is too large for the database", "order numbers and the like have at most some 2,000 bytes"),
    "57014": ("was interrupted", "try again; nothing was half-written"),
    "57": ("connection was lost", "look whether the server runs, then open the vault again"),
    "08": ("connection was lost", "look whether the server runs, then open the vault again"),
    "42501": ("this user may not do that", "let the vault's own user own its schema"),
    "28": ("user or password was refused", "check the user in the address, and the password in libpq's own places"),
    "3D000": ("no such database", "make it with `createdb`, or check the address"),
    "58": ("disk of the server failed", "check the server's disk; nothing was half-written"),
}

#: What libpq says, in English, where it has no SQLSTATE: before there is a connection.
_REFUSALS = (
    (("password", "authentication", "no pg_hba.conf entry"), _STATES["28"]),
    (("does not exist",), ("no such database or user", "check the address, or make it with `createdb`, `createuser`")),
    (("too many clients", "remaining connection slots"), _STATES["53"]),
    (("ssl", "certificate"), ("no safe connection", "check `sslmode` and `sslrootcert` in the address")),
    (("starting up", "shutting down", "recovery"), ("server is not ready", "try again when it is up")),
)

_UNREACHABLE = ("server cannot be reached", "check host and port in the address, and that PostgreSQL runs there")
_CLOSED = ("vault is closed", "open it again")
_LOST = _STATES["08"]


def as_error(state: str | None, *, path: str, closed: bool) -> CartveilError:
    """Return the error for an SQLSTATE.

    Args:
        state: Five characters; None where the connection itself failed.
        path: The name of the store.
        closed: Whether the vault was closed by its owner.
    """
    if closed:
        message, hint = _CLOSED
        return StorageError(message, path=path, hint=hint)
    known = [_STATES[part] for part in (state or "", (state or "")[:2]) if part in _STATES]
    if known or state is None:
        message, hint = known[0] if known else _LOST
        return StorageError(message, path=path, hint=hint)
    hint = "restore it from a backup; `cartveil verify` says more"
    return IntegrityError("is not a vault, or was changed or damaged", path=path, hint=hint)


def as_refusal(text: str, *, path: str) -> StorageError:
    """Return the error for a connection that was not made; the text is looked at, and not repeated."""
    lower = text.lower()
    found = (said for words, said in _REFUSALS if any(word in lower for word in words))
    message, hint = next(found, _UNREACHABLE)
    return StorageError(message, path=path, hint=hint)
