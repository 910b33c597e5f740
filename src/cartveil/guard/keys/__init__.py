"""Keys: a tenant's keyring under a passphrase or a token, and the 32 secret bytes that everything else is given."""

from cartveil.guard.keys.ids import KeyId
from cartveil.guard.keys.keyring import Keyring
from cartveil.guard.keys.passphrase import SCRYPT_OWASP, Passphrase, ScryptProfile
from cartveil.guard.keys.secret import SecretKey
from cartveil.guard.keys.token import Token

__all__ = ["SCRYPT_OWASP", "KeyId", "Keyring", "Passphrase", "ScryptProfile", "SecretKey", "Token"]
