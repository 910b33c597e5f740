"""A lock whose key never leaves its token: PKCS#11, for smart cards, HSMs and SoftHSM.

The token wraps the keyring's lock key, by AES-KW under an AES key or by RSA-OAEP for an RSA key; the wrapped bytes
stand in the keyring's file, with the labels of token and key. The module's path and the PIN stand nowhere.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartveil.errors import KeyringError, MissingExtraError, PassphraseError
from cartveil.guard.keys.lock import decoded, encoded
from cartveil.guard.keys.secret import KEY_BYTES, Secret, SecretKey

if TYPE_CHECKING:
    import pkcs11

#: A PKCS#11 module knows one login per process; two sessions at a time would log each other out.
_ONE_SESSION = threading.Lock()

_RSA_BITS = 3072


class Mechanism(StrEnum):
    """How the token wraps; SoftHSM 2.6 knows SHA-1 alone for OAEP, where it is not broken."""

    AES_KW = "aes-kw"
    RSA_OAEP_SHA1 = "rsa-oaep-sha1"
    RSA_OAEP_SHA256 = "rsa-oaep-sha256"
    RSA_OAEP_SHA384 = "rsa-oaep-sha384"
    RSA_OAEP_SHA512 = "rsa-oaep-sha512"


class Token(Secret):
    """A lock that opens for whoever has a token and its PIN.

    Args:
        module: The PKCS#11 module, such as `/usr/lib/softhsm/libsofthsm2.so`.
        pin: The user's PIN.
        label: That of the token, for what is locked from now on; a file says itself how it was locked.
        key: Label of the key in the token, likewise.
        mechanism: How the token wraps, likewise.
    """

    __slots__ = ("_key", "_mechanism", "_module", "_pin", "_token")

    kind = "pkcs11"

    def __init__(
        self,
        module: str | Path,
        pin: str,
        *,
        label: str = "cartveil",
        key: str = "cartveil",
        mechanism: Mechanism = Mechanism.AES_KW,
    ) -> None:
        self._module, self._pin = str(module), pin
        self._token, self._key, self._mechanism = label, key, Mechanism(mechanism)

    def make_key(self) -> None:
        """Make the key in the token: not to be taken out, not to be read.

        Raises:
            MissingExtraError: The extra `pkcs11` is not installed.
            KeyringError: A key of that label is there already, or the token refused.
        """
        with self._session(write=True) as session:
            if list(session.get_objects(_label(self._key))):
                hint = "use it as it is, or choose another label"
                raise KeyringError(f"the token has a key `{self._key}` already", path=self._token, hint=hint)
            _make_key(session, self._key, self._mechanism)

    def lock(self) -> tuple[SecretKey, dict[str, Any]]:
        """Make a fresh key and let the token wrap it; see `Lock.lock`.

        Raises:
            MissingExtraError: The extra `pkcs11` is not installed.
            PassphraseError: The PIN is wrong.
            KeyringError: No such module, token or key, the key can be taken out, or the token cannot do this.
        """
        fresh = SecretKey.generate()
        with self._session() as session:
            wrapped = _wrap(session, self._key, self._mechanism, fresh)
        names = {"token": self._token, "key": self._key, "mechanism": str(self._mechanism)}
        return fresh, {"kind": self.kind, **names, "wrapped": encoded(wrapped)}

    def unlock(self, section: Mapping[str, Any]) -> SecretKey:
        """Let the token open what it wrapped; see `Lock.unlock`. Raises as `lock` does."""
        token, key, mechanism = str(section["token"]), str(section["key"]), Mechanism(section["mechanism"])
        wrapped = decoded(section["wrapped"])
        there = Token(self._module, self._pin, label=token, key=key, mechanism=mechanism)
        with there._session() as session:
            opened = _unwrap(session, key, mechanism, wrapped)
        if len(opened) != KEY_BYTES:
            raise _not_opened(key)
        return SecretKey(opened)

    def __repr__(self) -> str:
        return f"Token(label={self._token!r}, key={self._key!r}, mechanism={str(self._mechanism)!r})"

    @contextmanager
    def _session(self, *, write: bool = False) -> "Iterator[pkcs11.Session]":
        """Log in to the token; what goes wrong is said in the words of `cartveil.errors`."""
        library = _library()
        if not self._pin:
            raise PassphraseError("no PIN was given", path=self._token, hint="set CARTVEIL_PKCS11_PIN")
        with _ONE_SESSION:
            try:
                module = library.lib(self._module)
            except library.PKCS11Error:
                hint = "name the module, such as /usr/lib/softhsm/libsofthsm2.so"
                raise KeyringError("no PKCS#11 module can be loaded", path=self._module, hint=hint) from None
            try:
                with module.get_token(token_label=self._token).open(rw=write, user_pin=self._pin) as session:
                    yield session
            except library.PKCS11Error as error:
                raise _typed(type(error).__name__, token=self._token, key=self._key) from None


def _library() -> Any:
    try:
        import pkcs11
    except ImportError:
        hint = "pip install 'cartveil[pkcs11]'"
        raise MissingExtraError("a token needs the extra `pkcs11` (python-pkcs11)", hint=hint) from None
    return pkcs11


def _typed(name: str, *, token: str, key: str) -> KeyringError:
    """Return what a PKCS#11 error means here; its own text, which may quote arguments, is not repeated."""
    match name:
        case "PinIncorrect" | "PinInvalid" | "PinLenRange":
            hint = "check CARTVEIL_PKCS11_PIN; after some wrong PINs a token locks itself"
            return PassphraseError("the PIN does not open the token", path=token, hint=hint)
        case "PinLocked":
            return KeyringError("the token's PIN is locked", path=token, hint="unlock it as the security officer")
        case "NoSuchToken" | "TokenNotPresent" | "DeviceRemoved":
            return KeyringError("no such token", path=token, hint="check its label, and that it is plugged in")
        case "MultipleTokensReturned":
            return KeyringError("several tokens have this label", path=token, hint="give each a label of its own")
        case "NoSuchKey":
            hint = "make it with `cartveil keys make`, or check its label"
            return KeyringError(f"the token has no key `{key}` for this", path=token, hint=hint)
        case "MultipleObjectsReturned":
            return KeyringError(f"the token has several keys `{key}`", path=token, hint="give each its own label")
        case "MechanismInvalid" | "MechanismParamInvalid" | "ArgumentsBad":
            hint = "choose another, such as aes-kw or rsa-oaep-sha1"
            return KeyringError("the token does not know this mechanism", path=token, hint=hint)
        case "WrappedKeyInvalid" | "WrappedKeyLenRange" | "EncryptedDataInvalid" | "EncryptedDataLenRange":
            return _not_opened(key, token=token)
    hint = "look up this code in the manual of the token's maker"
    return KeyringError(f"the token refused: {name}", path=token, hint=hint)


