"""RecBole's GRU4Rec as a peer: it wants older packages, so it trains in another interpreter and is told when.

Run by that interpreter, this file is the peer itself and imports nothing of Cartveil. It reads windows from a file; for
each line on its standard input it trains on one batch and answers with events and the processor's seconds.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

#: As long as RecBole pads every sequence to.
STEPS, BATCH, UNITS = 50, 256, 128


class Peer:
    """RecBole in another process, that trains when it is told.

    Args:
        python: An interpreter that has RecBole.
        windows: Padded ids (B, T + 1) with 0 after the last, of the course.
        items: Size of the vocabulary.
    """

    def __init__(self, python: Path, windows: Sequence[np.ndarray], *, items: int) -> None:
        with tempfile.NamedTemporaryFile(suffix=".npz", delete=False) as file:
            widest = max(each.shape[1] for each in windows)
            padded = [np.pad(each, ((0, 0), (0, widest - each.shape[1]))) for each in windows]
            np.savez(file, windows=np.concatenate(padded), items=items)
        self._file = Path(file.name)
        command = [str(python), __file__, file.name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._file.unlink()

    def events_per_second(self) -> float:
        """Train on one batch; return targets learnt per second of the processor."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return float(told["events"] / told["seconds"])


def version_of(python: Path) -> str:
    """Return which RecBole an interpreter has."""
    command = [str(python), "-c", "from importlib.metadata import version; print(version('recbole'))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def prefixes(windows: np.ndarray, *, size: int, seed: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
    """Return batches of prefixes (B, STEPS), their lengths and the item after each, drawn from all that there are."""
    rng = np.random.default_rng(seed)
    length = (windows != 0).sum(1)
    row = np.repeat(np.arange(len(windows)), np.maximum(length - 1, 0))
    place = np.concatenate([np.arange(1, each) for each in length])
    while True:
        drawn = rng.integers(0, len(row), size)
        steps = np.arange(STEPS)
        ids = np.zeros((size, STEPS), np.int64)
        wide = windows[row[drawn], :STEPS]
        ids[:, : wide.shape[1]] = np.where(steps[: wide.shape[1]] < place[drawn][:, None], wide, 0)
        yield ids, place[drawn], windows[row[drawn], place[drawn]]


def serve(file: str) -> None:
    """Train on a batch for each line that comes in."""
    import torch
    from recbole.model.sequential_recommender import GRU4Rec

    torch.set_num_threads(1)
    stored = np.load(file)
    config = {
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "LIST_SUFFIX": "_list",
        "ITEM_LIST_LENGTH_FIELD": "item_length",
        "NEG_PREFIX": "neg_",
        "MAX_ITEM_LIST_LENGTH": STEPS,
        "device": "cpu",
        "embedding_size": UNITS,
        "hidden_size": UNITS,
        "num_layers": 1,
        "dropout_prob": 0.0,
        "loss_type": "CE",
    }
    model = GRU4Rec(config, _Counted(int(stored["items"])))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = prefixes(stored["windows"], size=BATCH)
    for _ in sys.stdin:
        ids, lengths, targets = (torch.from_numpy(each) for each in next(batches))
        started = time.process_time()
        optimizer.zero_grad()
        model.calculate_loss({"item_id_list": ids, "item_length": lengths, "item_id": targets}).backward()
        optimizer.step()
        print(json.dumps({"events": BATCH, "seconds": time.process_time() - started}), flush=True)


class _Counted:
    """As much of a data set as the model asks for."""

    def __init__(self, items: int) -> None:
        self.items = items

    def num(self, _: str) -> int:
        """Return how many items there are."""
        return self.items


if __name__ == "__main__":
    serve(sys.argv[1])
