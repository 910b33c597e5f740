"""From a passphrase to a key: scrypt, with parameters named after who recommends them."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cartveil.guard.keys.secret import KEY_BYTES, SecretKey

SALT_BYTES = 16

#: A changed file must not make us fill the memory: 1 GiB is the most that scrypt may ask for.
MOST_MEMORY = 1 << 30


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
        return power_of_two and self.block_size > 0 and 0 < self.parallelism <= 64 and self.memory <= MOST_MEMORY


#: OWASP Password Storage Cheat Sheet: 128 MiB, about half a second.
SCRYPT_OWASP = ScryptProfile("scrypt-owasp", cost=2**17)

#: Percival 2009, section 6, interactive logins: 16 MiB, under 0.1 s. Weaker: for passphrases that are long.
SCRYPT_INTERACTIVE = ScryptProfile("scrypt-interactive", cost=2**14)


def passphrase_key(passphrase: str, salt: bytes, *, profile: ScryptProfile) -> SecretKey:
    """Derive the key that a passphrase stands for.

    Args:
        passphrase: Any text; encoded as UTF-8.
        salt: 16 random bytes, stored beside what the key seals.
        profile: How hard to make guessing.
    """
    scrypt = Scrypt(salt=salt, length=KEY_BYTES, n=profile.cost, r=profile.block_size, p=profile.parallelism)
    return SecretKey(scrypt.derive(passphrase.encode("utf-8", "surrogatepass")))
