"""From a store of sequences to what is learnt from: batches for plain training, owned rows for private training."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.sequences.batches import BatchPlan, BatchReader, SequenceBatch, batch_rows
from cartveil.insight.sequences.windows import Windows
from cartveil.insight.training.devices import device_of
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of


@dataclass(frozen=True)
class Lessons:
    """Windows of a store, to guess each next event of.

    Args:
        reader: The store as an encoding shows it.
        windows: What to learn from.
        plan: How windows are put together in plain training.
    """

    reader: BatchReader
    windows: Windows
    plan: BatchPlan = field(default_factory=BatchPlan)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        return sum(1 for _ in batch_rows(self.windows, plan=self.plan, random=None))

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield every window with a target once, in a fresh order."""
        for arrays in self.reader.batches(self.windows, plan=self.plan, random=generator):
            yield self.lesson(arrays)

    def score(self, model: NextItem) -> float:
        """Return minus the mean cross-entropy of all targets: what `fit` can validate by."""
        device, total, count = device_of(model), 0.0, 0.0
        for arrays in self.reader.batches(self.windows, plan=self.plan):
            lesson = self.lesson(arrays).to(device)
            with torch.no_grad():
                total += float(losses_of(model, lesson).sum())
            count += float(lesson.weights.sum())
        return -total / max(count, 1.0)

    def examples(self, *, counted: bool = False) -> Examples:
        """Return the windows with a target as rows of their consumers; of a row the mean loss counts.

        Args:
            counted: Take an encoding that was merely counted on the data, too. Whatever is promised of the model then
                holds for its weights alone: its vocabulary tells of everybody whose word stands in it.

        Raises:
            ModelError: A vocabulary or scale is neither public nor paid for from a privacy budget.
        """
        free = self.reader.encoding.counted
        if free and not counted:
            raise ModelError(
                f"`{free[0]}` was encoded by looking at the data, which private training does not account for",
                hint="give `learn_encoding` what is public or paid for, or say `examples(counted=True)`",
            )
        useful = self.windows.take(np.maximum(self.windows.scored, self.windows.start + 1) < self.windows.end)

        def part(rows: NDArray[np.int64]) -> Lesson:
            lesson = self.lesson(self.reader.batch(useful.take(rows)))
            return replace(lesson, weights=lesson.weights / lesson.weights.sum(1, keepdim=True).clamp(min=1))

        return Examples(useful.consumer, part, useful.lengths - 1, self.fingerprint)

    def fingerprint(self) -> str:
        """Return SHA-256 over store, encoding, windows and plan; it reads all files of the store.

        It tells of the data, so it belongs beside them: into a checkpoint, not into what is handed out.
        """
        reader, windows = self.reader, self.windows
        told = [reader.store.digest(), reader.encoding.digest(), asdict(self.plan)]
        whole = hashlib.sha256(json.dumps(told).encode())
        for each in (windows.consumer, windows.start, windows.scored, windows.end):
            whole.update(hashlib.sha256(each.tobytes()).digest())
        return whole.hexdigest()

    def lesson(self, arrays: SequenceBatch) -> Lesson:
        """Return what the reader read, as tensors."""
        first, *others = [name for name, _ in self.reader.encoding.vocabularies]
        ids = {first: arrays["ids"], **{name: arrays[name] for name in others}}
        categorical = {name: torch.from_numpy(each) for name, each in ids.items()}
        numeric, lengths = torch.from_numpy(arrays["numeric"]), torch.from_numpy(arrays["lengths"])
        batch = Batch(categorical, {}, numeric, lengths)
        return Lesson(batch, torch.from_numpy(arrays["targets"]), torch.from_numpy(arrays["weights"]))
