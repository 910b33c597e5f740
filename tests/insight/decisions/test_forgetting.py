import json
import os
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from cartveil.errors import StorageError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents, load_protected
from cartveil.insight.decisions.forgetting import affected, forget, mark
from cartveil.insight.models.card import digest_of, read_card, save_model


def _release(*subjects):
    columns = {"subject": list(subjects), "time": [datetime(2024, 1, 1)] * len(subjects), "item": ["x"] * len(subjects)}
    return ProtectedEvents(pa.table(columns), {"purpose": "recommendation"}, ProtectionMark())


def _model(folder, digest):
    save_model(folder, {"weight": torch.ones(2)}, {"kind": "recommender", "data": {"digest": digest}})


def test_the_pseudonym_leaves_every_release_and_everybody_else_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    _release("p1", "p2", "p1").save(tmp_path / "one.parquet")
    _release("q1", "q2").save(tmp_path / "deep" / "two.parquet")
    found = forget(tmp_path, ["p1", "q1"])
    assert found["events"] == 3
    assert found["releases"] == ["deep/two.parquet", "one.parquet"]
    assert load_protected(tmp_path / "one.parquet").table["subject"].to_pylist() == ["p2"]
    assert b"p1" not in (tmp_path / "one.parquet").read_bytes()
    assert load_protected(tmp_path / "one.parquet").release["purpose"] == "recommendation"


def test_a_model_trained_on_the_release_needs_retraining_and_its_weights_still_fit(tmp_path):
    release = _release("p1", "p2")
    release.save(tmp_path / "one.parquet")
    _model(tmp_path / "model", digest_of(release.table))
    assert forget(tmp_path, ["p1"])["models"] == ["model"]
    assert read_card(tmp_path / "model")["status"] == "needs retraining"


def test_a_model_of_another_release_stays_current(tmp_path):
    release, other = _release("p1", "p2"), _release("q1")
    release.save(tmp_path / "one.parquet")
    other.save(tmp_path / "two.parquet")
    _model(tmp_path / "model", digest_of(other.table))
    assert forget(tmp_path, ["p1"])["models"] == []
    assert read_card(tmp_path / "model")["status"] == "current"


def test_a_model_whose_release_is_gone_is_marked_to_be_safe(tmp_path):
    _model(tmp_path / "model", "0" * 64)
    assert forget(tmp_path, ["p1"])["models"] == ["model"]


def test_what_is_no_release_is_left_as_it_is(tmp_path):
    pq.write_table(pa.table({"subject": ["p1"]}), tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    (tmp_path / "card.json").write_text(json.dumps({"a": "game"}))
    found = forget(tmp_path, ["p1"])
    assert found == {"releases": [], "events": 0, "models": [], "unreadable": ["broken.parquet"]}
    assert pq.read_table(tmp_path / "other.parquet").num_rows == 1


def test_forgetting_twice_changes_nothing_more(tmp_path):
    _release("p1", "p2").save(tmp_path / "one.parquet")
    forget(tmp_path, ["p1"])
    assert forget(tmp_path, ["p1"])["events"] == 0


def test_a_missing_folder_holds_nothing_to_forget(tmp_path):
    assert forget(tmp_path / "none", ["p1"])["events"] == 0


def test_the_answer_names_no_pseudonym(tmp_path):
    _release("p1-secret", "p2").save(tmp_path / "one.parquet")
    assert "secret" not in json.dumps(forget(tmp_path, ["p1-secret"]))


def test_when_the_disk_fails_the_release_is_whole_and_nothing_lies_beside_it(tmp_path, monkeypatch):
    _release("p1", "p2").save(tmp_path / "one.parquet")

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError):
        forget(tmp_path, ["p1"])
    assert load_protected(tmp_path / "one.parquet").table.num_rows == 2
    assert [path.name for path in tmp_path.iterdir()] == ["one.parquet"]


def test_what_would_be_forgotten_is_told_and_nothing_is_changed(tmp_path):
    release = _release("p1", "p2", "p1")
    release.save(tmp_path / "one.parquet")
    _model(tmp_path / "model", digest_of(release.table))
    before = (tmp_path / "one.parquet").read_bytes()
    told = affected(tmp_path, ["p1"])
    assert told == {"releases": ["one.parquet"], "events": 2, "models": ["model"], "unreadable": []}
    assert (tmp_path / "one.parquet").read_bytes() == before
    assert read_card(tmp_path / "model")["status"] == "current"
    assert forget(tmp_path, ["p1"]) == told


def test_a_correction_marks_the_models_and_leaves_the_releases(tmp_path):
    release, other = _release("p1", "p2"), _release("q1")
    release.save(tmp_path / "one.parquet")
    other.save(tmp_path / "two.parquet")
    _model(tmp_path / "model", digest_of(release.table))
    _model(tmp_path / "other", digest_of(other.table))
    assert mark(tmp_path, ["p1"]) == {"models": ["model"], "unreadable": []}
    assert read_card(tmp_path / "model")["status"] == "needs retraining"
    assert read_card(tmp_path / "other")["status"] == "current"
    assert load_protected(tmp_path / "one.parquet").table.num_rows == 2
    assert mark(tmp_path, []) == {"models": [], "unreadable": []}
