from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.watch.rules import RULES, RuleConfig, apply_rules, rule_scores
from cartveil.insight.decisions.watch.rules.alerts import LOG, rule_alerts

START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
USUAL = {
    "role": "support",
    "action": "read",
    "purpose": "support",
    "table": "customers",
    "rows": 1,
    "case": None,
    "decision": "allow",
}


def entry(day, hour, actor="anna", subject=None, **other):
    return {"time": START + timedelta(days=day, hours=hour), "actor": actor, "subject": subject, **USUAL, **other}


def everyday(days=20, actors=("anna", "bert", "cleo")):
    """Each weekday every actor reads a few consumers, each under a case of their own."""
    return [
        entry(day, 9 + turn, actor, f"p{day}{actor}{turn}", case=f"T{day}{actor}{turn}")
        for day in range(days)
        if day % 7 < 5
        for actor in actors
        for turn in range(6)
    ]


def log_of(entries):
    entries = sorted(entries, key=lambda row: (row["time"] is None, row["time"]))
    table = pa.Table.from_pylist([{"index": place, **row} for place, row in enumerate(entries)])
    return table.set_column(1, "time", table["time"].cast(pa.timestamp("us", "UTC")))


def found(entries, rule, config=None):
    """Return time, severity and evidence of what one rule finds."""
    log = log_of(entries)
    findings = apply_rules(log, config=replace(config or RuleConfig(), rules=(rule,)))
    times = log["time"].take(pa.array(findings.place)).to_pylist()
    return list(zip(times, findings.severity.tolist(), findings.evidence, strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_an_everyday_log_breaks_no_rule(rule):
    assert found(everyday(), rule) == []


def test_reads_within_minutes_are_a_burst_against_the_actors_own_days():
    entries = everyday() + [entry(18, 10 + turn / 360, "anna", f"x{turn}") for turn in range(40)]
    hits = found(entries, "burst")
    assert hits
    assert hits[-1][2] == "41 reads within 10 minutes; at most 1 on any day before"
    assert found(everyday() + [entry(18, 10 + turn, "anna", f"x{turn}") for turn in range(10)], "burst") == []


def test_many_records_on_a_day_are_bulk():
    entries = [*everyday(), entry(18, 10, "bert", action="export", rows=4000)]
    ((_, severity, words),) = found(entries, "bulk")[:1]
    assert words == "4002 records on one day; at most 6 on any day before"
    assert severity > 0.9


def test_somebody_new_has_no_habit_to_exceed():
    first = [entry(18, 10, "newcomer", action="export", rows=4000)]
    assert found([*everyday(), *first], "bulk") == []


def test_what_an_actor_often_does_weighs_less_than_what_they_never_did():
    def mixed_up(day, actor):
        return entry(day, 12.5, actor, f"s{day}{actor}", case=f"T{day}bert1")

    entries = [*everyday(), *(mixed_up(day, "anna") for day in (7, 8, 9, 10, 11, 14, 15)), mixed_up(16, "cleo")]
    severity = [hit[1] for hit in found([*entries, mixed_up(16, "anna")], "case_of_another")]
    assert severity[-2] != severity[-1]
    assert min(severity[-2:]) < 0.05 < 0.15 < max(severity[-2:])


def test_refused_reads_carry_no_records():
    assert found([*everyday(), entry(18, 10, "bert", rows=4000, decision="deny")], "bulk") == []


def test_work_at_night_counts_for_those_who_work_by_day():
    night = [entry(day, 23, "noah", f"n{day}") for day in range(20)]
    hits = found(everyday() + night + [entry(18, 2, "anna", "x")], "off_hours")
    assert [hit[0] for hit in hits] == [START + timedelta(days=18, hours=2)]
    assert hits[0][2] == "outside working hours on 0 of 14 days before"


def test_a_weekend_is_outside_working_hours():
    assert found([*everyday(), entry(19, 11, "anna", "x")], "off_hours")


def test_programs_keep_no_office_hours():
    assert found([*everyday(), entry(18, 2, "anna", "x", role="service")], "off_hours") == []


def test_the_office_may_be_ahead_of_utc():
    early = [*everyday(), entry(18, 3, "anna", "x")]
    assert found(early, "off_hours")
    assert found(early, "off_hours", RuleConfig(utc_offset=5)) == []


def test_an_account_that_wakes_up_is_found_once():
    entries = (
        everyday(60, ("anna", "bert")) + everyday(10, ("cleo",)) + [entry(59, 10 + turn, "cleo") for turn in (0, 1)]
    )
    ((time, _, words),) = found(entries, "dormant")
    assert time == START + timedelta(days=59, hours=10)
    assert words == "the account had not been used for 50 days"


def test_somebody_new_is_not_dormant():
    assert found([*everyday(60), entry(59, 10, "newcomer")], "dormant") == []


def test_a_case_serves_the_consumer_it_was_opened_for():
    entries = [*everyday(), entry(18, 12.5, "bert", "stranger", case="T17anna1")]
    ((_, severity, words),) = found(entries, "case_of_another")
    assert words == "a case that had been opened for another consumer"
    assert severity > 0.3


def test_campaigns_that_always_concern_many_are_their_own_custom():
    campaign = [
        entry(day, 12 + turn / 60, "cleo", f"c{day}{turn}", case=f"C{day}") for day in range(18) for turn in range(9)
    ]
    assert found(everyday() + campaign, "case_of_another") == []


def approved(days=18, approvals=True):
    ask = [entry(day, 9, "lead", action="approve", case=f"C{day}", role="marketing") for day in range(days)]
    export = [entry(day, 11, "mia", action="export", case=f"C{day}", role="marketing", rows=900) for day in range(days)]
    return (ask if approvals else []) + export


def test_an_export_without_the_approval_that_others_had_is_found():
    entries = [*everyday(), *approved(), entry(18, 11, "mia", action="export", case="C99", role="marketing", rows=900)]
    ((time, severity, words),) = found(entries, "export_without_approval")
    assert time.day == (START + timedelta(days=18)).day
    assert words.startswith("an export without approval; 9")
    assert severity > 0.3


def test_exports_that_nobody_ever_approves_are_the_custom():
    assert found(everyday() + approved(approvals=False), "export_without_approval") == []


def test_an_approval_wears_off():
    entries = [*approved(30), entry(29, 12, "mia", action="export", case="C0", role="marketing", rows=9)]
    assert len(found(entries, "export_without_approval")) == 1


def checked(decision, hour=10.0):
    return entry(18, hour, "bert", "w", action="consent_check", decision=decision, purpose="marketing")


def test_a_read_after_consent_was_found_withdrawn_is_found_for_that_purpose_only():
    read = entry(18, 10.1, "bert", "w", purpose="marketing")
    ((_, _, words),) = found([*everyday(), checked("deny"), read], "read_after_withdrawal")
    assert words == "read 6 minutes after consent was found withdrawn"
    assert found([*everyday(), checked("deny"), {**read, "purpose": "support"}], "read_after_withdrawal") == []
    assert found([*everyday(), checked("deny"), checked("allow", 10.05), read], "read_after_withdrawal") == []
    assert found([*everyday(), read, checked("deny", 10.2)], "read_after_withdrawal") == []


def test_a_honeytoken_is_found_from_the_first_entry_on_and_whatever_was_decided():
    entries = [entry(0, 9, "anna", "bait", decision="deny"), *everyday()]
    ((_, severity, _),) = found(entries, "honeytoken", RuleConfig(honeytokens=("bait",)))
    assert severity == 1.0


def test_subjects_may_be_numbers():
    entries = [{**row, "subject": place} for place, row in enumerate(everyday())]
    assert found(entries, "honeytoken", RuleConfig(honeytokens=("17",)))


def test_entries_that_were_removed_leave_a_gap():
    log = log_of(everyday())
    cut = pa.concat_tables([log.slice(0, 100), log.slice(103)])
    findings = apply_rules(cut, config=RuleConfig(rules=("log_gap",)))
    assert findings.index.tolist() == [103]
    assert findings.evidence[0].startswith("3 entries missing before it")


def test_a_silence_longer_than_any_before_is_a_gap():
    around_the_clock = [entry(day, hour, "bot", role="service") for day in range(20) for hour in range(24)]
    silent = [row for row in around_the_clock if not 15 <= (row["time"] - START).total_seconds() / 86400 < 15.5]
    ((_, _, words),) = found(silent, "log_gap")
    assert "780 minutes of silence" in words


def test_a_clock_that_runs_back_is_said():
    log = log_of(everyday())
    times = log["time"].to_pylist()
    times[200] = times[200] - timedelta(hours=2)
    back = log.set_column(1, "time", pa.array(times, log["time"].type))
    findings = apply_rules(back, config=RuleConfig(rules=("log_gap",)))
    assert findings.index.tolist() == [200]
    assert "the clock " in findings.evidence[0]


def test_gaps_do_not_count_for_whoever_acted_next():
    log = log_of(everyday())
    cut = pa.concat_tables([log.slice(0, 100), log.slice(103)])
    assert rule_scores(cut).sum() == 0
    (alert,) = rule_alerts(cut, apply_rules(cut))
    assert (alert.actor, alert.found_by) == (LOG, ("log_gap",))


def test_an_entry_that_stands_twice_counts_once():
    entries = everyday() + [entry(18, 10 + turn / 360, "anna", f"x{turn}") for turn in range(40)]
    log = log_of(entries)
    twice = pa.concat_tables([log, log])
    assert apply_rules(twice).table().equals(apply_rules(log).table())
    assert len(rule_scores(twice)) == 2 * log.num_rows


def test_entries_without_actor_or_time_are_left_out():
    odd = [entry(3, 3, None), {**entry(3, 3), "time": None}]
    log = log_of(everyday() + odd)
    assert rule_scores(log)[-1] == 0
    assert np.isfinite(rule_scores(log)).all()


def test_an_empty_log_breaks_no_rule():
    nothing = log_of(everyday()).slice(0, 0)
    assert len(apply_rules(nothing)) == 0
    assert len(rule_scores(nothing)) == 0


def test_what_is_no_audit_log_is_refused():
    with pytest.raises(ColumnError, match="purpose"):
        apply_rules(log_of(everyday()).drop_columns(["purpose"]))


def test_a_rule_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match="bursts") as caught:
        apply_rules(log_of(everyday()), config=RuleConfig(rules=("bursts",)))
    assert "burst, bulk" in str(caught.value.hint)


def test_findings_of_a_day_become_one_alert_that_names_the_rules():
    night = [entry(18, 2 + turn / 360, "anna", f"x{turn}") for turn in range(40)]
    log = log_of(everyday() + night)
    alerts = rule_alerts(log, apply_rules(log))
    assert [(alert.actor, alert.time.day) for alert in alerts] == [("anna", 22)]
    assert set(alerts[0].found_by) == {"burst", "off_hours"}
    assert len(alerts[0].events) <= 20
    assert rule_alerts(log, apply_rules(log), since=START + timedelta(days=19)) == ()


WORDS = st.sampled_from(["anna", "bert", "cleo"])
ENTRIES = st.lists(
    st.builds(
        lambda day, hour, actor, subject, case, action, decision, rows: entry(
            day, hour, actor, subject, case=case, action=action, decision=decision, rows=rows
        ),
        st.integers(0, 40),
        st.floats(0, 23.9),
        WORDS,
        st.sampled_from([None, "p1", "p2", "p3"]),
        st.sampled_from([None, "T1", "T2", "C1"]),
        st.sampled_from(["read", "export", "approve", "consent_check", "login"]),
        st.sampled_from(["allow", "deny"]),
        st.integers(0, 500),
    ),
    min_size=2,
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(ENTRIES, st.data())
def test_what_is_found_does_not_depend_on_later_entries(entries, data):
    log = log_of(entries)
    early = log.slice(0, data.draw(st.integers(1, log.num_rows)))
    np.testing.assert_allclose(rule_scores(log)[: early.num_rows], rule_scores(early))


@settings(max_examples=40, deadline=None)
@given(ENTRIES)
def test_severity_lies_between_nothing_and_all(entries):
    findings = apply_rules(log_of(entries), config=RuleConfig(honeytokens=("p1",)))
    assert ((findings.severity >= 0) & (findings.severity <= 1)).all()
    assert set(findings.rule) <= set(RULES)
