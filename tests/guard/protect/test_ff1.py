import gzip
import importlib.util
import json
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, IntegrityError
from cartveil.guard.protect.alphabets import alphabet_of, spell
from cartveil.guard.protect.modes import feistel
from cartveil.guard.protect.modes import ff1 as module
from cartveil.guard.protect.modes.blocks import FEW_ROWS
from cartveil.guard.protect.modes.ff1 import ff1, ff1_numbers, ff1_one, one_tweak
from cartveil.guard.protect.modes.numerals import as_places, digit_type
from nightly import NIGHTLY

VECTORS = Path(__file__).parents[2] / "vectors"
RADIXES = (10, 16, 26, 32, 36, 45, 62, 64, 85, 255, 256, 65535, 65536)
BASES = (10, 16, 26, 32, 36, 45, 62, 64, 85)
KEY = bytes(range(32))

#: Valid by the first edition of SP 800-38G, which let domains of a hundred pass; revision 1 asks for a million, and so
#: does Cartveil. Numbers of the cases, alike in the files of one radix.
TOO_SMALL: dict[int, tuple[int, ...]] = {
    10: (7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
    16: (7, 8, 9, 10, 11, 12, 13, 14, 15),
    26: (7, 8, 9, 10, 11, 12, 13, 14, 15),
    32: (7, 8, 9, 10, 11, 12),
    36: (7, 8, 9, 10, 11, 12),
    45: (7, 8, 9, 10, 11, 12),
    62: (7, 8, 9, 10, 11, 12),
    64: (7, 8, 9, 10, 11, 12),
    85: (7, 8, 9, 10, 11, 12),
    255: (7, 8, 9),
    256: (7, 8, 9),
    65535: (),
    65536: (),
}

Case = dict[str, Any]


def document(name: str) -> Any:
    return json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))


def cases(name: str) -> Iterator[tuple[Case, Case]]:
    """Yield each group and case but those that are skipped, which have to be refused."""
    content = document(name)
    found = [(group, case) for group in content["testGroups"] for case in group["tests"]]
    assert len(found) == content["numberOfTests"]
    for group, case in found:
        skipped = case["tcId"] in TOO_SMALL[group["radix"]]
        assert skipped == ("SmallMessageSize" in case["flags"]), case["tcId"]
        yield group, {**case, "result": "invalid"} if skipped else case


def batched(digits: list[int], case: Case, radix: int, *, inverse: bool = False) -> list[int]:
    """Send one string through the batch, whatever its length."""
    made = ff1(
        np.array([digits] * 2).reshape(2, -1),
        bytes.fromhex(case["key"]),
        radix=radix,
        tweak=one_tweak(bytes.fromhex(case["tweak"])),
        inverse=inverse,
    )
    assert (made[0] == made[1]).all()
    return [int(digit) for digit in made[0]]


@pytest.fixture
def always_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_few", lambda rows, layout: False)


def failures(name: str, run: Any) -> list[int]:
    """Return the numbers of the cases whose result is wrong, or that are not refused and ought to be."""
    wrong = []
    for group, case in cases(name):
        try:
            right = run(group, case) == case["ct"]
        except ColumnError:
            right = case["result"] == "invalid"
        else:
            right = right and case["result"] == "valid"
        if not right:
            wrong.append(case["tcId"])
    return wrong


@pytest.mark.parametrize("radix", RADIXES)
def test_the_reference_agrees_with_wycheproof(radix: int) -> None:
    def run(_: Case, case: Case) -> list[int]:
        return ff1_one(case["msg"], bytes.fromhex(case["key"]), radix=radix, tweak=bytes.fromhex(case["tweak"]))

    assert failures(f"aes_ff1_radix{radix}_test", run) == []


@pytest.mark.usefixtures("always_batched")
@pytest.mark.parametrize("radix", RADIXES)
def test_the_batch_agrees_with_wycheproof(radix: int) -> None:
    assert failures(f"aes_ff1_radix{radix}_test", lambda _, case: batched(case["msg"], case, radix)) == []


@pytest.mark.usefixtures("always_batched")
@pytest.mark.parametrize("base", BASES)
def test_strings_of_wycheproof_come_back(base: int) -> None:
    def run(group: Case, case: Case) -> str:
        alphabet = alphabet_of(group["alphabet"])
        clear, hidden = (spell(pa.array([case[part]]), alphabet) for part in ("msg", "ct"))
        if clear.held is not None:  # the invalid ones hold characters outside the alphabet
            raise ColumnError("not in the alphabet")
        digits, secret, tweak = hidden.digits.tolist(), bytes.fromhex(case["key"]), bytes.fromhex(case["tweak"])
        back = ff1_one(digits, secret, radix=base, tweak=tweak, inverse=True)
        if NIGHTLY or case["tcId"] % 3 == 0:  # the batch goes the other way through the same numbers, above
            assert batched(digits, case, base, inverse=True) == back
        return str(case["ct"]) if back == clear.digits.tolist() else "another text"

    assert failures(f"aes_ff1_base{base}_test", run) == []


