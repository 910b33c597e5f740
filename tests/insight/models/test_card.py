import json
import subprocess
import sys

import pyarrow as pa
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.models.card import digest_of, load_model, read_card, require_vocabulary, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2).half()}


def test_what_was_saved_is_loaded(tmp_path):
    save_model(tmp_path / "new" / "folder", STATE, {"kind": "recommender", "metrics": {"ndcg@10": 0.3}})
    state, card = load_model(tmp_path / "new" / "folder", kind="recommender")
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert card["metrics"] == {"ndcg@10": 0.3}
    assert card["status"] == "current"


def test_a_model_is_two_files_that_hold_no_code(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "weights.safetensors"]
    assert b"pickle" not in (tmp_path / "weights.safetensors").read_bytes()


def test_every_card_says_these_things(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    always = ["cartveil", "format", "kind", "privacy", "status", "vocabulary_digest", "weights_sha256"]
    assert sorted(read_card(tmp_path)) == always


def test_another_kind_is_refused(tmp_path):
    save_model(tmp_path, STATE, {"kind": "forecaster"})
    with pytest.raises(ModelError, match="is a `forecaster`, not a `recommender`"):
        load_model(tmp_path, kind="recommender")


def test_another_format_version_is_refused(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(ModelError, match="format version `99` is not `1`"):
        load_model(tmp_path, kind="recommender")


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "nonsense", "missing"])
def test_broken_weights_are_refused(tmp_path, damage):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    weights = tmp_path / "weights.safetensors"
    weights.unlink() if damage is None else weights.write_bytes(damage)
    with pytest.raises(ModelError, match="weights"):
        load_model(tmp_path, kind="recommender")


def test_weights_of_another_model_are_refused(tmp_path):
    save_model(tmp_path / "one", STATE, {"kind": "recommender"})
    save_model(tmp_path / "two", {"weight": torch.zeros(2)}, {"kind": "recommender"})
    (tmp_path / "two" / "weights.safetensors").replace(tmp_path / "one" / "weights.safetensors")
    with pytest.raises(ModelError, match="do not belong to the card"):
        load_model(tmp_path / "one", kind="recommender")


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_a_broken_card_is_refused(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ModelError):
        read_card(tmp_path)


def test_no_model_is_refused_with_the_way_to_make_one(tmp_path):
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path)
    assert "cartveil train" in caught.value.hint


def test_the_digest_knows_values_not_chunks():
    whole = pa.table({"a": ["x", None, "z"], "b": [1, 2, 3]})
    parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert digest_of(whole) == digest_of(parts) == digest_of(whole.select(["b", "a"]))
    assert digest_of(whole) != digest_of(pa.table({"a": ["x", "", "z"], "b": [1, 2, 3]}))


def test_tied_weights_are_written_once_and_loaded_under_both_names(tmp_path):
    torch.manual_seed(0)
    encoder = EncoderConfig(categorical=(("item", 50),), embedding=8, hidden=8)
    model = NextItem(NextItemConfig(encoder, 50, tied=True))
    save_model(tmp_path, model.state_dict(), {"kind": "next", "config": written_config(model.config)})
    state, card = load_model(tmp_path, kind="next")
    again = NextItem(read_config(NextItemConfig, card["config"], path=tmp_path))
    again.load_state_dict(state)
    assert card["shared_weights"] == {"head.weight": "encoder.embeddings.item.weight"}
    assert (tmp_path / "weights.safetensors").stat().st_size < 4 * sum(w.numel() for w in model.parameters()) + 2000
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)


def test_a_card_that_says_nothing_of_privacy_promises_nothing(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    card = read_card(tmp_path)
    assert card["privacy"] is None
    assert card["vocabulary_digest"] is None


STATEMENT = {"epsilon": 4.0, "delta": 1e-6, "unit": "consumer", "relation": "add or remove one"}


def test_a_promise_is_kept_whole(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender", "privacy": STATEMENT})
    assert read_card(tmp_path)["privacy"] == STATEMENT


@pytest.mark.parametrize("lacking", STATEMENT)
def test_an_epsilon_without_its_meaning_is_refused(tmp_path, lacking):
    privacy = {name: value for name, value in STATEMENT.items() if name != lacking}
    with pytest.raises(ModelError, match=f"privacy is stated without `{lacking}`"):
        save_model(tmp_path / "model", STATE, {"kind": "recommender", "privacy": privacy})
    assert not (tmp_path / "model").exists()


def test_words_of_another_model_are_refused(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender", "vocabulary_digest": "ab"})
    require_vocabulary(read_card(tmp_path), "ab", path=tmp_path)
    with pytest.raises(ModelError, match="vocabulary is not the one of the model"):
        require_vocabulary(read_card(tmp_path), "cd", path=tmp_path)


def test_reading_a_card_loads_no_learning_framework():
    code = "import sys, cartveil.insight.decisions.forgetting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
