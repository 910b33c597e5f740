from dataclasses import replace

import numpy as np

from cartveil.insight.decisions.finder.alphabet import learn_alphabet
from cartveil.insight.decisions.finder.pretraining import read_ahead
from cartveil.insight.decisions.finder.tagger import encoder_of


def last_loss(texts, small):
    """Return the loss per character after the last pass over these texts."""
    config = replace(small, read_epochs=6, dropout=0.0)
    alphabet, epochs = learn_alphabet(texts), []
    read_ahead(texts, encoder_of(config, alphabet), alphabet, config=config, on_epoch=epochs.append)
    return epochs[-1].loss


def test_what_follows_a_rule_is_expected(small):
    assert last_loss(["甲乙丙丁" * 5] * 60, small) < 0.75 * np.log(4)


def test_neither_direction_is_shown_what_it_is_asked_for(small):
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(list("甲乙丙丁"), 20)) for _ in range(60)]
    # Nobody can guess one of four that are drawn by chance better than this; a pair or a word would tell it.
    assert last_loss(texts, small) > 0.85 * np.log(4)
