"""Exports: consent, purposes, recipients, and nothing that names anybody."""

import re

import pyarrow as pa
import pytest

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Export, Vault
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, ORDERS, POLICY, SCIENCE, Clock


def recommend(vault: Vault, *, recipient: str = "models", period: str = "2026") -> Export:
    return vault.export(SCIENCE, purpose="recommendation", recipient=recipient, period=period)


def test_consumers_without_consent_are_left_out_and_counted(vault: Vault) -> None:
    export = recommend(vault)
    assert export.counts == {"consumers": 2, "events": 12, "without_consent": 1}
    assert len(set(export.events.table["subject"].to_pylist())) == 2


def test_events_name_nobody(vault: Vault) -> None:
    table = recommend(vault).events.table
    assert table.column_names == ["subject", "time", "item", "order", "amount", "quantity"]
    text = str(table.select(["subject", "order", "item"]).to_pylist())
    assert not any(value in text for value in ("101", "103", "A10", "A13", "138"))


def test_a_forecast_needs_no_consent_and_tells_nobody_apart(vault: Vault) -> None:
    export = vault.export(SCIENCE, purpose="forecast", recipient="models")
    assert export.counts == {"consumers": 3, "events": 18, "without_consent": 0}
    assert not {"subject", "order"} & set(export.events.table.column_names)


def test_pseudonyms_are_those_that_the_vault_tells_models_to_forget(vault: Vault) -> None:
    subjects = set(recommend(vault).events.table["subject"].to_pylist())
    known = {vault.pseudonyms(subject)["recommendation/models/2026"] for subject in ("101", "103")}
    assert subjects == known


def test_pseudonyms_of_two_recipients_or_periods_do_not_join(vault: Vault) -> None:
    exports = [recommend(vault), recommend(vault, recipient="partner"), recommend(vault, period="2027")]
    subjects = [pseudonym for export in exports for pseudonym in set(export.events.table["subject"].to_pylist())]
    assert len(set(subjects)) == 6
    assert set(vault.pseudonyms("101").values()) < set(subjects)


def test_the_same_export_is_the_same_again(vault: Vault) -> None:
    assert recommend(vault).events.table.equals(recommend(vault).events.table)


def test_what_consumers_said_last_counts(vault: Vault) -> None:
    withdrawn = CUSTOMERS.slice(0, 1).set_column(5, "consent", pa.array([""]))
    vault.put(ADMIN, "customers", withdrawn)
    assert recommend(vault).counts["without_consent"] == 2


def test_the_erased_do_not_leave(vault: Vault) -> None:
    gone = vault.pseudonyms("101") or set(recommend(vault).events.table["subject"].to_pylist())
    vault.erase(OFFICER, "101")
    export = recommend(vault)
    assert export.counts == {"consumers": 1, "events": 6, "without_consent": 1}
    assert len(gone) == 2


def test_refusals_say_what_would_be_permitted(vault: Vault) -> None:
    with pytest.raises(RefusedError) as caught:
        vault.export(ANNA, purpose="recommendation", recipient="models")
    assert caught.value.hint == "ask someone with role `data_science`"
    assert vault.audit_events(OFFICER)["decision"].to_pylist()[-2:] == ["deny", "allow"]


def test_an_export_needs_a_recipient(vault: Vault) -> None:
    for recipient in ("", "ann@example.com"):
        with pytest.raises(InputError):
            recommend(vault, recipient=recipient)


def test_a_table_without_rows_is_refused(empty: Vault) -> None:
    with pytest.raises(RefusedError, match="empty"):
        recommend(empty)


def test_nobody_consenting_gives_no_events(vault: Vault) -> None:
    everyone = CUSTOMERS.set_column(5, "consent", pa.nulls(4, pa.string()))
    vault.put(ADMIN, "customers", everyone)
    assert recommend(vault).counts == {"consumers": 0, "events": 0, "without_consent": 3}


def test_without_a_table_of_events_there_is_nothing_to_export(tmp_path, keyring: Keyring) -> None:
    schema = parse_schema('[tables.a.columns]\nid = { kind = "user_id", role = "subject" }')
    with (
        Vault.create(tmp_path / "v", keyring, schema, clock=Clock(), policy=POLICY) as vault,
        pytest.raises(InputError, match="no table holds events"),
    ):
        recommend(vault)


def test_exports_are_written_down(vault: Vault) -> None:
    recommend(vault)
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert (entry["action"], entry["purpose"], entry["rows"]) == ("export", "recommendation", 12)
    assert ORDERS.num_rows == 18


def test_sealed_text_leaves_redacted_where_the_schema_lets_it(tmp_path, keyring: Keyring) -> None:
    schema = parse_schema(
        """
        [tables.orders.columns]
        customer = { kind = "user_id", role = "subject" }
        item = { kind = "product", role = "item" }
        time = { kind = "event_time", role = "time" }
        note = { kind = "free_text", purposes = ["fraud_review"] }
        """
    )
    from cartveil.guard.policy import Principal

    rows = ORDERS.select(["customer", "item", "time", "note"])
    with Vault.create(tmp_path / "v", keyring, schema, clock=Clock(), policy=POLICY) as vault:
        vault.put(ADMIN, "orders", rows)
        export = vault.export(Principal("finn", "fraud_review"), purpose="fraud_review", recipient="team")
    notes = set(export.events.table["note"].to_pylist()) - {None}
    assert notes
    assert all(re.fullmatch(r"ring 1\d{10}", note) for note in notes)
    assert not notes & set(rows["note"].to_pylist())


@pytest.mark.parametrize("change", ["c5 = 1000000", "consumer = 3"])
def test_a_changed_row_does_not_leave(vault: Vault, change: str) -> None:
    recommend(vault)
    vault._room.store.execute(f"UPDATE records_2 SET {change} WHERE row = 1")  # noqa: S608 - the words above
    with pytest.raises(IntegrityError, match="row was changed"):
        recommend(vault)


@pytest.mark.parametrize("word", [5, ["models"], None])
def test_recipient_and_period_are_text(vault: Vault, word: object) -> None:
    with pytest.raises(InputError):
        recommend(vault, recipient=word)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        recommend(vault, period=word)  # type: ignore[arg-type]


def test_the_log_says_to_whom(vault: Vault) -> None:
    recommend(vault, recipient="a/b", period="c")
    assert vault.audit_events(OFFICER)["session"].to_pylist()[-2] == "a%2Fb/c"


def test_an_exchanged_code_lets_nobody_out_who_is_restricted(vault: Vault) -> None:
    vault.restrict(OFFICER, "101", ground="objection")
    assert recommend(vault).counts["consumers"] == 1
    room = vault._room
    one, other = room.lookup("101"), room.lookup("103")
    for new, old in (("between", one), (one, other), (other, "between")):
        room.store.execute("UPDATE consumers SET lookup = ? WHERE lookup = ?", (new, old))
    with pytest.raises(IntegrityError, match="exchanged"):
        recommend(vault)
