"""Normal noise by the compiled kernel: ChaCha20 in vectors, keyed by whoever calls, in bulk.

In a short step the noise costs more than anything else, if two numbers per parameter are drawn one call at a time. The
key must come from the operating system and be used once: whoever knows it can subtract the noise.

Source: ChaCha20 from RFC 8439, section 2.3; Box and Muller, A Note on the Generation of Random Normal Deviates, 1958.
"""

import ctypes

import torch
from torch import Tensor

from cartveil.errors import InputError
from cartveil.insight.privacy.kernel.library import instruction_set, library, number_of

KEY_BYTES = 32

#: Blocks of the stream are counted in 32 bits, and one makes eight numbers.
MOST = 8 << 32


def add_normals(
    values: Tensor, scale: float, key: bytes, *, stream: int = 0, grid: float = 0.0, instructions: str | None = None
) -> None:
    """Add independent normals to a tensor, in place.

    Args:
        values: Single precision, contiguous, on the CPU.
        scale: Standard deviation of the noise.
        key: 32 bytes of the operating system's randomness (`os.urandom`).
        stream: Number of this tensor among those that share the key; each is used once.
        grid: Round the noisy values to multiples of this, so that their last bits tell nothing; not where 0.
        instructions: One of `INSTRUCTION_SETS`; the best one where not given.

    Raises:
        InputError: The key has another length, or the tensor another kind.
        ModelError: The kernel is not there.

    Guarantees:
        - Sum and rounding to the grid happen in double precision.
        - Numbers have 52 random bits in radius and angle each, and reach 8.4 standard deviations.
    """
    if len(key) != KEY_BYTES:
        raise InputError(f"a key has {KEY_BYTES} bytes", hint="take them from `os.urandom`")
    if values.dtype != torch.float32 or values.device.type != "cpu" or not values.is_contiguous():
        raise InputError("noise is added to contiguous tensors in single precision on the CPU", hint="convert it first")
    if values.numel() > MOST or not 0 <= stream < 1 << 64:
        raise InputError("too many numbers for one stream", hint="take several tensors, or another key")
    instruction_set(instructions)
    library().cartveil_add_normals(key, stream, values.data_ptr(), values.numel(), scale, grid, number_of(instructions))


def keystream(key: bytes, nonce: bytes, counter: int, *, instructions: str | None = None) -> bytes:
    """Return 16 blocks of 64 bytes of ChaCha20's stream from block `counter` on, as RFC 8439 defines it."""
    if (len(key), len(nonce)) != (KEY_BYTES, 12):
        raise InputError(f"a key has {KEY_BYTES} bytes and a nonce 12", hint="compare with RFC 8439, section 2.3")
    instruction_set(instructions)
    made = ctypes.create_string_buffer(1024)
    library().cartveil_stream(key, nonce, counter, made, number_of(instructions))
    return made.raw