def test_acvp_agrees() -> None:
    for case in document("acvp_ff1_subset"):
        alphabet = alphabet_of(case["alphabet"])
        clear = spell(pa.array([case["pt"]] * FEW_ROWS), alphabet)
        made = ff1(
            clear.rows(np.arange(FEW_ROWS), len(case["pt"])),
            bytes.fromhex(case["key"]),
            radix=alphabet.radix,
            tweak=one_tweak(bytes.fromhex(case["tweak"])),
        )
        assert set(clear.written(made.reshape(-1)).to_pylist()) == {case["ct"]}


#: NIST, "FF1 samples": nine pairs, three to a key.
NIST_KEYS = (
    "2B7E151628AED2A6ABF7158809CF4F3C",
    "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F",
    "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94",
)
NIST_RESULTS = (
    ("2433477484", "6124200773", "a9tv40mll9kdu509eum"),
    ("2830668132", "2496655549", "xbj3kv35jrawxv32ysr"),
    ("6657667009", "1001623463", "xs8a0azh2avyalyzuwd"),
)
NIST_INPUTS = (
    (10, "", "0123456789"),
    (10, "39383736353433323130", "0123456789"),
    (36, "3737373770717273373737", "0123456789abcdefghi"),
)


@pytest.mark.parametrize(("key", "sample"), list(product(range(3), range(3))))
@pytest.mark.parametrize("rows", [1, FEW_ROWS])
def test_samples_of_nist_agree_both_ways(key: int, sample: int, rows: int) -> None:
    radix, tweak, clear = NIST_INPUTS[sample]
    given, wanted = ([int(digit, 36) for digit in text] for text in (clear, NIST_RESULTS[key][sample]))
    secret, bound = bytes.fromhex(NIST_KEYS[key]), one_tweak(bytes.fromhex(tweak))
    assert ff1(np.array([given] * rows), secret, radix=radix, tweak=bound).tolist() == [wanted] * rows
    assert ff1(np.array([wanted] * rows), secret, radix=radix, tweak=bound, inverse=True).tolist() == [given] * rows


radixes = st.sampled_from([2, 3, 4, 10, 15, 16, 17, 62, 255, 256, 257, 1000, 1626, 7000, 65535, 65536]) | st.integers(
    2, 65536
)


@st.composite
def strings(draw: st.DrawFn) -> tuple[int, Any, Any]:
    """Return a radix, rows of digits and tweaks, at any length that is allowed, more often than not a short one."""
    radix = draw(radixes)
    least = next(length for length in range(2, 21) if radix**length >= 1_000_000)
    length = draw(st.integers(least, least + 4) | st.integers(least, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.sampled_from([1, FEW_ROWS, 25]))
    digits = rng.integers(0, radix, (rows, length)).astype(digit_type(radix))
    digits[rows // 2 :: 3] = draw(st.sampled_from([0, radix - 1]))
    tweak = rng.integers(0, 256, (draw(st.sampled_from([1, rows])), draw(st.integers(0, 40)))).astype(np.uint8)
    return radix, digits, tweak


@settings(deadline=None)
@given(strings(), st.sampled_from([16, 24, 32]))
def test_the_batch_equals_the_reference_and_comes_back(case: tuple[int, Any, Any], size: int) -> None:
    radix, digits, tweak = case
    secret = KEY[:size]
    made = ff1(digits, secret, radix=radix, tweak=tweak)
    tweaks = np.broadcast_to(tweak, (len(digits), tweak.shape[1]))
    for row, bound, result in zip(digits, tweaks, made, strict=True):
        assert ff1_one(row.tolist(), secret, radix=radix, tweak=bound.tobytes()) == result.tolist()
        assert ff1_one(result.tolist(), secret, radix=radix, tweak=bound.tobytes(), inverse=True) == row.tolist()
    assert (ff1(made, secret, radix=radix, tweak=tweak, inverse=True) == digits).all()


def libffx() -> Any:
    """Return the second reference, an implementation that shares nothing with this one but AES."""
    if importlib.util.find_spec("ffx") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no libffx: .ci/run installs the extra `dev`")
        pytest.skip("libffx is not installed: pip install 'cartveil[dev]'")
    return importlib.import_module("ffx")


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 36), st.integers(20, 40), st.integers(0, 2**32), st.binary(max_size=20))
def test_the_batch_equals_libffx(radix: int, length: int, seed: int, tweak: bytes) -> None:
    ffx = libffx()
    digits = np.random.default_rng(seed).integers(0, radix, (FEW_ROWS, length))
    made = ff1(digits, KEY, radix=radix, tweak=one_tweak(tweak))
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz"
    cipher = ffx.FF1(KEY, radix=radix)
    for row, result in zip(digits, made, strict=True):
        text = "".join(symbols[digit] for digit in row)
        assert cipher.encrypt(text, tweak=tweak) == "".join(symbols[digit] for digit in result)


