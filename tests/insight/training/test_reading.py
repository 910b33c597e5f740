import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.sequences.batches import BatchPlan, BatchReader
from cartveil.insight.sequences.encoding import learn_encoding
from cartveil.insight.sequences.scaling import Scale
from cartveil.insight.sequences.store import SequenceStore
from cartveil.insight.sequences.vocabulary import public_vocabulary
from cartveil.insight.sequences.windows import sliding, whole_sequences
from cartveil.insight.training.lessons import losses_of, mean_loss
from cartveil.insight.training.loop import TrainingConfig, fit
from cartveil.insight.training.private import PrivateConfig, train_private
from cartveil.insight.training.reading import Lessons
from journeys import rows, stored, table


def lessons_of(store: SequenceStore, size: int = 4) -> Lessons:
    windows = whole_sequences(store)
    reader = BatchReader(store, learn_encoding(store, windows))
    return Lessons(reader, sliding(windows, length=4, step=2), BatchPlan(size=size))


def model_of(lessons: Lessons) -> NextItem:
    encoding = lessons.reader.encoding
    fields = tuple((name, vocabulary.size) for name, vocabulary in encoding.vocabularies)
    torch.manual_seed(0)
    shape = EncoderConfig(categorical=fields, numeric=len(encoding.scales), embedding=4, hidden=6)
    return NextItem(NextItemConfig(shape, fields[0][1], field=fields[0][0]))


@settings(max_examples=15, deadline=None)
@given(rows, st.integers(1, 5))
def test_an_epoch_holds_every_target_once(found, size):
    with stored(table(found)) as store:
        lessons = lessons_of(store, size)
        batches = list(lessons.batches(np.random.default_rng(0)))
        whole = lessons.reader.batch(lessons.windows)
        assert len(batches) == lessons.steps
        assert sum(float(each.weights.sum()) for each in batches) == whole["weights"].sum()


@settings(max_examples=15, deadline=None)
@given(rows)
def test_the_rows_of_private_training_are_the_windows_of_their_consumers(found):
    with stored(table(found)) as store:
        lessons = lessons_of(store)
        if not lessons.steps:
            return
        examples = lessons.examples(counted=True)
        part = examples.part(np.arange(len(examples.owners)))
        sums = part.weights.sum(1)
        assert ((sums - 1).abs() < 1e-6).logical_or(sums == 0).all()
        assert np.array_equal(part.lengths, examples.lengths)
        assert set(examples.owners) <= set(lessons.windows.consumer)


@pytest.fixture
def shop():
    generator = np.random.default_rng(1)
    found = [
        (f"c{consumer}", int(at), f"i{(first + at) % 5}", "s", 1.0)
        for consumer in range(30)
        for first in [generator.integers(5)]
        for at in range(7)
    ]
    with stored(table(found)) as store:
        yield store


def test_a_store_trains_a_model(shop):
    lessons = lessons_of(shop, 16)
    model = model_of(lessons)
    before, config = lessons.score(model.eval()), TrainingConfig(epochs=6, learning_rate=0.03)
    fit(model, mean_loss, batches=lessons.batches, steps=lessons.steps, validate=lessons.score, config=config)
    assert lessons.score(model) > 0.7 * before


def test_a_fingerprint_tells_stores_encodings_windows_and_plans_apart(shop):
    lessons = lessons_of(shop)
    public = learn_encoding(shop, lessons.windows, public={"amount": Scale(5, 5)})
    others = [
        lessons_of(shop, size=5),
        Lessons(lessons.reader, lessons.windows.take(np.arange(len(lessons.windows) - 1)), lessons.plan),
        Lessons(BatchReader(shop, public), lessons.windows, lessons.plan),
    ]
    with stored(table([(f"c{who}", at, f"i{at % 5}", "s", 1.0) for who in range(30) for at in range(7)])) as another:
        known = {each.fingerprint() for each in (lessons, lessons_of(another), *others)}
    assert len(known) == 5
    assert lessons_of(SequenceStore.open(shop.folder)).fingerprint() == lessons.fingerprint()


def test_a_checkpoint_made_from_one_store_is_refused_for_another_of_the_same_shape(shop, tmp_path):
    file, config = tmp_path / "training.safetensors", TrainingConfig(epochs=1)

    def train(lessons: Lessons) -> None:
        model = model_of(lessons)
        given = {"batches": lessons.batches, "steps": lessons.steps, "validate": lessons.score}
        fit(model, mean_loss, config=config, checkpoint=file, **given)

    train(lessons_of(shop))
    turned = [(f"c{who}", at, f"i{(4 * at + who) % 5}", "s", 1.0) for who in range(30) for at in range(7)]
    with stored(table(turned)) as other, pytest.raises(ModelError, match="made from other data"):
        train(lessons_of(other))
    train(lessons_of(shop))


def test_the_rows_of_private_training_know_their_store(shop):
    lessons = lessons_of(shop)
    assert lessons.examples(counted=True).fingerprint() == lessons.fingerprint()


def test_the_score_is_minus_the_mean_loss_of_all_targets(shop):
    lessons = lessons_of(shop, 7)
    model = model_of(lessons).eval()
    whole = lessons.lesson(lessons.reader.batch(lessons.windows))
    assert lessons.score(model) == pytest.approx(-float(mean_loss(model, whole).detach()), rel=1e-5)


PUBLIC = {
    "item": public_vocabulary([f"i{number}" for number in range(5)]),
    "shop": public_vocabulary(["s"]),
    "gap": Scale(1, 1),
    "amount": Scale(1, 1),
}


def public_lessons(store: SequenceStore, known: dict[str, object], **options: object) -> Lessons:
    windows = whole_sequences(store)
    return Lessons(BatchReader(store, learn_encoding(store, windows, public=known, **options)), windows)


@pytest.mark.parametrize("counted", sorted(PUBLIC))
def test_a_vocabulary_or_scale_that_was_merely_counted_is_refused_for_private_training(shop, counted):
    lessons = public_lessons(shop, {name: each for name, each in PUBLIC.items() if name != counted})
    with pytest.raises(ModelError, match=f"`{counted}` was encoded by looking at the data"):
        lessons.examples()
    assert lessons.examples(counted=True).consumers == 30
    assert public_lessons(shop, PUBLIC).examples().consumers == 30


def test_a_vocabulary_that_was_paid_for_is_taken(shop):
    known = {name: each for name, each in PUBLIC.items() if name != "item"}
    assert public_lessons(shop, known, paid={"item": PUBLIC["item"]}).examples().consumers == 30


def test_a_store_trains_a_model_privately(shop):
    lessons = public_lessons(shop, PUBLIC)
    wish = PrivateConfig(epsilon=4.0, delta=1e-4, batch=10)
    done = train_private(
        model_of(lessons), losses_of, examples=lessons.examples(), privacy=wish, config=TrainingConfig(epochs=1)
    )
    assert (done.statement.steps, done.statement.rate) == (3, pytest.approx(1 / 3))
    assert done.statement.epsilon <= 4.0
