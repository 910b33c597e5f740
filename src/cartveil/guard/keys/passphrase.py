"""From a passphrase to a key: scrypt or Argon2id, with parameters named after who recommends them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cartveil.errors import InputError, KeyringError
from cartveil.guard.keys.lock import decoded, encoded
from cartveil.guard.keys.secret import KEY_BYTES, Secret, SecretKey

SALT_BYTES = 16

#: A changed file must not make us fill the memory: 1 GiB is the most that a derivation may ask for.
MOST_MEMORY = 1 << 30

#: Nor may it make us compute for ever: passes over that memory, one after another.
MOST_PASSES = 64


@dataclass(frozen=True)
class ScryptProfile:
    """Parameters of scrypt.

    Args:
        name: Whose recommendation this is.
        cost: Iterations, a power of two; `N` of RFC 7914.
        block_size: `r` of RFC 7914; memory is 128 * cost * block_size bytes.
        parallelism: `p` of RFC 7914.
    """

    name: str
    cost: int
    block_size: int = 8
    parallelism: int = 1

    @property
    def memory(self) -> int:
        """Return the bytes of memory that one derivation takes."""
        return 128 * self.cost * self.block_size

    def is_usable(self) -> bool:
        """Return whether scrypt accepts these numbers and the memory is bounded."""
        power_of_two = self.cost > 1 and self.cost & (self.cost - 1) == 0
        few_passes = 0 < self.parallelism <= MOST_PASSES
        return power_of_two and self.block_size > 0 and few_passes and self.memory <= MOST_MEMORY


@dataclass(frozen=True)
class Argon2idProfile:
    """Parameters of Argon2id.

    Args:
        name: Whose recommendation this is.
        memory_kib: KiB of memory; `m` of RFC 9106.
        iterations: Passes over the memory; `t` of RFC 9106.
        lanes: Degree of parallelism; `p` of RFC 9106.
    """

    name: str
    memory_kib: int
    iterations: int
    lanes: int = 1

    @property
    def memory(self) -> int:
        """Return the bytes of memory that one derivation takes."""
        return 1024 * self.memory_kib

    def is_usable(self) -> bool:
        """Return whether Argon2id accepts these numbers and memory and passes are bounded."""
        fits = 0 < self.lanes <= 64 and 8 * self.lanes <= self.memory_kib and self.memory <= MOST_MEMORY
        return fits and 0 < self.iterations <= MOST_PASSES


Profile = ScryptProfile | Argon2idProfile

#: OWASP Password Storage Cheat Sheet: 128 MiB, about half a second.
SCRYPT_OWASP = ScryptProfile("scrypt-owasp", cost=2**17)

#: Percival 2009, section 6, interactive logins: 16 MiB, under 0.1 s. Weaker: for passphrases that are long.
SCRYPT_INTERACTIVE = ScryptProfile("scrypt-interactive", cost=2**14)

#: RFC 9106, section 4, the second recommended option: 64 MiB. The first takes 2 GiB, more than a file may ask for.
ARGON2ID_RFC9106 = Argon2idProfile("argon2id-rfc9106", memory_kib=2**16, iterations=3, lanes=4)

#: OWASP Password Storage Cheat Sheet, the least that it allows: 19 MiB.
ARGON2ID_OWASP = Argon2idProfile("argon2id-owasp", memory_kib=19 * 1024, iterations=2, lanes=1)

PROFILES = (SCRYPT_OWASP, SCRYPT_INTERACTIVE, ARGON2ID_RFC9106, ARGON2ID_OWASP)


class Passphrase(Secret):
    """A lock that opens for whoever knows a text.

    Args:
        text: Any text; encoded as UTF-8.
        profile: How hard to make guessing, for what is locked from now on; a file says itself how it was locked.
    """

    __slots__ = ("_profile", "_text")

    kind = "passphrase"

    def __init__(self, text: str, *, profile: Profile = SCRYPT_OWASP) -> None:
        self._text = text
        self._profile = profile

    def lock(self) -> tuple[SecretKey, dict[str, Any]]:
        """Derive a key with a fresh salt; see `Lock.lock`.

        Raises:
            InputError: An empty passphrase.
        """
        if not self._text:
            raise InputError("a keyring needs a passphrase", hint="give a long one; nothing can stand in for it")
        salt = secrets.token_bytes(SALT_BYTES)
        section = {"kind": self.kind, **_section(self._profile), "salt": encoded(salt)}
        return passphrase_key(self._text, salt, profile=self._profile), section

    def unlock(self, section: Mapping[str, Any]) -> SecretKey:
        """Derive the key again; see `Lock.unlock`. A wrong passphrase gives a key that opens nothing."""
        return passphrase_key(self._text, decoded(section["salt"]), profile=_profile(section))

    def __repr__(self) -> str:
        return "Passphrase(hidden)"


def passphrase_key(passphrase: str, salt: bytes, *, profile: Profile) -> SecretKey:
    """Derive the key that a passphrase stands for.

    Args:
        passphrase: Any text; encoded as UTF-8.
        salt: 16 random bytes, stored beside what the key seals.
        profile: How hard to make guessing.

    Source: RFC 7914 (scrypt); RFC 9106 (Argon2id).
    """
    text = passphrase.encode("utf-8", "surrogatepass")
    if isinstance(profile, ScryptProfile):
        scrypt = Scrypt(salt=salt, length=KEY_BYTES, n=profile.cost, r=profile.block_size, p=profile.parallelism)
        return SecretKey(scrypt.derive(text))
    try:
        argon2id = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=profile.iterations,
            lanes=profile.lanes,
            memory_cost=profile.memory_kib,
        )
        return SecretKey(argon2id.derive(text))
    except UnsupportedAlgorithm:
        hint = "use a `cryptography` built on OpenSSL 3.2 or newer, or a profile of scrypt"
        raise KeyringError("this machine's `cryptography` has no Argon2id", hint=hint) from None


def _section(profile: Profile) -> dict[str, Any]:
    if isinstance(profile, ScryptProfile):
        numbers = {"cost": profile.cost, "block_size": profile.block_size, "parallelism": profile.parallelism}
        return {"function": "scrypt", "profile": profile.name, **numbers}
    numbers = {"memory_kib": profile.memory_kib, "iterations": profile.iterations, "lanes": profile.lanes}
    return {"function": "argon2id", "profile": profile.name, **numbers}


def _profile(section: Mapping[str, Any]) -> Profile:
    """Return the profile that a file names; `ValueError` where following it would cost too much."""
    profile: Profile
    match section["function"]:
        case "scrypt":
            profile = ScryptProfile(str(section["profile"]), *_numbers(section, "cost", "block_size", "parallelism"))
        case "argon2id":
            profile = Argon2idProfile(str(section["profile"]), *_numbers(section, "memory_kib", "iterations", "lanes"))
        case _:
            raise ValueError
    if not profile.is_usable():
        raise ValueError
    return profile


def _numbers(section: Mapping[str, Any], *names: str) -> tuple[int, ...]:
    return tuple(int(section[name]) for name in names)
