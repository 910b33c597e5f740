"""The audit log outside the vault: entries picked, and written to a file."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from cartveil.events.writing import replace_file
from cartveil.faces.files import write_parquet, write_text


def pick(
    log: pa.Table, wanted: Mapping[str, str | None], *, since: datetime | None = None, until: datetime | None = None
) -> pa.Table:
    """Return the entries of a log that have certain values, in a span of time.

    Args:
        log: As `Vault.audit_events` returns it.
        wanted: Values by column; None wants any.
        since: From this moment on, taken as UTC where it names no zone.
        until: Before this moment.
    """
    for name, value in wanted.items():
        if value is not None:
            log = log.filter(pc.equal(log[name], value))
    if since is not None:
        log = log.filter(pc.greater_equal(log["time"], _moment(log, since)))
    if until is not None:
        log = log.filter(pc.less(log["time"], _moment(log, until)))
    return log


def write_entries(path: Path, log: pa.Table) -> None:
    """Write entries as CSV, Parquet or JSON (an entry per line), after the file's ending; whole or not at all."""
    if path.suffix == ".parquet":
        write_parquet(path, log)
    elif path.suffix == ".csv":
        place = log.column_names.index("fields")
        flat = log.set_column(place, "fields", pc.binary_join(log["fields"], ";"))
        replace_file(path, lambda new: pyarrow.csv.write_csv(flat, new))
    else:
        lines = (json.dumps({**row, "time": row["time"].isoformat()}, ensure_ascii=False) for row in log.to_pylist())
        write_text(path, "".join(f"{line}\n" for line in lines))


def _moment(log: pa.Table, moment: datetime) -> pa.Scalar:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return pa.scalar(aware, log.schema.field("time").type)
