"""A release above the limits of its schema is not given to anybody."""

from cartveil.errors import RefusedError
from cartveil.events.limits import Limits
from cartveil.guard.protect.risk.report import ReleaseReport

_COARSER = "coarser widths in `release`, fewer columns, or a higher `k` of the table"


def refuse_above(report: ReleaseReport, limits: Limits, *, path: str) -> None:
    """Refuse a release that gives away more than its schema permits.

    Args:
        report: Of the release.
        limits: Of the schema.
        path: The table, for the error.

    Raises:
        RefusedError: Names the measure, its value and the limit; never a value of the data.
    """
    if limits.k is not None and report.k is not None and report.k < limits.k:
        _refuse(f"k is {report.k}", f"at least {limits.k}", path, hint=f"try {_COARSER}")
    for name, least in report.l.items():
        if limits.l is not None and least < limits.l:
            _refuse(f"l of `{name}` is {least}", f"at least {limits.l}", path, hint=f"try {_COARSER}")
    for one in report.unicity:
        most = {2: limits.unicity_2, 4: limits.unicity_4}.get(one.points)
        if most is not None and one.share > most:
            what = f"{one.points} known purchases pick out {one.share:.1%} of the consumers"
            _refuse(what, f"at most {most:.1%}", path, hint="try a coarser width of time, or categories for items")
    rows = report.rows + report.suppressed
    if limits.suppressed is not None and report.suppressed > limits.suppressed * rows:
        what = f"{report.suppressed / rows:.1%} of the rows had to be left out"
        _refuse(what, f"at most {limits.suppressed:.1%}", path, hint="try fewer columns, or a lower `k` of the table")
    for found in report.linkability:
        if limits.linkability is not None and found.share > limits.linkability:
            what = f"{found.share:.1%} of the consumers have a history of their own"
            hint = "try a coarser width of time, categories for items, or export without subjects"
            _refuse(what, f"at most {limits.linkability:.1%}", path, hint=hint)


def _refuse(what: str, limit: str, path: str, *, hint: str) -> None:
    raise RefusedError(f"{what}; the schema's limit is {limit}", path=path, hint=hint)
