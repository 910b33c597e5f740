"""What locks a folder's keyring: the passphrase, or the token that the environment or a command names.

Of a token, module and PIN come from outside each time; which token, which key and how stand in the keyring's file.
"""

import os
from pathlib import Path

from cartveil.errors import InputError, KeyringError, PassphraseError
from cartveil.guard.keys import Passphrase, Token
from cartveil.guard.keys.ids import lock_kind
from cartveil.guard.keys.lock import Lock
from cartveil.guard.keys.passphrase import PROFILES, SCRYPT_OWASP, Profile
from cartveil.guard.keys.token import Mechanism

_MODULE_HINT = "set CARTVEIL_PKCS11_MODULE, such as to /usr/lib/softhsm/libsofthsm2.so"


def read_token(
    *, module: Path | None = None, token: str | None = None, key: str | None = None, mechanism: str | None = None
) -> Token | None:
    """Return the token that is named, or else that of the environment; None where there is none.

    Args:
        module: Path of the PKCS#11 module; else `CARTVEIL_PKCS11_MODULE`.
        token: Label of the token, for a keyring that is locked now; else `CARTVEIL_PKCS11_TOKEN`, else `cartveil`.
        key: Label of the key in it; else `CARTVEIL_PKCS11_KEY`, else `cartveil`.
        mechanism: How the token wraps; else `CARTVEIL_PKCS11_MECHANISM`, else `aes-kw`.

    Raises:
        KeyringError: A token is named, but no module.
        InputError: No such mechanism.
    """
    path = str(module) if module is not None else os.environ.get("CARTVEIL_PKCS11_MODULE")
    if not path:
        if token is not None:
            raise KeyringError("no PKCS#11 module was named", hint=_MODULE_HINT)
        return None
    return Token(
        path,
        os.environ.get("CARTVEIL_PKCS11_PIN", ""),
        label=token or os.environ.get("CARTVEIL_PKCS11_TOKEN") or "cartveil",
        key=key or os.environ.get("CARTVEIL_PKCS11_KEY") or "cartveil",
        mechanism=_mechanism(mechanism or os.environ.get("CARTVEIL_PKCS11_MECHANISM") or "aes-kw"),
    )


def lock_for(keyring: Path, *, passphrase: str | None, token: Token | None) -> Lock:
    """Return what opens a keyring's file: as its file says that it is locked.

    Raises:
        ReadError, KeyringError, IntegrityError: As for `Keyring.open`.
        PassphraseError: It needs a passphrase, and none was given.
    """
    if lock_kind(keyring) != "pkcs11":
        return new_lock(passphrase=passphrase, token=None)
    if token is None:
        raise KeyringError("is locked with a PKCS#11 token", path=str(keyring), hint=_MODULE_HINT)
    return token


def new_lock(*, passphrase: str | None, token: Token | None, profile: Profile = SCRYPT_OWASP) -> Lock:
    """Return what a keyring is locked with from now on: the passphrase if there is one, else the token.

    Raises:
        PassphraseError: There is neither.
    """
    if passphrase:
        return Passphrase(passphrase, profile=profile)
    if token is not None:
        return token
    raise PassphraseError("no passphrase was given", hint=PassphraseError.usual_hint)


def profile_named(name: str) -> Profile:
    """Return the parameters of a passphrase's function by the name of who recommends them."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise InputError(f"no profile `{name}`", hint=f"known: {', '.join(profile.name for profile in PROFILES)}")


def _mechanism(name: str) -> Mechanism:
    try:
        return Mechanism(name)
    except ValueError:
        hint = f"known: {', '.join(Mechanism)}"
        raise InputError("no such mechanism of a token", path="CARTVEIL_PKCS11_MECHANISM", hint=hint) from None
