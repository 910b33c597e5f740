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
    ├── DeliveryError         what was to be sent did not arrive            exit 1
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
        hint: What the reader can do about it; what usually helps where none is given.
    """

    exit_code = 1
    usual_hint = "look at the path that is named"

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.hint = hint or self.usual_hint


class InputError(CartveilError):
    """What was handed in cannot be used."""

    exit_code = 2
    usual_hint = "look into the guide of this command, or at `cartveil COMMAND --help`"


class ReadError(InputError):
    """A file is missing, empty, ragged or undecodable."""

    usual_hint = "check the path, the permissions, and that it is the file you mean"


class SchemaError(InputError):
    """`cartveil.toml` does not say something sensible."""

    usual_hint = "compare it with what `cartveil scan` proposes"


class ColumnError(InputError):
    """A column's values do not fit what was asked of it."""

    usual_hint = "compare the table with its section in `cartveil.toml`"


class MissingExtraError(InputError):
    """An optional dependency is not installed."""

    usual_hint = "install the extra that is named"


class RefusedError(CartveilError):
    """Policy does not permit this."""

    usual_hint = "ask for less, or ask somebody whom the policy lets do this"


class UnknownSubjectError(CartveilError):
    """Nobody of that name is in the vault."""

    usual_hint = "check how the consumer's number is written, and in which table"


class ErasedError(CartveilError):
    """The consumer was erased; the data is gone for good."""

    usual_hint = "this cannot be undone; the receipt of the erasure says when"


class KeyringError(CartveilError):
    """The keyring cannot be used."""

    usual_hint = "check the key or the keyring's path; nothing opens without it"


class PassphraseError(KeyringError):
    """The passphrase does not open the keyring."""

    usual_hint = "set CARTVEIL_PASSPHRASE, or pass --passphrase-file FILE"


class DecryptionError(KeyringError):
    """A ciphertext does not open; the cause is deliberately not told apart."""

    usual_hint = "check the key, and that this was sealed for this very place"


class IntegrityError(CartveilError):
    """A file, log, proof or receipt was changed."""

    usual_hint = "restore it from a backup, and find out who changed it"


class StorageError(CartveilError):
    """The disk or the database failed; nothing was half-written."""

    usual_hint = "check the permissions and the free space; nothing was half-written"


class DeliveryError(CartveilError):
    """What was to be sent did not arrive."""

    usual_hint = "check the address and that the receiver is up; run the command again, what arrived is known by its id"


class ModelError(CartveilError):
    """A model cannot be trained, loaded or applied."""

    usual_hint = "give it more data, or train the model again"
