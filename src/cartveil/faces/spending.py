"""Private training against a vault's budget: reserve, train, settle. Here both wings meet over two numbers.

The budget is reserved before the first look at the data, and what is reserved is spent: a training that is killed, or
fails, may have shown somebody all of it. What the model's own account says in the end is written down beside it.
"""

from collections.abc import Callable
from pathlib import Path

from cartveil.errors import InputError
from cartveil.events.protected import ProtectedEvents
from cartveil.faces.assemble import open_vault, read_settings
from cartveil.guard.policy import Principal
from cartveil.insight.decisions.recommend.sequential import PrivateSequenceConfig, SequenceRecommender


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
    """
    if missing := [name for name in ("schema", "purpose") if not release.release.get(name)]:
        raise InputError(f"the release names no {missing[0]}", hint="export it again with this version of Cartveil")
    actor, settings = Principal(*who, {}), read_settings(passphrase_file=passphrase)
    dataset, purpose = release.release["schema"], release.release["purpose"]
    with open_vault(folder, settings) as vault:
        line = vault.reserve_budget(actor, dataset, purpose=purpose, epsilon=config.epsilon, delta=config.delta)
    recommender = learn()
    used = recommender.card["privacy"]
    with open_vault(folder, settings) as vault:
        vault.settle_budget(actor, line.id, epsilon=used["epsilon"], delta=used["delta"])
    return recommender
