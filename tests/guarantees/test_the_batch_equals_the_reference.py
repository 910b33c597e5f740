"""Every mode of AES that runs over a whole column gives what its scalar reference gives, value by value."""

import base64
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.keys import SecretKey
from cartveil.guard.keys.wrapping import unwrap_keys, wrap_keys
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.modes.ff1 import ff1, ff1_one
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.token import detokenise, token
from nightly import EXAMPLES, VALUES

#: What columns of shops hold: digits, ASCII, and text of more bytes than characters.
ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz0123456789-@. ", "王小明李雷北京市朝阳区〇一二三αβ😀")


def column(seed: int) -> list[str]:
    """Return texts of many lengths; short ones, as in shops, more often than long ones."""
    rng = np.random.default_rng(seed)
    alphabet = np.array(list(ALPHABETS[seed % len(ALPHABETS)]))
    lengths = np.minimum(rng.geometric(1 / 14, VALUES) - 1, 90)
    return ["".join(rng.choice(alphabet, length)) for length in lengths]


def scalar_pseudonym(values: Sequence[str], key: SecretKey) -> list[str]:
    mac = CMAC(AES(subkey(key, "pseudonym")))
    made = []
    for value in values:
        one = mac.copy()
        one.update(value.encode())
        made.append(base64.b32encode(one.finalize()[:15]).decode().lower())
    return made


def scalar_token(values: Sequence[str], key: SecretKey) -> list[str]:
    siv = AESSIV(subkey(key, "token", length=64))
    sealed = (siv.encrypt(value.encode(), [b"cartveil token 1"]) for value in values)
    return ["tok_" + base64.urlsafe_b64encode(one).decode().rstrip("=") for one in sealed]


MODES: dict[str, tuple[Callable[[pa.Array, SecretKey], pa.Array], Callable[[Sequence[str], SecretKey], list[str]]]] = {
    "pseudonym": (pseudonym, scalar_pseudonym),
    "token": (token, scalar_token),
}


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), secret=st.binary(min_size=32, max_size=32))
def test_value_by_value(mode: str, seed: int, secret: bytes) -> None:
    batch, reference = MODES[mode]
    values, key = column(seed), SecretKey(secret)
    assert batch(pa.array(values), key).to_pylist() == reference(values, key)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), secret=st.binary(min_size=32, max_size=32))
def test_tokens_of_the_reference_come_back_in_the_batch(seed: int, secret: bytes) -> None:
    values, key = column(seed), SecretKey(secret)
    assert detokenise(pa.array(scalar_token(values, key)), key).to_pylist() == values


#: Radix and length: halves of one machine word, of many, odd ones, and the largest radix there is.
NUMERALS = ((10, 16), (10, 7), (2, 61), (62, 24), (10, 48), (65_536, 5))


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), secret=st.binary(min_size=32, max_size=32), tweak=st.binary(max_size=20))
def test_ff1_digit_by_digit_and_back(seed: int, secret: bytes, tweak: bytes) -> None:
    rng = np.random.default_rng(seed)
    radix, length = NUMERALS[seed % len(NUMERALS)]
    digits = rng.integers(0, radix, (VALUES, length)).astype(np.uint8 if radix <= 256 else np.uint16)
    bound = np.frombuffer(tweak, np.uint8).reshape(1, -1)
    made = ff1(digits, secret, radix=radix, tweak=bound)
    assert made.tolist() == [ff1_one(row, secret, radix=radix, tweak=tweak) for row in digits.tolist()]
    assert (ff1(made, secret, radix=radix, tweak=bound, inverse=True) == digits).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), under=st.binary(min_size=32, max_size=32))
def test_wrapped_keys_one_by_one_and_back(seed: int, under: bytes) -> None:
    keys = np.random.default_rng(seed).integers(0, 256, (VALUES, 32)).astype(np.uint8)
    wrapped = wrap_keys(keys, SecretKey(under))
    assert [row.tobytes() for row in wrapped] == [aes_key_wrap(under, row.tobytes()) for row in keys]
    assert (unwrap_keys(wrapped, SecretKey(under)) == keys).all()
