"""The steps of the wing that learns: recommend, forecast, watch. They see pseudonyms and counts, never a person.

A shop that is too small or too young for a model is no failure: the step says so, and the report leaves it out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import InputError, ModelError, RefusedError
from cartveil.events.protected import ProtectedEvents
from cartveil.faces.demo import Shop, StaffReport, simulate_staff
from cartveil.faces.run.guarding import REVIEWER, SCIENTIST, most_active
from cartveil.faces.run.rehearsal import STAFF_DAYS, Rehearsal
from cartveil.guard.vault import Wish

#: Consumers shown with recommendations, and items shown with a forecast.
_EXAMPLES, _SHOWN_ITEMS = 3, 6

#: Alerts a day that somebody has the time to look at, and how many of the strongest the report shows.
_ALERTS_A_DAY, _SHOWN_ALERTS = 1.0, 12

#: Last staged days, on which the staff is judged; the days before teach what is usual.
_JUDGED_DAYS = 12

_SERVICE_LEVEL, _LEAD_TIME_WEEKS = 0.95, 2


def _where_possible(step: Callable[[Rehearsal], str]) -> Callable[[Rehearsal], str]:
    """Say why a step cannot be done with this shop's data, instead of ending the run."""

    @wraps(step)
    def tried(run: Rehearsal) -> str:
        try:
            return step(run)
        except (ModelError, InputError, RefusedError) as error:
            return f"left out: {error}" + (f" ({error.hint})" if error.hint else "")

    return tried


@_where_possible
def learn(run: Rehearsal) -> str:
    """Train the recommender before a day, and score the first baskets after it beside the simple baselines."""
    from cartveil.insight.decisions.recommend import Recommender, RecommenderConfig, evaluate, train_recommender

    since = test_start(run.events)
    config, epochs = RecommenderConfig(), []
    with run.progress("recommender", config.training.epochs) as advance:

        def on_epoch(epoch: Any) -> None:
            epochs.append({"epoch": epoch.number, "loss": epoch.loss, "score": epoch.score})
            advance()

        recommender: Recommender = train_recommender(
            run.events, config=config, held_out_from=_month_before(since), until=since, on_epoch=on_epoch
        )
    scorers = {"Cartveil LSTM with copy path": recommender, **_counts(run.events, recommender, since)}
    metrics = {name: evaluate(scorer, run.events, since=since) for name, scorer in scorers.items()}
    recommender.save(run.learned / "recommender")
    ours, personal = metrics["Cartveil LSTM with copy path"], metrics["personal popularity"]
    headline = (
        f"NDCG@10 {ours['all']['ndcg@10']:.3f} on all items and {ours['new']['ndcg@10']:.3f} on new ones "
        f"({ours['consumers']:,} consumers, first basket from {since:%Y-%m-%d}); "
        f"personal popularity {personal['all']['ndcg@10']:.3f} and {personal['new']['ndcg@10']:.3f}"
    )
    examples = _examples(run.events, recommender)
    run.report["recommend"] = {
        "headline": headline,
        "metrics": {
            name: {"all": round(each["all"]["ndcg@10"], 4), "new": round(each["new"]["ndcg@10"], 4)}
            for name, each in metrics.items()
        },
        "examples": examples,
        "epochs": epochs,
    }
    return "\n".join([headline, *(f"{each['pseudonym']}: {_top(each['items'])}" for each in examples)])


def _top(items: list[dict[str, Any]], count: int = 3) -> str:
    return "; ".join(f"{item['description']} ({item['reason']})" for item in items[:count])


def test_start(events: ProtectedEvents) -> datetime:
    """Return when the last tenth of the period begins, on the first of a month where the period is long enough."""
    ends = pc.min_max(events.table["time"]).as_py()
    if ends["min"] is None:
        hint = "without a consent to `recommendation` in a column of the role `consent` nobody's purchases are released"
        raise ModelError("the release holds no event", hint=hint)
    span: timedelta = ends["max"] - ends["min"]
    start: datetime = ends["max"] - span / 10
    if span >= timedelta(days=120):
        return start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start


def _month_before(moment: datetime) -> datetime | None:
    if moment.day != 1:
        return None
    return (moment - timedelta(days=1)).replace(day=1)


def _counts(events: ProtectedEvents, recommender: Any, since: datetime) -> dict[str, Any]:
    from cartveil.insight.decisions.recommend.counts import (
        count_neighbours,
        count_personal_popularity,
        count_popularity,
    )
    from cartveil.insight.decisions.recommend.times import day_of
    from cartveil.insight.sequences.baskets import baskets_of

    vocabulary = recommender.vocabulary
    baskets, until = baskets_of(events.table, vocabulary), day_of(since)
    return {
        "personal popularity": count_personal_popularity(baskets, vocabulary, until=until),
        "popularity": count_popularity(baskets, vocabulary, until=until),
        "item-kNN": count_neighbours(baskets, vocabulary, until=until),
    }


