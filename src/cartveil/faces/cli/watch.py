"""`watch`: alerts from orders or from the audit log, within a budget, grouped, delivered, and taught by verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cartveil.faces.cli.options import FILE, as_json, parse_actor, passphrase_file
from cartveil.faces.cli.output import emit_rows, talk

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    import pyarrow as pa

    from cartveil.insight.decisions.operations import Watch
    from cartveil.insight.decisions.watch import Alert, Detector
    from cartveil.insight.sequences.streams import StreamSpec

#: By which columns a table is told from others.
_OF_A_LOG = frozenset({"actor", "action", "decision"})
_OF_SESSIONS = frozenset({"consumer", "session", "action"})
_TWO_WEEKS = 14
_DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@dataclass(frozen=True)
class _Source:
    """What is watched: a stream, its spec, and the audit log that it was made of, if it was made of one."""

    stream: "pa.Table"
    spec: "StreamSpec"
    log: "pa.Table | None" = None


@dataclass(frozen=True)
class _Found:
    """Alerts; whether their actors are consumers, how likely each will be confirmed, and what has moved."""

    alerts: Sequence["Alert"]
    consumers: bool
    chances: Sequence[float] | None = None
    drift: Sequence[Any] = ()


@click.command()
@click.argument("source", type=FILE)
@click.option("--until", type=_DAY, required=True, help="Learn what is usual before this day; alert from it on.")
@click.option(
    "--per-day", type=click.FloatRange(0, 1e6, min_open=True), default=5.0, show_default=True, help="Alarm budget."
)
@click.option("--rules", is_flag=True, help="Apply the rule set as well; to an audit log only.")
@click.option(
    "--second-stage",
    is_flag=True,
    help="Train longer, on clean days with foreign events put in; audit log only. Best given with --rules.",
)
@click.option("--honeytoken", multiple=True, metavar="PSEUDONYM", help="A made-up consumer; alert on every touch.")
@click.option("--verdicts", type=FILE, help="Delivered alerts with `verdict` added: what was confirmed or dismissed.")
@click.option("--deliver", multiple=True, metavar="FILE|URL", help="Add alerts to a file, or send them to a webhook.")
@click.option(
    "--show", type=click.Choice(["alerts", "incidents", "drift"]), default="alerts", show_default=True,
    help="What to write: each alert, alerts that belong together, or what has moved since the training.",
)  # fmt: skip
@click.option("--as", "actor", metavar="NAME:ROLE", help="Who reads the log, where SOURCE is a vault.")
@passphrase_file
@as_json
def watch(source: Path, until: datetime, per_day: float, show: str, as_json: bool, **rest: Any) -> None:
    """Find what is unusual: orders in a release, accesses in an audit log (a vault, or a file), strangers on accounts.

    SOURCE is a vault, or a Parquet file: a release, an audit log, or events of consumers with their sessions.
    """
    from cartveil.faces.assemble import need_learning
    from cartveil.faces.delivery import check_destination

    need_learning("watch")
    if per_day != per_day:
        raise click.BadParameter("not a number", param_hint="--per-day")
    for place in rest["deliver"]:
        check_destination(place)
    sessions = _table_in(source, _OF_SESSIONS)
    if sessions is None:
        found = _in_stream(_source(source, until, rest["actor"], rest["passphrase_file"]), until, per_day, rest)
    else:
        _refuse_for_accounts(show, rest)
        found = _Found(_on_accounts(_timely(sessions, "time", until), until, per_day), consumers=True)
    _give(found, until, deliver=rest["deliver"], show=show, as_json=as_json)


def _in_stream(watched: _Source, until: datetime, per_day: float, rest: Mapping[str, Any]) -> "_Found":
    """Return what is unusual in orders or in an audit log."""
    from cartveil.insight.decisions.operations import read_verdicts
    from cartveil.insight.decisions.operations import watch as watch_period

    verdicts = read_verdicts(rest["verdicts"]) if rest["verdicts"] else ()
    rules = _rules(watched, rest["rules"], rest["honeytoken"])
    detector, watched = _trained(watched, until, second_stage=rest["second_stage"], rules=rest["rules"])
    found = watch_period(detector, watched.stream, per_day=per_day, since=until, rules=rules, verdicts=verdicts)
    drift = _drift(detector, found, until)
    _say(found, drift)
    chances = _chances(found) if verdicts else None
    return _Found(found.alerts, consumers=watched.log is None, chances=chances, drift=drift)


def _give(found: "_Found", until: datetime, *, deliver: Sequence[str], show: str, as_json: bool) -> None:
    """Group alerts, deliver them, and write what is to be shown."""
    from cartveil.errors import CartveilError
    from cartveil.insight.decisions.operations import group_alerts

    incidents, failed = group_alerts(found.alerts), []
    talk(f"{len(found.alerts)} alerts since {until:%Y-%m-%d}, in {len(incidents)} incidents")
    records = _records(found, incidents)
    for place in deliver:
        try:
            _deliver(records, place)
        except CartveilError as error:  # the other places, and whoever reads the output, still get them
            failed.append(error)
    shown: Mapping[str, Sequence[Mapping[str, object]]] = {
        "alerts": [_shown(each, as_json) for each in records],
        "incidents": [_shown(each.to_dict(), as_json) for each in incidents],
        "drift": [each.to_dict() for each in found.drift],
    }
    emit_rows(shown[show], as_json=as_json)
    if failed:
        raise failed[0]


def _refuse_for_accounts(show: str, rest: Mapping[str, Any]) -> None:
    """Refuse what events of consumers have not.

    Raises:
        InputError: An option is for an audit log or for orders.
    """
    from cartveil.errors import InputError

    named = {"--" + name.replace("_", "-"): rest[name] for name in ("rules", "second_stage", "honeytoken", "verdicts")}
    named["--show drift"] = show == "drift"
    for option, given in named.items():
        if given:
            raise InputError("is not for events of consumers", path=option, hint="leave it out")


def _on_accounts(events: "pa.Table", until: datetime, per_day: float) -> Sequence["Alert"]:
    """Return the sessions in which somebody else seems to be at work."""
    from cartveil.insight.decisions.watch.account_alerts import account_alerts
    from cartveil.insight.decisions.watch.accounts import train_account_judge
    from cartveil.insight.sequences.consumer_trail import consumer_stream

    judge = train_account_judge(events, until=until, on_progress=talk)
    return account_alerts(judge, consumer_stream(events)[0], since=until, per_day=per_day)


def _source(source: Path, until: datetime, actor: str | None, passphrase: Path | None) -> _Source:
    if source.is_dir():
        return _of_log(_timely(_accesses(source, actor, passphrase), "time", until))
    from cartveil.events.protected import load_protected
    from cartveil.insight.decisions.watch import order_stream
    from cartveil.insight.decisions.watch.staff import plain_log

    if (log := _table_in(source, _OF_A_LOG)) is not None:
        return _of_log(_timely(plain_log(log), "time", until))
    stream, spec = order_stream(load_protected(source))
    return _Source(_timely(stream, spec.time, until), spec)


def _timely(table: "pa.Table", time: str, until: datetime) -> "pa.Table":
    """Return the events that no wrong clock dated.

    Raises:
        InputError: None of them lies from `until` on: a wrong year would disarm the watch unseen.
    """
    import pyarrow as pa

    from cartveil.errors import ColumnError, InputError
    from cartveil.insight.decisions.watch.detector import seconds_at
    from cartveil.insight.sequences.clock import STRAYS, without_stray_times
    from cartveil.insight.sequences.streams import seconds_of

    if time not in table.column_names or not pa.types.is_temporal(table[time].type):
        raise ColumnError("times are needed", path=time, hint="give a column of timestamps")
    table = table.filter(table[time].is_valid())
    seconds = seconds_of(table[time])
    kept = without_stray_times(seconds / 86400)
    if not kept.all():
        talk(f"{int((~kept).sum()):,} {STRAYS}")
    if not (seconds[kept] >= seconds_at(until)).any():
        raise InputError("no event lies from this day on", path="--until", hint="give an earlier day, or newer events")
    return table.filter(pa.array(kept))


def _of_log(log: "pa.Table") -> _Source:
    from cartveil.insight.decisions.watch import audit_stream

    return _Source(*audit_stream(log), log)


def _accesses(folder: Path, actor: str | None, passphrase: Path | None) -> "pa.Table":
    from cartveil.errors import InputError
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.guard.policy import Principal

    if actor is None:
        raise InputError("a vault's log is read by somebody", path="--as", hint="pass --as NAME:privacy_officer")
    name, role = parse_actor(actor)
    with open_vault(folder, read_settings(passphrase_file=passphrase)) as vault:
        return vault.audit_events(Principal(name, role, {}))


def _table_in(path: Path, columns: frozenset[str]) -> "pa.Table | None":
    """Return the table in a Parquet file with these columns; None where it is something else, which others judge."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path) if path.is_file() and columns <= set(pq.read_schema(path).names) else None
    except (OSError, pa.ArrowException):
        return None


