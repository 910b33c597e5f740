"""A training that is killed at any moment and started again ends with the weights that it would have had.

A private one draws new chances instead: what it made before it was killed stays paid for.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.training.lessons import losses_of
from cartveil.insight.training.private import PrivateConfig, account_of, train_private
from training_shop import CONFIG, private_examples, same_weights, sequences, small_model, trained

#: Steps of the private training, and what it promises.
PLANNED, WISH = 15, PrivateConfig(epsilon=4.0, delta=1e-4, batch=8)

#: Trains privately, and dies at a step.
PRIVATE = """
import os, signal, sys
from pathlib import Path
from cartveil.insight.training.lessons import losses_of
from cartveil.insight.training.private import PrivateConfig, train_private
from training_shop import CONFIG, private_examples, sequences, small_model
def on_progress(at):
    if (at.epoch - 1) * at.steps + at.step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
train_private(
    small_model(),
    losses_of,
    examples=private_examples(sequences()),
    privacy=PrivateConfig(epsilon=4.0, delta=1e-4, batch=8),
    config=CONFIG,
    checkpoint=Path(sys.argv[1]),
    on_progress=on_progress,
)
"""

#: Trains, and dies by the signal that nobody can catch: at a step, or while the next checkpoint is put in place.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from training_shop import trained
file, step, moment = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def on_progress(at):
    done = (at.epoch - 1) * at.steps + at.step
    if done >= step and moment == "step":
        die()
    if done >= step and moment == "save":
        Path.replace = die
trained(checkpoint=file, on_progress=on_progress)
"""


def killed(program: str, file: Path, *words: object) -> int:
    # Sums differ in their last bits from number to number of threads.
    ready = f"import sys, torch; sys.path.insert(0, {str(Path(__file__).parents[1])!r})"
    threads = f"torch.set_num_threads({torch.get_num_threads()})"
    command = [sys.executable, "-c", f"{ready}\n{threads}\n{program}", str(file), *map(str, words)]
    return subprocess.run(command, check=False).returncode


@pytest.fixture(scope="module")
def uninterrupted() -> NextItem:
    return trained()


@pytest.mark.slow
def test_killed_twice_it_ends_with_the_same_weights(tmp_path: Path, uninterrupted: NextItem) -> None:
    file = tmp_path / "training.safetensors"
    assert killed(PROGRAM, file, 7, "step") == -signal.SIGKILL
    assert killed(PROGRAM, file, 10, "save") == -signal.SIGKILL
    assert same_weights(trained(checkpoint=file), uninterrupted)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6, 14, 15])
def test_interrupted_after_any_step_it_ends_with_the_same_weights(
    tmp_path: Path, uninterrupted: NextItem, step: int
) -> None:
    file = tmp_path / "training.safetensors"
    left = iter(range(step, 0, -1))

    def interrupt(_: object) -> None:
        if next(left) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=file, on_progress=interrupt)
    torch.rand(step)  # what else draws from torch's generator in between changes nothing
    assert same_weights(trained(checkpoint=file), uninterrupted)


@pytest.mark.slow
def test_a_private_training_that_is_killed_pays_for_every_step_and_keeps_its_promise(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    assert killed(PRIVATE, file, 8) == -signal.SIGKILL
    assert len(EventLog(account_of(file))) == 8
    done = train_private(
        small_model(),
        losses_of,
        examples=private_examples(sequences()),
        privacy=WISH,
        config=CONFIG,
        checkpoint=file,
    )
    assert len(EventLog(account_of(file))) == done.statement.steps == PLANNED
    assert 0 < done.statement.epsilon <= WISH.epsilon
    assert done.statement.secret
