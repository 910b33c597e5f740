"""Breaking the glass: what it opens and to whom, what it never opens, and who hears of it."""

from collections.abc import Mapping

import pytest

from cartveil.errors import ErasedError, InputError, RefusedError
from cartveil.events.kinds import View
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Outside, Vault
from shop import ADMIN, ANNA, CUSTOMERS, MAX, OFFICER, POLICY, SCHEMA, Clock

GLASS = {"break_glass": True, "reason": "court-order-114"}
ASKED = {"purpose": "support", "fields": ["name", "phone"]}


class Bell:
    """Hears alerts."""

    def __init__(self) -> None:
        self.rung: list[Mapping[str, object]] = []

    def __call__(self, entry: Mapping[str, object]) -> None:
        self.rung.append(entry)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def guarded(tmp_path, keyring: Keyring, clock: Clock, bell: Bell):
    outside = Outside(cases=lambda case, subject: (case, subject) == ("C-7", "101"), alert=bell)
    with Vault.create(
        tmp_path / "guarded", keyring, SCHEMA, clock=clock, policy=POLICY, outside=outside, survive_power_loss=False
    ) as vault:
        vault.put(ADMIN, "customers", CUSTOMERS)
        yield vault


def test_it_opens_what_is_closed_and_is_told(guarded: Vault, bell: Bell) -> None:
    reading = guarded.read(ANNA, "customers", "101", **ASKED, context=GLASS)
    assert set(reading.views.values()) == {View.CLEAR}
    assert reading.rules == ("break-glass",)
    (told,) = bell.rung
    assert (told["actor"], told["reason"], told["decision"]) == ("anna", GLASS["reason"], "allow")
    assert "101" not in (told["subject"], told["case"])
    (alert,) = guarded.alerts(OFFICER).to_pylist()
    assert (alert["reason"], alert["rule"], alert["rows"]) == (GLASS["reason"], "break-glass", 1)


def test_it_opens_at_night(guarded: Vault, clock: Clock) -> None:
    clock.at(3)
    assert guarded.reveal(ANNA, "customers", "101", **ASKED, context=GLASS).rows["phone"].to_pylist() == ["13800138000"]


@pytest.mark.parametrize("actor", [MAX, Principal("root", "admin"), Principal("ana", "analyst")])
def test_others_try_in_vain_and_that_is_told_too(guarded: Vault, bell: Bell, actor: Principal) -> None:
    with pytest.raises(RefusedError):
        guarded.read(actor, "customers", "101", purpose="marketing", fields=["phone"], context=GLASS)
    assert [told["decision"] for told in bell.rung] == ["deny"]
    assert guarded.alerts(OFFICER)["decision"].to_pylist() == ["deny"]


def test_readings_behind_whole_glass_are_no_alert(guarded: Vault, bell: Bell) -> None:
    guarded.read(ANNA, "customers", "101", **ASKED)
    assert (bell.rung, guarded.alerts(OFFICER).num_rows) == ([], 0)


def test_alerts_are_for_those_who_may_read_the_log(guarded: Vault) -> None:
    with pytest.raises(RefusedError):
        guarded.alerts(ANNA)


def test_it_never_opens_the_erased(guarded: Vault) -> None:
    guarded.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        guarded.read(ANNA, "customers", "101", **ASKED, context=GLASS)


def test_nothing_is_shown_where_the_alert_is_not_heard(tmp_path, keyring: Keyring, clock: Clock) -> None:
    def broken(entry: Mapping[str, object]) -> None:
        raise RuntimeError("no line to the duty officer")

    outside = Outside(alert=broken)
    with Vault.create(tmp_path / "v", keyring, SCHEMA, clock=clock, policy=POLICY, outside=outside) as vault:
        vault.put(ADMIN, "customers", CUSTOMERS)
        with pytest.raises(RuntimeError, match="no line"):
            vault.read(ANNA, "customers", "101", **ASKED, context=GLASS)
        assert vault.alerts(OFFICER).num_rows == 1


@pytest.mark.parametrize(
    "context",
    [
        {"break_glass": True},
        {"break_glass": True, "reason": ""},
        {"break_glass": True, "reason": "urgent"},
        {"break_glass": True, "reason": "because he asked for it"},
        {"break_glass": True, "reason": "call-from-13800138000"},
        {"break_glass": True, "reason": "complaint-of-101"},
        {"break_glass": "yes", "reason": "court-order"},
        {"reason": "court-order"},
        {"break_glass": False, "reason": "court-order"},
    ],
)
def test_without_a_short_reason_that_names_nobody_it_stays_whole(guarded: Vault, context: dict[str, object]) -> None:
    before = guarded.counts()["entries"]
    with pytest.raises(InputError):
        guarded.read(ANNA, "customers", "101", **ASKED, context=context)
    assert guarded.counts()["entries"] == before


def test_a_case_counts_where_the_platform_knows_it(guarded: Vault) -> None:
    def view(subject: str, context: dict[str, object]) -> View:
        asked = {"purpose": "support", "fields": ["name"], "context": context}
        return guarded.read(ANNA, "customers", subject, **asked).views["name"]

    assert view("101", {"case": "C-7"}) is View.CLEAR
    assert view("101", {"case": "C-8", "case_open": True}) is View.MASKED
    assert view("102", {"case": "C-7"}) is View.MASKED


def test_a_case_has_a_number(guarded: Vault) -> None:
    with pytest.raises(InputError, match="number"):
        guarded.read(ANNA, "customers", "101", **ASKED, context={"case_open": True})
