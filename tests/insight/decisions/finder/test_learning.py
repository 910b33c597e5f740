from dataclasses import replace

import numpy as np
import pytest

from cartveil.errors import ModelError
from cartveil.insight.decisions.finder.alphabet import learn_alphabet
from cartveil.insight.decisions.finder.examples import Example, Labelled
from cartveil.insight.decisions.finder.learning import pieces_of, tagged_of, train_tagger
from cartveil.insight.decisions.finder.tagger import AFTER, BEFORE, CHARACTER

from .conftest import PLAIN, made


def test_too_few_texts_or_no_label_is_refused(small):
    with pytest.raises(ModelError, match="too few"):
        train_tagger(made(5), config=small)
    with pytest.raises(ModelError):
        train_tagger([Example(text) for text in PLAIN * 10], config=small)


def test_training_says_beforehand_how_long_it_takes(small):
    told = []
    short = replace(small, training=replace(small.training, epochs=1))
    train_tagger(made(40), config=short, on_progress=told.append)
    assert told[0].startswith("training takes at most about")


def test_the_same_seed_gives_the_same_tagger(small):
    short = replace(small, training=replace(small.training, epochs=2))
    texts = [example.text for example in made(20, seed=5)]
    first, second = (train_tagger(made(60), config=short).tag(texts) for _ in range(2))
    assert first == second


def test_several_networks_are_asked_together_and_differ(small):
    short = replace(small, networks=2, training=replace(small.training, epochs=1))
    tagger = train_tagger(made(60), config=short)
    one, other = (model.head.weight.detach().numpy() for model in tagger.models)
    assert not np.allclose(one, other)


def test_a_long_example_is_learnt_in_pieces_without_a_cut_through_a_place():
    example = Example("一二三四五六七八", (Labelled(3, 6, "name"),))
    found = pieces_of(example, 5)
    assert [piece.text for piece in found] == ["一二三四五六", "七八"]
    assert found[0].spans == (Labelled(3, 6, "name"),)


def test_training_forgets_characters_and_pairs_and_judging_does_not(small):
    examples = made(30)
    alphabet = learn_alphabet(example.text for example in examples)
    lessons = tagged_of(examples, alphabet, ("name",), replace(small, forgotten=1.0, unpaired=1.0))
    chosen = np.arange(5)
    clear, blurred = lessons.lesson(chosen), lessons.lesson(chosen, np.random.default_rng(0))
    real = clear.batch.mask
    assert (blurred.batch.categorical[CHARACTER][real] <= small.spare).all()
    assert not blurred.batch.categorical[BEFORE].any()
    assert clear.batch.categorical[AFTER].any()
    assert (clear.batch.categorical[CHARACTER][real] > small.spare).any()


def test_reading_ahead_starts_every_network_from_what_it_learnt(small):
    config = replace(small, read_epochs=1, training=replace(small.training, epochs=1, learning_rate=1e-9))
    epochs = []
    tagger = train_tagger(made(60), config=config, unlabelled=["新词新字"] * 5, on_epoch=epochs.append)
    assert "词" in tagger.alphabet.characters
    assert len(epochs) == 2