def _not_opened(key: str, *, token: str | None = None) -> KeyringError:
    hint = "use the token that the keyring was locked with"
    return KeyringError(f"the token's key `{key}` does not open it", path=token, hint=hint)


def _label(key: str) -> dict[Any, str]:
    return {_library().Attribute.LABEL: key}


def _make_key(session: "pkcs11.Session", label: str, mechanism: Mechanism) -> None:
    library = _library()
    kept = {library.Attribute.SENSITIVE: True, library.Attribute.EXTRACTABLE: False}
    if mechanism is Mechanism.AES_KW:
        wraps = library.MechanismFlag.WRAP | library.MechanismFlag.UNWRAP
        session.generate_key(
            library.KeyType.AES, 8 * KEY_BYTES, label=label, store=True, capabilities=wraps, template=kept
        )
    else:
        ciphers = library.MechanismFlag.ENCRYPT | library.MechanismFlag.DECRYPT
        session.generate_keypair(
            library.KeyType.RSA, _RSA_BITS, label=label, store=True, capabilities=ciphers, private_template=kept
        )


def _wrap(session: "pkcs11.Session", label: str, mechanism: Mechanism, key: SecretKey) -> bytes:
    library = _library()
    kept = _kept_key(session, label, mechanism)
    if mechanism is Mechanism.AES_KW:
        given = session.create_object({**_passing(), library.Attribute.VALUE: key.expose()})
        return bytes(kept.wrap_key(given, mechanism=library.Mechanism.AES_KEY_WRAP))
    public = _only(session, label, library.ObjectClass.PUBLIC_KEY, library.KeyType.RSA)
    oaep = {"mechanism": library.Mechanism.RSA_PKCS_OAEP, "mechanism_param": _oaep(mechanism)}
    return bytes(public.encrypt(key.expose(), **oaep))


