"""Retention: what is too old goes, what is held stays, and the log still agrees with the rows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import RefusedError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, OFFICER, POLICY, Clock

SCHEMA = """
[tables.orders.columns]
customer = {{ kind = "user_id", role = "subject" }}
item = {{ kind = "product", role = "item" }}
phone = {{ kind = "phone", retention_days = 30 }}
time = {{ kind = "event_time", role = "time"{row} }}
[tables.notes.columns]
customer = {{ kind = "user_id", role = "subject" }}
note = {{ kind = "free_text", retention_days = 1 }}
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def filled(path: Path, keyring: Keyring, clock: Clock, *, row: str = ", retention_days = 90") -> Vault:
    """Ten orders, one each ten days, of 1 and 2 by turns; the last without a time."""
    vault = Vault.create(path, keyring, parse_schema(SCHEMA.format(row=row)), clock=clock, policy=POLICY)
    times = [START + timedelta(days=10 * number) for number in range(9)]
    orders = {
        "customer": ["1", "2"] * 5,
        "item": ["tea"] * 10,
        "phone": [f"1380013800{number}" for number in range(10)],
        "time": pa.array([*times, None], pa.timestamp("us", "UTC")),
    }
    vault.put(ADMIN, "orders", pa.table(orders))
    vault.put(ADMIN, "notes", pa.table({"customer": ["1"], "note": ["hello"]}))
    clock.time = START + timedelta(days=105)
    return vault


def test_old_rows_go_and_old_cells_become_empty(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        done = vault.sweep(OFFICER)
        assert done["tables"]["orders"] == {"rows": 2, "cells": {"phone": 6}, "held": 0, "undated": 0}
        assert done["tables"]["notes"]["undated"] == 1
        phones = vault.access(OFFICER, "1").tables["orders"]["phone"].to_pylist()
        assert phones == [None, None, None, "13800138008"]
        assert vault.verify()["rows"] == 9
        assert vault.sweep(OFFICER)["tables"]["orders"] == {"rows": 0, "cells": {"phone": 0}, "held": 0, "undated": 0}


def test_codes_of_what_went_are_gone_too(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        vault.sweep(OFFICER)
        (codes,) = vault._room.store.execute("SELECT count(*) FROM search_codes").fetchone()
        assert codes == 2 * 2  # of two phones, whole and their last four digits


def test_a_dry_run_counts_and_changes_nothing(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        before = vault.counts()
        planned = vault.sweep(OFFICER, dry_run=True)
        assert vault.counts() == {**before, "entries": before["entries"] + 1}
        assert vault.sweep(OFFICER)["tables"] == planned["tables"]


def test_what_is_held_is_not_swept(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        hold = vault.hold(OFFICER, ground="legal_claim", subject="1")
        done = vault.sweep(OFFICER)["tables"]["orders"]
        assert done == {"rows": 1, "cells": {"phone": 3}, "held": 1, "undated": 0}
        vault.lift_hold(OFFICER, hold.id)
        assert vault.sweep(OFFICER)["tables"]["orders"]["rows"] == 1
        vault.verify()


def test_without_days_on_time_or_consumer_rows_stay(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock, row="") as vault:
        assert vault.sweep(OFFICER)["tables"]["orders"]["rows"] == 0
        assert vault.verify()["rows"] == 11


def test_of_whom_no_row_is_left_no_key_is_left(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        late = {
            "customer": ["3"],
            "item": ["tea"],
            "phone": ["1"],
            "time": pa.array([START], pa.timestamp("us", "UTC")),
        }
        vault.put(ADMIN, "orders", pa.table(late))
        assert vault.sweep(OFFICER)["consumers"] == 1
        assert vault.verify()["consumers"] == 2


def test_no_byte_of_what_went_is_left(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        sealed = [bytes(cell) for (cell,) in vault._room.store.execute("SELECT c2 FROM records_1 WHERE row <= 8")]
        vault.sweep(OFFICER)
        rest = b"".join(file.read_bytes() for file in path.parent.glob("shop.vault*"))
        assert not [cell for cell in sealed if cell in rest]


def test_only_an_officer_sweeps(path: Path, keyring: Keyring, clock: Clock) -> None:
    with filled(path, keyring, clock) as vault:
        for actor in (ADMIN, ANNA):
            with pytest.raises(RefusedError):
                vault.sweep(actor)


@pytest.mark.parametrize(
    "times",
    [
        pa.array(["2026-01-01", "2026-05-01", None]),
        pa.array(["2026-01-01 10:00:00", "2026-05-01 10:00:00", "no time"]),
        pa.array([START, START + timedelta(days=120), None], pa.timestamp("s")),
        pa.array([START, START + timedelta(days=120), None], pa.timestamp("ns", "Asia/Shanghai")),
        pa.array([START.date(), datetime(2026, 5, 1).date(), None], pa.date32()),
    ],
)
def test_every_way_to_write_a_time_has_an_age(path: Path, keyring: Keyring, clock: Clock, times: pa.Array) -> None:
    with Vault.create(path, keyring, parse_schema(SCHEMA.format(row=", retention_days = 90")), clock=clock) as vault:
        orders = {"customer": ["1"] * 3, "item": ["tea"] * 3, "phone": ["1"] * 3, "time": times}
        vault.put(ADMIN, "orders", pa.table(orders))
        clock.time = START + timedelta(days=130)
        assert vault.sweep(OFFICER)["tables"]["orders"]["rows"] == 1
        vault.verify()
