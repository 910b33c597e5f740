import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from bench.card_fraud import COLUMNS, HANDBOOK_FOLD, counted, forest, table_of

from bench import card_fraud
from cartveil.insight.decisions.card_fraud.prepared import prepare
from cartveil.insight.sequences.transactions import transactions_of

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file as the handbook's: every eighth terminal is bad, and nobody is honest there."""
    random, count, days = np.random.default_rng(0), 3000, 60
    seconds = np.sort(random.integers(0, days * 86400, count))
    terminal = random.integers(0, 80, count)
    columns = {
        "TRANSACTION_ID": np.arange(count),
        "TX_DATETIME": np.datetime64("2018-07-10", "s") + seconds.astype("timedelta64[s]"),
        "CUSTOMER_ID": random.integers(0, 200, count),
        "TERMINAL_ID": terminal,
        "TX_AMOUNT": random.gamma(4.0, 10.0, count),
        "TX_FRAUD": (terminal % 8 == 0).astype(np.int64),
        "TX_FRAUD_SCENARIO": np.zeros(count, dtype=np.int64),
    }
    path = tmp_path_factory.mktemp("cards") / "transactions.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_get_our_names(data: Path) -> None:
    assert table_of(data).column_names == list(COLUMNS.values())


def test_a_forest_finds_the_bad_terminals(data: Path) -> None:
    pytest.importorskip("sklearn")
    figures = forest(prepare(transactions_of(table_of(data))), seed=0)
    assert set(figures) == {"auc", "ap", "cp@100"}
    assert figures["ap"] > 0.5


def test_another_cut_of_the_handbooks_file_is_not_measured(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_fraud, "HANDBOOK_ROWS", 3000)
    with pytest.raises(SystemExit, match="not the published one"):
        card_fraud.run(data, seeds=(0,))


def test_the_first_fold_of_the_handbook_is_the_published_one() -> None:
    path = os.environ.get("CARTVEIL_CARD_FRAUD")
    if not path:
        pytest.skip(
            "set CARTVEIL_CARD_FRAUD to the handbook's transactions.parquet, which has no licence to be shipped"
        )
    assert counted(transactions_of(table_of(Path(path)))) == HANDBOOK_FOLD
