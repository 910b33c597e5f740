"""Noise is ChaCha20 as RFC 8439 has it, turned into normals; the same on every processor."""

import math

import pytest
import torch
from torch import Tensor

from cartveil.errors import InputError
from cartveil.insight.privacy.kernel import add_normals
from cartveil.insight.privacy.kernel.normals import keystream

KEY = bytes(range(32))


def drawn(count: int = 200_000, **options: object) -> Tensor:
    values = torch.zeros(count)
    add_normals(values, 1.0, KEY, **options)  # type: ignore[arg-type]
    return values.double()


def test_the_stream_is_that_of_rfc_8439_section_2_3_2(instructions: str) -> None:
    made = keystream(KEY, bytes.fromhex("000000090000004a00000000"), 1, instructions=instructions)
    assert made[:64].hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


def test_the_stream_is_that_of_rfc_8439_appendix_a_1(instructions: str) -> None:
    zero = keystream(bytes(32), bytes(12), 0, instructions=instructions)
    assert zero[:64].hex() == (  # vector 1, and then vector 2
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
    )
    assert zero[64:128].hex() == (
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
    )


def test_the_stream_of_rfc_8439_section_2_4_2_goes_on_over_blocks(instructions: str) -> None:
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
        b"the future, sunscreen would be it."
    )
    made = keystream(KEY, bytes.fromhex("000000000000004a00000000"), 1, instructions=instructions)
    sealed = bytes(a ^ b for a, b in zip(text, made, strict=False))
    assert sealed.hex().startswith("6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b")
    assert sealed.hex().endswith("5af90bbf74a35be6b40b8eedf2785e42874d")


def test_numbers_are_standard_normals(instructions: str) -> None:
    numbers = drawn(instructions=instructions)
    below = torch.distributions.Normal(0.0, 1.0).cdf(numbers.sort().values)
    expected = torch.arange(1, len(numbers) + 1, dtype=torch.float64) / len(numbers)
    # Kolmogorov and Smirnov: above 1.95 once in a thousand keys; this key is fixed.
    assert float((below - expected).abs().max()) * math.sqrt(len(numbers)) < 1.95
    assert abs(float(numbers.pow(4).mean()) - 3) < 0.1


def test_numbers_are_those_of_box_and_muller(instructions: str) -> None:
    words = torch.frombuffer(bytearray(keystream(KEY, bytes(12), 0)), dtype=torch.int64)[:2]
    # The first word of a pair is the higher half here, the lower half in memory.
    high = [((int(w) & 0xFFFFFFFF) << 32 | (int(w) >> 32) & 0xFFFFFFFF) >> 12 for w in words]
    uniform = [1 - h * 2.0**-52 for h in high]
    radius, angle = math.sqrt(-2 * math.log(uniform[0])), 2 * math.pi * uniform[1]
    numbers = drawn(128, instructions=instructions)
    torch.testing.assert_close(float(numbers[0]), radius * math.cos(angle), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(float(numbers[16]), radius * math.sin(angle), rtol=1e-6, atol=1e-7)


def test_every_processor_draws_the_same(instructions: str) -> None:
    torch.testing.assert_close(drawn(1000, instructions=instructions), drawn(1000, instructions="generic"))


def test_streams_of_one_key_are_independent() -> None:
    first, second = drawn(stream=0), drawn(stream=1)
    assert abs(float((first * second).mean())) * math.sqrt(len(first)) < 4


def test_noise_is_added_and_rounded_to_the_grid() -> None:
    values = torch.full((1001,), 7.0)
    add_normals(values, 0.5, KEY, grid=2.0**-10)
    assert torch.equal(values * 1024, (values * 1024).round())
    torch.testing.assert_close(values.double(), 7 + 0.5 * drawn(1001), rtol=0, atol=2.0**-11 + 1e-6)


@pytest.mark.parametrize("count", [0, 1, 127, 129])
def test_nothing_beyond_the_tensor_is_touched(count: int) -> None:
    room = torch.zeros(count + 8)
    add_normals(room[:count], 1.0, KEY)
    assert not room[count:].any()
    assert bool((room[:count] != 0).all())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InputError, match="32 bytes"):
        add_normals(torch.zeros(3), 1.0, b"short")


@pytest.mark.parametrize("values", [torch.zeros(3).double(), torch.zeros(4, 4)[:, 1]])
def test_other_tensors_are_refused(values: Tensor) -> None:
    with pytest.raises(InputError, match="contiguous"):
        add_normals(values, 1.0, KEY)
