"""`watch`: from a release or an audit log to alerts, incidents, drift, and a file that verdicts come back in."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accounts import UNTIL as ACCOUNTS_UNTIL
from command import CANARY, PASSPHRASE, cartveil
from staffroom import UNTIL, staff_log

pytest.importorskip("torch")

DAY = f"{UNTIL:%Y-%m-%d}"
#: From here on strangers come.
ACCOUNTS = f"{ACCOUNTS_UNTIL:%Y-%m-%d}"


@pytest.fixture(scope="module")
def watched(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a vault, a release of its orders, and the audit log of a staff in a file."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(filled / "vault", folder / "vault")
    pq.write_table(staff_log(days=26, actors=4), folder / "log.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
        words = ("--as", "dana:data_science", "--purpose", "recommendation", "--recipient", "insight")
        assert cartveil("export", "vault", *words, "--out", "release.parquet").code == 0
    return folder


@pytest.fixture
def here(watched: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(watched)
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    return watched


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small detector be trained, since what it finds is tested elsewhere."""
    from cartveil.insight.decisions import watch
    from cartveil.insight.training.loop import TrainingConfig

    config = watch.DetectorConfig(hidden=8, embedding=4, training=TrainingConfig(epochs=1, learning_rate=1e-2))
    monkeypatch.setattr(watch, "train_detector", partial(watch.train_detector, config=config))


@pytest.mark.usefixtures("quick")
def test_unusual_orders_are_found_under_pseudonyms(here: Path) -> None:
    done = cartveil("watch", "release.parquet", "--until", "2026-06-01", "--json")
    assert done.code == 0, done.err
    assert "alerts since 2026-06-01" in done.err
    subjects = set(pq.read_table(here / "release.parquet")["subject"].to_pylist())
    assert {alert["actor"] for alert in json.loads(done.out)} <= subjects
    assert CANARY not in done.out + done.err


def test_a_vault_asks_who_reads_its_log(here: Path) -> None:
    done = cartveil("watch", "vault", "--until", "2026-06-01")
    assert (done.code, done.out) == (2, "")
    assert "hint: pass --as NAME:privacy_officer" in done.err


def test_a_log_that_is_too_short_is_said(here: Path) -> None:
    done = cartveil("watch", "vault", "--until", "2026-06-01", "--as", "olga:privacy_officer")
    assert (done.code, done.out) == (1, "")
    assert "too few" in done.err


def test_rules_are_for_an_audit_log(here: Path) -> None:
    done = cartveil("watch", "release.parquet", "--until", "2026-06-01", "--rules")
    assert (done.code, done.out) == (2, "")
    assert "--rules: rules are for an audit log" in done.err


