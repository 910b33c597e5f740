"""One small tagger that several files of tests ask."""

import random

import pytest

from cartveil.insight.decisions.finder.examples import Example, Labelled
from cartveil.insight.decisions.finder.learning import train_tagger
from cartveil.insight.decisions.finder.tagger import TaggerConfig
from cartveil.insight.training.loop import TrainingConfig

SURNAMES, GIVEN = "张王李赵陈", ("伟", "芳", "小红", "建国", "丽")
FRAMES = ("收件人：{}，请送到门口", "{}的快递到了", "今天{}来过", "电话找{}，谢谢", "麻烦转交{}")
PLAIN = ("东西不错，下次再来", "颜色有点深，尺寸合适", "发货很快，包装完整", "价格便宜", "晚了三天")


def made(count, seed=0):
    """Return sentences, three of four with a name."""
    draw = random.Random(seed)
    examples = []
    for _ in range(count):
        if draw.random() < 0.25:
            examples.append(Example(draw.choice(PLAIN)))
            continue
        name, frame = draw.choice(SURNAMES) + draw.choice(GIVEN), draw.choice(FRAMES)
        begin = frame.index("{")
        examples.append(Example(frame.replace("{}", name), (Labelled(begin, begin + len(name), "name"),)))
    return examples


@pytest.fixture(scope="session")
def small():
    """Return how a very small tagger is trained."""
    training = TrainingConfig(epochs=12, learning_rate=1e-2, patience=12, clip_norm=5.0)
    return TaggerConfig(embedding=16, hidden=24, pairs=512, dropout=0.1, batch=16, training=training)


@pytest.fixture(scope="session")
def tagger(small):
    """Return one that has learnt to find names."""
    return train_tagger(made(160), config=small)
