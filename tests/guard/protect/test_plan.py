import datetime
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from cartveil.errors import CartveilError, ColumnError, RefusedError, SchemaError
from cartveil.events.kinds import Kind
from cartveil.events.protected import load_protected
from cartveil.events.schema import Table, parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.plan import plan, protect_events, protect_table, record_ids
from cartveil.guard.protect.preview import preview
from cartveil.guard.protect.steps import Scope, subject_pseudonym
from cartveil.guard.protect.surrogate import surrogate_name

Derive = Callable[..., SecretKey]
SCOPE = Scope("recommendation", "lab", "2026-11")

SCHEMA = """
[tables.orders.columns]
customer = { kind = "user_id", role = "subject" }
invoice = { kind = "order_id", role = "order" }
at = { kind = "event_time", role = "time" }
sku = { kind = "product", role = "item" }
what = { kind = "product", role = "description" }
price = { kind = "amount", role = "amount" }
pieces = { kind = "quantity", role = "quantity" }
country = "region"
name = "person_name"
phone = "phone"
note = { kind = "free_text", purposes = ["recommendation"] }
"""


def schema(text: str = SCHEMA) -> Table:
    return parse_schema(text).tables[0]


def orders() -> pa.Table:
    start = datetime.datetime(2010, 12, 1, 8, 26)
    times = [start + datetime.timedelta(hours=step) for step in (30, 0, 1, 2)]
    return pa.table(
        {
            "customer": [17850, 17850, 13047, None],
            "invoice": ["536366", "536365", "536367", "536368"],
            "at": pa.array(times, pa.timestamp("us")),
            "sku": ["22633", "85123A", "84879", "84879"],
            "what": ["HAND WARMER", "T-LIGHT HOLDER", "BIRD ORNAMENT", "BIRD ORNAMENT"],
            "price": [1.85, 2.55, 1.69, 1.69],
            "pieces": [6, 6, 32, 1],
            "country": ["United Kingdom", "United Kingdom", "France", None],
            "name": ["John Smith", "John Smith", "张三", None],
            "phone": ["07911 123456", "07911 123456", "13812345678", None],
            "note": ["ring 07911 123456", None, "给张三", None],
        }
    )


def events(derive: Derive, table: pa.Table | None = None, **options: Any) -> pa.Table:
    options = {"schema": schema(), "scope": SCOPE} | options
    return protect_events(orders() if table is None else table, options.pop("schema"), derive=derive, **options).table


def test_role_columns_come_first_under_their_names(derive: Derive) -> None:
    names = ["subject", "time", "item", "order", "amount", "quantity", "description", "country", "note"]
    assert events(derive).column_names == names


def test_is_sorted_by_subject_and_time_and_without_unknown_consumers(derive: Derive) -> None:
    table = events(derive)
    assert table.num_rows == 3
    pairs = list(zip(table["subject"].to_pylist(), table["time"].to_pylist(), strict=True))
    assert pairs == sorted(pairs)


def test_the_order_of_the_input_does_not_show(derive: Derive) -> None:
    assert events(derive, orders().take(pa.array([3, 2, 1, 0]))).equals(events(derive))


def test_each_column_takes_its_step(derive: Derive) -> None:
    (row,) = (row for row in events(derive).to_pylist() if row["item"] == "84879")
    assert row["subject"] == subject_pseudonym("13047", derive, SCOPE)
    assert row["time"] == datetime.datetime(2010, 12, 1, 9)
    assert row["order"] != "536367"
    assert row["amount"] != 1.69
    assert abs(row["amount"] - 1.69) <= 1.69 * 0.05
    assert (row["quantity"], row["description"], row["country"]) == (32, "BIRD ORNAMENT", "France")
    names = surrogate_name(pa.array(["张三"]), derive(f"release {Kind.PERSON_NAME}", *SCOPE.names()))
    assert row["note"] == f"给{names[0]}"


def test_texts_are_redacted_as_the_schema_says(derive: Derive) -> None:
    for form, wanted in (("labels", "ring [phone]"), ("masks", "ring 07*** ***456")):
        said = SCHEMA.replace('"free_text"', f'"free_text", release = {{ method = "redact", as = "{form}" }}')
        assert wanted in events(derive, schema=schema(said))["note"].to_pylist()


def test_an_unknown_way_to_redact_is_refused(derive: Derive) -> None:
    said = SCHEMA.replace('"free_text"', '"free_text", release = { method = "redact", as = "stars" }')
    with pytest.raises(SchemaError, match="orders\\.note: `stars`"):
        events(derive, schema=schema(said))


def test_nothing_that_names_somebody_leaves(derive: Derive) -> None:
    text = str(events(derive).to_pylist())
    for secret in ("17850", "13047", "5363", "John", "Smith", "张三", "07911", "138123"):
        assert secret not in text


def test_pseudonyms_of_another_recipient_purpose_or_period_cannot_be_joined(derive: Derive) -> None:
    scopes = [SCOPE, Scope("recommendation", "other", "2026-11"), Scope("recommendation", "lab", "2026-12")]
    scopes.append(Scope("fraud_review", "lab", "2026-11"))
    seen = [set(events(derive, scope=scope)["subject"].to_pylist()) for scope in scopes]
    seen += [set(events(derive, scope=scope)["order"].to_pylist()) for scope in scopes]
    assert len(set.union(*seen)) == sum(map(len, seen))


def test_noise_does_not_average_out_over_periods(derive: Derive) -> None:
    amounts = [
        sorted(events(derive, scope=Scope("recommendation", "lab", str(month)))["amount"].to_pylist())
        for month in range(3)
    ]
    assert amounts[0] == amounts[1] == amounts[2]
    assert sorted(events(derive, scope=Scope("recommendation", "other"))["amount"].to_pylist()) != amounts[0]