@pytest.mark.usefixtures("quick")
def test_alerts_of_a_log_are_shown_delivered_and_learnt_from(here: Path, tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    bait = str(pq.read_table(here / "log.parquet")["subject"][-1].as_py())
    words = ("watch", "log.parquet", "--until", DAY, "--per-day", "2", "--rules", "--honeytoken", bait)
    done = cartveil(*words, "--deliver", file, "--json")
    assert done.code == 0, done.err
    alerts = json.loads(done.out)
    assert alerts[0]["found_by"][0] == "honeytoken"
    delivered = [json.loads(line) for line in file.read_text().splitlines()]
    assert delivered == alerts
    assert f"delivered {len(alerts)} of {len(alerts)} alerts" in done.err
    assert "a day within the budget of 2" in done.err
    said = [{**alert, "verdict": "confirmed" if place == 0 else "dismissed"} for place, alert in enumerate(delivered)]
    file.write_text("".join(json.dumps(line) + "\n" for line in said))
    again = cartveil(*words, "--verdicts", file, "--deliver", file, "--json")
    assert again.code == 0, again.err
    assert f"{len(said)} verdicts, 1 of them confirmed" in again.err
    assert all(0 <= alert["chance"] <= 1 for alert in json.loads(again.out))
    assert file.read_text().count('"verdict"') == len(said)


def _row(name: str, path: Path) -> Callable[[dt.datetime], Any]:
    """Return what the evaluation does under this name, on days so far, highest of each."""
    from cartveil.insight.decisions.watch import misuse, staff
    from cartveil.insight.decisions.watch.learning import SecondStage, train_detector

    log = staff.plain_log(pq.read_table(path))
    stream, spec = staff.staff_stream(log)
    design = misuse._designs(0)[name]
    second = SecondStage(log, misuse.audit_stream, staff.STAFF_CORRUPTIONS, design.judge) if design.judge else None
    spec = spec if design.rules else staff.spec_without_rules(spec)
    return lambda until: train_detector(stream, spec=spec, until=until, config=design.config, second=second).examine(
        stream
    )


@pytest.mark.parametrize("name", ["lstm", "no_second_stage", "counts"])
def test_a_command_runs_what_the_evaluation_measures(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from cartveil.insight.decisions import operations
    from cartveil.insight.decisions.watch import misuse, staff
    from cartveil.insight.decisions.watch.second_stage import JudgeConfig
    from cartveil.insight.training.loop import TrainingConfig

    seen, real = [], operations.watch
    judge = JudgeConfig(hidden=4, embedding=2, rounds=1, steps=16, overlap=4, training=TrainingConfig(epochs=1))
    monkeypatch.setattr(staff, "LARGE", 100)
    for module in (staff, misuse):
        monkeypatch.setattr(module, "staff_judge", lambda **_: judge)
    monkeypatch.setattr(operations, "watch", lambda *given, **named: seen.append(real(*given, **named)) or seen[-1])
    words = misuse.COMMANDS[name].replace("LOG", "log.parquet").replace("DAY", DAY).split()[1:]
    assert cartveil(*words).code == 0
    expected = _row(name, here / "log.parquet")(UNTIL).days
    np.testing.assert_array_equal(seen[0].found.days.score, expected.score)
    # What is alerted on stands in this order.
    assert np.all(np.diff(seen[0].score[np.argsort(expected.score, kind="stable")]) >= 0)


@pytest.mark.usefixtures("quick")
def test_incidents_and_drift_are_other_views_of_the_same_period(here: Path) -> None:
    words = ("watch", "log.parquet", "--until", DAY, "--per-day", "2", "--json")
    incidents = json.loads(cartveil(*words, "--show", "incidents").out)
    assert {"incident", "actors", "alerts", "found_by"} <= set(incidents[0])
    drift = json.loads(cartveil(*words, "--show", "drift").out)
    assert {each["state"] for each in drift} <= {"steady", "moved", "shifted"}
    assert "score" in {each["column"] for each in drift}


@pytest.mark.usefixtures("quick")
def test_a_person_sees_a_line_per_alert(here: Path) -> None:
    done = cartveil("watch", "log.parquet", "--until", DAY, "--per-day", "2")
    head, *lines = done.out.splitlines()
    assert head.split() == ["actor", "time", "score", "found_by", "reasons"]
    assert lines


@pytest.mark.usefixtures("quick")
def test_a_log_numbered_in_its_own_way_is_read_too(here: Path, tmp_path: Path) -> None:
    log = pq.read_table(here / "log.parquet")
    pq.write_table(log.rename_columns({"index": "event_id"}), tmp_path / "log.parquet")
    assert cartveil("watch", tmp_path / "log.parquet", "--until", DAY).code == 0


def test_a_table_that_is_neither_is_refused(here: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": [CANARY]}), tmp_path / "raw.parquet")
    done = cartveil("watch", tmp_path / "raw.parquet", "--until", DAY)
    assert done.code != 0
    assert CANARY not in done.err


def test_verdicts_that_are_none_are_refused_before_anything_is_learnt(here: Path, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text("no json\n")
    done = cartveil("watch", "log.parquet", "--until", DAY, "--verdicts", tmp_path / "said.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "said.jsonl:1" in done.err


def test_what_audit_wrote_is_read_as_a_log(here: Path, tmp_path: Path) -> None:
    done = cartveil("audit", "vault", "--as", "olga:privacy_officer", "--output", tmp_path / "log.parquet")
    assert done.code == 0, done.err
    done = cartveil("watch", tmp_path / "log.parquet", "--until", "2026-06-01", "--rules")
    assert done.code == 1
    assert "too few to learn from" in done.err


@pytest.fixture
def sessions(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write events of consumers, among whom strangers come at the end, and let a small judge be trained."""
    from accounts import account_events
    from cartveil.insight.decisions.watch import accounts
    from cartveil.insight.decisions.watch.second_stage import JudgeConfig
    from cartveil.insight.training.loop import TrainingConfig

    small = JudgeConfig(hidden=8, embedding=4, clean=0.3, training=TrainingConfig(epochs=1, learning_rate=1e-2))
    monkeypatch.setattr(accounts, "account_config", lambda _rows: small)
    pq.write_table(account_events(strangers=6)[0], here / "sessions.parquet")
    return here


@pytest.mark.usefixtures("sessions")
def test_strangers_on_accounts_are_found_in_events_of_consumers() -> None:
    done = cartveil("watch", "sessions.parquet", "--until", ACCOUNTS, "--per-day", "5", "--json")
    assert done.code == 0, done.err
    assert "training the judge will take about" in done.err
    found = json.loads(done.out)
    assert f"{len(found)} alerts since {ACCOUNTS}" in done.err
    assert all(alert["time"] >= ACCOUNTS and alert["reasons"] for alert in found)


@pytest.mark.parametrize("option", [("--rules",), ("--second-stage",), ("--honeytoken", "p"), ("--show", "drift")])
@pytest.mark.usefixtures("sessions")
def test_what_is_for_an_audit_log_is_refused_for_events_of_consumers(option: tuple[str, ...]) -> None:
    done = cartveil("watch", "sessions.parquet", "--until", ACCOUNTS, *option)
    assert done.code == 2
    assert option[0] in done.err


@pytest.mark.parametrize("source", ["release.parquet", "log.parquet"])
@pytest.mark.usefixtures("here")
def test_a_day_after_all_events_is_refused_for_it_would_disarm_the_watch(source: str) -> None:
    done = cartveil("watch", source, "--until", "2036-06-01")
    assert (done.code, done.out) == (2, "")
    assert "no event lies from this day on" in done.err


@pytest.mark.parametrize("budget", ["inf", "nan", "0"])
@pytest.mark.usefixtures("here")
def test_a_budget_is_a_number_of_alerts(budget: str) -> None:
    assert cartveil("watch", "release.parquet", "--until", "2026-06-01", "--per-day", budget).code == 2


@pytest.mark.usefixtures("quick")
def test_one_place_that_fails_keeps_the_alerts_from_no_other(here: Path) -> None:
    closed = "http://127.0.0.1:9/hook"
    file = here / "kept.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cartveil.faces.delivery.time.sleep", lambda _: None)
        how = ("--until", DAY, "--deliver", closed, "--deliver", str(file), "--json")
        done = cartveil("watch", "log.parquet", *how)
    assert done.code == 1
    assert len(json.loads(done.out)) == len(file.read_text().splitlines()) > 0
