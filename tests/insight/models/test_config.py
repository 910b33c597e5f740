import json

import pytest

from cartveil.errors import ModelError
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.fields import FieldsConfig
from cartveil.insight.models.next_item import NextItemConfig
from cartveil.insight.models.quantiles import QuantileConfig
from cartveil.insight.models.risk import RiskConfig
from cartveil.insight.models.tags import TagsConfig

ENCODER = EncoderConfig(categorical=(("item", 9), ("shop", 3)), numeric=2, layers=2, layer_norm=True)
CONFIGS = [
    ENCODER,
    NextItemConfig(ENCODER, 9, bias=False),
    FieldsConfig(ENCODER, ENCODER.categorical),
    QuantileConfig(ENCODER, (0.1, 0.9), 3),
    RiskConfig(ENCODER, prior=0.01),
    TagsConfig(EncoderConfig(numeric=1, bidirectional=True), 3, forbidden=((0, 2),), never_first=(2,)),
]


def through_json(config):
    return json.loads(json.dumps(written_config(config)))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_every_config_comes_back_as_it_was(config):
    assert read_config(type(config), through_json(config), path="m") == config


def test_a_card_from_before_an_option_is_read_with_its_default():
    written = through_json(ENCODER)
    del written["residual"]
    assert read_config(EncoderConfig, written, path="m") == ENCODER


def test_an_option_of_another_version_is_refused_by_name():
    written = through_json(NextItemConfig(ENCODER, 9))
    written["encoder"]["attention"] = 8
    with pytest.raises(ModelError, match="m: config has `attention`, which this version does not know"):
        read_config(NextItemConfig, written, path="m")


@pytest.mark.parametrize("written", [None, [], "x", {"items": 3}, {"encoder": None, "items": 3}])
def test_what_is_no_config_is_refused(written):
    with pytest.raises(ModelError, match="config"):
        read_config(NextItemConfig, written, path="m")


def test_a_config_that_makes_no_sense_is_refused_as_in_the_program():
    with pytest.raises(ModelError, match="`9` layers are not 1 to 4"):
        read_config(EncoderConfig, {**through_json(ENCODER), "layers": 9}, path="m")