def _examples(events: ProtectedEvents, recommender: Any) -> list[dict[str, Any]]:
    """Return three consumers with a middling history: those are typical, the most active ones are wholesalers."""
    counts = pc.value_counts(events.table["subject"]).to_pylist()
    ranked = sorted(counts, key=lambda pair: (pair["counts"], pair["values"]))
    middle = [ranked[int(len(ranked) * share)]["values"] for share in (0.4, 0.6, 0.8)][:_EXAMPLES]
    return [
        {
            "pseudonym": subject,
            "history": _latest_descriptions(events.of(subject)),
            "items": [
                {"description": found.description or found.item, "reason": found.reason}
                for found in recommender.recommend(events.of(subject), k=5)
            ],
        }
        for subject in dict.fromkeys(middle)
    ]


def _latest_descriptions(history: pa.Table, count: int = 4) -> list[str]:
    name = "description" if "description" in history.column_names else "item"
    latest = reversed(history[name].to_pylist())
    return list(dict.fromkeys(str(text) for text in latest if text))[:count]


@_where_possible
def forecast(run: Rehearsal) -> str:
    """Forecast weekly demand by quantiles, scored on the last four weeks beside two simple baselines."""
    from cartveil.insight.decisions.forecast import (
        ForecastConfig,
        RecentQuantiles,
        SeasonalNaive,
        evaluate_forecast,
        reorder_quantity,
        train_forecaster,
    )
    from cartveil.insight.decisions.forecast.horizon import HORIZON
    from cartveil.insight.sequences.weekly import weekly_demand

    release = run.vault.export(SCIENTIST, purpose="forecast", recipient="run")
    demand = weekly_demand(release.events)
    origin = demand.demand.shape[1] - HORIZON
    if origin < 1:
        hint = f"the last {HORIZON} weeks are kept back to score the forecast"
        raise ModelError(f"{demand.demand.shape[1]} whole weeks are too few to forecast from", hint=hint)
    known = demand.before(origin)
    config = ForecastConfig()
    with run.progress("forecaster", 2 * config.training.epochs) as advance:
        forecaster = train_forecaster(known, config=config, on_epoch=lambda _: advance())
    models = {
        "Cartveil LSTM": forecaster,
        "quantiles of the last 8 weeks": RecentQuantiles(),
        "seasonal naive": SeasonalNaive(),
    }
    scores = {
        name: evaluate_forecast(demand, lambda _, model=model: model, origins=[origin])  # type: ignore[misc]
        for name, model in models.items()
    }
    shown = np.argsort(-known.demand[:, -8:].sum(1))[:_SHOWN_ITEMS]
    orders = reorder_quantity(forecaster.totals(known), service_level=_SERVICE_LEVEL, lead_time=_LEAD_TIME_WEEKS)
    reorder = _reorder(orders, dict(zip(known.items, known.descriptions, strict=True)), known, shown)
    run.report["forecast"] = {
        "metrics": {name: round(score.wql, 4) for name, score in scores.items()},
        "coverage": {level: round(share, 3) for level, share in scores["Cartveil LSTM"].coverage.items()},
        "series": _series(known, demand, forecaster.forecast(known), shown[:4]),
        "reorder": reorder,
    }
    told = ", ".join(f"{name} {score.wql:.3f}" for name, score in scores.items())
    headline = f"{len(known.items):,} items, WQL of the four weeks after {known.starts[-1]}: {told}"
    ordered = [
        f"reorder {each['quantity']:,} of {each['description'] or each['item']} "
        f"(nothing in stock, {each['service_level']:.0%} service, {each['lead_time_weeks']} weeks)"
        for each in reorder[:_EXAMPLES]
    ]
    return "\n".join([headline, *ordered])


def _series(known: Any, demand: Any, table: pa.Table, shown: Any) -> list[dict[str, Any]]:
    series = []
    for index in shown:
        rows = table.filter(pc.equal(table["item"], known.items[index])).to_pylist()
        history = [
            {"week": str(week), "value": float(value)}
            for week, value in zip(demand.starts[-26:], demand.demand[index, -26:], strict=True)
        ]
        quantiles = ("q10", "q20", "q50", "q80", "q90")
        series.append(
            {
                "item": known.items[index],
                "description": known.descriptions[index],
                "history": history,
                "forecast": [
                    {"week": str(row["week"])[:10], **{name: float(row[name]) for name in quantiles if name in row}}
                    for row in rows
                ],
            }
        )
    return series


def _reorder(orders: pa.Table, descriptions: Mapping[str, str], known: Any, shown: Any) -> list[dict[str, Any]]:
    quantity = dict(zip(orders["item"].to_pylist(), orders["quantity"].to_pylist(), strict=True))
    return [
        {
            "item": known.items[index],
            "description": descriptions[known.items[index]],
            "quantity": quantity[known.items[index]],
            "service_level": _SERVICE_LEVEL,
            "lead_time_weeks": _LEAD_TIME_WEEKS,
        }
        for index in shown
    ]


