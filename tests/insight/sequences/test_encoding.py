import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.sequences import Vocabulary, learn_vocabulary
from cartveil.insight.sequences.encoding import Encoding, EncodingConfig, learn_encoding
from cartveil.insight.sequences.scaling import Scale
from cartveil.insight.sequences.windows import sliding, whole_sequences
from journeys import rows, stored, table


@settings(max_examples=25, deadline=None)
@given(rows, st.data())
def test_events_outside_the_training_windows_teach_nothing(found, data):
    kept = data.draw(st.sets(st.sampled_from(sorted({row[0] for row in found})), min_size=1))
    changed = [row if row[0] in kept else (row[0], row[1], "secret", "hidden", 7e5) for row in found]
    with stored(table(found)) as store, stored(table(changed)) as other:
        learnt = [learn_encoding(of, whole_sequences(of).of(of.numbers_of(kept))) for of in (store, other)]
        assert learnt[0] == learnt[1]


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(1, 3), st.integers(1, 3))
def test_a_vocabulary_of_all_windows_is_that_of_the_column(found, at_most, at_least):
    with stored(table(found)) as store:
        config = EncodingConfig(at_most=at_most, at_least=at_least)
        encoding = learn_encoding(store, whole_sequences(store), config=config)
        for name, vocabulary in encoding.vocabularies:
            assert vocabulary == learn_vocabulary(table(found)[name], at_most=at_most, at_least=at_least)


@settings(max_examples=25, deadline=None)
@given(rows)
def test_an_event_in_several_windows_counts_once(found):
    with stored(table(found)) as store:
        whole = whole_sequences(store)
        assert learn_encoding(store, sliding(whole, length=4, step=1)) == learn_encoding(store, whole)


def test_scales_are_medians_and_quartiles_of_the_training_windows():
    found = [("a", when, "x", "y", float(amount)) for when, amount in enumerate((1, 2, 3, 4, 1000))]
    with stored(table(found)) as store:
        scales = dict(learn_encoding(store, whole_sequences(store)).scales)
        assert list(scales) == ["gap", "amount"]
        assert scales["amount"] == Scale(3, 2)
        assert scales["gap"].centre == pytest.approx(np.log(2))
        assert list(dict(learn_encoding(store, whole_sequences(store), config=EncodingConfig(gap=False)).scales)) == [
            "amount"
        ]


def test_a_public_vocabulary_is_taken_as_it_is():
    public = Vocabulary(("never-sold", "x"))
    with stored(table([("a", 1, "x", "y", 1.0)])) as store:
        encoding = learn_encoding(store, whole_sequences(store), public={"item": public})
        assert encoding.vocabularies == (("item", public), ("shop", Vocabulary(("y",))))
        assert encoding.counted == ("shop", "gap", "amount")


def test_an_encoding_knows_what_was_counted_what_was_paid_for_and_what_is_public():
    words, scale = Vocabulary(("x",)), Scale(0, 1)
    with stored(table([("a", 1, "x", "y", 1.0)])) as store:
        given = {"public": {"item": words, "gap": scale}, "paid": {"shop": words}}
        encoding = learn_encoding(store, whole_sequences(store), **given)
    assert dict(encoding.origins) == {"item": "public", "gap": "public", "shop": "paid"}
    assert encoding.counted == ("amount",)
    assert dict(encoding.scales)["gap"] == scale


def test_what_is_not_said_to_be_public_counts_as_counted():
    assert Encoding((("item", Vocabulary(("x",))),), (("gap", Scale(0, 1)),)).counted == ("item", "gap")


@pytest.mark.parametrize("given", [{"public": {"brand": Vocabulary(("x",))}}, {"public": {"item": Scale(0, 1)}}])
def test_what_is_given_for_nothing_is_refused(given):
    with stored(table([("a", 1, "x", "y", 1.0)])) as store, pytest.raises(InputError, match="is no field with a voc"):
        learn_encoding(store, whole_sequences(store), **given)


@pytest.mark.parametrize(
    ("origins", "message"),
    [((("item", "guessed"),), "item: no such origin"), ((("brand", "public"),), "brand: an origin of nothing")],
)
def test_an_origin_must_be_one_and_of_something(origins, message):
    with pytest.raises(InputError, match=message):
        Encoding((("item", Vocabulary(("x",))),), origins=origins)


def test_an_encoding_comes_back_from_json():
    encoding = Encoding((("item", Vocabulary(("墨", "pen"))),), (("gap", Scale(0.1, 2.5)),), (("gap", "public"),))
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    assert again.counted == ("item",)
    without = {name: each for name, each in encoding.to_json().items() if name != "origins"}  # as it once was
    assert Encoding.from_json(without).counted == ("item", "gap")
    assert Encoding.from_json(without).digest() == encoding.digest()
    assert again.digest() == encoding.digest() != Encoding(encoding.vocabularies).digest()
