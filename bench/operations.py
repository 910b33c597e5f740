"""Alerts as daily work, measured on an audit log: budget, reasons, drift, verdicts.

    python -m bench.operations --data FOLDER --json FILE [--actors SHARE] [--each N]

FOLDER holds `events.parquet`, `labels.parquet` and `meta.json`. One detector (counts, and rules as evidence, as in
`cartveil watch --rules` on a large log) is trained on the first part of the clean days (before `test_start`). On the
clean days after that: a budget is chosen on ten days and counted on the next ten, at every third day; incidents are
planted, and reasons must name what was planted; what reasons name is deleted. Labels serve the last part only, in the
place of a person who says of the first half of the test days which alerts were right.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from bench.report import write_report
from cartveil.insight.decisions.measures import average_precision
from cartveil.insight.decisions.operations import Watch, choose_budget, keep_budget, measure_drift, watch
from cartveil.insight.decisions.operations.budget import hold_budget
from cartveil.insight.decisions.operations.planting import CAUSES, plant_incidents
from cartveil.insight.decisions.operations.reasons_check import Planted, deletion_check, named_causes
from cartveil.insight.decisions.operations.verdicts import Verdict
from cartveil.insight.decisions.watch import Detector
from cartveil.insight.decisions.watch.days import day_of
from cartveil.insight.decisions.watch.rules import apply_rules
from cartveil.insight.decisions.watch.staff import plain_log, staff_stream, train_staff_detector
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
#: Share of the clean days that the detector is trained on.
_TRAINED = 0.55
#: Days on which a budget is chosen, on which it is counted, and between one split and the next.
_CHOSEN, _COUNTED, _STEP = 10, 10, 3
_BUDGETS = (1.0, 5.0, 20.0)


@dataclass(frozen=True)
class Setting:
    """A log, a detector, and where its periods begin, in days since 1970."""

    log: pa.Table
    detector: Detector
    until: int
    test: int
    share: float


def main() -> None:
    """Run the protocol, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--actors", type=float, default=1.0, help="share of the actors that are kept")
    parser.add_argument("--each", type=int, default=10, help="incidents planted of each kind")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    figures = measure(arguments.data, share=arguments.actors, each=arguments.each)
    print(table(figures))
    write_report(arguments.json, figures, seeds=[0], threads=arguments.threads)


def measure(folder: Path, *, share: float, each: int) -> dict[str, Any]:
    """Return all figures."""
    started = time.perf_counter()
    log = some_actors(read_log(folder), share)
    test = date_number(json.loads((folder / "meta.json").read_text())["test_start"])
    setting = trained(log, test, share)
    seconds = time.perf_counter() - started
    say(f"trained on {log.num_rows:,} entries in {seconds:.0f} s")
    stream = staff_stream(log)[0]
    found = watched(setting, log, stream)
    say(f"watched after {time.perf_counter() - started:.0f} s; now planting incidents")
    labels = pq.read_table(folder / "labels.parquet")
    return {
        "rows": log.num_rows,
        "actors": len(pc.unique(log["actor"])),
        "budget": budgets(setting, found),
        **reasons(setting, each),
        "drift": drift(setting, found),
        "verdicts": verdicts(setting, stream, labels),
        "seconds_to_train": seconds,
        "seconds": time.perf_counter() - started,
    }


def say(line: str) -> None:
    """Say how far the run is."""
    print(line, file=sys.stderr, flush=True)


def read_log(folder: Path) -> pa.Table:
    """Return the log, numbered as the product numbers its own."""
    return plain_log(pq.read_table(folder / "events.parquet"))


def some_actors(log: pa.Table, share: float) -> pa.Table:
    """Return the entries of a share of the actors, drawn once, numbered anew without gaps."""
    if share >= 1:
        return log
    names = sorted(pc.unique(log["actor"]).to_pylist())
    kept = np.random.default_rng(0).permutation(len(names))[: max(1, round(share * len(names)))]
    return log.filter(pc.is_in(log["actor"], value_set=pa.array([names[place] for place in kept])))