def _unwrap(session: "pkcs11.Session", label: str, mechanism: Mechanism, wrapped: bytes) -> bytes:
    library = _library()
    kept = _kept_key(session, label, mechanism)
    try:
        if mechanism is not Mechanism.AES_KW:
            oaep = {"mechanism": library.Mechanism.RSA_PKCS_OAEP, "mechanism_param": _oaep(mechanism)}
            return bytes(kept.decrypt(wrapped, **oaep))
        names = {"object_class": library.ObjectClass.SECRET_KEY, "key_type": library.KeyType.GENERIC_SECRET}
        opened = kept.unwrap_key(
            **names, key_data=wrapped, mechanism=library.Mechanism.AES_KEY_WRAP, template=_passing()
        )
        return bytes(opened[library.Attribute.VALUE])
    except library.GeneralError:  # SoftHSM says no more than that where the wrapped bytes are another key's
        raise _not_opened(label) from None


def _kept_key(session: "pkcs11.Session", label: str, mechanism: Mechanism) -> Any:
    """Return the token's own key; one that can be taken out would make the token a file with a PIN."""
    library = _library()
    aes = mechanism is Mechanism.AES_KW
    kind = library.ObjectClass.SECRET_KEY if aes else library.ObjectClass.PRIVATE_KEY
    key_type = library.KeyType.AES if aes else library.KeyType.RSA
    key = _only(session, label, kind, key_type)
    if key[library.Attribute.EXTRACTABLE] or not key[library.Attribute.SENSITIVE]:
        hint = "make another with `cartveil keys make`, or set it sensitive and not extractable"
        raise KeyringError(f"the token's key `{label}` can be taken out of it", hint=hint)
    return key


def _only(session: "pkcs11.Session", label: str, kind: Any, key_type: Any) -> Any:
    """Return the one key of a label and kind; the search is ended before anything else is asked of the session."""
    library = _library()
    wanted = {library.Attribute.CLASS: kind, library.Attribute.KEY_TYPE: key_type, **_label(label)}
    found = list(session.get_objects(wanted))
    if len(found) != 1:
        raise library.MultipleObjectsReturned if found else library.NoSuchKey
    return found[0]


def _passing() -> dict[Any, Any]:
    """Return what the lock key is while it passes through the token: an object of this session alone."""
    library = _library()
    return {
        library.Attribute.CLASS: library.ObjectClass.SECRET_KEY,
        library.Attribute.KEY_TYPE: library.KeyType.GENERIC_SECRET,
        library.Attribute.TOKEN: False,
        library.Attribute.SENSITIVE: False,
        library.Attribute.EXTRACTABLE: True,
    }


def _oaep(mechanism: Mechanism) -> tuple[Any, Any, None]:
    library = _library()
    match mechanism:
        case Mechanism.RSA_OAEP_SHA256:
            return library.Mechanism.SHA256, library.MGF.SHA256, None
        case Mechanism.RSA_OAEP_SHA384:
            return library.Mechanism.SHA384, library.MGF.SHA384, None
        case Mechanism.RSA_OAEP_SHA512:
            return library.Mechanism.SHA512, library.MGF.SHA512, None
    return library.Mechanism.SHA_1, library.MGF.SHA1, None
