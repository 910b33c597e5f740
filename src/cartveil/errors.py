"""The error tree: every way in which Cartveil says no.

    CartveilError
    ├── InputError            what was handed in cannot be used             exit 2
    │   ├── ReadError         a file is missing, empty, ragged or undecodable
    │   ├── SchemaError       `cartveil.toml` does not say something sensible
    │   ├── ColumnError       a column's values do not fit what was asked of it
    │   └── MissingExtraError an optional dependency is not installed
    ├── RefusedError          policy does not permit this                   exit 1
    ├── UnknownSubjectError   nobody of that name is in the vault           exit 1
    ├── ErasedError           the consumer was erased, for good             exit 1
    ├── KeyringError          the keyring cannot be used                    exit 1
    │   ├── PassphraseError   the passphrase does not open the keyring
    │   └── DecryptionError   a ciphertext does not open, whatever the cause
    ├── IntegrityError        a file, log, proof or receipt was changed     exit 1
    ├── StorageError          the disk or the database failed               exit 1
    └── ModelError            a model cannot be trained, loaded or applied  exit 1

Messages are lower case without a final period, what the user wrote stands in backticks, a path such as
`orders.phone[17]` says where, and the way out stands apart in `hint`. No message ever holds a value of a
protected column.

    >>> str(ReadError("file is empty", path="orders.csv"))
    'orders.csv: file is empty'
"""


class CartveilError(Exception):
    """Say what went wrong, where, and what to do.

    Args:
        message: What went wrong, lower case, without a sensitive value.
        path: Where: a file, or a place such as `orders.phone[17]`.
        hint: What the reader can do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.hint = hint


class InputError(CartveilError):
    """What was handed in cannot be used."""

    exit_code = 2


class ReadError(InputError):
    """A file is missing, empty, ragged or undecodable."""


class SchemaError(InputError):
    """`cartveil.toml` does not say something sensible."""


class ColumnError(InputError):
    """A column's values do not fit what was asked of it."""


class MissingExtraError(InputError):
    """An optional dependency is not installed."""


class RefusedError(CartveilError):
    """Policy does not permit this."""


class UnknownSubjectError(CartveilError):
    """Nobody of that name is in the vault."""


class ErasedError(CartveilError):
    """The consumer was erased; the data is gone for good."""


class KeyringError(CartveilError):
    """The keyring cannot be used."""


class PassphraseError(KeyringError):
    """The passphrase does not open the keyring."""


class DecryptionError(KeyringError):
    """A ciphertext does not open; the cause is deliberately not told apart."""


class IntegrityError(CartveilError):
    """A file, log, proof or receipt was changed."""


class StorageError(CartveilError):
    """The disk or the database failed; nothing was half-written."""


class ModelError(CartveilError):
    """A model cannot be trained, loaded or applied."""
