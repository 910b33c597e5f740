"""The rule set: each rule is a function of the trail; what they find stands side by side."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.watch.rules.config import RULES, RuleConfig
from cartveil.insight.decisions.watch.rules.findings import RuleFindings
from cartveil.insight.decisions.watch.rules.found import Found
from cartveil.insight.decisions.watch.rules.pace import bulk, burst, dormant, off_hours
from cartveil.insight.decisions.watch.rules.steps import case_of_another, export_without_approval, read_after_withdrawal
from cartveil.insight.decisions.watch.rules.trail import Trail, trail_of
from cartveil.insight.decisions.watch.rules.traps import honeytoken, log_gap

_APPLY: dict[str, Callable[[Trail, RuleConfig], Found]] = {
    "honeytoken": honeytoken,
    "burst": burst,
    "bulk": bulk,
    "off_hours": off_hours,
    "dormant": dormant,
    "case_of_another": case_of_another,
    "export_without_approval": export_without_approval,
    "read_after_withdrawal": read_after_withdrawal,
    "log_gap": log_gap,
}


def apply_rules(log: pa.Table, *, config: RuleConfig | None = None) -> RuleFindings:
    """Apply the rules to a whole audit log.

    Args:
        log: Columns index, time, actor, role, action, purpose, table, subject, rows, case, decision; all entries, since
            habits are learnt from those before, and missing numbers count as entries that were removed.
        config: Parameters; default: `RuleConfig()`.

    Returns:
        What was found; each finding rests on its entry and earlier ones only.

    Raises:
        ColumnError: A column is missing.
        InputError: A rule is asked for that there is not.
    """
    config = config or RuleConfig()
    if unknown := [name for name in config.rules if name not in _APPLY]:
        raise InputError(f"no rule `{unknown[0]}`", path="rules", hint=f"there are: {', '.join(RULES)}")
    trail = trail_of(log, config)
    answers = {name: _APPLY[name](trail, config) for name in config.rules}
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(answer.rows for answer in answers.values())])
    return RuleFindings(
        place=trail.place[rows],
        index=trail.index[rows],
        rule=tuple(name for name, answer in answers.items() for _ in range(len(answer.rows))),
        severity=np.concatenate([np.empty(0), *(answer.weight for answer in answers.values())]),
        evidence=tuple(text for answer in answers.values() for text in answer.said()),
    )


def rule_scores(log: pa.Table, *, config: RuleConfig | None = None) -> NDArray[np.float64]:
    """Return the sum of what the rules say of each row of the log, in the order of its rows, (rows,).

    What concerns the log itself and not who acted (`log_gap`) does not count.
    """
    findings = apply_rules(log, config=config)
    about_actor = np.array([name != "log_gap" for name in findings.rule], dtype=bool)
    place, severity = findings.place[about_actor], findings.severity[about_actor]
    return np.asarray(np.bincount(place, weights=severity, minlength=log.num_rows), dtype=np.float64)
