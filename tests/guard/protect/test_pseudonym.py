import base64
import datetime

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.pseudonym import LENGTH, pseudonym, pseudonym_of


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=70), max_size=60), st.binary(min_size=32, max_size=32))
def test_the_batch_equals_the_scalar_reference(values: list[str], secret: bytes) -> None:
    key = SecretKey(secret)
    assert pseudonym(pa.array(values, pa.string()), key).to_pylist() == [pseudonym_of(value, key) for value in values]


def test_many_rows_over_several_chunks_of_the_cache_equal_the_reference(key: SecretKey) -> None:
    values = [f"{'x' * (number % 50)}{number}" for number in range(40_000)]
    made = pseudonym(pa.array(values), key).to_pylist()
    assert made[::997] == [pseudonym_of(value, key) for value in values[::997]]
    assert len(set(made)) == len(values)


def test_is_pinned(key: SecretKey) -> None:
    assert pseudonym_of("17850", key, prefix="c_") == "c_ojchez2xikebjmb2yp2qo233"


def test_is_aes_cmac_in_base32_as_the_standards_write_them(key: SecretKey) -> None:
    mac = CMAC(AES(subkey(key, "pseudonym")))
    mac.update(b"17850")
    assert pseudonym_of("17850", key) == base64.b32encode(mac.finalize()[:15]).decode().lower()


def test_another_key_gives_another_pseudonym(key: SecretKey) -> None:
    assert pseudonym_of("17850", key) != pseudonym_of("17850", SecretKey(bytes(32)))


def test_has_24_characters_safe_in_file_names(key: SecretKey) -> None:
    for made in pseudonym(pa.array(["a", "张三", ""]), key).to_pylist():
        assert len(made) == LENGTH
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_number_has_the_pseudonym_of_its_text_however_it_is_stored(key: SecretKey) -> None:
    forms = (pa.array([17850]), pa.array([17850.0]), pa.array([17850], pa.int16()), pa.array(["17850"]))
    assert {pseudonym(form, key)[0].as_py() for form in forms} == {pseudonym_of("17850", key)}


def test_a_gap_does_not_change_the_pseudonym_of_a_number(key: SecretKey) -> None:
    assert pseudonym(pa.array([17850.0, None]), key).to_pylist() == [pseudonym_of("17850", key), None]


def test_dates_and_booleans_have_pseudonyms(key: SecretKey) -> None:
    assert pseudonym(pa.array([datetime.date(1980, 2, 3)]), key)[0].as_py() == pseudonym_of("1980-02-03", key)
    assert pseudonym(pa.array([True]), key)[0].as_py() == pseudonym_of("true", key)
