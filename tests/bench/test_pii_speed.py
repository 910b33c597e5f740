"""How `bench.pii_speed` counts: medians, and each turn against Presidio's in the same turn."""

from pathlib import Path

import bench.pii_speed as speed
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def test_speeds_are_medians_and_ratios_are_taken_turn_by_turn() -> None:
    told = speed.figures({"en": ["abcde"]}, {"en": {"finder": [1.0, 2.0, 4.0], "presidio": [10.0, 40.0, 20.0]}})
    assert told["characters_per_second"] == {"en": {"finder": 2, "presidio": 0}}
    assert told["times_presidio"]["en"]["finder"] == 10.0
    assert told["texts"] == {"en": {"texts": 1, "characters": 5}}


def test_without_peers_there_is_no_ratio() -> None:
    assert speed.figures({"en": ["a"]}, {"en": {"finder": [1.0]}})["times_presidio"] == {}


def test_sets_are_apart_by_language_and_cut_to_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SIZE", 200)
    pq.write_table(pa.table({"review": ["很好", None, ""]}), tmp_path / "r.parquet")
    sets = speed.texts_of(tmp_path / "r.parquet")
    assert sets["reviews"] == ["很好"]
    assert all(text.isascii() for text in sets["en"])
    assert not any(text.isascii() for text in sets["zh"])
    assert all(200 <= sum(map(len, sets[name])) < 800 for name in ("en", "zh"))
