"""The log in a file and in PostgreSQL: the same bytes, the same proofs, the same tampering noticed."""

from pathlib import Path

import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.audit import parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.publishing import verify_published
from cartveil.guard.vault import Vault
from logbook import filled
from shop import BOTH_STORES

pytestmark = BOTH_STORES


@pytest.fixture
def grown(empty: Vault) -> Vault:
    """Return a vault whose log fills two tiles and part of a third."""
    room = empty._room
    for count in (3, 200, 400):
        with room.store.transaction():
            filled(room.log, count)
    return empty


def test_it_proves_verifies_and_publishes(grown: Vault, tmp_path: Path) -> None:
    early = parse_checkpoint(grown.checkpoint())
    with grown._room.store.transaction():
        filled(grown._room.log, 250)
    late, log = parse_checkpoint(grown.checkpoint()), grown._room.log
    proof = grown.prove_consistency(early.size, late.size)
    verify_consistency(old=early.size, new=late.size, old_root=early.root, new_root=late.root, proof=proof)
    for index in (0, 255, 256, 700):
        verify_inclusion(
            log.entry(index), index=index, size=late.size, proof=log.prove_inclusion(index, late.size), root=late.root
        )
    assert grown.verify_log()["entries"] == late.size
    grown.publish(tmp_path / "public")
    assert verify_published(tmp_path / "public", public_key=grown.public_key)["entries"] == late.size
    assert grown.verify()["entries"] == late.size


@pytest.mark.parametrize(
    "how",
    [
        "DELETE FROM audit_entries WHERE position = 300",
        "DELETE FROM audit_entries WHERE position > 300",
        "UPDATE audit_entries SET entry = (SELECT entry FROM audit_entries WHERE position = 9) WHERE position = 300",
        "INSERT INTO audit_entries SELECT -1, entry FROM audit_entries WHERE position = 0",
        "UPDATE audit_tiles SET hashes = (SELECT hashes FROM audit_tiles WHERE level = 0 AND position = 0) "
        "WHERE level = 0 AND position = 1",
        "DELETE FROM audit_tiles WHERE level = 1",
        "INSERT INTO audit_tiles SELECT 5, 5, hashes FROM audit_tiles WHERE level = 0 AND position = 0",
        "UPDATE audit_checkpoints SET size = size + 1",
    ],
)
def test_tampering_is_noticed(grown: Vault, how: str) -> None:
    grown.checkpoint()
    store = grown._room.store
    with store.transaction():
        assert store.execute(how).rowcount > 0
    with pytest.raises(IntegrityError):
        grown.verify_log()