@settings(max_examples=30, deadline=None)
@given(st.integers(1_000_000, 2**62), st.integers(0, 2**32))
def test_numbers_below_any_size_change_among_themselves_as_in_libffx(size: int, seed: int) -> None:
    ffx = libffx()
    numbers = np.random.default_rng(seed).integers(0, size, 15).astype(np.uint64)
    made = ff1_numbers(numbers, KEY, size=size)
    assert made.max() < size
    assert made.tolist() == [ffx.FF1(KEY).encrypt_int(int(number), domain=size) for number in numbers]
    assert (ff1_numbers(made, KEY, size=size, inverse=True) == numbers).all()


def test_a_whole_domain_is_permuted() -> None:
    every = np.arange(1_000_000)
    digits = (every[:, None] // 10 ** np.arange(5, -1, -1) % 10).astype(np.uint8)
    made = ff1(digits, KEY, radix=10) @ 10 ** np.arange(5, -1, -1)
    assert (np.sort(made) == every).all()
    assert abs(np.corrcoef(every, made)[0, 1]) < 0.01


@pytest.mark.parametrize(("radix", "length"), [(10, 5), (2, 19), (999, 2), (10, 1), (65536, 1), (10, 0)])
def test_fewer_than_a_million_values_are_refused(radix: int, length: int) -> None:
    for rows in (1, FEW_ROWS):
        with pytest.raises(ColumnError, match="fewer than a million"):
            ff1(np.zeros((rows, length), np.uint16), KEY, radix=radix)
    with pytest.raises(ColumnError, match="fewer than a million"):
        ff1_numbers(np.zeros(1, np.uint64), KEY, size=999_999)


@pytest.mark.parametrize("radix", [0, 1, 65_537])
def test_a_radix_out_of_range_is_refused(radix: int) -> None:
    with pytest.raises(ColumnError, match="no alphabet"):
        ff1(np.zeros((20, 30), np.uint16), KEY, radix=radix)


@pytest.mark.parametrize("digit", [10, -1, 256, 266])
def test_what_is_no_digit_is_refused(digit: int) -> None:
    for rows in (1, FEW_ROWS):
        with pytest.raises(ColumnError, match="no digit"):
            ff1(np.full((rows, 8), digit), KEY, radix=10)
    with pytest.raises(ColumnError, match="no digit"):
        ff1_one([digit] * 8, KEY, radix=10)


@pytest.mark.parametrize("size", [0, 15, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ColumnError, match="key of AES"):
        ff1(np.zeros((20, 8), np.uint8), bytes(size), radix=10)


def test_the_input_is_not_changed_and_no_rows_make_no_rows() -> None:
    digits = np.arange(160, dtype=np.uint8).reshape(20, 8) % 10
    before = digits.copy()
    ff1(digits, KEY, radix=10)
    assert (digits == before).all()
    assert ff1(digits[:0], KEY, radix=10).shape == (0, 8)


def test_the_self_test_passes_and_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    module.self_test.cache_clear()
    module.self_test()
    broken = [(feistel, name) for name in ("_rest", "_longer_rest", "_plus", "_less", "of_limbs", "to_limbs")]
    for place, name in [*broken, (module, "write_places"), (module, "read_places")]:
        module.self_test.cache_clear()
        with monkeypatch.context() as patch:
            right = getattr(place, name)
            patch.setattr(place, name, lambda *given, right=right, **named: right(*given, **named) ^ 1)
            with pytest.raises(IntegrityError, match="FF1"):
                module.self_test()
    module.self_test.cache_clear()


def test_sums_and_differences_carry_from_place_to_place() -> None:
    sizes, whole = [3, 4, 5], 60
    one, other = (part.reshape(-1).astype(np.uint64) for part in np.meshgrid(np.arange(whole), np.arange(whole)))
    plus = feistel._plus(as_places(one, sizes), as_places(other, sizes), sizes)
    less = feistel._less(as_places(one, sizes), as_places(other, sizes), sizes)
    assert (plus == as_places((one + other) % np.uint64(whole), sizes)).all()
    assert (less == as_places((one + np.uint64(whole) - other) % np.uint64(whole), sizes)).all()


@pytest.mark.parametrize("modulus", [2, 10**9, 2**32 - 1, 2**32, 1626**3, 85**5, 10**16, 62**9, 2**56])
def test_remainders_are_exact_at_every_edge(modulus: int) -> None:
    high = [0, 1, modulus // 2, modulus - 1]
    low = [0, 1, modulus % 2**32, 2**31, 2**32 - 1]
    numbers = [(one, other) for one in high for other in low]
    made = feistel._longer_rest(*(np.array(part, np.uint64) for part in zip(*numbers, strict=True)), modulus)
    assert made.tolist() == [((one << 32) + other) % modulus for one, other in numbers]
    words = np.array([0, modulus - 1, modulus, modulus + 1, 2**63, 2**64 - 1], np.uint64)
    assert feistel._rest(words.copy(), modulus).tolist() == [int(word) % modulus for word in words]