def _trained(source: _Source, until: datetime, *, second_stage: bool, rules: bool) -> tuple["Detector", _Source]:
    """Return a detector, and the source with the stream that it examines."""
    from cartveil.errors import InputError
    from cartveil.insight.decisions.watch import train_detector
    from cartveil.insight.decisions.watch.staff import staff_judge, staff_stream, train_staff_detector

    if source.log is None and second_stage:
        hint = "give a vault, or a Parquet file of its log"
        raise InputError("is for an audit log", path="--second-stage", hint=hint)
    if source.log is None or not (second_stage or _is_large(source.stream, until)):
        return train_detector(source.stream, spec=source.spec, until=until, on_progress=talk), source
    judge = staff_judge() if second_stage else None
    detector = train_staff_detector(source.log, until=until, judge=judge, rules=rules, on_progress=talk)
    return detector, _Source(*staff_stream(source.log), source.log) if rules else source


def _is_large(stream: "pa.Table", until: datetime) -> bool:
    """Return whether there is so much to learn from that a network would take long and add little."""
    from cartveil.insight.decisions.watch import staff
    from cartveil.insight.decisions.watch.detector import seconds_at
    from cartveil.insight.sequences.streams import seconds_of

    return int((seconds_of(stream["time"]) < seconds_at(until)).sum()) >= staff.LARGE


