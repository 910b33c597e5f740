from dataclasses import replace

import numpy as np

from cartveil.insight.decisions.forecast.statics import forgotten, ids_of, vocabularies_of
from cartveil.insight.models.encoder import UNKNOWN
from parts import monthly


def test_what_training_did_not_see_is_unknown():
    seen = replace(monthly(np.ones((3, 4))), categories=("b", "a", ""))
    vocabularies = vocabularies_of(seen, identify=True)
    assert [(each.field, each.size) for each in vocabularies] == [("category", 4), ("item", 5)]
    later = replace(monthly(np.ones((4, 4))), categories=("a", "b", "c", ""))
    found = ids_of(later, vocabularies)
    assert found["category"].tolist() == [2, 3, UNKNOWN, UNKNOWN]
    assert found["item"].tolist() == [2, 3, 4, UNKNOWN]
    assert set(ids_of(monthly(np.ones((4, 4))), vocabularies)["category"]) == {UNKNOWN}


def test_without_categories_nothing_is_embedded_unless_asked():
    assert vocabularies_of(monthly(np.ones((3, 4))), identify=False) == ()


def test_some_items_are_forgotten_and_the_rest_are_kept():
    ids = {"item": np.arange(2, 1002)}
    found = forgotten(ids, np.random.default_rng(0))["item"]
    gone = found == UNKNOWN
    assert 100 < gone.sum() < 300
    np.testing.assert_array_equal(found[~gone], ids["item"][~gone])
