"""A training on disk, from which it goes on after a kill as if nothing had happened.

One safetensors file, put in place whole: weights, best weights, the optimizer's moments and torch's random state as
tensors, all else as JSON in the file's metadata. Nothing in it can run code.

    model/NAME                weights now
    best/NAME                 weights of the best epoch
    optimizer/NAME/KEY        what the optimizer keeps of a parameter
    random/WHEN/DEVICE        state of torch's generator when this epoch `began`, and `now`
    metadata["cartveil"]      JSON: format, training and data (digests), standing, update, state of numpy's generator
    metadata["digest"]        SHA-256 over all of the above, so that no changed byte goes on unnoticed
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from cartveil.errors import IntegrityError, ModelError, StorageError
from cartveil.events.writing import replace_file, strays_of

#: Rises when the layout changes; other versions are refused.
FORMAT = 2

_KEY, _DIGEST = "cartveil", "digest"


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds.

    Args:
        tensors: Name -> tensor; names as above.
        facts: All else, in JSON's types.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, parts: Mapping[str, Mapping[str, Tensor]], facts: Mapping[str, Any]) -> "Snapshot":
        """Return a snapshot of tensors given by prefix and the rest of their names."""
        return cls({f"{prefix}/{name}": each for prefix, part in parts.items() for name, each in part.items()}, facts)

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors below a prefix, by the rest of their names."""
        front = f"{prefix}/"
        return {name.removeprefix(front): each for name, each in self.tensors.items() if name.startswith(front)}


def write_checkpoint(file: Path, snapshot: Snapshot, *, training: str, data: str | None = None) -> None:
    """Put a checkpoint in place of the one before.

    Args:
        file: Where; its folder is made.
        snapshot: What to keep.
        training: Digest of what must be the same for the training to go on; see `digest_of_training`.
        data: Digest of what is learnt from, which must be the same too; None where nobody knows.

    Raises:
        StorageError: The disk refused; the checkpoint before stands there still.
    """
    facts = json.dumps({"format": FORMAT, "training": training, "data": data, **snapshot.facts})
    # Two names of one tensor, such as tied weights, are written twice; safetensors refuses shared memory.
    tensors = {name: each.detach().cpu().clone().contiguous() for name, each in snapshot.tensors.items()}
    sealed = {_KEY: facts, _DIGEST: _digest_of(tensors, facts)}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda new: save_file(tensors, new, sealed))
        for stray in strays_of(file):
            stray.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise StorageError("cannot write the checkpoint", path=str(file), hint="is the disk full?") from error


def read_checkpoint(file: Path, *, training: str, data: str | None = None) -> Snapshot | None:
    """Return what was written last with the same `training` and `data`; None where there is no file.

    Raises:
        IntegrityError: A byte of the file is not as it was written.
        ModelError: The file is broken, of another version, of another training, or made from other data.
    """
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            sealed = opened.metadata() or {}
            facts = dict(json.loads(sealed[_KEY]))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError("checkpoint cannot be read", path=str(file), hint="remove it and train anew") from error
    if facts.get("format") != FORMAT:
        message = f"checkpoint's format version `{facts.get('format')}` is not `{FORMAT}`"
        raise ModelError(message, path=str(file), hint="remove it and train anew")
    if sealed.get(_DIGEST) != _digest_of(tensors, sealed[_KEY]):
        raise IntegrityError("checkpoint was changed", path=str(file), hint="remove it and train anew")
    _check_belongs(file, facts, {"training": training, "data": data})
    return Snapshot(tensors, facts)


def _check_belongs(file: Path, facts: Mapping[str, Any], wanted: Mapping[str, str | None]) -> None:
    hint = "remove it to train anew, or train with the settings, model and data it was made with"
    if facts.get("training") != wanted["training"]:
        raise ModelError("checkpoint belongs to another training", path=str(file), hint=hint)
    if facts.get("data") != wanted["data"]:
        raise ModelError("checkpoint was made from other data", path=str(file), hint=hint)


def _digest_of(tensors: Mapping[str, Tensor], facts: str) -> str:
    """Return SHA-256 of facts and tensors, whatever their order."""
    whole = hashlib.sha256(facts.encode())
    for name, each in sorted(tensors.items()):
        whole.update(json.dumps([name, str(each.dtype), list(each.shape)]).encode())
        whole.update(each.reshape(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()


def digest_of_training(model: nn.Module, settings: Mapping[str, Any]) -> str:
    """Return SHA-256 of the settings and of the names and shapes of a model's weights, as hexadecimal text."""
    shapes = {name: list(each.shape) for name, each in model.state_dict().items()}
    text = json.dumps({"settings": settings, "shapes": shapes}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def moments_of(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what an optimizer keeps of each parameter, `NAME/KEY` -> tensor."""
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_moments(model: nn.Module, optimizer: Optimizer, moments: Mapping[str, Tensor]) -> None:
    """Give an optimizer back what `moments_of` took from it."""
    parameters = dict(model.named_parameters())
    for place, value in moments.items():
        name, key = place.rsplit("/", 1)
        parameter = parameters[name]
        # AdamW counts steps on the CPU, unless it is the fused one.
        here = key == "step" and not optimizer.defaults.get("fused")
        optimizer.state[parameter][key] = value.clone() if here else value.to(parameter.device)
