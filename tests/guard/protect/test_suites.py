from collections.abc import Callable

import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from cartveil.errors import ColumnError, DecryptionError, SchemaError
from cartveil.events.kinds import Method, Step
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.cells import unpadded
from cartveil.guard.protect.modes.suites import Suite, sm4_gcm_open, sm4_gcm_seal
from cartveil.guard.protect.rest import Sealing, at_rest, from_rest
from cartveil.guard.protect.seal import LARGEST_PAD, Form, Place, cell_form, seal, unseal

PLACE = Place("shop", "orders", "phone")
SM4 = Form(Suite.SM4_GCM)

# RFC 8998, appendix A.1.
KEY_A1 = bytes.fromhex("0123456789abcdeffedcba9876543210")
NONCE_A1 = bytes.fromhex("00001234567800000000abcd")
CONTEXT_A1 = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
CLEAR_A1 = bytes.fromhex(
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
    "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
)
SEALED_A1 = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)


def rows(count: int) -> pa.Array:
    return pa.array([f"r{row}" for row in range(count)])


def test_sm4_gcm_agrees_with_rfc_8998() -> None:
    assert sm4_gcm_seal(KEY_A1, NONCE_A1, CLEAR_A1, CONTEXT_A1) == SEALED_A1
    assert sm4_gcm_open(KEY_A1, NONCE_A1, SEALED_A1, CONTEXT_A1) == CLEAR_A1
    for wrong in (SEALED_A1[:-1], SEALED_A1[1:], b"", bytes(15)):
        with pytest.raises(InvalidTag):
            sm4_gcm_open(KEY_A1, NONCE_A1, wrong, CONTEXT_A1)


def test_the_numbers_of_suites_are_pinned() -> None:
    assert {suite: suite.number for suite in Suite} == {Suite.AES_256_GCM: 1, Suite.SM4_GCM: 2}


def test_the_wire_format_of_sm4_is_pinned(key: SecretKey) -> None:
    cell = seal(pa.array(["138"]), [key], place=PLACE, rows=rows(1), form=SM4)[0].as_py()
    assert cell[:2] == b"\x01\x02"
    context = b"\x01\x02" + b"\x00\x04shop" + b"\x00\x06orders" + b"\x00\x05phone" + b"r0"
    secret = HKDFExpand(SHA256(), 16, b"cartveil protect seal sm4-gcm").derive(key.expose())
    assert sm4_gcm_open(secret, cell[2:14], cell[14:], context) == b"\x01138"


def test_cells_of_both_suites_in_one_column_come_back() -> None:
    keys, values = [SecretKey(bytes([number]) * 32) for number in range(3)], pa.array(["a", None, "b", "c", "d", "e"])
    index = [2, 0, 1, 0, 1, 2]
    aes, sm4 = (seal(values, keys, place=PLACE, rows=rows(6), index=index, form=Form(suite)) for suite in Suite)
    mixed = pa.concat_arrays([aes[:3], sm4[3:]])
    assert unseal(mixed, keys, place=PLACE, rows=rows(6), index=index).equals(values)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("number", [0, 1, 2, 3, 255])
def test_another_suite_written_over_the_header_does_not_open(suite: Suite, number: int, key: SecretKey) -> None:
    cell = seal(pa.array(["138"]), [key], place=PLACE, rows=rows(1), form=Form(suite))[0].as_py()
    wrong = cell[:1] + bytes([number]) + cell[2:]
    if number != suite.number:
        with pytest.raises(DecryptionError, match=r"^orders.phone: a value does not open$"):
            unseal(pa.array([wrong]), [key], place=PLACE, rows=rows(1))


def test_padded_cells_of_texts_up_to_the_padding_are_of_one_length_and_come_back(key: SecretKey) -> None:
    values = pa.array(["", "张三", "欧阳修文", "Maximilian", None])
    for suite in Suite:
        sealed = seal(values, [key] * 5, place=PLACE, rows=rows(5), form=Form(suite, pad=32))
        assert {len(cell) for cell in sealed.to_pylist() if cell is not None} == {2 + 12 + 32 + 16}
        assert unseal(sealed, [key] * 5, place=PLACE, rows=rows(5)).equals(values)


@pytest.mark.parametrize("pad", [1, 7, 16, LARGEST_PAD])
def test_padding_keeps_the_type(pad: int, key: SecretKey) -> None:
    values = pa.array([1, None, -5], pa.int32())
    sealed = seal(values, [key] * 3, place=PLACE, rows=rows(3), form=Form(pad=pad))
    assert {(len(cell) - 30) % pad for cell in sealed.to_pylist() if cell} == {0}
    assert unseal(sealed, [key] * 3, place=PLACE, rows=rows(3)).equals(values)


def test_padded_and_other_cells_come_back_together(key: SecretKey) -> None:
    parts = [seal(pa.array(["a"]), [key], place=PLACE, rows=rows(1), form=Form(pad=pad)) for pad in (0, 16)]
    cells = pa.concat_arrays(parts)
    assert unseal(cells, [key] * 2, place=PLACE, rows=pa.array(["r0", "r0"])).to_pylist() == ["a", "a"]


def test_a_padded_cell_that_says_too_much_is_refused() -> None:
    assert unpadded([b"\xff\x00\x00\x00\x02ab\x00"]) == [b"ab"]
    with pytest.raises(ValueError, match="short"):
        unpadded([b"\xff\x00\x00\x00\x03ab"])


def test_the_schema_chooses_suite_and_padding(key: SecretKey, derive: Callable[..., SecretKey]) -> None:
    schema = parse_schema(
        """
        name = "shop"
        [tables.orders.columns]
        phone = { kind = "phone", protect = { method = "seal", suite = "sm4-gcm", pad = 32 } }
        """
    )
    spec, sealing = schema.table("orders").column("phone"), Sealing([key], rows(2), [0, 0])
    clear = pa.array(["13812345678", None])
    resting = at_rest(clear, spec, place=PLACE, derive=derive, sealing=sealing)
    assert resting is not None
    assert resting[0].as_py()[:2] == b"\x01\x02"
    assert len(resting[0].as_py()) == 2 + 12 + 32 + 16
    assert from_rest(resting, spec, place=PLACE, derive=derive, sealing=sealing).equals(clear)


@pytest.mark.parametrize("options", [{"suite": "rot13"}, {"suite": ""}, {"pad": -1}, {"pad": LARGEST_PAD + 1}])
def test_unknown_suites_and_paddings_are_refused_with_what_is_known(options: dict[str, object]) -> None:
    with pytest.raises(SchemaError) as caught:
        cell_form(Step(Method.SEAL, tuple(options.items())))
    assert caught.value.hint


def test_a_machine_without_sm4_says_so(key: SecretKey, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise UnsupportedAlgorithm("sm4")

    monkeypatch.setattr("cartveil.guard.protect.modes.suites.sm4_gcm_seal", refuse)
    with pytest.raises(ColumnError, match="sm4-gcm"):
        seal(pa.array(["a"]), [key], place=PLACE, rows=rows(1), form=SM4)


def test_aes_without_padding_is_usual() -> None:
    assert cell_form(Step(Method.SEAL)) == Form(Suite.AES_256_GCM, 0)
