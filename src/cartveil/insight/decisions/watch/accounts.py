"""Whether an account's owner is at work: the judge of consumers' events, and the simple ways that it must beat.

No takeover is needed to learn from. The judge sees clean accounts into which sessions of other clean accounts were
moved, and learns which events came from elsewhere.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.detector import seconds_at
from cartveil.insight.decisions.watch.second_stage.corruptions import Corruption, swap_actors
from cartveil.insight.decisions.watch.second_stage.judge import Judge, JudgeConfig
from cartveil.insight.decisions.watch.second_stage.learning import train_judge
from cartveil.insight.sequences.consumer_trail import consumer_stream
from cartveil.insight.sequences.streams import seconds_of
from cartveil.insight.training.loop import Epoch, TrainingConfig

#: Days for which a device or network still counts as new to an account, and visits from which an account has a past.
_NEW_DAYS, _FEWEST_VISITS = 14, 3
#: From here on a purchase is large: natural logarithm of how many times the account's mean it is.
_LARGE = 1.0

#: Clean events for which one round of corruptions is enough, and how many rounds a small log gets at most.
_USUAL_ROWS, _MOST_ROUNDS = 1_000_000, 4

#: A stranger's sessions on an account: on a device of its own, entered by the front door. Half of them are drawn the
#: more often the more was spent in them.
ACCOUNT_CORRUPTIONS: tuple[Corruption, ...] = tuple(
    partial(
        swap_actors,
        actor="consumer",
        renamed=("device",),
        entry=("action", "login"),
        valued=valued,
        most=5,
        share=0.02,
    )
    for valued in (None, "amount")
)


def account_config(rows: int, *, seed: int = 0) -> JudgeConfig:
    """Return how a judge of accounts is trained by default.

    A small shop's log is corrupted more often and read in smaller steps, so that a judge makes about as many of them
    there as on a million events.

    Args:
        rows: Clean events to learn from.
        seed: Of the corruptions and the training.
    """
    rounds = min(max(round(_USUAL_ROWS / max(rows, 1)), 1), _MOST_ROUNDS)
    copies = rounds * len(ACCOUNT_CORRUPTIONS)
    clean = min(max(0.3 * _USUAL_ROWS / max(copies * rows, 1), 0.3), 1.0)
    steps = copies * clean * rows / 200
    events = 1 << min(max(int(steps).bit_length() - 1, 8), 12)  # a power of two from 256 to 4096
    training = TrainingConfig(epochs=4 if rounds <= 2 else 6, learning_rate=4e-3, patience=2, seed=seed)
    return JudgeConfig(rounds=rounds, clean=clean, events=events, training=training)


def train_account_judge(
    events: pa.Table,
    *,
    until: datetime,
    config: JudgeConfig | None = None,
    corruptions: Sequence[Corruption] = ACCOUNT_CORRUPTIONS,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Judge:
    """Learn from consumers' events before `until` what a stranger on an account looks like.

    Args:
        events: See `consumer_stream`; what happens from `until` on is not looked at.
        until: End of the training period, which should be clean.
        config: See `JudgeConfig`; default: `account_config`.
        corruptions: What the judge learns to tell from clean events.
        on_epoch: Called after every epoch.
        on_progress: Told before training begins how long it will take.

    Returns:
        A judge of `consumer_stream(events)[0]`, the accounts' past included.

    Raises:
        ModelError: The period holds too few sessions to move one to another account.
        ColumnError: A column is missing.
    """
    clean = events.filter(events["time"].is_valid())
    clean = clean.filter(pa.array(seconds_of(clean["time"]) < seconds_at(until)))
    if clean.num_rows < 2:
        raise ModelError("no events before `until` to learn from", hint="choose a later `until`")
    return train_judge(
        clean,
        derive=consumer_stream,
        corruptions=corruptions,
        config=config or account_config(clean.num_rows),
        on_epoch=on_epoch,
        on_progress=on_progress,
    )


def place_rarity(stream: pa.Table) -> NDArray[np.float64]:
    """Return how small a share of the account's visits hangs together with this device and network, in nats, (rows,).

    The simplest baseline that works: counts, and nothing learnt.

    Args:
        stream: As `consumer_stream` returns it.
    """
    return _numbers(stream, "chain_rarity")


def account_rules(stream: pa.Table) -> NDArray[np.float64]:
    """Return points of a rule with aims: a new place, and something done there that is worth the trouble, (rows,).

    Args:
        stream: As `consumer_stream` returns it.
    """
    # NaN is a chain that was never seen before.
    new = ~(_numbers(stream, "chain_days") >= _NEW_DAYS) & (_numbers(stream, "account_visits") >= _FEWEST_VISITS)
    aims = (
        _numbers(stream, "changes_in_visit") > 0,
        _numbers(stream, "takes_in_visit") > 1,
        _numbers(stream, "amount_against_own") > _LARGE,
        _numbers(stream, "denied_1_days") > 0,
    )
    # The part of a point orders equal ones, so that a threshold can be set between them.
    return np.asarray(new * (1.0 + np.sum(aims, axis=0)) + 0.01 * place_rarity(stream))


def _numbers(stream: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(stream[name].to_numpy(zero_copy_only=False), dtype=np.float64)
