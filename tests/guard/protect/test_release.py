import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cartveil.errors import DecryptionError, InputError, IntegrityError, KeyringError
from cartveil.guard.protect import release
from cartveil.guard.protect.release import open_release, release_to, table_from_bytes, table_to_bytes


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def public_pem(private_key: rsa.RSAPrivateKey) -> bytes:
    return pem(private_key.public_key())


def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 100])
def test_comes_back_whatever_its_length(
    size: int, private_key: rsa.RSAPrivateKey, public_pem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "CHUNK_BYTES", 16)
    assert open_release(release_to(bytes(size), public_pem), private_key) == bytes(size)


def test_opens_with_the_private_keys_pem(private_key: rsa.RSAPrivateKey, public_pem: bytes) -> None:
    written = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert open_release(release_to(b"data", public_pem), written) == b"data"


def test_the_wire_format_is_pinned(private_key: rsa.RSAPrivateKey, public_pem: bytes) -> None:
    sealed = release_to(b"data", public_pem)
    assert sealed[:12] == b"CVRL" + b"\x01\x01" + (1 << 20).to_bytes(4) + (256).to_bytes(2)
    header, start = sealed[: 12 + 256 + 7], sealed[12 + 256 : 12 + 256 + 7]
    secret = private_key.decrypt(sealed[12 : 12 + 256], OAEP(MGF1(SHA256()), SHA256(), None))
    assert AESGCM(secret).decrypt(start + bytes(4) + b"\x01", sealed[len(header) :], header) == b"data"


def test_every_changed_byte_is_noticed(private_key: rsa.RSAPrivateKey, public_pem: bytes) -> None:
    sealed = release_to(b"data", public_pem)
    for at in [*range(20), *range(250, len(sealed))]:
        with pytest.raises(DecryptionError, match=r"^the release does not open$"):
            open_release(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], private_key)


def test_chunks_cannot_be_dropped_swapped_repeated_or_added(
    private_key: rsa.RSAPrivateKey, public_pem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "CHUNK_BYTES", 16)
    sealed = release_to(b"a" * 16 + b"b" * 16 + b"c" * 16, public_pem)
    head, body = sealed[: 12 + 256 + 7], sealed[12 + 256 + 7 :]
    a, b, c = body[:32], body[32:64], body[64:]
    for chunks in ((), (a,), (a, b), (b, a, c), (a, c, b), (a, c), (a, b, c, c), (a, a, b, c), (a, b, c[:-1])):
        with pytest.raises(DecryptionError):
            open_release(head + b"".join(chunks), private_key)
    for end in range(0, len(head), 25):
        with pytest.raises(DecryptionError):
            open_release(sealed[:end], private_key)


def test_another_recipient_does_not_open(public_pem: bytes) -> None:
    with pytest.raises(DecryptionError):
        open_release(release_to(b"data", public_pem), rsa.generate_private_key(65537, 2048))


def test_short_keys_other_keys_and_no_keys_are_refused() -> None:
    short = pem(rsa.generate_private_key(65537, 1024).public_key())  # noqa: S505 - short on purpose
    for wrong in (short, pem(ed25519.Ed25519PrivateKey.generate().public_key()), b"", b"-----BEGIN"):
        with pytest.raises(InputError) as caught:
            release_to(b"data", wrong)
        assert "openssl" in str(caught.value.hint)
    with pytest.raises(KeyringError):
        open_release(b"", b"no key")


def test_a_table_travels_as_arrow(private_key: rsa.RSAPrivateKey, public_pem: bytes) -> None:
    table = pa.table({"a": [1, None], "b": ["张三", None]})
    opened = open_release(release_to(table_to_bytes(table), public_pem), private_key)
    assert table_from_bytes(opened).equals(table)
    with pytest.raises(IntegrityError):
        table_from_bytes(b"no table")
