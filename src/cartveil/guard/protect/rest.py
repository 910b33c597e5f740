"""How a column rests in the vault: kept, a token, a pseudonym, in its format, sealed, dropped, or not accepted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from cartveil.errors import ColumnError, InputError, RefusedError, SchemaError
from cartveil.events.kinds import Kind, Method
from cartveil.events.schema import Column
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Values, as_array, as_text, each_distinct
from cartveil.guard.protect.fpe import form_of, fpe, from_fpe
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.seal import Place, cell_form, seal, unseal
from cartveil.guard.protect.steps import Derive, within
from cartveil.guard.protect.token import detokenise, token


@dataclass(frozen=True)
class Sealing:
    """The consumers' keys of some rows; see `seal`."""

    keys: Sequence[SecretKey]
    rows: Values
    index: Iterable[int] | None = None


def at_rest(column: Values, spec: Column, *, place: Place, derive: Derive, sealing: Sealing) -> Values | None:
    """Return a clear column as it rests, or None where it is dropped.

    Args:
        column: Clear values.
        spec: The column's line of the schema; its `protect` decides.
        place: Where sealed cells are bound to.
        derive: Keys for tokens and pseudonyms: one per kind, so that equal order numbers join across tables.
        sealing: The consumers' keys.

    Raises:
        RefusedError: The schema does not accept such values, and there are some.
        ColumnError: See `token` and `seal`; the path names the column.
    """
    path = f"{place.table}.{place.column}"
    try:
        match spec.protect.method:
            case Method.DROP:
                return None
            case _ if spec.kind is Kind.CARD_CODE:
                # Whatever the schema says: PCI DSS 4.0, 3.3.1.
                _refuse_any(column, path)
                return None
            case Method.KEEP:
                return column
            case Method.REFUSE:
                _refuse_any(column, path)
                return None
            case Method.TOKEN:
                few = bool(spec.protect.option("few_values", False))
                return token(column, derive("rest token", spec.kind), few_values=few)
            case Method.FPE:
                few = bool(spec.protect.option("few_values", False))
                names = (place.tenant, place.column)
                key = derive("rest fpe", spec.kind)
                return fpe(column, key, form=form_of(spec.kind, spec.protect), tweak=names, few_values=few)
            case Method.PSEUDONYM:
                return pseudonym(column, derive("rest pseudonym", spec.kind))
            case Method.SEAL:
                form = cell_form(spec.protect)
                return seal(column, sealing.keys, place=place, rows=sealing.rows, index=sealing.index, form=form)
    except InputError as error:
        raised = SchemaError if isinstance(error, SchemaError) else ColumnError
        raise raised(error.message, path=within(path, _row_of(error, sealing)), hint=error.hint) from error
    raise ColumnError(f"`{spec.protect.method}` is no way to rest", path=path, hint="use it in `release`")


def _row_of(error: InputError, sealing: Sealing) -> str | None:
    """Return the row that an error names by its place in the column, as the vault counts rows."""
    at = error.path.strip("[]") if error.path else ""
    return f"[{sealing.rows[int(at)]}]" if at.isdecimal() and int(at) < len(sealing.rows) else error.path


def from_rest(column: Values, spec: Column, *, place: Place, derive: Derive, sealing: Sealing) -> Values:
    """Return a resting column in the clear; a pseudonym stays one.

    Raises:
        DecryptionError: A cell or token does not open.
    """
    match spec.protect.method:
        case Method.TOKEN:
            return detokenise(column, derive("rest token", spec.kind))
        case Method.FPE:
            names = (place.tenant, place.column)
            return from_fpe(column, derive("rest fpe", spec.kind), form=form_of(spec.kind, spec.protect), tweak=names)
        case Method.SEAL:
            return unseal(column, sealing.keys, place=place, rows=sealing.rows, index=sealing.index)
    return column


def search_index(column: Values, kind: Kind, *, derive: Derive) -> Values:
    """Return keyed codes by which sealed values are found: equal values, equal codes, whatever their writing.

    Args:
        column: Clear values.
        kind: What they are; phones and cards are compared by their digits, e-mail addresses in lower case.
        derive: Keys, one per kind.
    """
    return pseudonym(each_distinct(column, lambda values: normal_form(values, kind)), derive("search index", kind))


def last_four_index(column: Values, kind: Kind, *, derive: Derive) -> Values:
    """Return keyed codes of each value's last four digits, as people name a phone or a card; NULL where it has fewer.

    Ten thousand codes are few: who holds the database, without a key, sees which rows share their last four digits.
    """

    def change(values: Values) -> Values:
        digits = pc.replace_substring_regex(normal_form(values, kind), r"\D", "")
        return pc.if_else(pc.less(pc.utf8_length(digits), 4), None, pc.utf8_slice_codeunits(digits, -4))

    return pseudonym(each_distinct(column, change), derive("search last four", kind))


#: Kinds that are named by their last four digits.
LAST_FOUR = (Kind.PHONE, Kind.PAYMENT_CARD)

#: Kinds that are written with or without gaps.
_NUMBERS = frozenset({Kind.PHONE, Kind.LANDLINE, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT, Kind.ID_NUMBER, Kind.PASSPORT})


def normal_form(values: Values, kind: Kind) -> Values:
    """Return each value as it is compared in a search."""
    values = pc.utf8_trim_whitespace(as_text(values))
    if kind not in _NUMBERS:
        return pc.utf8_lower(pc.utf8_normalize(values, "NFKC"))
    compact = pc.replace_substring_regex(pc.utf8_upper(pc.utf8_normalize(values, "NFKC")), r"[\s().\-]", "")
    if kind is Kind.PHONE:
        return pc.replace_substring_regex(compact, r"^(?:\+|00)?86(1\d{10})$", r"\1")
    return compact


def _refuse_any(column: Values, path: str) -> None:
    if as_array(column).null_count < len(column):
        hint = "remove the column from the data before it is put; such values are never stored"
        raise RefusedError("such values are not accepted", path=path, hint=hint)
