"""Exports are measured before anything leaves, and above the schema's limits nothing does."""

from pathlib import Path

import pytest

from cartveil.errors import RefusedError
from cartveil.events.limits import Limits
from cartveil.events.schema import format_schema, parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.protect.risk import Study
from cartveil.guard.vault import Vault
from shop import ADMIN, CUSTOMERS, OFFICER, ORDERS, POLICY, SCHEMA, SCIENCE, Clock


def limited(path: Path, keyring: Keyring, limits: str, clock: Clock) -> Vault:
    text = format_schema(SCHEMA).replace("\n\n[tables.customers]", f"\n\n[limits]\n{limits}\n\n[tables.customers]", 1)
    vault = Vault.create(path, keyring, parse_schema(text), clock=clock, policy=POLICY, survive_power_loss=False)
    vault.put(ADMIN, "customers", CUSTOMERS)
    vault.put(ADMIN, "orders", ORDERS)
    return vault


def test_an_export_carries_its_report_where_one_is_asked_for(vault: Vault) -> None:
    asked = vault.export(SCIENCE, purpose="recommendation", recipient="lab", study=Study())
    assert asked.report is not None
    assert (asked.report.consumers, asked.report.rows) == (2, 12)
    # Both consumers bought the same items on the same days.
    assert [one.share for one in (*asked.report.unicity, *asked.report.linkability)] == [0.0] * 4
    assert vault.export(SCIENCE, purpose="recommendation", recipient="lab").report is None


def test_the_score_is_asked_about_clear_and_released_history(vault: Vault) -> None:
    seen = []
    study = Study(score=lambda history: float(seen.append(history) or len(seen)) / 10)
    report = vault.export(SCIENCE, purpose="recommendation", recipient="lab", study=study).report
    assert report is not None
    assert report.next_item == {"before": 0.1, "after": 0.2}
    assert set(seen[0]["subject"].to_pylist()) == {"101", "103"}


def test_above_a_limit_nothing_leaves_and_the_refusal_is_written_down(path, keyring: Keyring, clock: Clock) -> None:
    with limited(path, keyring, "l = 9\nsensitive = ['item']\nunicity_4 = 0.5", clock) as vault:
        assert vault.schema.limits == Limits(l=9, sensitive=("item",), unicity_4=0.5)
        before = vault.pseudonyms("101")
        with pytest.raises(RefusedError, match="l of `item` is 2; the schema's limit is at least 9") as caught:
            vault.export(SCIENCE, purpose="recommendation", recipient="lab")
        assert caught.value.path == "orders"
        assert vault.pseudonyms("101") == before == {}
        entry = vault.audit_events(OFFICER).to_pylist()[-2]
        assert (entry["action"], entry["decision"], entry["rule"]) == ("export", "deny", "schema-limits")
        vault.verify()


def test_within_the_limits_it_leaves_with_its_report(path, keyring: Keyring, clock: Clock) -> None:
    with limited(path, keyring, "unicity_2 = 0.1\nunicity_4 = 0.1\nlinkability = 0.1", clock) as vault:
        export = vault.export(SCIENCE, purpose="recommendation", recipient="lab")
        assert export.counts["events"] == 12
        assert export.report is not None


def test_limits_outlive_the_closing_of_the_vault(path, keyring: Keyring, clock: Clock) -> None:
    limited(path, keyring, "k = 5", clock).close()
    with Vault.open(path, keyring, clock=clock, policy=POLICY) as vault:
        assert vault.schema.limits == Limits(k=5)
