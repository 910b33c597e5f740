"""The views of a clear column that policy speaks of."""

from collections.abc import Mapping

import pyarrow as pa

from cartveil.errors import RefusedError
from cartveil.events.kinds import Kind, Sensitivity, View
from cartveil.events.schema import Table
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.columns import Values, as_array, nulls_like
from cartveil.guard.protect.generalise import LEVELS, generalise
from cartveil.guard.protect.mask import mask
from cartveil.guard.protect.profiles import Profile, is_shown
from cartveil.guard.protect.pseudonym import pseudonym

_AMOUNT_WIDTH = 10

#: What a profile shows masked; an order's or tracking number, a region or a quantity it shows as they are.
_HIDDEN = frozenset({Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT, Sensitivity.TEXT})


def show(column: Values, *, kind: Kind, view: View, key: SecretKey | None = None) -> Values:
    """Return a clear column as this view allows it.

    Args:
        column: Clear values.
        kind: What they are.
        view: From clear to none.
        key: Needed for the pseudonym view.

    Returns:
        A column of the same length. A kind that has nothing coarser is shown as NULLs in the generalised view.

    Raises:
        RefusedError: The pseudonym view was asked for without a key.
    """
    match view:
        case View.CLEAR:
            return column
        case View.MASKED:
            return mask(column, kind=kind)
        case View.GENERALISED:
            return _generalised(column, kind)
        case View.PSEUDONYM:
            if key is None:
                raise RefusedError("the pseudonym view needs a key")
            return pseudonym(column, key)
        case View.NONE:
            return nulls_like(column)


def _generalised(column: Values, kind: Kind) -> Values:
    if kind in LEVELS:
        return generalise(column, kind=kind)
    array = as_array(column)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return bucket(column, width="1d")
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return bucket(column, width=_AMOUNT_WIDTH) if kind in (Kind.AMOUNT, Kind.QUANTITY) else nulls_like(column)
    return nulls_like(column)


def show_profile(table: pa.Table, schema: Table, profile: Profile) -> pa.Table:
    """Return a clear table as a profile permits it to be shown; `check_profile` passes it.

    Args:
        table: Clear rows.
        schema: What the columns are; columns that it does not name, and kinds that the profile does not show, are
            left out.
        profile: Which rule.
    """
    shown = {}
    for spec in schema.columns:
        if spec.name in table.column_names and is_shown(spec.kind, profile):
            hides = spec.kind.sensitivity in _HIDDEN
            shown[spec.name] = mask(table[spec.name], kind=spec.kind, profile=profile) if hides else table[spec.name]
    return pa.table(shown)


def view_of(table: pa.Table, schema: Table, views: Mapping[str, View], *, key: SecretKey | None = None) -> pa.Table:
    """Return a clear table as somebody may see it.

    Args:
        table: Clear rows.
        schema: What the columns are; columns it does not name are left out.
        views: Column names to views; a column without one, or with `none`, is left out.
        key: For pseudonyms; without one they are the same within this table only.
    """
    key = key or SecretKey.generate()
    shown = {}
    for spec in schema.columns:
        view = views.get(spec.name, View.NONE)
        if view is not View.NONE and spec.name in table.column_names:
            shown[spec.name] = show(table[spec.name], kind=spec.kind, view=view, key=key)
    return pa.table(shown)