def watch(run: Rehearsal) -> str:
    """Find unusual orders in consumers' own sequences, and the one who snoops among the staff."""
    orders, about_orders = _watch_orders(run)
    staff, timeline, about_staff = _watch_staff(run)
    found = f"{about_orders}; staff: {about_staff}"
    if orders or timeline:
        run.report["watch"] = {"orders": orders, "staff": staff, "timeline": timeline, "found": about_staff}
    alerts = [f"order of {each['pseudonym']}: {'; '.join(each['reasons'])}" for each in orders[:_EXAMPLES]]
    alerts += [f"{each['actor']}, {each['day']}: {'; '.join(each['reasons'])}" for each in staff[:_EXAMPLES]]
    return "\n".join([found, *alerts])


def _watch_orders(run: Rehearsal) -> tuple[list[dict[str, Any]], str]:
    try:
        # Fraud review is a purpose of its own: another release, which needs no consent.
        shown = _unusual_orders(run.vault.export(REVIEWER, purpose="fraud_review", recipient="run").events)
    except (ModelError, InputError) as error:
        return [], f"orders not watched: {error}"
    return shown, f"{len(shown)} unusual orders shown"


def _unusual_orders(events: ProtectedEvents) -> list[dict[str, Any]]:
    from cartveil.insight.decisions.operations import watch
    from cartveil.insight.decisions.watch import order_stream, train_detector

    stream, spec = order_stream(events)
    since = test_start(events)
    detector = train_detector(stream, spec=spec, until=since)
    alerts = watch(detector, stream, per_day=_ALERTS_A_DAY, since=since).alerts
    return [
        {
            "pseudonym": alert.actor,
            "time": alert.time.strftime("%Y-%m-%d %H:%M"),
            "score": round(alert.score, 2),
            "reasons": list(alert.reasons),
        }
        for alert in alerts[:8]
    ]


def _watch_staff(run: Rehearsal) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    try:
        with run.progress("staff", STAFF_DAYS) as advance:

            def read_many(wishes: Iterable[Wish]) -> Sequence[object]:
                advance()
                return run.vault.read_many(wishes)

            truth = simulate_staff(
                read_many,
                Shop(run.people(), run.purchases()),
                customers=most_active(run)[2:],
                start=run.staff_start,
                days=STAFF_DAYS,
                seed=run.seed,
                set_clock=run.clock.set,
            )
        return _unusual_reads(run, truth)
    except (ModelError, InputError) as error:
        return [], [], f"not simulated: {error}"


def _unusual_reads(run: Rehearsal, truth: StaffReport) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    from cartveil.insight.decisions.operations import watch
    from cartveil.insight.decisions.watch import audit_stream, train_detector

    # Trained on the first part of the log, which the snooping starts after; judged on the rest.
    until = run.staff_start + timedelta(days=STAFF_DAYS - _JUDGED_DAYS)
    log = run.vault.audit_events(SCIENTIST)
    # The last entry is this very look at the log.
    stream, spec = audit_stream(log.slice(0, log.num_rows - 1))
    detector = train_detector(stream, spec=spec, until=until)
    watched = watch(detector, stream, per_day=_ALERTS_A_DAY, since=until)
    units = [(alert.actor, alert.time.date()) for alert in watched.alerts]
    snooped = {(truth.snoop, day) for day in truth.snoop_days}
    staff = [
        {
            "actor": alert.actor,
            "day": str(alert.time.date()),
            "score": round(alert.score, 2),
            "reasons": list(alert.reasons),
            "is_true_snoop": unit in snooped,
        }
        for alert, unit in zip(watched.alerts, units, strict=True)
    ]
    timeline = _timeline(watched.found, set(units), since=until.date())
    rank = next((place for place, unit in enumerate(units, 1) if unit in snooped), None)
    place = f"alert number {rank} of {len(units)}" if rank else f"not found in {len(units)} alerts"
    days = f"{len(set(units) & snooped)} of {len(snooped)} days"
    return (
        staff[:_SHOWN_ALERTS],
        timeline,
        f"{truth.reads:,} reads through the door; {truth.snoop} snoops: {place}, {days}",
    )


def _timeline(found: Any, alerted: set[tuple[str, date]], *, since: date) -> list[dict[str, Any]]:
    """Return each actor's score of each judged day."""
    _, first = np.unique(found.days.unit, return_index=True)
    actors = found.stream["actor"].take(pa.array(first)).to_pylist()
    days = found.days.day.astype("datetime64[D]").tolist()
    return [
        {"day": str(day), "actor": actor, "score": round(max(float(score), 0.0), 2), "alert": (actor, day) in alerted}
        for actor, day, score in zip(actors, days, found.days.score, strict=True)
        if day >= since
    ]