def test_columns_whose_purposes_lack_the_purpose_stay(derive: Derive) -> None:
    assert "note" not in events(derive, scope=Scope("forecast", "lab")).column_names


def test_without_subjects_nothing_links_rows(derive: Derive) -> None:
    table = events(derive, subjects="none")
    assert table.column_names == ["time", "item", "amount", "quantity", "description", "country", "note"]
    assert table.num_rows == 4
    assert set(table["note"].to_pylist()) == {"ring [phone]", "给[person_name]", None}


def test_says_what_it_was_made_for_and_how(derive: Derive) -> None:
    made = protect_events(orders(), schema(), derive=derive, scope=SCOPE)
    release = dict(made.release)
    assert (release["purpose"], release["recipient"], release["period"]) == ("recommendation", "lab", "2026-11")
    assert (release["schema"], release["consumers"], release["events"]) == ("orders", "2", "3")
    assert "at: bucket width=1h" in release["steps"]


def test_travels_as_a_file(derive: Derive, tmp_path: Any) -> None:
    made = protect_events(orders(), schema(), derive=derive, scope=SCOPE)
    made.save(tmp_path / "events.parquet")
    loaded = load_protected(tmp_path / "events.parquet")
    assert loaded.table.equals(made.table)
    assert dict(loaded.release) == dict(made.release)


def changed(line: str) -> Table:
    name = line.partition(" ")[0]
    lines = [line if old.startswith(f"{name} ") else old for old in SCHEMA.splitlines()]
    return schema("\n".join(lines))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('customer = { kind = "user_id", role = "subject", release = "keep" }', RefusedError),
        ('customer = { kind = "user_id", role = "subject", release = "token" }', RefusedError),
        ('customer = { kind = "user_id", role = "subject", release = "drop" }', RefusedError),
        ('customer = { kind = "user_id", role = "subject", purposes = [] }', RefusedError),
        ('invoice = { kind = "order_id", role = "order", release = "keep" }', RefusedError),
        ('phone = { kind = "phone", release = "keep", purposes = ["recommendation"] }', RefusedError),
        ('at = { kind = "event_time", role = "time", release = { method = "bucket", width = "often" } }', SchemaError),
        ('at = { kind = "event_time", role = "time", release = { method = "bucket", width = "10y" } }', ColumnError),
        ('price = { kind = "amount", role = "amount", release = { method = "jitter", spread = "12h" } }', SchemaError),
    ],
)
def test_what_would_name_people_or_makes_no_sense_is_refused_with_a_hint(
    line: str, error: type[CartveilError], derive: Derive
) -> None:
    with pytest.raises(error) as caught:
        events(derive, schema=changed(line))
    assert str(caught.value.path).startswith("orders")
    assert caught.value.hint


def test_a_purpose_that_no_column_serves_is_refused(derive: Derive) -> None:
    with pytest.raises(RefusedError, match="`marketing`"):
        events(derive, scope=Scope("marketing", "lab"))


def test_a_name_that_is_a_part_is_refused(derive: Derive) -> None:
    text = SCHEMA + 'item = { kind = "category", purposes = ["recommendation"] }'
    with pytest.raises(SchemaError, match="`item`"):
        events(derive, orders().append_column("item", pa.array(["a"] * 4)), schema=schema(text))


def test_no_rows_pass(derive: Derive) -> None:
    assert events(derive, orders().slice(0, 0)).num_rows == 0


def test_a_table_leaves_with_surrogate_names_and_without_what_is_dropped(derive: Derive) -> None:
    table = protect_table(orders(), schema(), derive=derive, scope=SCOPE)
    assert "phone" not in table.column_names
    names = table["name"].to_pylist()
    assert names[0] == names[1] != "John Smith"
    assert names[3] is None


def test_a_plan_says_each_step_in_words() -> None:
    methods = plan(schema()).methods()
    assert methods["at"] == "bucket width=1h"
    assert "phone" not in methods
    assert set(plan(schema(), purpose="forecast").methods()) <= set(methods)


def test_a_preview_shows_before_and_after(derive: Derive) -> None:
    lines = preview(orders(), schema(), derive=derive, rows=2).to_pylist()
    assert len(lines) == 22
    (phone, _) = (line for line in lines if line["column"] == "phone")
    assert phone == {
        "column": "phone",
        "kind": str(Kind.PHONE),
        "method": "drop",
        "before": "07911 123456",
        "after": None,
    }


def test_record_ids_do_not_depend_on_measures() -> None:
    table = orders()
    dearer = table.set_column(5, "price", pa.array([9.0] * 4))
    assert record_ids(table, schema()).equals(record_ids(dearer, schema()))
    assert len(set(record_ids(table, schema()).to_pylist())) == 4


def test_rows_that_agree_in_time_and_item_do_not_show_the_order_of_the_input(derive: Derive) -> None:
    table = pa.table({"at": [datetime.datetime(2026, 1, 1)] * 3, "what": ["tea"] * 3, "many": [5, 1, 3]})
    described = parse_schema(
        """
        name = "shop"
        [tables.lines.columns]
        at = { kind = "event_time", role = "time" }
        what = { kind = "product", role = "item" }
        many = { kind = "quantity", role = "quantity" }
        """
    ).tables[0]
    scope = Scope("forecast", "lab")
    left = protect_events(table, described, derive=derive, scope=scope, finder=lambda _: [], subjects="none")
    assert left.table["quantity"].to_pylist() == [1, 3, 5]
