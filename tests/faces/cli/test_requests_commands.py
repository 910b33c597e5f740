"""`requests`, `access`, `correct`, `restrict`, `hold`, `sweep`, `erase` of many, `backup`, `restore`."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cartveil.guard.protect.release import open_release
from command import CANARY, CONSUMERS, Done, cartveil

OLGA = ("--as", "olga:privacy_officer")
ROOT = ("--as", "root:admin")
OWN = ("--as", "c3:consumer")
SUPPORT = ("--as", "lin:support", "--purpose", "support")


def done(*words: str | Path, code: int = 0) -> Done:
    """Run a command and expect its exit code."""
    ended = cartveil(*words)
    assert ended.code == code, ended.err
    return ended


def test_a_request_goes_from_the_consumer_to_its_answer(shop: Path) -> None:
    filed = done("requests", "file", "vault", "c3", *OWN, "--kind", "access")
    name = filed.out.strip()
    assert filed.err.startswith(f"cartveil: filed {name}; to be answered by ")
    (listed,) = json.loads(done("requests", "list", "vault", *OLGA, "--json").out)
    assert (listed["id"], listed["kind"], listed["state"]) == (name, "access", "open")
    assert "lookup" not in listed
    answered = done("requests", "fulfil", "vault", name, *OLGA, "--out", "c3.json")
    assert answered.err.splitlines()[-1] == f"cartveil: done: {name}"
    dossier = json.loads((shop / "c3.json").read_text(encoding="utf-8"))
    assert dossier["tables"]["customers"][0]["name"] == f"{CANARY} Wilson"
    assert stat.S_IMODE((shop / "c3.json").stat().st_mode) == 0o600
    assert done("requests", "list", "vault", *OLGA, "--state", "open").out == ""


def test_an_answered_request_is_not_answered_again(shop: Path) -> None:
    name = done("requests", "file", "vault", "c3", *OWN, "--kind", "erase").out.strip()
    refused = done("requests", "refuse", "vault", name, *OLGA, "--ground", "legal_hold")
    assert "tell the consumer why" in refused.err
    assert "was answered: refused" in done("requests", "fulfil", "vault", name, *OLGA, code=2).err
    assert "was answered" in done("requests", "extend", "vault", name, *OLGA, "--ground", "complexity", code=2).err


def test_nothing_is_overdue_on_the_first_day(shop: Path) -> None:
    name = done("requests", "file", "vault", "c3", *OWN, "--kind", "access", "--days", "3").out.strip()
    assert done("requests", "list", "vault", *OLGA, "--overdue").out == ""
    assert done("requests", "extend", "vault", name, *OLGA, "--ground", "complexity").err.startswith("cartveil: ext")


def test_a_dossier_is_for_the_one_who_has_the_key(shop: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (shop / "key.pem").write_bytes(public)
    done("access", "vault", "c3", *OWN, "--out", "c3.sealed", "--to", "key.pem")
    sealed = (shop / "c3.sealed").read_bytes()
    assert CANARY.encode() not in sealed
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert json.loads(open_release(sealed, private))["subject"] == "c3"


def test_a_dossier_of_somebody_else_is_refused_and_nothing_is_written(shop: Path) -> None:
    ended = done("access", "vault", "c4", *OWN, "--out", "c4.json", code=1)
    assert ended.err.startswith("cartveil: no rule permits `access` by role `consumer`")
    assert not (shop / "c4.json").exists()


def test_a_correction_is_read_and_its_values_may_come_from_a_file(shop: Path) -> None:
    (shop / "new.json").write_text('{"name": "Zoe Wilson", "mobile": null}', encoding="utf-8")
    ended = done("correct", "vault", "customers", "c3", *OLGA, "--values", "new.json", "--set", "birth_date=1999-01-02")
    assert ended.err == "cartveil: corrected name, mobile, birth_date in 1 rows\n"
    own = json.loads(done("read", "vault", "customers", "c3", *OWN, "--purpose", "self_service", "--json").out)[0]
    assert (own["name"], own["mobile"], own["birth_date"][:10]) == ("Zoe Wilson", None, "1999-01-02")
    done("verify", "vault")


def test_a_correction_without_a_value_is_a_wrong_call(shop: Path) -> None:
    assert "a pair has no value" in done("correct", "vault", "customers", "c3", *OLGA, "--set", "name", code=2).err
    assert "nothing to correct" in done("correct", "vault", "customers", "c3", *OLGA, code=2).err


def test_a_restricted_consumer_is_not_read_until_it_is_lifted(shop: Path) -> None:
    done("restrict", "vault", "c3", *OWN, "--ground", "objection")
    refused = done("read", "vault", "orders", "c3", *SUPPORT, code=1)
    assert "restricted" in refused.err
    assert CANARY not in refused.err
    done("restrict", "vault", "c3", *OLGA, "--lift")
    done("read", "vault", "orders", "c3", *SUPPORT)
    done("restrict", "vault", "c3", *OLGA, code=2)


def test_what_is_held_is_told_before_and_after_an_erasure(shop: Path) -> None:
    name = done("hold", "vault", *OLGA, "--ground", "tax", "--table", "orders", "--until", "2036-12-31").out.strip()
    assert name in done("holds", "vault", *OLGA).out
    plan = json.loads(done("erase", "vault", "c3", *OLGA, "--dry-run", "--json").out)
    assert plan["tables"]["customers"] == {"deleted": 1, "kept": 0}
    assert plan["tables"]["orders"]["ground"] == "tax"
    shown = done("erase", "vault", "c3", *OLGA, "--dry-run")
    assert shown.err.splitlines()[-1] == "cartveil: nothing was changed"
    erased = done("erase", "vault", "c3", *OLGA, "--yes", "--receipt", "receipt.json")
    assert "on the ground `tax` until 2036-12-31; nobody can read them" in erased.err
    done("verify", "receipt.json")
    done("hold", "vault", *OLGA, "--lift", name)
    assert "1 erasures were completed" in done("sweep", "vault", *OLGA).err
    done("verify", "vault")


def test_many_are_erased_at_once_with_a_receipt_each(shop: Path) -> None:
    (shop / "gone.txt").write_text("c1\nc2\n\nc5\n", encoding="utf-8")
    ended = done("erase", "vault", "--file", "gone.txt", *OLGA, "--yes", "--receipt", "receipts.jsonl")
    assert ended.err.splitlines()[0] == "cartveil: erased 3 consumers"
    lines = (shop / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["subject"] for line in lines}) == 3
    (shop / "one.json").write_text(lines[2], encoding="utf-8")
    done("verify", "one.json")
    assert json.loads(done("verify", "vault", "--json").out)["consumers"] == CONSUMERS - 3


@pytest.mark.parametrize("words", [(), ("c1", "--file", "gone.txt")])
def test_an_erasure_names_one_or_a_file(shop: Path, words: tuple[str, ...]) -> None:
    assert "name one SUBJECT, or a --file" in done("erase", "vault", *words, *OLGA, "--yes", code=2).err


def test_a_dry_sweep_changes_nothing(shop: Path) -> None:
    rows = json.loads(done("verify", "vault", "--json").out)["rows"]
    assert "nothing was changed" in done("sweep", "vault", *OLGA, "--dry-run").err
    assert json.loads(done("verify", "vault", "--json").out)["rows"] == rows
    done("sweep", "vault", *ROOT, code=1)


def test_a_backup_that_is_put_back_brings_nobody_back(shop: Path) -> None:
    done("backup", "vault", "backup.db", *ROOT)
    done("erase", "vault", "c3", *OLGA, "--yes", "--receipt", "receipt.json")
    assert "exists already" in done("restore", "vault", "backup.db", *ROOT, code=1).err
    (shop / "vault" / "vault.db").unlink()
    restored = done("restore", "vault", "backup.db", *ROOT)
    assert "nobody who was erased is back" in restored.err
    assert "erased" in done("read", "vault", "customers", "c3", *SUPPORT, code=1).err
    done("verify", "vault")


def test_an_old_file_put_in_place_by_hand_is_refused_until_somebody_answers_for_it(shop: Path) -> None:
    shutil.copy(shop / "vault" / "vault.db", shop / "old.db")
    done("erase", "vault", "c3", *OLGA, "--yes", "--receipt", "receipt.json")
    shutil.copy(shop / "old.db", shop / "vault" / "vault.db")
    refused = done("read", "vault", "customers", "c3", *SUPPORT, code=1)
    assert "is an old file" in refused.err
    assert "cartveil restore" in refused.err
    done("restore", "vault", *ROOT)
    assert "erased" in done("read", "vault", "customers", "c3", *SUPPORT, code=1).err
