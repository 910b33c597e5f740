"""The step of `protect_part` over a `ray.data.Dataset`. Needs the extra `cluster`.

Ray runs only where the caller lets it: `start_ray` starts it on this machine alone, with its usage reports off.
"""

import importlib.util
import os
from typing import TYPE_CHECKING

from cartveil.errors import ColumnError, MissingExtraError
from cartveil.faces.cluster.step import PartContext, counted_tokens, protect_part

if TYPE_CHECKING:
    from ray.data import Dataset


def start_ray(*, cpus: int) -> None:
    """Start Ray on this machine, without dashboard and without reports to its makers; nothing where it runs already.

    Args:
        cpus: Tasks at a time.

    Raises:
        MissingExtraError: The extra `cluster` is not installed.
    """
    _need_ray()
    # Ray reads it when it is imported.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    if not ray.is_initialized():
        ray.init(address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)


def over_ray(dataset: "Dataset", context: PartContext) -> "Dataset":
    """Return the dataset whose batches are protected when they are asked for.

    Args:
        dataset: Clear rows. Numbers and times have their types: Ray does not look at the whole before it starts.
        context: Schema and key; Ray carries both to its tasks.

    Raises:
        MissingExtraError: The extra `cluster` is not installed.
        ColumnError: A token column, whose frequencies no batch can judge.

    Guarantees:
        - Equal values get equal pseudonyms in every batch, and the same as from `protect_parts` with this key.
    """
    _need_ray()
    if counted := counted_tokens(context.schema):
        hint = "use `protect_parts`, which counts over all parts, or say `few_values = true`"
        path = f"{context.schema.name}.{counted[0]}"
        raise ColumnError("a batch does not show whether tokens have few values", path=path, hint=hint)
    return dataset.map_batches(protect_part, fn_args=(context,), batch_format="pyarrow", zero_copy_batch=True)


def _need_ray() -> None:
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("`over_ray` needs the extra `cluster` (ray)", hint="pip install 'cartveil[cluster]'")
