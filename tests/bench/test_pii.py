import json
import sys

from bench.pii_configs import CONFIGS

from bench import pii
from cartveil.insight.decisions.finder.tagger import TaggerConfig
from cartveil.insight.training.loop import TrainingConfig


def test_the_same_command_trains_scores_and_writes_the_keys(tmp_path, monkeypatch):
    small = TaggerConfig(embedding=8, hidden=8, pairs=64, training=TrainingConfig(epochs=1))
    monkeypatch.setitem(CONFIGS, "cluener", small)
    monkeypatch.setattr(pii, "_CLEAN", 20)
    file, report = tmp_path / "train.jsonl", tmp_path / "out.json"
    row = json.dumps({"text": "王五来了", "label": {"name": {"王五": [[0, 1]]}}})
    file.write_text("\n".join([row] * 40), encoding="utf-8")
    command = ["pii", "--task", "cluener", "--train", str(file), "--test", str(file), "--seeds", "2", "--json"]
    monkeypatch.setattr(sys, "argv", [*command, str(report)])
    pii.main()
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert set(figures["f1"]) == {"name", "micro", "macro"}
    assert set(figures["covered_recall"]) == {"name", "all"}
    wanted = {"character_recall", "recall", "f2", "false_alarms_per_1000", "characters_per_second", "sd", "environment"}
    assert wanted <= set(figures)
    assert figures["seeds"] == [0, 1]


def test_every_task_has_its_configuration():
    assert set(CONFIGS) == set(pii.READERS)
