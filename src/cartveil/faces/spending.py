"""Private training against a vault's budget: reserve, train, settle. Here both wings meet over two numbers.

The budget is reserved before the first look at the data, and what is reserved is spent: a training that is killed, or
fails, may have shown somebody all of it. What the model's own account says in the end is written down beside it.
"""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import CartveilError, ColumnError, InputError
from cartveil.events.protected import ProtectedEvents
from cartveil.faces.assemble import open_vault, read_settings
from cartveil.guard.policy import Principal
from cartveil.insight.decisions.recommend.sequential import PrivateSequenceConfig, SequenceRecommender

#: What private training reads.
_COLUMNS = ("subject", "time", "item")


def require_trainable(release: ProtectedEvents) -> None:
    """Refuse a release whose columns cannot be trained on: its types tell that, without a look at the data.

    Raises:
        ColumnError: `subject` or `item` is missing or not text, or `time` is missing or no time.
    """
    for name in _COLUMNS:
        if name not in release.table.column_names:
            hint = f"give a column the role `{name}` in cartveil.toml, and export again"
            raise ColumnError(f"the release has no `{name}` column", path=name, hint=hint)
        kind = release.table.schema.field(name).type
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) if name == "time" else _is_text(kind)):
            wanted = "a time" if name == "time" else "text"
            raise ColumnError(f"must be {wanted}, not {kind}", path=name, hint="export the release again")


def consumers_of(release: ProtectedEvents) -> int:
    """Return how many consumers a release holds, which every statement takes for public."""
    return int(pc.count_distinct(release.table["subject"]).as_py())


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def charged(
    folder: Path,
    who: tuple[str, str],
    release: ProtectedEvents,
    config: PrivateSequenceConfig,
    learn: Callable[[], SequenceRecommender],
    *,
    passphrase: Path | None = None,
) -> SequenceRecommender:
    """Spend a part of the budget, train, and say in the ledger what the training used of it.

    Args:
        folder: The vault.
        who: Name and role of who spends.
        release: What is trained on; it says which table it was made from, and what for.
        config: The promise.
        learn: Trains.
        passphrase: File that holds the passphrase.

    Raises:
        RefusedError: Policy says no, or not enough is left; nothing was trained then.
        InputError: The release does not say where it comes from.
        CartveilError: Training failed; the hint names the reservation, which stays spent.
    """
    if missing := [name for name in ("schema", "purpose") if not release.release.get(name)]:
        raise InputError(f"the release names no {missing[0]}", hint="export it again with this version of Cartveil")
    actor, settings = Principal(*who, {}), read_settings(passphrase_file=passphrase)
    dataset, purpose = release.release["schema"], release.release["purpose"]
    with open_vault(folder, settings) as vault:
        line = vault.reserve_budget(actor, dataset, purpose=purpose, epsilon=config.epsilon, delta=config.delta)
    try:
        recommender = learn()
        used = recommender.card["privacy"]
        with open_vault(folder, settings) as vault:
            vault.settle_budget(actor, line.id, epsilon=used["epsilon"], delta=used["delta"])
    except CartveilError as error:
        stays = f"reservation `{line.id}` stays spent unless a privacy officer frees it by `cartveil budget release`"
        error.hint = f"{error.hint}; {stays}"
        raise
    return recommender
