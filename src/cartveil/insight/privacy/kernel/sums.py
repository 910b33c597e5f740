"""Sums of gradients by the compiled kernel: clipped per consumer, or as they are."""

from typing import Any

import torch
from torch import Tensor, nn

from cartveil.errors import InputError, ModelError
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.kernel.library import Step, run, zeros
from cartveil.insight.privacy.kernel.models import Parts, parts_of

_NONE, _FLAT, _AUTOMATIC = 0, 1, 2

#: Keeps a gradient of nearly nothing from being scaled up without end; see `clipping`.
_STABILITY = 0.01


def clipped_sum(
    model: nn.Module,
    batch: Any,
    targets: Tensor,
    weights: Tensor,
    *,
    clip: float,
    automatic: bool = False,
    shares: Tensor | None = None,
    threads: int = 1,
    instructions: str | None = None,
) -> ClippedSum:
    """Clip the gradient of each sequence's loss and add them up.

    Args:
        model: One that `fits`.
        batch: What the model reads: `categorical`, `numeric` and `lengths` as the encoder expects them.
        targets: The item that follows each step, (B, T).
        weights: What each step's cross-entropy counts, (B, T); 0 at padding. Steps of weight 0 cost next to nothing.
        clip: Largest norm of a sequence's gradient over all parameters together.
        automatic: Scale every gradient to about `clip` instead of only the larger ones.
        shares: Share of `clip` that each sequence may use, (B,); all of it where not given.
        threads: Work in this many threads; sums differ in their last bits from number to number.
        instructions: One of `INSTRUCTION_SETS`; the best one where not given.

    Raises:
        InputError: Ids, targets, lengths or weights do not fit model or batch.
        ModelError: The kernel is not there or does not know the model, or `clip` is not above zero.

    Guarantees:
        - The sum equals that of `clipping.clipped_sum` but for rounding.
        - No sequence moves the sum by more than its share of `clip`, to one part in ten thousand: where its steps
          cancel, so that rounding would hide its norm, its gradient is laid out and measured as it is added.
        - A sequence whose gradient is not finite adds nothing, and is counted.
    """
    if not clip > 0:
        raise ModelError("`clip` must be above zero", hint="it is the largest norm of one consumer's gradient")
    call = _Call(model, batch, targets, weights, shares)
    call.step.clipping, call.step.clip = _AUTOMATIC if automatic else _FLAT, clip
    call.run(threads, instructions)
    finite = torch.isfinite(call.norms)
    limits = torch.full_like(call.norms, clip) if shares is None else clip * shares.double()
    over = call.norms + _STABILITY > limits if automatic else call.norms > limits
    return ClippedSum(call.gradients, clip, len(finite), int((over & finite).sum()), int((~finite).sum()))


def plain_sum(
    model: nn.Module,
    batch: Any,
    targets: Tensor,
    weights: Tensor,
    *,
    threads: int = 1,
    instructions: str | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the sum of the sequences' gradients as they are, and each sequence's loss (B,).

    Takes and raises what `clipped_sum` does. This is no private training: it is what the same code does without.
    """
    call = _Call(model, batch, targets, weights, None)
    call.run(threads, instructions)
    return call.gradients, call.losses


class _Call:
    """One step being laid out: holds every tensor the kernel has a pointer to."""

    def __init__(self, model: nn.Module, batch: Any, targets: Tensor, weights: Tensor, shares: Tensor | None) -> None:
        parts = parts_of(model)
        count, time = targets.shape
        self.step = Step(consumers=count, time=time, items=len(parts.head), hidden=parts.lstm.hidden_size)
        self.losses, self.norms = torch.zeros(count), torch.zeros(count, dtype=torch.float64)
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.gradients = dict(zip(trained, zeros([p.shape for p in trained.values()]), strict=True))
        self._kept: list[Tensor] = [self.losses, self.norms]
        self._own = {id(p): self.gradients[name] for name, p in trained.items()}
        self._set_batch(parts, batch, targets, weights)
        self._set_masks(parts, count, time)
        self._set_model(parts, batch)
        self.step.shares = None if shares is None else self._pointer(shares, (count,), torch.float32)
        self.step.losses, self.step.norms = self.losses.data_ptr(), self.norms.data_ptr()

    def run(self, threads: int, instructions: str | None) -> None:
        self.step.threads = threads
        run(self.step, instructions)

    def _set_batch(self, parts: Parts, batch: Any, targets: Tensor, weights: Tensor) -> None:
        step, shape = self.step, tuple(targets.shape)
        step.lengths = self._pointer(batch.lengths, shape[:1], torch.int64)
        step.targets = self._pointer(targets, shape, torch.int64)
        step.weights = self._pointer(weights, shape, torch.float32)
        step.numeric = parts.numeric
        if parts.numeric:
            step.numeric_values = self._pointer(batch.numeric, (*shape, parts.numeric), torch.float32)

    def _set_masks(self, parts: Parts, count: int, time: int) -> None:
        # The module itself draws: in training the same masks as the model would, in its order; else none.
        if not parts.dropout.training or not getattr(parts.dropout, "p", 0.0):
            return
        steps = torch.ones(count, time, parts.lstm.input_size)  # (B, T, D)
        states = torch.ones(time, count, parts.lstm.hidden_size).transpose(0, 1)  # (B, T, H), as the LSTM lays them out
        self.step.step_mask = self._pointer(parts.dropout(steps), steps.shape, torch.float32)
        self.step.state_mask = self._pointer(parts.dropout(states), states.shape, torch.float32)

    def _set_model(self, parts: Parts, batch: Any) -> None:
        step, shape = self.step, (self.step.consumers, self.step.time)
        step.fields, step.layers, step.tied = len(parts.fields), parts.lstm.num_layers, parts.tied
        for place, (name, field) in enumerate(parts.fields.items()):
            step.embedding = field.embedding_dim
            into = step.field[place]
            into.weight, into.gradient = field.weight.data_ptr(), self._own[id(field.weight)].data_ptr()
            into.ids = self._pointer(batch.categorical[name], shape, torch.int64)
            into.rows, into.padding = len(field.weight), -1 if field.padding_idx is None else field.padding_idx
        for layer in range(parts.lstm.num_layers):
            self._set_layer(parts.lstm, layer)
        step.head, step.head_gradient = parts.head.data_ptr(), self._own[id(parts.head)].data_ptr()
        if parts.head_bias is not None:
            step.head_bias = parts.head_bias.data_ptr()
            step.head_bias_gradient = self._own[id(parts.head_bias)].data_ptr()

    def _set_layer(self, lstm: nn.LSTM, layer: int) -> None:
        into = self.step.layer[layer]
        names = {"input": "weight_ih", "recurrent": "weight_hh", "input_bias": "bias_ih", "recurrent_bias": "bias_hh"}
        for name, theirs in names.items():
            setattr(into, name, getattr(lstm, f"{theirs}_l{layer}").data_ptr())
        for name, theirs in (("input", "weight_ih"), ("recurrent", "weight_hh"), ("bias", "bias_ih")):
            setattr(into, f"{name}_gradient", self._own[id(getattr(lstm, f"{theirs}_l{layer}"))].data_ptr())

    def _pointer(self, tensor: Tensor, shape: tuple[int, ...], kind: torch.dtype) -> int:
        if tuple(tensor.shape) != tuple(shape):
            raise InputError(f"a tensor of shape {tuple(tensor.shape)} stands where {tuple(shape)} is needed")
        kept = tensor.detach().to("cpu", kind).contiguous()
        self._kept.append(kept)
        return kept.data_ptr()
