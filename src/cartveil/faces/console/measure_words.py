"""What each measure of an evaluation says, in a line: for the card, where nobody has the guide at hand."""

from collections.abc import Iterable, Mapping

_ACTOR_DAY = "a unit is one actor on one day"

#: Measure, or group of levels -> what it says.
MEANINGS: Mapping[str, str] = {
    # ranked lists
    "hr@10": "share of consumers whose next item stands among the first ten",
    "ndcg@10": "how far up what was bought next stands in a list of ten: 1 is at the top, 0 is not in it",
    "recall@10": "share of what was bought next that stands among the first ten",
    # demand
    "wql": "weighted quantile loss over the levels .1 to .9: 0 is perfect, 1 is what forecasting zero gets",
    "rmsse": "error of the median, in steps that an item usually takes: 1 is repeating the last period",
    "coverage": "per level, share of outcomes below that quantile, ties shared out; right where it equals its level",
    "coverage_plain": "per level, share of outcomes at or below that quantile; above its level where much is zero",
    "service": "share of periods without a stock-out, where the 95% quantile is kept in stock",
    "left": "units left over per unit sold, where that is kept; keeping nothing leaves nothing, so see the cost",
    "short": "units short per unit sold, where that is kept; keeping a mountain is never short, so see the cost",
    "cost": "units left over and 19 times units short, per unit sold: what to compare stock by",
    # purchases
    "brier": "mean squared distance of what was said from what came, 0 or 1; lower is better",
    "log_loss": "mean surprise at what came, in nats; lower is better, and being sure and wrong costs most",
    "calibration_error": "how far what was said lies from what came true, mean over ten groups of equal size",
    "said": "mean probability that was said; right where it equals what came true",
    "came_true": "share that did buy: a fact of the data, the same for all",
    # rankings
    "auc": "chance that one that is looked for stands above one that is not; drawing lots gets 0.5",
    "ap": "average precision: the area under precision over recall; drawing lots gets the share looked for",
    "cp@100": "share of frauds' cards among 100 cards looked at a day, each found only once",
    "tpr@1%": "share of attacks found where 1% of the normal traces raise an alarm",
    "tpr@5%": "share of attacks found where 5% of the normal traces raise an alarm",
    # misuse of access
    "average_precision": f"area under precision over recall of all units; {_ACTOR_DAY}",
    "incident_recall": "share of incidents that an alert pointed at",
    "leaked_share_mean": "of what an incident read in all, the share read before its first alert, mean over incidents",
    "precision": "share of alerts that point at misuse",
    "recall": f"share of the units with misuse that an alert points at; {_ACTOR_DAY}",
    "budget": "alerts a day that are allowed",
    "units": f"how many were judged; {_ACTOR_DAY}",
    "misuse_units": f"how many of them hold misuse; {_ACTOR_DAY}",
    "alerts": "how many were raised: the budget of every judged day, where there are so many units",
    "precision_max": "the most that precision could be within the budget",
    "recall_chance": "recall of alerts drawn by lot",
    "auroc": "chance that a unit with misuse stands above one without; drawing lots gets 0.5",
    "false_alarms_per_1000": "alerts on clean units, per 1,000 clean units",
    "event_average_precision": "area under precision over recall of all single events",
    "incidents": "how many there are to be found",
    "leaked_rows_median": "records that an incident read before its first alert, median",
    "leaked_rows": "records that all incidents read before their first alerts",
    "rows_at_stake": "records that all incidents read: a fact of the data, the same for all",
    "days_to_alert_median": "days from the first event of an incident to its first alert, median of those found",
    "incident_recall_chance": "incident recall of alerts drawn by lot",
    "leaked_share": "of all that incidents of this kind took, the share taken before the first alert",
    "unit_recall": "share of the units, or sessions, of this kind that are alerted",
    # account takeover
    "session_average_precision": "area under precision over recall of all sessions",
    "recall_at_1pct_fpr": "share of intruders' sessions found where 1% of the owners' sessions raise an alarm",
    "recall_at_0.1pct_fpr": "share of intruders' sessions found where 0.1% of the owners' sessions raise an alarm",
    "sessions": "how many were judged",
    "takeover_sessions": "how many of them are an intruder's",
    "session_auroc": "chance that an intruder's session stands above an owner's; drawing lots gets 0.5",
    "base_rate": "share of sessions that are an intruder's: the average precision of drawing lots",
    "card_precision_100": "share of taken accounts among 100 accounts looked at a day, each found only once",
    "card_precision_100_max": "the most that card precision could be",
    "card_recall_100": "share of taken accounts that are found by looking at 100 accounts a day",
    "card_recall_chance": "card recall of accounts drawn by lot",
    "incident_recall_1pct": "share of takeovers found where 1% of the owners' sessions raise an alarm",
    "incident_recall_01pct": "share of takeovers found where 0.1% of the owners' sessions raise an alarm",
    "lost_share_01pct": "of all that intruders took, the share taken before the alarm at 0.1%",
}


def meaning_of(measure: str, group: str = "") -> str:
    """Return what a measure says, or else the last group that it stands in; nothing where neither is known.

    Args:
        measure: Its name within the group, such as `0.1` of `coverage`.
        group: Names of the groups that it stands in, joined by `.`.
    """
    return MEANINGS.get(measure) or MEANINGS.get(group.rpartition(".")[2], "")


def legend_of(measures: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what these measures say, each once, by name.

    Args:
        measures: Group and measure of each; see `meaning_of`.
    """
    found: dict[str, str] = {}
    for group, measure in measures:
        name = measure if measure in MEANINGS else group.rpartition(".")[2]
        if name in MEANINGS:
            found.setdefault(name, MEANINGS[name])
    return found
