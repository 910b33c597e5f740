"""Encryption that keeps the format: sixteen digits stay sixteen digits, a phone number stays one.

For systems that accept nothing else in a column. Equal values give equal results under one key and tweak, so a column
with few distinct values is refused as for tokens; and nothing shows that a value was changed, so a wrong key gives
other well-formed values and no error. Where the format does not matter, `token` and `seal` say more and give away less.

What a result depends on, pinned by a test:
- FF1 with AES-256, the key derived from the scope's with label `fpe`
- tweak: format and names given (such as tenant and column), each with its length; then what the format keeps
- digits: the place of each symbol in the alphabet

    >>> key = SecretKey(bytes(range(32)))
    >>> fpe(pa.array(["+86 138-1234-5678"]), key, form="phone", tweak=("shop", "number"))[0].as_py()
    '+86 138-1255-6069'
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind, Step
from cartveil.guard.keys import SecretKey
from cartveil.guard.keys.sealing import length_prefixed
from cartveil.guard.protect.alphabets import spell
from cartveil.guard.protect.columns import Values, as_text, distinct_up_to, each_value
from cartveil.guard.protect.formats import Cipher, Format, Group, format_of
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.token import FEW_VALUES, refuse_few

#: Rows that are taken apart, encrypted and put together at a time.
_CHUNK_ROWS = 1 << 15


def fpe(
    column: Values, key: SecretKey, *, form: str = "digits", tweak: Sequence[str] = (), few_values: bool = False
) -> Values:
    """Replace each value by another of the same format, which `from_fpe` turns back.

    Args:
        column: Text, or what has a text form.
        key: The scope's key.
        form: A `Kind` with a format of its own (phone, landline, payment_card, id_number), a name such as `digits` or
            `alphanumeric` (see `alphabets.NAMED`), or the symbols of an alphabet, up to 65,536.
        tweak: Names that the result is bound to, such as tenant and column.
        few_values: Accept a column whose values can be told by their frequency.

    Returns:
        Text. Symbols of the alphabet change; blanks, hyphens and other marks keep their place.

    Raises:
        ColumnError: A value holds another letter or digit, does not have the format, or has fewer than a million
            others of its format; the path is its row, such as `[17]`. Or see `refuse_few`.
        SchemaError: The alphabet is none.

    Guarantees:
        - Equal values get equal results; two values never get the same; NULL stays NULL.
        - Length, marks and alphabet stay; phones keep their prefix, cards their first six digits and Luhn,
          identity numbers their region, a date that exists and their check digit.

    Source: NIST SP 800-38G, FF1; see `formats`.
    """
    if not few_values:
        refuse_few(distinct_up_to(column, FEW_VALUES), rows=len(column))
    return _changed(column, format_of(form), _cipher(key, form, tweak, inverse=False))


def from_fpe(column: Values, key: SecretKey, *, form: str = "digits", tweak: Sequence[str] = ()) -> Values:
    """Turn values back that `fpe` made with this key, form and tweak.

    Raises:
        ColumnError: As `fpe`: a value is none that it makes. A wrong key is not noticed.
    """
    return _changed(column, format_of(form), _cipher(key, form, tweak, inverse=True))


def form_of(kind: Kind, step: Step) -> str:
    """Return the form that a line of the schema asks for: its alphabet, or what its kind says."""
    alphabet = step.option("alphabet")
    return kind if alphabet is None else str(alphabet)


def _cipher(key: SecretKey, form: str, tweak: Sequence[str], *, inverse: bool) -> Cipher:
    return Cipher(subkey(key, "fpe"), length_prefixed(format_of(form).name, *tweak), inverse)


def _changed(column: Values, form: Format, cipher: Cipher) -> Values:
    def change(values: pa.Array) -> pa.Array:
        if not len(values):
            return values
        parts = [values.slice(start, _CHUNK_ROWS) for start in range(0, len(values), _CHUNK_ROWS)]
        return pa.concat_arrays([_part(part, form, cipher, column).cast(values.type) for part in parts])

    return each_value(column, change)


def _part(values: pa.Array, form: Format, cipher: Cipher, column: Values) -> pa.Array:
    spelling = spell(values, form.alphabet)
    if len(spelling.foreign):
        message = "a value holds a letter or digit that is not of its alphabet"
        raise _unfit(message, form, column, values[int(spelling.foreign[0])])
    made = np.empty_like(spelling.digits)
    for rows, length in spelling.groups():
        group = Group(spelling.rows(rows, length), spelling.has_plus[rows])
        fits = form.fits(group)
        if not fits.all():
            message = "a value does not have its format, or fewer than a million values have it"
            raise _unfit(message, form, column, values[int(rows[np.argmin(fits)])])
        spelling.put(made, rows, form.change(group, cipher))
    return spelling.written(made)


def _unfit(message: str, form: Format, column: Values, value: pa.Scalar) -> ColumnError:
    row = pc.index(as_text(column), value).as_py()
    hint = f"give {form.wanted}, say another `alphabet`, or use `token` or `seal`"
    return ColumnError(message, path=f"[{row}]", hint=hint)
