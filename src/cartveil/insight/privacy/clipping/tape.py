"""The tape: what each layer read, and the slopes of what it gave, during one backward pass to activations.

While a tape is running, no layer computes a gradient of its parameters. Each notes instead what that gradient would be
made of; norms and weighted sums are then computed from the notes, part by part of a batch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.privacy.clipping import lookups, products, scalings
from cartveil.insight.privacy.clipping.lookups import Lookup
from cartveil.insight.privacy.clipping.norms import norms
from cartveil.insight.privacy.clipping.products import Product
from cartveil.insight.privacy.clipping.refusals import check_rows_apart, check_unchanged, stamps
from cartveil.insight.privacy.clipping.scalings import Scaling
from cartveil.insight.privacy.clipping.watching import leaves, watched
from cartveil.insight.privacy.clipping.workspace import Workspace

#: Where products of matrices may be told to round their factors.
_PRODUCTS: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]


class Tape:
    """Notes of one model's layers, while it is entered.

    Args:
        model: What is trained.

    Raises:
        ModelError: A trained parameter lies in a layer that keeps no notes, or in several that cannot share it, or a
            layer looks across the batch.
    """

    def __init__(self, model: nn.Module) -> None:
        check_rows_apart(model)
        self._model, self._buffers = model, stamps(model)
        self._trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._names = {id(parameter): name for name, parameter in self._trained.items()}
        self._layers = [(n, m) for n, m in model.named_modules() if any(map(self._name, m.parameters(recurse=False)))]
        self._forwards = {name: self._forward_of(name, layer) for name, layer in self._layers}
        self._check_shared()
        self._sums: dict[str, Tensor] = {}
        self._joint: dict[tuple[Any, ...], Tensor] = {}
        self._made: dict[int, Tensor] = {}
        self._workspace = Workspace()
        self.begin()

    def __enter__(self) -> "Tape":
        # Factors rounded to ten bits, or to seven, would move norms far more than `norms` allows for.
        self._precision = [(kind, kind.fp32_precision) for kind in _PRODUCTS]
        for kind in _PRODUCTS:
            kind.fp32_precision = "ieee"
        for name, layer in self._layers:
            forward = self._forwards[name]
            if forward is None:
                layer.__dict__["tap"] = self
            else:
                layer.__dict__["forward"] = forward
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for products_of, precision in self._precision:
            products_of.fp32_precision = precision
        for name, layer in self._layers:
            if self._forwards[name] is None:
                layer.__dict__["tap"] = None
            else:
                layer.__dict__.pop("forward", None)
        self.begin()

    @property
    def device(self) -> str:
        """Return the kind of device that the trained parameters are on."""
        return next((parameter.device.type for parameter in self._trained.values()), "cpu")

    def begin(self) -> None:
        """Forget the last part; another one follows."""
        self._size = 0
        self._workspace.rewind()
        self._products: list[Product] = []
        self._lookups: list[Lookup] = []
        self._scalings: list[Scaling] = []

    def run(self, losses: Tensor) -> None:
        """Propagate the losses (B,) of a part back to the activations, and take notes.

        Raises:
            ModelError: A parameter is used outside of its layer, or the model has kept something of the part.
        """
        check_unchanged(self._model, self._buffers)
        self._size = len(losses)
        used = leaves(losses) & self._names.keys()
        if used:
            raise ModelError(
                f"parameter `{self._names[min(used)]}` is used outside of its layer",
                hint="call the layer itself, or its gradient would escape clipping",
            )
        if losses.requires_grad and self._size:
            losses.sum().backward()  # type: ignore[no-untyped-call]
        self._products, self._lookups = products.merged(self._products), lookups.merged(self._lookups)
        self._scalings = scalings.merged(self._scalings)

    def norms(self) -> Tensor:
        """Return the norm of each consumer's gradient over all parameters, (B,) float64, never too small."""
        like = next(iter(self._trained.values()), torch.zeros(()))
        return norms(self._products, self._lookups, self._scalings, size=self._size, like=like)

    def add(self, factors: Tensor | None, *, finite: Tensor | None = None) -> None:
        """Add up the consumers' gradients.

        Args:
            factors: Factor of each consumer's gradient (B,); 1 where not given.
            finite: Which consumers' gradients are finite (B,), where not all are; the others are left out.
        """
        for product in self._products:
            products.scale(product, factors, finite=finite)
            self._of(product).addmm_(product.inputs.T, product.slopes)
        for lookup in self._lookups:
            lookups.add(lookup, factors, finite=finite, into=self._sum(lookup.weight))
        for scaling in self._scalings:
            scalings.add(scaling, factors, finite=finite, into=self._sum(scaling.name))

    def gradients(self) -> dict[str, Tensor]:
        """Return the sum of every trained parameter's gradients, and give up all memory."""
        self._workspace = Workspace()
        self._made.clear()
        while self._joint:
            (weights, biases), joint = self._joint.popitem()
            for name, first, end in weights:
                self._sums[name] = self._added(name, joint[first:end].T)
            for name in biases:
                self._sums[name] = self._added(name, joint[-1])
        return {name: self._sum(name) for name in self._trained}

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """Lend memory, of any content, until the next part."""
        return self._workspace.take(*shape, like=like)

    def once(self, layer: nn.Module, make: Callable[[], Tensor]) -> Tensor:
        """Return what a layer makes of its parameters, made once for all parts."""
        if id(layer) not in self._made:
            self._made[id(layer)] = make()
        return self._made[id(layer)]

    def note_recurrent(self, layer: Any, suffix: str, read: Tensor, delta: Tensor) -> None:
        """Take note of one layer of an LSTM: what its gates read (T, B, E + H + 1), and their delta (T, B, 4H)."""
        self._check_size(layer, read.transpose(0, 1))
        width = getattr(layer, f"weight_ih{suffix}").shape[1]
        columns = ((f"weight_ih{suffix}", 0, width), (f"weight_hh{suffix}", width, read.shape[2] - 1))
        weights = [(self._name(getattr(layer, name)), first, end) for name, first, end in columns]
        biases = [self._name(getattr(layer, name + suffix)) for name in ("bias_ih", "bias_hh")]
        self._products.append(
            Product(
                read.flatten(0, 1),
                delta.flatten(0, 1),
                [read.shape[0]] * read.shape[1],
                weights=tuple(weight for weight in weights if weight[0]),
                biases=tuple(filter(None, biases)),
                steps_first=True,
            )
        )

    def note_softmax(self, head: nn.Module, rows: Tensor, slopes: Tensor, factors: Tensor, owner: Tensor) -> None:
        """Take note of a softmax head: states (R, H), p - y (R, V), the factor and the consumer of each row (R,)."""
        counts = torch.bincount(owner, minlength=self._size).tolist()
        inputs = torch.cat([rows * factors[:, None], factors[:, None]], dim=1)  # (R, H + 1)
        self._products.append(Product(inputs, slopes, counts, *self._parameters(head, rows.shape[1])))

    def _note_linear(self, layer: nn.Linear, inputs: Tensor, slopes: Tensor) -> None:
        self._check_size(layer, inputs)
        rows, slopes = inputs.reshape(-1, inputs.shape[-1]), slopes.reshape(-1, slopes.shape[-1])
        joined = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)  # (R, I + 1)
        counts = [len(rows) // self._size] * self._size
        self._products.append(Product(joined, slopes, counts, *self._parameters(layer, rows.shape[1])))

    def _note_embedding(self, layer: nn.Embedding, ids: Tensor, slopes: Tensor) -> None:
        self._check_size(layer, ids)
        owner = torch.arange(self._size, device=ids.device).repeat_interleave(ids.numel() // self._size)
        flat, slopes = ids.flatten(), slopes.reshape(-1, slopes.shape[-1])
        if layer.padding_idx is not None:
            real = flat.ne(layer.padding_idx)  # the row of padding is not trained
            if not bool(real.all()):
                flat, slopes, owner = flat[real], slopes[real], owner[real]
        self._lookups.append(Lookup(flat, slopes, owner, self._name(layer.weight), layer.num_embeddings))

    def _note_norm(self, layer: nn.LayerNorm, normal: Tensor, slopes: Tensor) -> None:
        self._check_size(layer, normal)
        for parameter, each in ((layer.weight, normal * slopes), (layer.bias, slopes)):
            name = self._name(parameter)
            if name:
                self._scalings.append(Scaling(name, each.reshape(self._size, -1, each.shape[-1]).sum(1)))

    def _forward_of(self, name: str, layer: nn.Module) -> Callable[[Tensor], Tensor] | None:
        """Return what takes the place of a layer's `forward`; nothing for layers that have a tap of their own."""
        if hasattr(layer, "tap"):
            return None
        notes: Mapping[type, Callable[..., None]] = {
            nn.Linear: self._note_linear,
            nn.Embedding: self._note_embedding,
            nn.LayerNorm: self._note_norm,
        }
        note = next((note for kind, note in notes.items() if isinstance(layer, kind)), None)
        forward = None if note is None else watched(layer, partial(note, layer))
        if forward is None:
            raise ModelError(
                f"`{name}` is a `{type(layer).__name__}`, whose gradients cannot be clipped consumer by consumer",
                hint="use linear layers, embeddings, layer norms, our LSTM and our softmax head, or freeze it",
            )
        return forward

    def _check_shared(self) -> None:
        """Refuse a parameter of several layers, except where all but one of them only look up its rows."""
        owners: dict[str, str] = {}
        for name, layer in self._layers:
            if isinstance(layer, nn.Embedding):
                continue
            for parameter in filter(None, map(self._name, layer.parameters(recurse=False))):
                if parameter in owners:
                    raise ModelError(
                        f"`{owners[parameter]}` and `{name}` share the parameter `{parameter}`",
                        hint="only embeddings can share a matrix, with one another and with one output layer",
                    )
                owners[parameter] = name

    def _check_size(self, layer: nn.Module, read: Tensor) -> None:
        kind = type(layer).__name__
        if read.ndim < 2:  # such as positions, of which there may be as many as consumers
            raise ModelError(
                f"a `{kind}` read {read.ndim} axis, which may be any",
                hint="let it read the consumer's axis and another: ids (B, 1) where each has one",
            )
        if len(read) != self._size:
            raise ModelError(
                f"a `{kind}` read {len(read)} rows for {self._size} consumers",
                hint="the first axis of what a layer reads must be the consumer",
            )

    def _name(self, parameter: Tensor | None) -> str:
        return self._names.get(id(parameter), "")

    def _parameters(self, layer: Any, width: int) -> tuple[tuple[tuple[str, int, int], ...], tuple[str, ...]]:
        weight, bias = self._name(layer.weight), self._name(layer.bias)
        return ((weight, 0, width),) if weight else (), (bias,) if bias else ()

    def _of(self, product: Product) -> Tensor:
        key = (product.weights, product.biases)
        if key not in self._joint:  # (I + 1, O), which is the faster way round
            self._joint[key] = product.slopes.new_zeros(product.inputs.shape[1], product.slopes.shape[1])
        return self._joint[key]

    def _sum(self, name: str) -> Tensor:
        if name not in self._sums:
            self._sums[name] = torch.zeros_like(self._trained[name], requires_grad=False)
        return self._sums[name]

    def _added(self, name: str, part: Tensor) -> Tensor:
        return self._sums[name].add_(part) if name in self._sums else part.clone(memory_format=torch.contiguous_format)
