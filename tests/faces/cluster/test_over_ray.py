"""Ray Data gives the parts the same step, on this machine alone."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, MissingExtraError
from cartveil.events.kinds import Method, Step
from cartveil.faces.cluster import PartContext, over_ray, protect_part, start_ray


@pytest.fixture
def ray() -> Iterator[None]:
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Ray: .ci/run installs the extra `cluster`")
        pytest.skip("Ray is not installed: pip install 'cartveil[cluster]'")
    start_ray(cpus=1)
    import ray

    yield
    ray.shutdown()


@pytest.fixture
def aloud(context: PartContext) -> PartContext:
    """Return the context whose tokens may show their frequencies."""
    few = Step(Method.TOKEN, (("few_values", True),))
    columns = [replace(c, release=few) if c.release.method is Method.TOKEN else c for c in context.schema.columns]
    return replace(context, schema=replace(context.schema, columns=tuple(columns)))


def test_tokens_that_nobody_counted_are_refused(context: PartContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(ColumnError, match="a batch does not show"):
        over_ray(object(), context)  # type: ignore[arg-type]


def test_without_ray_the_extra_is_named(aloud: PartContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        over_ray(object(), aloud)  # type: ignore[arg-type]
    assert error.value.hint == "pip install 'cartveil[cluster]'"


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_batches_come_out_as_the_whole_does(whole: pa.Table, aloud: PartContext) -> None:
    from ray.data import from_arrow

    blocks = [whole.slice(0, 1000), whole.slice(1000, 700), whole.slice(1700)]
    done = over_ray(from_arrow(blocks), aloud)
    seen = pa.concat_tables(list(done.iter_batches(batch_format="pyarrow", batch_size=None)))
    expected = protect_part(whole, aloud).combine_chunks()
    # Blocks may come back in another order; waybills are unlike, so their tokens put the rows back.
    order = [("waybill", "ascending")]
    assert seen.cast(expected.schema).sort_by(order).equals(expected.sort_by(order))
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
