import json
import subprocess
import sys

import pyarrow as pa
import pytest
import torch

from cartveil.errors import MissingExtraError, ModelError
from cartveil.insight.models import card as cards
from cartveil.insight.models.card import (
    check_place,
    digest_of,
    load_model,
    read_card,
    require_kind,
    require_vocabulary,
    save_model,
)
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2).half()}


def weights_of(folder):
    (path,) = folder.glob("weights*.safetensors")
    return path


def rewritten(folder, **parts):
    """Write other parts into the card of a folder."""
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **parts}))


def test_what_was_saved_is_loaded(tmp_path):
    save_model(tmp_path / "new" / "folder", STATE, {"kind": "recommender", "metrics": {"ndcg@10": 0.3}})
    state, card = load_model(tmp_path / "new" / "folder", kind="recommender")
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert card["metrics"] == {"ndcg@10": 0.3}
    assert card["status"] == "current"


def test_a_model_is_two_files_that_hold_no_code(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    card, weights = sorted(tmp_path.iterdir())
    digest = read_card(tmp_path)["weights_sha256"]
    assert (card.name, weights.name) == ("card.json", f"weights-{digest[:12]}.safetensors")
    assert b"pickle" not in weights.read_bytes()


def test_every_card_says_these_things(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    always = ["cartveil", "format", "kind", "privacy", "status", "vocabulary_digest", "weights", "weights_sha256"]
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
    weights = weights_of(tmp_path)
    weights.unlink() if damage is None else weights.write_bytes(damage)
    with pytest.raises(ModelError, match="weights"):
        load_model(tmp_path, kind="recommender")


def test_weights_of_another_model_are_refused(tmp_path):
    save_model(tmp_path / "one", STATE, {"kind": "recommender"})
    save_model(tmp_path / "two", {"weight": torch.zeros(2)}, {"kind": "recommender"})
    weights_of(tmp_path / "two").replace(weights_of(tmp_path / "one"))
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
    assert weights_of(tmp_path).stat().st_size < 4 * sum(w.numel() for w in model.parameters()) + 2000
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


OTHER = {"weight": torch.zeros(3)}


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "stands"), [("write_card", STATE), ("_remove_other_weights", OTHER)], ids=["before card", "after card"]
)
def test_a_writer_killed_between_two_steps_leaves_the_old_model_or_the_new_one(tmp_path, monkeypatch, step, stands):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    with monkeypatch.context() as patch:
        patch.setattr(cards, step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_model(tmp_path, OTHER, {"kind": "recommender"})
    assert set(load_model(tmp_path, kind="recommender")[0]) == set(stands)
    save_model(tmp_path, OTHER, {"kind": "recommender"})
    assert set(load_model(tmp_path, kind="recommender")[0]) == set(OTHER)
    assert len(list(tmp_path.iterdir())) == 2


def as_saved_before(folder):
    weights_of(folder).rename(folder / "weights.safetensors")
    card = json.loads((folder / "card.json").read_text())
    del card["weights"]
    (folder / "card.json").write_text(json.dumps(card))


def test_a_model_of_an_earlier_version_is_loaded_and_replaced(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    as_saved_before(tmp_path)
    state, card = load_model(tmp_path, kind="recommender")
    assert torch.equal(state["weight"], STATE["weight"])
    save_model(tmp_path, OTHER, card)  # what the old card said of its weights does not stick
    assert set(load_model(tmp_path, kind="recommender")[0]) == set(OTHER)
    assert not (tmp_path / "weights.safetensors").exists()


def test_a_reader_overtaken_by_a_writer_gets_the_new_model(tmp_path, monkeypatch):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    old = [read_card(tmp_path)]
    save_model(tmp_path, OTHER, {"kind": "recommender"})
    monkeypatch.setattr(cards, "read_card", lambda folder: old.pop() if old else read_card(folder))
    assert set(load_model(tmp_path, kind="recommender")[0]) == set(OTHER)


@pytest.mark.parametrize(
    ("there", "kind", "private"),
    [
        ({"kind": "forecaster"}, "recommender", False),
        ({"kind": "forecaster"}, "recommender", True),
        ({"kind": "recommender", "privacy": STATEMENT}, "recommender", False),
    ],
    ids=["another kind", "another kind, private", "a promise would be lost"],
)
def test_a_model_that_must_not_be_replaced_stays(tmp_path, there, kind, private):
    save_model(tmp_path, STATE, there)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ModelError, match="holds a") as caught:
        check_place(tmp_path, kind, private=private)
    assert caught.value.hint == "choose another --out"
    with pytest.raises(ModelError, match="holds a"):
        save_model(tmp_path, OTHER, {"kind": kind, "privacy": STATEMENT if private else None})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("text", ["", '{"a": "game"}', '{"format": 1, "kind": "recommender", "privacy": 5}'])
def test_a_card_that_cannot_be_read_is_not_written_over(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ModelError, match="holds something else") as caught:
        save_model(tmp_path, STATE, {"kind": "recommender"})
    assert caught.value.hint == "choose another --out"
    assert (tmp_path / "card.json").read_text() == text


def test_a_model_of_the_same_kind_may_be_replaced_by_a_private_one(tmp_path):
    check_place(tmp_path / "missing", "recommender", private=False)
    for privacy in (None, None, STATEMENT, STATEMENT):
        save_model(tmp_path, STATE, {"kind": "recommender", "privacy": privacy})
    assert read_card(tmp_path)["privacy"] == STATEMENT


@pytest.mark.parametrize(
    "damage",
    [
        {"privacy": 5},
        {"config": 3},
        {"config": None},
        {"data": None},
        {"attacks": "x"},
        {"shared_weights": 5},
        {"shared_weights": {"a": ["b"]}},
        {"weights": 5},
        {"weights": "../weights.safetensors"},
    ],
    ids=str,
)
def test_a_damaged_card_is_refused_with_its_path(tmp_path, damage):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    rewritten(tmp_path, **damage)
    with pytest.raises(ModelError, match="card is damaged") as caught:
        load_model(tmp_path, kind="recommender")
    assert str(tmp_path) in caught.value.path


def test_a_card_nested_without_end_is_refused(tmp_path):
    (tmp_path / "card.json").write_text('{"a":' * 100_000)
    with pytest.raises(ModelError, match="card cannot be read"):
        read_card(tmp_path)


@pytest.mark.parametrize("name", ["epsilon", "delta"])
@pytest.mark.parametrize("value", [None, float("inf"), float("nan"), "4", True], ids=str)
def test_a_promise_of_no_finite_number_is_refused(tmp_path, name, value):
    with pytest.raises(ModelError, match=f"`{name}` that is no finite number"):
        save_model(tmp_path / "model", STATE, {"kind": "recommender", "privacy": {**STATEMENT, name: value}})
    assert not (tmp_path / "model").exists()


def test_a_promise_that_is_no_statement_is_refused(tmp_path):
    with pytest.raises(ModelError):
        save_model(tmp_path, STATE, {"kind": "recommender", "privacy": 5})


@pytest.mark.parametrize("module", ["safetensors", "safetensors.torch", "torch"])
def test_without_the_extra_the_way_to_install_it_is_said(tmp_path, monkeypatch, module):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("safetensors.torch", "safetensors"):
        if name != module:
            monkeypatch.delitem(sys.modules, name)
    for use in (lambda: save_model(tmp_path, {}, {"kind": "recommender"}), lambda: load_model(tmp_path, kind="x")):
        with pytest.raises(MissingExtraError, match="extra `learn`") as caught:
            use()
        assert caught.value.hint == "pip install 'cartveil[learn]'"


def test_all_kinds_that_would_do_are_named():
    with pytest.raises(ModelError, match="is a `cat`, not a `dog` or a `cow`") as caught:
        require_kind({"kind": "cat"}, "dog", "cow", path="zoo")
    assert caught.value.hint == "name the folder of a `dog` or a `cow`"
    require_kind({"kind": "cow"}, "dog", "cow", path="zoo")