def _rules(source: _Source, wanted: bool, honeytokens: Sequence[str]) -> Any:
    from cartveil.errors import InputError
    from cartveil.insight.decisions.watch.rules import RuleConfig, apply_rules

    if not wanted and not honeytokens:
        return None
    if source.log is None:
        hint = "give a vault, or a Parquet file of its log"
        raise InputError("rules are for an audit log", path="--rules", hint=hint)
    config = RuleConfig(honeytokens=tuple(honeytokens))
    if not wanted:
        config = RuleConfig(honeytokens=tuple(honeytokens), rules=("honeytoken",))
    return source.log, apply_rules(source.log, config=config)


def _drift(detector: "Detector", found: "Watch", until: datetime) -> Any:
    """Compare what came before `until` with what came after, column by column and by the detector's own score."""
    import numpy as np
    import pyarrow as pa

    from cartveil.insight.decisions.operations import measure_drift
    from cartveil.insight.decisions.watch.detector import seconds_at
    from cartveil.insight.sequences.streams import seconds_of

    spec = detector.spec
    stream = found.found.stream.append_column("score", pa.array(found.found.score))
    begin = int(np.searchsorted(seconds_of(stream[spec.time]), seconds_at(until)))
    after = stream.slice(begin)
    days = len(np.unique(seconds_of(after[spec.time]) // 86400))
    # A few days hold no weekend, or little else.
    columns = [name for name in spec.described if name != "day" or days >= _TWO_WEEKS]
    return measure_drift(stream.slice(0, begin), after, columns=(*columns, "score"))


def _say(found: "Watch", drift: Sequence[Any]) -> None:
    if not found.unseen:
        talk("warning: the budget was set on days of the training, which score low; hint: give a longer log")
    if len(found.kept.days):
        per_day = found.kept.counts.sum() / len(found.kept.days)
        talk(f"{per_day:.2f} alerts a day within the budget of {found.kept.budget.per_day:g}")
    if said := found.recalibration.confirmed + found.recalibration.dismissed:
        talk(f"{said} verdicts, {found.recalibration.confirmed} of them confirmed")
    for each in drift:
        if each.state != "steady":
            talk(f"`{each.column}` has {each.state} (stability index {each.psi:.2f}, usually {each.usual:.2f})")


def _chances(found: "Watch") -> Sequence[float]:
    """Return how likely each alert will be confirmed, by what was said of earlier ones."""
    import numpy as np

    chances = found.recalibration.chance(np.array([alert.score for alert in found.alerts]))
    return [round(float(chance), 3) for chance in chances]


def _records(found: "_Found", incidents: Sequence[Any]) -> list[Mapping[str, object]]:
    from cartveil.faces.delivery import CONSUMER
    from cartveil.insight.decisions.operations.incidents import name_of

    incident = {name_of(alert): each.name for each in incidents for alert in each.alerts}
    return [
        {
            "id": name_of(alert),
            "incident": incident[name_of(alert)],
            "actor_kind": CONSUMER if found.consumers else "staff",
            **alert.to_dict(),
            **({"chance": found.chances[place]} if found.chances is not None else {}),
        }
        for place, alert in enumerate(found.alerts)
    ]


def _deliver(records: Sequence[Mapping[str, object]], place: str) -> None:
    from cartveil.faces.delivery import deliver, without_path

    count = deliver(records, place)
    talk(f"delivered {count} of {len(records)} alerts to {without_path(place)}")


def _shown(record: Mapping[str, object], whole: bool) -> Mapping[str, object]:
    """Return all of a record for a program, and for a person what fits on a line."""
    if whole:
        return record
    names = ("actor", "actors", "time", "first", "last", "score", "chance", "found_by", "reasons")
    return {name: record[name] for name in names if name in record}