def date_number(text: str) -> int:
    """Return a date as days since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // _DAY


def moment(day: int) -> datetime:
    """Return the beginning of a day since 1970."""
    return datetime.fromtimestamp(0, UTC) + timedelta(days=day)


def trained(log: pa.Table, test: int, share: float) -> Setting:
    """Train a detector on the first part of the clean days."""
    first = int(seconds_of(log["time"]).min()) // _DAY
    until = first + round(_TRAINED * (test - first))
    detector = train_staff_detector(log, until=moment(until), rules=True)
    return Setting(log, detector, until, test, share)


def watched(setting: Setting, log: pa.Table, stream: pa.Table, **rest: Any) -> Watch:
    """Watch a log from the end of the training on, with rules, at a budget of five a day for the whole staff."""
    # Numbers are missing where actors were left out, which is no gap.
    rules = (log, apply_rules(log).without("log_gap"))
    per_day = 5 * setting.share
    return watch(setting.detector, stream, per_day=per_day, since=moment(setting.until), rules=rules, **rest)


def budgets(setting: Setting, found: Watch) -> dict[str, Any]:
    """Return alerts counted against the budget, held and kept, over splits of the clean days."""
    days = found.found.days.day
    answer: dict[str, Any] = {}
    for per_day in (budget * setting.share for budget in _BUDGETS):
        ratios: dict[str, list[float]] = {"held": [], "kept": []}
        for cut in range(setting.until + _CHOSEN, setting.test - _COUNTED + 1, _STEP):
            chosen, counted = within(days, cut - _CHOSEN, cut), within(days, cut, cut + _COUNTED)
            budget = choose_budget(found.score[chosen], days[chosen], per_day=per_day)
            for name, alert in (("held", hold_budget), ("kept", keep_budget)):
                ratios[name].append(alert(budget, found.score[counted], days[counted]).ratio)
        answer[f"{per_day / setting.share:g}"] = {name: spread(values) for name, values in ratios.items()}
    return answer


def within(days: NDArray[np.int64], first: int, last: int) -> NDArray[np.bool_]:
    """Return which days lie in [first, last)."""
    return (days >= first) & (days < last)


def spread(ratios: list[float]) -> dict[str, Any]:
    """Return how far alerts lay from the budget."""
    values = np.array(ratios)
    return {
        "splits": len(values),
        "within_a_fifth": float(np.mean(np.abs(values - 1) <= 0.2)),
        "mean_distance": float(np.mean(np.abs(values - 1))),
        "lowest": float(values.min()),
        "highest": float(values.max()),
    }


def reasons(setting: Setting, each: int) -> dict[str, Any]:
    """Plant incidents in the clean days after the training; return what reasons name, and what deleting it does."""
    clean = setting.log.filter(pa.array(seconds_of(setting.log["time"]) // _DAY < setting.test))
    generator = np.random.default_rng(0)
    planted = plant_incidents(clean, since=setting.until, each=each, generator=generator)
    stream = staff_stream(planted.log)[0]
    found = watched(setting, planted.log, stream)
    by_detector = named_causes(found.found, planted.planted, CAUSES, detector=setting.detector)
    given = named_causes(found.found, planted.planted, CAUSES, detector=setting.detector, alerts=found.alerts)
    before = setting.detector.examine(staff_stream(clean)[0])
    own = [alert for alert in found.alerts if "detector" in alert.found_by][:200]
    falls = deletion_check(setting.detector, stream, own, generator=generator)
    return {
        "named_cause": {
            "incidents": len(given),
            **named("named", given, [one.alerted for one in given]),
            # What the detector's own reasons name, whatever rules say beside them.
            **named("named_by_detector", by_detector, [one.alerted for one in given]),
            # What reasons of the same days name by chance, before anything was planted.
            "named_before": share_named(named_causes(before, planted.planted, CAUSES, detector=setting.detector)),
            "by_kind": kinds_named(given),
            "by_kind_of_alerted": kinds_named([one for one in given if one.alerted]),
            "instead": [[one.kind, *one.reasons] for one in given if not one.named],
        },
        "deletion": {
            "alerts": len(own),
            "fall_by_reasons": float(np.mean(falls.named)),
            "fall_at_random": float(np.mean(falls.at_random)),
            "passed": falls.passed,
        },
    }


def named(key: str, causes: Sequence[Planted], alerted: Sequence[bool]) -> dict[str, Any]:
    """Return which share of planted incidents is named, of all and of those that an alert was given for."""
    hit = [one for one, given in zip(causes, alerted, strict=True) if given]
    return {key: share_named(causes), "alerted": len(hit), f"{key}_of_alerted": share_named(hit)}


def share_named(causes: Sequence[Planted]) -> float | None:
    """Return the share of incidents whose reasons name a cause; None of none."""
    return float(np.mean([one.named for one in causes])) if causes else None


def kinds_named(causes: Sequence[Planted]) -> dict[str, Any]:
    """Return the share that is named, and of how many, for each kind of incident."""
    kinds = {kind: [one for one in causes if one.kind == kind] for kind in dict.fromkeys(one.kind for one in causes)}
    return {kind: {"named": share_named(some), "incidents": len(some)} for kind, some in kinds.items()}


def drift(setting: Setting, found: Watch) -> list[dict[str, object]]:
    """Return how far columns and score moved from the training to the test days."""
    stream = found.found.stream.append_column("score", pa.array(found.found.score))
    day = seconds_of(stream["time"]) // _DAY
    before, after = stream.filter(pa.array(day < setting.until)), stream.filter(pa.array(day >= setting.test))
    return [
        each.to_dict() for each in measure_drift(before, after, columns=(*setting.detector.spec.described, "score"))
    ]


def verdicts(setting: Setting, stream: pa.Table, labels: pa.Table) -> dict[str, Any]:
    """Let labels say which alerts of the first test days were right; return what that does to the later ones."""
    last = int(seconds_of(setting.log["time"]).max()) // _DAY
    half = (setting.test + last + 1) // 2
    plain = watched(setting, setting.log, stream)
    wrong = misuse(plain, labels)
    names = pc.take(stream["actor"], pa.array(np.unique(plain.found.actors, return_index=True)[1])).to_pylist()
    unit = {
        (str(names[actor]), int(day)): place
        for place, (actor, day) in enumerate(zip(plain.found.days.actor, plain.found.days.day, strict=True))
    }
    said = []
    for alert in plain.alerts:
        day = int(alert.time.timestamp()) // _DAY
        if setting.test <= day < half:
            right = bool(wrong[unit[alert.actor, day]])
            said.append(Verdict(alert.actor, day_of(alert.time), right, dict(alert.evidence), alert.score))
    taught = watched(setting, setting.log, stream, verdicts=said)
    later = plain.found.days.day >= half
    return {
        "verdicts": len(said),
        "confirmed": sum(each.confirmed for each in said),
        "average_precision_without": average_precision(wrong[later], plain.score[later]),
        "average_precision_with": average_precision(wrong[later], taught.score[later]),
    }


def misuse(found: Watch, labels: pa.Table) -> NDArray[np.bool_]:
    """Return which units hold misuse."""
    rows = np.asarray(pc.is_in(found.found.stream["index"], value_set=labels["event_id"].combine_chunks()))
    answer = np.zeros(len(found.score), dtype=bool)
    answer[found.found.days.unit[rows]] = True
    return answer


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [f"{'alerts a day':14}{'':8}{'within 20%':>12}{'mean distance':>16}{'lowest':>9}{'highest':>9}"]
    for per_day, found in figures["budget"].items():
        lines += [
            f"{per_day:14}{name:8}{each['within_a_fifth']:12.0%}{each['mean_distance']:16.2f}"
            f"{each['lowest']:9.2f}{each['highest']:9.2f}"
            for name, each in found.items()
        ]
    cause, deleted, said = figures["named_cause"], figures["deletion"], figures["verdicts"]
    lines.append(f"cause named in {cause['named']:.0%} of {cause['incidents']} incidents: {by_kind(cause)}")
    if cause["alerted"]:
        lines.append(
            f"cause named in {cause['named_of_alerted']:.0%} of the {cause['alerted']} that were alerted, by the "
            f"detector alone in {cause['named_by_detector_of_alerted']:.0%}; before anything was planted, the reasons "
            f"of the same days named it in {cause['named_before']:.0%}"
        )
    lines.append(
        f"score falls by {deleted['fall_by_reasons']:.0%} without what reasons name, {deleted['fall_at_random']:.0%} "
        f"without as many others; further in {deleted['passed']:.0%} of {deleted['alerts']} alerts"
    )
    lines.append(
        f"average precision {said['average_precision_without']:.3f}, after {said['verdicts']} verdicts "
        f"({said['confirmed']} confirmed) {said['average_precision_with']:.3f}"
    )
    moved = ", ".join(f"{each['column']} {each['psi']:.2f}" for each in figures["drift"] if each["state"] != "steady")
    lines.append(f"moved since the training: {moved or 'nothing'}")
    return "\n".join(lines)


def by_kind(cause: Mapping[str, Any]) -> str:
    """Return the shares of each kind of incident in words."""
    return ", ".join(f"{kind} {each['named']:.0%}" for kind, each in cause["by_kind"].items())


if __name__ == "__main__":
    main()
