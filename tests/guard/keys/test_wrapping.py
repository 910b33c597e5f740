"""Wrapped data keys: the batch says what the scalar functions of `cryptography` say, and what the vectors say."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import DecryptionError, IntegrityError
from cartveil.guard.keys import SecretKey, wrapping

VECTORS = Path(__file__).parents[2] / "vectors" / "aes_wrap_test.json.gz"
UNDER = SecretKey(bytes(range(32)))
MANY = wrapping.FEW_KEYS + 3


def cases() -> Iterator[dict[str, Any]]:
    document = json.loads(gzip.decompress(VECTORS.read_bytes()))
    found = [case for group in document["testGroups"] for case in group["tests"]]
    assert len(found) == document["numberOfTests"]
    yield from found


def rows(content: bytes, count: int = 3) -> np.ndarray:
    return np.tile(np.frombuffer(content, np.uint8), (count, 1))


def is_whole(content: bytes, least: int) -> bool:
    """Return whether a length can be one of AES-KW's; a table's rows all have 40 bytes."""
    return len(content) % 8 == 0 and len(content) >= least


def test_batch_wraps_as_every_vector_says() -> None:
    valid = [case for case in cases() if case["result"] == "valid"]
    for case in valid:
        key, message = bytes.fromhex(case["key"]), bytes.fromhex(case["msg"])
        assert wrapping._wrap(rows(message), key).tobytes() == bytes.fromhex(case["ct"]) * 3, case["tcId"]
    assert len(valid) > 30


def test_batch_opens_valid_vectors_and_no_other() -> None:
    refused = 0
    for case in cases():
        key, wrapped = bytes.fromhex(case["key"]), bytes.fromhex(case["ct"])
        if not is_whole(wrapped, 24):
            continue
        if case["result"] == "valid":
            assert wrapping._unwrap(rows(wrapped), key).tobytes() == bytes.fromhex(case["msg"]) * 3, case["tcId"]
        elif case["result"] == "invalid":
            refused += 1
            with pytest.raises(DecryptionError):
                wrapping._unwrap(rows(wrapped), key)
    assert refused > 30


@given(st.integers(0, 3), st.integers(min_value=2, max_value=6), st.integers(0, 2**32 - 1))
def test_batch_and_scalar_agree(more: int, words: int, seed: int) -> None:
    keys = np.random.default_rng(seed).integers(0, 256, (MANY + more, 8 * words), np.uint8)
    under = SecretKey(np.random.default_rng(seed + 1).bytes(32))
    wrapped = wrapping.wrap_keys(keys, under)
    assert [row.tobytes() for row in wrapped] == [aes_key_wrap(under.expose(), key.tobytes()) for key in keys]
    assert np.array_equal(wrapping.unwrap_keys(wrapped, under), keys)
    assert np.array_equal(wrapping.unwrap_keys(wrapped[:2], under), keys[:2])
    assert aes_key_unwrap(under.expose(), wrapped[-1].tobytes()) == keys[-1].tobytes()


@pytest.mark.parametrize("count", [0, 1, wrapping.FEW_KEYS - 1, wrapping.FEW_KEYS, wrapping._CHUNK_KEYS + 1])
def test_every_number_of_keys_comes_back(count: int) -> None:
    keys = np.random.default_rng(1).integers(0, 256, (count, 32), np.uint8)
    wrapped = wrapping.wrap_many(keys, UNDER, version=7)
    assert [wrapping.wrapping_version(each) for each in wrapped] == [7] * count
    assert np.array_equal(wrapping.unwrap_many(wrapped, lambda version: UNDER), keys)


@pytest.mark.parametrize("count", [5, MANY])
@given(bit=st.integers(0, 40 * 8 - 1), at=st.integers(0, 4))
def test_one_changed_bit_of_one_key_is_noticed(count: int, bit: int, at: int) -> None:
    wrapped = wrapping.wrap_keys(rows(bytes(32), count), UNDER).copy()
    wrapped[at, bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecryptionError):
        wrapping.unwrap_keys(wrapped, UNDER)


@pytest.mark.parametrize("count", [5, MANY])
def test_another_key_opens_nothing(count: int) -> None:
    wrapped = wrapping.wrap_keys(rows(bytes(32), count), UNDER)
    with pytest.raises(DecryptionError):
        wrapping.unwrap_keys(wrapped, SecretKey(bytes(32)))


def test_versions_may_be_mixed_and_keep_their_order() -> None:
    under = {1: UNDER, 2: SecretKey(bytes(32)), 70_000: SecretKey(b"z" * 32)}
    keys = np.random.default_rng(2).integers(0, 256, (300, 32), np.uint8)
    versions = [[1, 2, 70_000][place % 3] for place in range(300)]
    wrapped = [
        wrapping.wrap_many(keys[place : place + 1], under[version], version=version)[0]
        for place, version in enumerate(versions)
    ]
    assert np.array_equal(wrapping.unwrap_many(wrapped, under.__getitem__), keys)


@pytest.mark.parametrize("wrong", [b"", bytes(43), bytes(45)])
def test_one_that_is_no_wrapped_key_is_noticed_among_many(wrong: bytes) -> None:
    wrapped = wrapping.wrap_many(rows(bytes(32)), UNDER, version=1)
    with pytest.raises(DecryptionError):
        wrapping.unwrap_many([*wrapped, wrong], lambda version: UNDER)
    with pytest.raises(DecryptionError):
        wrapping.wrapping_version(wrong)


def test_wire_format_is_version_and_rfc_3394() -> None:
    (wrapped,) = wrapping.wrap_many(rows(bytes(32), 1), UNDER, version=258)
    assert wrapped == b"\0\0\x01\x02" + aes_key_wrap(UNDER.expose(), bytes(32))
    assert len(wrapped) == wrapping.WRAPPED_BYTES == 44


def test_inputs_are_not_changed() -> None:
    keys = rows(bytes(range(32)), MANY)
    wrapped = wrapping.wrap_keys(keys, UNDER)
    copy = wrapped.copy()
    wrapping.unwrap_keys(wrapped, UNDER)
    assert np.array_equal(wrapped, copy)
    assert np.array_equal(keys, rows(bytes(range(32)), MANY))


@pytest.mark.parametrize("broken", ["_big_endian", "_words"])
def test_the_self_test_passes_and_can_fail(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapping.self_test.cache_clear()
    wrapping.self_test()
    wrapping.self_test.cache_clear()
    right = getattr(wrapping, broken)
    wrong = {"_big_endian": lambda count: np.uint64(count), "_words": lambda each: right(each)[::-1].copy()}
    monkeypatch.setattr(wrapping, broken, wrong[broken])
    with pytest.raises(IntegrityError, match="AES-KW"):
        wrapping.wrap_keys(rows(bytes(32), MANY), UNDER)
    wrapping.self_test.cache_clear()
