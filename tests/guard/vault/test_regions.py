"""Regions: an agent of one region sees its consumers, and what is sealed is not opened to find out."""

import pyarrow as pa
import pytest

from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Reading, Vault, Wish
from shop import ADMIN, POLICY, Clock

NORTH = Principal("nora", "support", {"region": "North"})
ALL = Principal("anna", "support")
TABLE = """
[tables.{name}.columns]
id = {{ kind = "user_id", role = "subject" }}
paid = "amount"
{region}
"""
COLLEAGUE = "ask a colleague of the consumer's region"
KEPT, SEALED = 'home = "region"', 'home = { kind = "region", protect = "seal" }'


def vault_of(tmp_path, keyring: Keyring, clock: Clock, *tables: str) -> Vault:
    schema = parse_schema("".join(TABLE.format(name=f"t{place}", region=region) for place, region in enumerate(tables)))
    vault = Vault.create(tmp_path / "v", keyring, schema, clock=clock, policy=POLICY, survive_power_loss=False)
    homes = {"id": ["a", "a", "b", "c"], "paid": [1.0, 2.0, 3.0, 4.0], "home": ["South", "North ", "South", None]}
    for place, region in enumerate(tables):
        names = ["id", "paid", "home"] if region else ["id", "paid"]
        vault.put(ADMIN, f"t{place}", pa.table({name: homes[name] for name in names}))
    return vault


def sees(vault: Vault, actor: Principal, subject: str, table: str = "t0") -> bool:
    (outcome,) = vault.read_many([Wish(actor, table, subject, "support", ["paid"])])
    assert isinstance(outcome, Reading) or (outcome.hint, "South" in str(outcome)) == (COLLEAGUE, False)
    return isinstance(outcome, Reading)


@pytest.mark.parametrize("tables", [(KEPT,), (KEPT, SEALED), (SEALED, KEPT), ("", KEPT)])
def test_an_agent_sees_consumers_of_their_own_region(tmp_path, keyring, clock, tables: tuple[str, ...]) -> None:
    with vault_of(tmp_path, keyring, clock, *tables) as vault:
        assert sees(vault, NORTH, "a"), "the last row counts, and blanks around it do not"
        assert not sees(vault, NORTH, "b")
        assert sees(vault, NORTH, "c"), "nobody knows where c lives"
        assert all(sees(vault, ALL, subject) for subject in "abc")


@pytest.mark.parametrize("tables", [(SEALED,), ("",)])
def test_where_no_region_rests_in_clear_the_rule_has_nothing_to_compare(tmp_path, keyring, clock, tables) -> None:
    with vault_of(tmp_path, keyring, clock, *tables) as vault:
        assert sees(vault, NORTH, "b")
