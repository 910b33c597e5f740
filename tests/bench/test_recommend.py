import json
import sys
from pathlib import Path

import numpy as np
import pytest
from bench.recommend import Wish, items, read_histories

from bench import recommend

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Whoever buys an even item buys the next odd one after it."""
    generator, lines = np.random.default_rng(0), []
    for consumer in range(400):
        pairs = generator.permutation(10)[:3]
        bought = [int(pair) * 2 + half for pair in pairs for half in (1, 2)]
        lines.append(" ".join(map(str, [consumer + 1, *bought])))
    path = tmp_path_factory.mktemp("recommend") / "data.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_items_of_the_file_keep_their_order_and_leave_two_ids_free(data):
    histories = read_histories(data)
    first = [int(word) for word in data.read_text().splitlines()[0].split()[1:]]
    assert histories.items[:6].tolist() == [number + 1 for number in first]
    assert histories.item_count == 22


def test_the_curve_has_every_epsilon_beside_popularity_and_keeps_its_promise(data, monkeypatch):
    monkeypatch.setattr(recommend, "NETWORKS", {"lstm": {"network": 0.7}, "lstm_on_walks": {"walks": 300}})
    found = items(data, Wish((20.0, float("inf")), 1e-5, range(1), plain=False))
    point, plain = found["epsilon"]
    assert (point["epsilon"], plain["epsilon"]) == (20.0, "inf")
    assert point["spent"][0] <= 20.0
    assert point["recommender"]["hr@10"] >= point["popularity"]["hr@10"]


def test_the_command_writes_the_keys_of_the_protocol(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recommend, "SequenceConfig", _small)
    words = ["recommend", "--data", str(data), "--json", str(tmp_path / "found.json"), "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", words)
    recommend.main()
    found = json.loads((tmp_path / "found.json").read_text())
    for name in ("train_only", "train_valid"):
        assert set(found[name]) == {"recommender", "lstm", "markov", "item_knn", "popularity"}
        assert set(found[name]["lstm"]) == {"hr@10", "ndcg@10"}
    assert found["train_only"]["markov"]["ndcg@10"] > 0.5 > found["train_only"]["popularity"]["ndcg@10"]
    assert found["seconds_per_epoch"] > 0
    assert "lstm" in capsys.readouterr().out


def _small():
    from cartveil.insight.decisions.recommend.sequential.config import SequenceConfig
    from cartveil.insight.training.loop import TrainingConfig

    return SequenceConfig(hidden=16, dropout=0.0, training=TrainingConfig(epochs=1, learning_rate=1e-2))
