"""The compiled library: where it is found, what it expects, and what it says.

It is built with the package where there is a C++ compiler, and opened with ctypes: it knows nothing of Python or torch.
Without it everything here answers that it is not there, and `cartveil.insight.privacy.clipping` does the work.
"""

import ctypes
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from cartveil.errors import InputError, ModelError

#: As in native/step.h.
MAX_FIELDS, MAX_LAYERS = 16, 4

#: The instruction sets the library knows, the best last; a processor has some of them.
INSTRUCTION_SETS = ("generic", "avx2", "avx512", "amx")


class Field(ctypes.Structure):
    """One embedded field; see native/step.h."""

    _fields_ = (
        ("weight", ctypes.c_void_p),
        ("gradient", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("padding", ctypes.c_int64),
    )


class Layer(ctypes.Structure):
    """One LSTM layer; see native/step.h."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in (
            "input",
            "recurrent",
            "input_bias",
            "recurrent_bias",
            "input_gradient",
            "recurrent_gradient",
            "bias_gradient",
        )
    )


class Step(ctypes.Structure):
    """One batch and the model it meets; see native/step.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("consumers", "time", "embedding", "numeric", "hidden", "items")),
        *((name, ctypes.c_int64) for name in ("fields", "layers", "tied", "clipping", "threads")),
        ("clip", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("lengths", "numeric_values", "step_mask", "state_mask")),
        *((name, ctypes.c_void_p) for name in ("targets", "weights", "shares", "head", "head_bias")),
        *((name, ctypes.c_void_p) for name in ("head_gradient", "head_bias_gradient", "losses", "norms")),
        ("field", Field * MAX_FIELDS),
        ("layer", Layer * MAX_LAYERS),
    )


_REFUSALS = {
    3: InputError("a length, an id or a target is out of range", hint="compare the batch with the model's vocabulary"),
    4: InputError("a step after the end of a sequence has a weight", hint="weights are 0 at padding"),
}


def available() -> bool:
    """Return whether the compiled kernel is there."""
    return _library() is not None


def instruction_set(name: str | None = None) -> str:
    """Return the instruction set that is used, one of `INSTRUCTION_SETS`.

    Args:
        name: Ask for this one; the best that the processor has where not given.

    Raises:
        ModelError: The kernel is not there, or the processor lacks the instruction set.
    """
    found: bytes | None = library().cartveil_instruction_set(number_of(name))
    if found is None:
        raise ModelError(f"this processor has no `{name}`", hint="leave the instruction set to the kernel")
    return found.decode()


def number_of(name: str | None) -> int:
    """Return the library's number of an instruction set; -1 for the best."""
    if name is not None and name not in INSTRUCTION_SETS:
        raise ModelError(f"`{name}` is no instruction set", hint=f"one of {', '.join(INSTRUCTION_SETS)}")
    return -1 if name is None else INSTRUCTION_SETS.index(name)


def run(step: Step, instructions: str | None = None) -> None:
    """Add the gradients of one batch to where the step says, and note losses and norms.

    Raises:
        InputError: Ids, targets, lengths or weights do not fit.
        ModelError: There is not enough memory, or the processor lacks the instruction set.
    """
    instruction_set(instructions)
    code: int = library().cartveil_step(ctypes.byref(step), number_of(instructions))
    if code in _REFUSALS:
        raise _REFUSALS[code]
    if code:
        raise ModelError("not enough memory for this batch", hint="take fewer or shorter sequences")


def zeros(shapes: list[torch.Size]) -> list[Tensor]:
    """Return tensors of zeros that lie side by side in one piece of memory."""
    ends = list(accumulate((-(-shape.numel() // 16) * 16 for shape in shapes), initial=0))
    flat = torch.empty(ends[-1])
    library().cartveil_clear(flat.data_ptr(), len(flat))
    return [flat[end : end + shape.numel()].view(shape) for end, shape in zip(ends, shapes, strict=False)]


def library() -> ctypes.CDLL:
    """Return the library.

    Raises:
        ModelError: It is not there.
    """
    found = _library()
    if found is None:
        raise ModelError(
            "the compiled kernel is not there", hint="install from source with a C++ compiler, or do without"
        )
    return found


@cache
def _library() -> ctypes.CDLL | None:
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).with_name(f"_native{suffix}")
        if path.is_file():
            return _declared(ctypes.CDLL(str(path)))
    return None


def _declared(found: ctypes.CDLL) -> ctypes.CDLL | None:
    found.cartveil_instruction_set.argtypes = [ctypes.c_int64]
    found.cartveil_instruction_set.restype = ctypes.c_char_p
    found.cartveil_step_size.restype = ctypes.c_int64
    found.cartveil_step.argtypes = [ctypes.POINTER(Step), ctypes.c_int64]
    found.cartveil_clear.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    found.cartveil_clear.restype = None
    found.cartveil_add_normals.argtypes = [
        ctypes.c_char_p,
        ctypes.c_uint64,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_double,
        ctypes.c_double,
        ctypes.c_int64,
    ]
    found.cartveil_stream.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_uint32,
        ctypes.c_char_p,
        ctypes.c_int64,
    ]
    # A library that was built before a field came or went would read past what it is given.
    return found if found.cartveil_step_size() == ctypes.sizeof(Step) else None
