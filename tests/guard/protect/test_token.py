import base64

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, DecryptionError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.token import detokenise, token


def reference(value: str, key: SecretKey) -> str:
    sealed = AESSIV(subkey(key, "token", length=64)).encrypt(value.encode(), [b"cartveil token 1"])
    return "tok_" + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=70), max_size=60), st.binary(min_size=32, max_size=32))
def test_the_batch_equals_aes_siv_of_cryptography(values: list[str], secret: bytes) -> None:
    key = SecretKey(secret)
    made = token(pa.array(values, pa.string()), key)
    assert made.to_pylist() == [reference(value, key) for value in values]
    assert detokenise(made, key).to_pylist() == values


@pytest.mark.parametrize("length", [*range(34), 47, 48, 49, 255, 256, 257])
def test_every_length_batched_equals_the_reference_and_comes_back(length: int, key: SecretKey) -> None:
    values = [f"{number:02d}"[:length].ljust(length, "e") for number in range(20)]
    made = token(pa.array(values), key)
    assert made.to_pylist() == [reference(value, key) for value in values]
    assert detokenise(made, key).to_pylist() == values


def test_many_rows_come_back(key: SecretKey) -> None:
    column = pa.chunked_array([[f"订单{number}" for number in range(30_000)]])
    assert detokenise(token(column, key), key).equals(column)


def test_is_pinned(key: SecretKey) -> None:
    assert token(pa.array(["536365"]), key)[0].as_py() == "tok_ti7hp5i6Ji0ykUnhxBbw3Bq8rcVmPA"


def test_few_values_in_many_rows_are_refused_unless_said_aloud(key: SecretKey) -> None:
    column = pa.array([f"size {number % 99}" for number in range(1000)])
    with pytest.raises(ColumnError) as caught:
        token(column, key)
    assert "few_values" in str(caught.value.hint)
    assert len(token(column, key, few_values=True)) == 1000


def test_enough_values_or_few_rows_are_accepted(key: SecretKey) -> None:
    token(pa.array([f"size {number % 100}" for number in range(1000)]), key)
    token(pa.array(["one"] * 999), key)
    token(pa.nulls(2000, pa.string()), key)


def broken(whole: str) -> list[str]:
    last = "A" if whole[-1] != "A" else "B"
    flipped = [whole[:at] + ("A" if whole[at] != "A" else "B") + whole[at + 1 :] for at in range(4, len(whole))]
    return [*flipped, whole[:-1], whole + "A", whole[:-1] + last, whole[4:], "tok_", "tok_" + "!" * 30, "", "tok_张"]


@pytest.mark.parametrize("rows", [1, 20])
def test_a_changed_token_does_not_open_and_says_nothing_more(rows: int, key: SecretKey) -> None:
    whole = token(pa.array([f"5363{row:02d}" for row in range(rows)]), key).to_pylist()
    for wrong in broken(whole[0]):
        with pytest.raises(DecryptionError, match=r"^a token does not open$"):
            detokenise(pa.array([wrong, *whole[1:]]), key)


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("length", [5, 6, 7])
def test_only_the_one_canonical_writing_opens(length: int, key: SecretKey) -> None:
    tokens = token(pa.array([f"{row:0{length}d}" for row in range(20)]), key).to_pylist()
    # Bits behind the last whole byte say nothing; a token that sets them is another text for the same value.
    spare = {2: 16, 3: 4}.get((len(tokens[0]) - 4) % 4, 0)
    for bits in range(1, spare):
        wrong = tokens[0][:-1] + BASE64[BASE64.index(tokens[0][-1]) + bits]
        with pytest.raises(DecryptionError):
            detokenise(pa.array([wrong, *tokens[1:]]), key)


def test_a_letter_outside_the_alphabet_is_not_taken_for_zero(key: SecretKey) -> None:
    tokens = token(pa.array([str(row) for row in range(10_000, 13_000)]), key).to_pylist()
    at, row = next(
        (at, row) for row, text in enumerate(tokens) for at in range(4, len(text), 2) if text[at : at + 2] == "AA"
    )
    tokens[row] = tokens[row][:at] + "!!" + tokens[row][at + 2 :]
    with pytest.raises(DecryptionError):
        detokenise(pa.array(tokens), key)


def test_another_key_does_not_open(key: SecretKey) -> None:
    with pytest.raises(DecryptionError):
        detokenise(token(pa.array([str(number) for number in range(50)]), key), SecretKey(bytes(32)))
