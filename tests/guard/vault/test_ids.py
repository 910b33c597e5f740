"""One consumer is one consumer, however their number is written; and who was put before keeps the way it was put."""

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, ErasedError, InputError
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, BOTH_STORES, CUSTOMERS, MAX, OFFICER, ORDERS

WRITTEN = [
    pa.array([101, 102, 103, 104], pa.int32()),
    pa.array([101.0, 102.0, 103.0, 104.0]),
    pa.array(["101", " 102", "103.0", "104 "]),
    pa.array(["101.00", "102", "\t103", "104"]).dictionary_encode(),
    pa.chunked_array([["101 "], ["102.0", "103", "104"]]),
]


def customers(ids: object) -> pa.Table:
    return CUSTOMERS.set_column(0, "customer", ids)


@BOTH_STORES
def test_one_number_is_one_consumer(empty: Vault) -> None:
    empty.put(ADMIN, "customers", customers(pa.array(["101", "102", "103", "104"])))
    for ids in WRITTEN:
        assert empty.put(ADMIN, "customers", customers(ids)).subjects == 4
    assert empty.counts()["consumers"] == 4
    for subject in ("101", "101.0", " 101", 101, 101.0):
        assert empty.read(ANNA, "customers", subject, purpose="support").rows.num_rows == 6
    assert len(set(empty.audit_events(OFFICER)["subject"].to_pylist()) - {""}) == 1
    empty.verify()


def test_two_ways_in_one_table_are_one_consumer(empty: Vault) -> None:
    assert empty.put(ADMIN, "customers", customers(pa.array(["101", " 101", "101.0", "7"]))).subjects == 2
    own = empty.read(Principal("101", "consumer"), "customers", "101", purpose="self_service")
    assert own.rows["customer"].to_pylist() == ["101"] * 3


@pytest.mark.parametrize("other", ["0101", "101.5", "101a", "1 01", "-101", "101.", ".0"])
def test_other_numbers_are_others(empty: Vault, other: str) -> None:
    assert empty.put(ADMIN, "customers", customers(pa.array(["101", other, "8", "9"]))).subjects == 4


def test_an_id_of_spaces_is_nobody(empty: Vault) -> None:
    with pytest.raises(ColumnError, match="1 rows name no consumer"):
        empty.put(ADMIN, "customers", customers(pa.array(["1", "2", "  ", "4"])))
    with pytest.raises(InputError):
        empty.read(ANNA, "customers", "  ", purpose="support")


def test_an_erased_consumer_is_erased_in_every_writing(vault: Vault) -> None:
    vault.erase(OFFICER, "101.0")
    with pytest.raises(ErasedError):
        vault.read(ANNA, "orders", " 101", purpose="support")
    with pytest.raises(ErasedError):
        vault.put(ADMIN, "orders", ORDERS)


def test_who_was_put_before_keeps_their_writing(empty: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:  # as vaults were filled before ids had one form
        patch.setattr("cartveil.guard.vault.rows.consumers.known_ids", lambda room, subjects: subjects)
        empty.put(ADMIN, "customers", customers(pa.array([" 101", "102.0", "103", "104"])))
    assert empty.put(ADMIN, "customers", customers(pa.array([" 101", "102.0", "103", "104"]))).subjects == 4
    assert empty.counts()["consumers"] == 4
    own = empty.read(Principal(" 101", "consumer"), "customers", " 101", purpose="self_service")
    assert own.rows["customer"].to_pylist() == [" 101"] * 2
    empty.verify()
    empty.erase(OFFICER, " 101")
    with pytest.raises(ErasedError):
        empty.put(ADMIN, "customers", customers(pa.array([" 101", "5", "6", "7"])))
    empty.verify()


@pytest.mark.parametrize("subject", [None, float("nan"), float("inf"), 1.5, True, b"101", ["101"], {"101": 1}])
def test_what_is_no_id_is_nobodys(vault: Vault, subject: object) -> None:
    for ask in (
        lambda: vault.read(ANNA, "customers", subject, purpose="support"),  # type: ignore[arg-type]
        lambda: vault.erase(OFFICER, subject),  # type: ignore[arg-type]
        lambda: vault.audit_events(OFFICER, subject=subject or []),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError):
            ask()


def test_one_id_is_no_list_of_ids(empty: Vault) -> None:
    empty.put(ADMIN, "customers", CUSTOMERS.slice(0, 2).set_column(0, "customer", pa.array([1, 2])))
    for many in ("12", b"12"):
        with pytest.raises(InputError, match="list of ids"):
            empty.erase_many(OFFICER, many)  # type: ignore[arg-type]
    assert empty.counts()["consumers"] == 2


def test_an_id_as_a_case_is_refused_in_all_its_forms(vault: Vault) -> None:
    for context in ({"case": "101.0"}, {"case": "101"}, {"session": "101.0"}):
        with pytest.raises(InputError, match="no case"):
            vault.read(ANNA, "customers", "101", purpose="support", context=context)
        with pytest.raises(InputError, match="no case"):
            vault.related(MAX, "orders", "101", by="order", to="orders", purpose="support", context=context)
    assert "101" not in str(vault.audit_events(OFFICER).select(["case", "session"]).to_pylist())
