"""What a passphrase stands for: the right function, by the numbers of who recommends them, within bounds."""

import copy
import pickle
from base64 import b64decode
from hashlib import scrypt

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from cartveil.errors import InputError
from cartveil.guard.keys import Passphrase, ScryptProfile
from cartveil.guard.keys.passphrase import (
    ARGON2ID_OWASP,
    ARGON2ID_RFC9106,
    PROFILES,
    SCRYPT_OWASP,
    Argon2idProfile,
    Profile,
    _profile,
    _section,
    passphrase_key,
)

QUICK = (ScryptProfile("test", cost=2), Argon2idProfile("test", memory_kib=8, iterations=1))


def test_profiles_are_what_their_sources_say() -> None:
    assert (SCRYPT_OWASP.cost, SCRYPT_OWASP.block_size, SCRYPT_OWASP.parallelism) == (2**17, 8, 1)
    assert (ARGON2ID_RFC9106.memory_kib, ARGON2ID_RFC9106.iterations, ARGON2ID_RFC9106.lanes) == (65536, 3, 4)
    assert (ARGON2ID_OWASP.memory_kib, ARGON2ID_OWASP.iterations, ARGON2ID_OWASP.lanes) == (19456, 2, 1)
    assert all(profile.is_usable() for profile in PROFILES)
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)


def test_scrypt_is_that_of_the_standard_library() -> None:
    profile = ScryptProfile("test", cost=16, block_size=4, parallelism=2)
    key = passphrase_key("pass", b"s" * 16, profile=profile)
    assert key.expose() == scrypt(b"pass", salt=b"s" * 16, n=16, r=4, p=2, dklen=32)


def test_argon2id_takes_the_numbers_of_its_profile() -> None:
    profile = Argon2idProfile("test", memory_kib=64, iterations=2, lanes=3)
    key = passphrase_key("pass", b"s" * 16, profile=profile)
    same = Argon2id(salt=b"s" * 16, length=32, iterations=2, lanes=3, memory_cost=64).derive(b"pass")
    assert key.expose() == same


@pytest.mark.parametrize("profile", QUICK, ids=["scrypt", "argon2id"])
def test_what_was_locked_opens_with_the_same_text_alone(profile) -> None:
    key, section = Passphrase("correct horse", profile=profile).lock()
    assert Passphrase("correct horse").unlock(section) == key
    assert Passphrase("correct horse ").unlock(section) != key


@pytest.mark.parametrize("profile", QUICK, ids=["scrypt", "argon2id"])
def test_each_lock_has_a_salt_of_its_own(profile) -> None:
    lock = Passphrase("correct horse", profile=profile)
    (one, first), (other, second) = lock.lock(), lock.lock()
    assert one != other
    assert first["salt"] != second["salt"]


@pytest.mark.parametrize(
    "numbers",
    [
        {"memory_kib": 7},
        {"memory_kib": 2**20 + 1},
        {"iterations": 0},
        {"iterations": 65},
        {"lanes": 0},
        {"lanes": 65},
        {"lanes": 2},
        {"function": "argon2i"},
        {"salt": "?"},
    ],
)
def test_what_a_file_may_ask_for_is_bounded(numbers: dict[str, object]) -> None:
    _, section = Passphrase("correct horse", profile=QUICK[1]).lock()
    with pytest.raises(ValueError, match=r".*"):
        Passphrase("correct horse").unlock({**section, **numbers})


def test_empty_passphrase_locks_nothing() -> None:
    with pytest.raises(InputError):
        Passphrase("").lock()


@pytest.mark.parametrize("escape", [copy.copy, copy.deepcopy, pickle.dumps, vars])
def test_passphrase_refuses_every_way_out(escape) -> None:
    with pytest.raises(TypeError):
        escape(Passphrase("correct horse"))


def test_passphrase_is_not_shown() -> None:
    assert repr(Passphrase("correct horse")) == str(Passphrase("correct horse")) == "Passphrase(hidden)"


@pytest.mark.parametrize(
    ("profile", "usable"),
    [
        (Argon2idProfile("", memory_kib=2**20, iterations=64, lanes=64), True),
        (Argon2idProfile("", memory_kib=2**20 + 1, iterations=1), False),
        (Argon2idProfile("", memory_kib=8, iterations=1), True),
        (Argon2idProfile("", memory_kib=7, iterations=1), False),
        (Argon2idProfile("", memory_kib=1024, iterations=1, lanes=65), False),
        (Argon2idProfile("", memory_kib=1024, iterations=1, lanes=0), False),
        (Argon2idProfile("", memory_kib=16, iterations=1, lanes=2), True),
        (Argon2idProfile("", memory_kib=15, iterations=1, lanes=2), False),
        (Argon2idProfile("", memory_kib=8, iterations=65), False),
        (Argon2idProfile("", memory_kib=8, iterations=0), False),
        (ScryptProfile("", cost=2**20, block_size=8, parallelism=64), True),
        (ScryptProfile("", cost=2**21), False),
        (ScryptProfile("", cost=2, block_size=1), True),
        (ScryptProfile("", cost=1), False),
        (ScryptProfile("", cost=0), False),
        (ScryptProfile("", cost=6), False),
        (ScryptProfile("", cost=2, block_size=0), False),
        (ScryptProfile("", cost=2, parallelism=0), False),
        (ScryptProfile("", cost=2, parallelism=65), False),
    ],
)
def test_bounds_are_where_they_are_said_to_be(profile: Profile, usable: bool) -> None:
    assert profile.is_usable() is usable


def test_a_section_says_all_that_opening_needs() -> None:
    _, scrypt_section = Passphrase("x", profile=ScryptProfile("mine", cost=4, block_size=2, parallelism=3)).lock()
    assert {**scrypt_section, "salt": ""} == {
        "kind": "passphrase",
        "function": "scrypt",
        "profile": "mine",
        "cost": 4,
        "block_size": 2,
        "parallelism": 3,
        "salt": "",
    }
    _, argon_section = Passphrase("x", profile=Argon2idProfile("mine", memory_kib=32, iterations=2, lanes=3)).lock()
    assert {**argon_section, "salt": ""} == {
        "kind": "passphrase",
        "function": "argon2id",
        "profile": "mine",
        "memory_kib": 32,
        "iterations": 2,
        "lanes": 3,
        "salt": "",
    }
    assert len(b64decode(scrypt_section["salt"])) == 16


def test_half_a_character_in_a_passphrase_is_as_good_as_any_other() -> None:
    key, section = Passphrase("\ud800", profile=QUICK[0]).lock()
    assert Passphrase("\ud800").unlock(section) == key


def test_memory_is_told_in_bytes() -> None:
    assert SCRYPT_OWASP.memory == 128 * 2**20
    assert ARGON2ID_RFC9106.memory == 64 * 2**20


@pytest.mark.parametrize("profile", [*PROFILES, *QUICK, ScryptProfile("mine", 4, block_size=2, parallelism=3)])
def test_a_profile_is_read_as_it_was_written(profile: Profile) -> None:
    assert _profile({**_section(profile), "salt": ""}) == profile
