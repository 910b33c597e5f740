from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.insight.sequences.audit_trail import audit_stream

START = datetime(2024, 3, 4, 9, tzinfo=UTC)


def log(*entries):
    """Return an audit log of (hours after the start, actor, subject, case, changes...)."""
    rows = []
    for index, (hours, actor, subject, case, *changes) in enumerate(entries):
        row = {
            "index": index,
            "time": START + timedelta(hours=hours),
            "actor": actor,
            "role": "support",
            "action": "read",
            "purpose": "support",
            "table": "customers",
            "fields": ["name", "phone"],
            "view": "clear",
            "subject": subject,
            "rows": 1,
            "case": case,
            "decision": "allow",
            "rule": "r1",
            "session": "s",
        }
        rows.append(row | dict(changes))
    return pa.Table.from_pylist(rows)


def column(name, *entries):
    return audit_stream(log(*entries))[0][name].to_pylist()


def test_visits_without_a_case_are_counted_and_visits_with_one_are_not():
    entries = ((0, "anna", "p1", None), (5, "anna", "p1", "T1"), (24, "anna", "p1", None), (48, "anna", "p1", None))
    assert column("visits_without_case", *entries) == [1, 0, 2, 3]
    assert column("visits", *entries) == [1, 2, 3, 4]


def test_an_empty_case_is_no_case():
    entries = ((0, "anna", "p1", ""), (5, "anna", "p1", ""))
    assert column("visits_without_case", *entries) == [1, 2]
    assert column("case_kind", *entries) == ["none", "none"]


def test_screens_of_one_task_are_one_visit():
    entries = ((0, "anna", "p1", None), (0.1, "anna", "p1", None), (3, "anna", "p1", None))
    assert column("visits_without_case", *entries) == [1, 1, 2]


def test_what_others_read_does_not_count():
    assert column("visits_without_case", (0, "anna", "p1", None), (5, "bert", "p1", None)) == [1, 1]


def test_visits_are_forgotten_after_two_weeks():
    assert column("visits_without_case", (0, "anna", "p1", None), (24 * 15, "anna", "p1", None)) == [1, 1]


def test_an_access_to_many_has_no_visits():
    assert column("visits", (0, "anna", None, None)) == [None]


def test_columns_are_new_to_an_actor_once():
    more = ("fields", ["card"])
    entries = ((0, "anna", "p1", "T1"), (1, "anna", "p2", "T2", more), (2, "anna", "p3", "T3", more))
    assert column("new_columns", *entries) == ["yes", "yes", "no"]
    assert column("columns", *entries) == ["name phone", "card", "card"]


def test_a_case_used_for_another_consumer_is_seen():
    assert column("case_of_another", (0, "anna", "p1", "T1"), (1, "anna", "p2", "T1")) == ["no", "yes"]


def test_steps_are_known_for_numbered_subjects_only():
    numbered = log((0, "anna", 7, "T1"), (1, "anna", 9, "T2"))
    assert audit_stream(numbered)[0]["step"].to_pylist() == [None, 2]
    assert "step" not in audit_stream(log((0, "anna", "p7", "T1")))[0].column_names


def test_a_clock_that_goes_backwards_is_put_in_order():
    stream, _ = audit_stream(log((5, "anna", "p1", None), (0, "anna", "p1", None)))
    assert stream["index"].to_pylist() == [1, 0]
    assert stream["visits_without_case"].to_pylist() == [1, 2]


def test_a_file_that_was_read_in_twice_counts_once():
    once = log(*((hour, "anna", f"p{hour % 3}", None) for hour in range(12)))
    twice = pa.concat_tables([once.slice(0, 8), once])
    assert audit_stream(twice)[0].equals(audit_stream(once)[0])


def test_logs_that_number_alike_are_not_taken_for_one():
    first = log((0, "anna", "p1", None), (1, "anna", "p1", None))
    other = log((0.5, "anna", "p1", None), (1, "bert", "p1", None))
    assert audit_stream(pa.concat_tables([first, other]))[0].num_rows == 4


def test_rows_do_not_depend_on_later_rows():
    entries = [(hour, "anna", f"p{hour % 3}", None if hour % 2 else f"T{hour}") for hour in range(12)]
    stream, spec = audit_stream(log(*entries))
    early, _ = audit_stream(log(*entries[:7]))
    assert stream.slice(0, 7).select(spec.described).to_pylist() == early.select(spec.described).to_pylist()


def test_devices_and_networks_are_used_where_the_log_has_them():
    entries = ((0, "anna", "p1", "T1", ("device", "d1")), (1, "anna", "p1", "T1", ("device", "d2")))
    assert column("new_device", *entries) == ["yes", "yes"]
    assert "new_device" not in audit_stream(log((0, "anna", "p1", "T1")))[1].fields


def test_a_table_that_is_no_log_is_refused():
    with pytest.raises(ColumnError, match="audit log"):
        audit_stream(pa.table({"actor": ["anna"], "time": [START]}))


def test_an_empty_log_gives_an_empty_stream():
    assert audit_stream(log((0, "anna", "p1", None)).slice(0, 0))[0].num_rows == 0
