"""The event log: what was done to consumers' data, as sampler and noise wrote it down while they worked.

An account is not what somebody meant to do, but what was done. Nobody else writes it, and nothing is ever removed. It
guards against mistakes, not against code of the same process that means to lie.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from cartveil.errors import IntegrityError, ModelError
from cartveil.insight.privacy.account_file import AccountFile
from cartveil.insight.privacy.entries import Draw, Entry, Noise, Threshold

__all__ = ["EventLog", "Step"]

#: What a noisy sum over a drawn batch is for; everything else is over everybody.
TRAINING = "training"


@dataclass(frozen=True)
class Step:
    """One noisy sum that was given out.

    Args:
        what: What for.
        rate: The probability with which each consumer was in the batch; 1 without a draw.
        multiplier: Standard deviation of the noise over the bound.
        bound: The most by which one consumer moves the sum.
        count: Consumers who could be drawn; 0 where nobody was drawn.
        secret: Whether batch and noise were drawn from secret randomness.
        failure: Probability of a threshold's failure, instead of a noisy sum.
    """

    what: str
    rate: float = 1.0
    multiplier: float = math.inf
    bound: float = 0.0
    count: int = 0
    secret: bool = True
    failure: float = 0.0


class EventLog:
    """What was done to consumers' data, in order; written by sampler and noise, read by everybody.

    Args:
        path: File to which each step is written before its noisy sum is given out, so that an account outlives a kill;
            what stands there already is continued. None keeps the account in memory.

    Raises:
        IntegrityError: The file is no account.
        StorageError: The disk refused, or another log holds the file.

    Guarantees:
        - No step is ever removed or changed.
        - A batch that was drawn needs its noise before the next is drawn: no batch is skipped, empty ones neither.
        - Noise without a draw counts as noise over everybody, the costliest reading.
        - A draw amplifies one noise alone, and only of training.
        - A file belongs to one log at a time, until that is closed or nobody refers to it any more; so says `flock`,
          which Windows lacks.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file: AccountFile | None = None
        self._open: Draw | None = None
        self._steps: list[Step] = []
        if path is not None:
            self._file = AccountFile(path)
            self._steps = _read(self._file, path)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return every step so far."""
        return tuple(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def append(self, entry: Entry) -> None:
        """Write one entry; for sampler and noise alone.

        Raises:
            ModelError: A batch was drawn although the last one got no noise.
            StorageError: The disk refused, or the log was closed; the caller must not give out its sum.
        """
        if isinstance(entry, Draw):
            if self._open is not None:
                hint = "add noise to every batch that is drawn; an empty one is a step too"
                raise ModelError("the last batch was drawn and got no noise", hint=hint)
            self._open = entry
            return
        if self._open is not None and entry.what != TRAINING:
            hint = "make vocabulary and counts before the first batch is drawn, or between two steps"
            raise ModelError("a batch was drawn and waits for its noise", hint=hint)
        step = _step(entry, self._open)
        if self._file is not None:
            self._file.append(json.dumps(_plain(step)))
        self._steps.append(step)
        if isinstance(entry, Noise):
            self._open = None

    def close(self) -> None:
        """Let go of the file, so that another log may open it; what was done can still be read here."""
        if self._file is not None:
            self._file.close()

    def as_list(self) -> list[dict[str, Any]]:
        """Return all steps as JSON values, equal ones that follow each other as one with its `times`."""
        return [{**_plain(step), "times": len(list(equal))} for step, equal in groupby(self._steps)]

    @classmethod
    def restored(cls, lines: Iterable[Mapping[str, Any]]) -> "EventLog":
        """Return an account that continues what `as_list` gave.

        Raises:
            IntegrityError: That is no account.
        """
        log = cls()
        try:
            for line in lines:
                log._steps += [_parsed(line)] * int(line.get("times", 1))
        except (TypeError, ValueError, KeyError, AttributeError):
            raise IntegrityError("is no account of privacy") from None
        return log


def _step(entry: Noise | Threshold, draw: Draw | None) -> Step:
    if isinstance(entry, Threshold):
        return Step(entry.what, failure=entry.delta)
    if draw is None:
        return Step(entry.what, 1.0, entry.multiplier, entry.bound, secret=entry.secret)
    secret = entry.secret and draw.secret
    return Step(entry.what, draw.rate, entry.multiplier, entry.bound, draw.count, secret)


def _plain(step: Step) -> dict[str, Any]:
    """Return a step as JSON values: what stands at its default is left out."""
    return {each.name: getattr(step, each.name) for each in fields(step) if getattr(step, each.name) != each.default}


def _parsed(line: Mapping[str, Any]) -> Step:
    step = Step(**{key: value for key, value in line.items() if key != "times"})
    good = int(line.get("times", 1)) > 0 and 0 < step.rate <= 1 and step.multiplier > 0 and 0 <= step.failure < 1
    if not good or (step.failure == 0) == math.isinf(step.multiplier):
        raise ValueError
    return step


def _read(file: AccountFile, path: Path) -> list[Step]:
    try:
        return [_parsed(json.loads(line)) for line in file.lines()]
    except (ValueError, TypeError, AttributeError):
        file.close()
        raise IntegrityError("is no account of privacy", path=str(path)) from None
