"""A secret key stays where it is."""

import copy
import pickle

import pytest

from cartveil.guard.keys import SecretKey

VALUE = bytes(range(32))


def test_repr_shows_nothing() -> None:
    assert repr(SecretKey(VALUE)) == "SecretKey(hidden)"


@pytest.mark.parametrize("escape", [str, format, copy.copy, copy.deepcopy, pickle.dumps, hash, bytes, vars])
def test_key_refuses_every_way_out(escape) -> None:
    with pytest.raises(TypeError):
        escape(SecretKey(VALUE))


def test_expose_is_the_door() -> None:
    assert SecretKey(VALUE).expose() == VALUE


@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33), "x" * 32, bytearray(32)])
def test_only_32_bytes_are_a_key(value) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SecretKey(value)


def test_equal_keys_are_equal() -> None:
    assert SecretKey(VALUE) == SecretKey(VALUE)
    assert SecretKey(VALUE) != SecretKey(bytes(32))
    assert SecretKey(VALUE) != VALUE


def test_generated_keys_differ() -> None:
    assert SecretKey.generate() != SecretKey.generate()


def test_its_state_is_not_handed_out() -> None:
    with pytest.raises(TypeError):
        SecretKey.generate().__getstate__()
