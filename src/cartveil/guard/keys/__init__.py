"""Keys: a tenant's keyring under a passphrase, and the 32 secret bytes that everything else is given."""

from cartveil.guard.keys.keyring import KeyId, Keyring
from cartveil.guard.keys.passphrase import SCRYPT_INTERACTIVE, SCRYPT_OWASP, ScryptProfile
from cartveil.guard.keys.secret import SecretKey

__all__ = ["SCRYPT_INTERACTIVE", "SCRYPT_OWASP", "KeyId", "Keyring", "ScryptProfile", "SecretKey"]
