"""Card fraud on the handbook's simulated transactions: four weeks learnt from, four weeks judged, five seeds.

    python -m bench.card_fraud --data transactions.parquet --json bench/results/card_fraud.json [--seeds 5]

`lstm` is what ships: LSTMs over the trails of customer and terminal, fused late with features, and boosted trees on the
same features beside them, one vote each. `network` is the same without trees, `features` without trails either,
`xgboost` the trees alone, `forest` the random forest that the package offers, `counts` a table of counts;
`random_forest` is scikit-learn's, on the same features.
`reachable` is who knows every fraud that a reported one or its amount can tell.
`streaming` says how long one transaction takes when the days before it are stored.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.card_fraud import FraudConfig, Transaction, evaluate_card_fraud, scorer_of
from cartveil.insight.decisions.card_fraud.folds import test_rows, train_rows
from cartveil.insight.decisions.card_fraud.learning import learn
from cartveil.insight.decisions.card_fraud.prepared import Prepared, prepare
from cartveil.insight.decisions.card_fraud.protocol import FOLDS, measured
from cartveil.insight.sequences.card_history import FEATURES
from cartveil.insight.sequences.transactions import Transactions, transactions_of

THREADS = 1

#: Transactions that are scored one at a time.
STREAMED = 20_000

#: Rows of the handbook's file, and transactions and frauds of its first fold, learnt from and judged: as published.
HANDBOOK_ROWS, HANDBOOK_FOLD = 1_754_155, ((67_240, 598), (58_264, 385))

COLUMNS = {
    "TRANSACTION_ID": "transaction",
    "TX_DATETIME": "time",
    "CUSTOMER_ID": "customer",
    "TERMINAL_ID": "terminal",
    "TX_AMOUNT": "amount",
    "TX_FRAUD": "fraud",
}


def table_of(path: Path) -> pa.Table:
    """Read the handbook's transactions, its columns under our names."""
    return pq.read_table(path, columns=list(COLUMNS)).rename_columns(list(COLUMNS.values()))


def counted(events: Transactions) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return transactions and frauds of the first fold, of what is learnt from and of what is judged."""
    learnt, judged = (rows(events, FOLDS[0]) for rows in (train_rows, test_rows))
    return (len(learnt), int(events.fraud[learnt].sum())), (len(judged), int(events.fraud[judged].sum()))


def reachable(path: Path, prepared: Prepared) -> dict[str, float]:
    """Return the measures of who knows all that can be known: every fraud but those of a terminal without a report.

    The file tells which frauds are a terminal's doing (scenario 2): all that is paid there is fraud, whatever it looks
    like. Until a fraud of that terminal is reported, nothing sets them apart.
    """
    events = prepared.events
    terminals = pq.read_table(path, columns=["TX_FRAUD_SCENARIO"])["TX_FRAUD_SCENARIO"].to_numpy()[events.row] == 2
    reported = prepared.features[:, FEATURES.index("terminal_plain_30")] > 0
    known = (events.fraud & (~terminals | reported)).astype(np.float64)
    found = [measured(events, judged, known[judged]) for judged in (test_rows(events, fold) for fold in FOLDS)]
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def forest(prepared: Prepared, seed: int) -> dict[str, float]:
    """Return the measures of a random forest, means over the folds."""
    from sklearn.ensemble import RandomForestClassifier

    found = []
    for fold in FOLDS:
        rows, judged = train_rows(prepared.events, fold), test_rows(prepared.events, fold)
        model = RandomForestClassifier(n_estimators=100, min_samples_leaf=2, random_state=seed, n_jobs=THREADS)
        model.fit(prepared.features[rows], prepared.events.fraud[rows])
        found.append(measured(prepared.events, judged, model.predict_proba(prepared.features[judged])[:, 1]))
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def streaming(table: pa.Table, prepared: Prepared) -> dict[str, Any]:
    """Score the first transactions of a week that is judged, one at a time, after all that came before."""
    events, config = prepared.events, FraudConfig()
    model = learn(prepared, train_rows(events, FOLDS[0]), config=config)
    begin = int(np.searchsorted(events.day, FOLDS[0].judged[0]))
    rows = np.arange(begin, min(begin + STREAMED, len(events)))
    scorer = scorer_of(model, table.take(pa.array(events.row[:begin])))
    payments = [
        Transaction(*each)
        for each in zip(
            table["transaction"].take(pa.array(events.row[rows])).to_pylist(),
            events.seconds[rows].tolist(),
            events.customers.take(pa.array(events.customer[rows])).to_pylist(),
            events.terminals.take(pa.array(events.terminal[rows])).to_pylist(),
            events.amount[rows].tolist(),
            strict=True,
        )
    ]
    scores, seconds = np.empty(len(rows)), np.empty(len(rows))
    for place, payment in enumerate(payments):
        started = time.perf_counter()
        scores[place] = scorer.score_one(payment)
        seconds[place] = time.perf_counter() - started
        if events.fraud[rows[place]]:
            scorer.report(payment.transaction)
    return {
        "transactions": len(rows),
        "events_per_second": len(rows) / float(seconds.sum()),
        "p50_ms": float(np.quantile(seconds, 0.5) * 1e3),
        "p99_ms": float(np.quantile(seconds, 0.99) * 1e3),
        "largest_difference_to_batch": float(np.abs(scores - model.probabilities(prepared, rows)).max()),
    }


def run(path: Path, *, seeds: Sequence[int], say: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the figures of every model and those of the stream."""
    table = table_of(path)
    if table.num_rows == HANDBOOK_ROWS and counted(transactions_of(table)) != HANDBOOK_FOLD:
        raise SystemExit("the first fold is not the published one: no figure of this run could be compared")
    found = evaluate_card_fraud(table, seeds=seeds, folds=FOLDS, on_progress=say).to_dict()
    prepared = prepare(transactions_of(table), FraudConfig().history)
    found["random_forest"], found["sd"]["random_forest"] = mean_and_spread([forest(prepared, seed) for seed in seeds])
    found["reachable"] = reachable(path, prepared)
    found["streaming"] = streaming(table, prepared)
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    figures = run(arguments.data, seeds=range(arguments.seeds), say=lambda text: print(text, flush=True))
    print(f"{'':16}{'AUC':>8}{'AP':>8}{'CP@100':>8}")
    for name in ("lstm", "network", "features", "xgboost", "forest", "random_forest", "counts", "reachable"):
        if name in figures:
            row = figures[name]
            print(f"{name:16}{row['auc']:8.4f}{row['ap']:8.4f}{row['cp@100']:8.4f}")
    stream = figures["streaming"]
    print(
        f"streaming: {stream['events_per_second']:,.0f} a second, p50 {stream['p50_ms']:.2f} ms, "
        f"p99 {stream['p99_ms']:.2f} ms, {stream['largest_difference_to_batch']:.1e} from the batch"
    )
    if arguments.json:
        write_report(arguments.json, figures, seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
