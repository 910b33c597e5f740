"""`audit`, `checkpoint`, `publish` and `verify --audit`: the log read, kept elsewhere, and checked from there."""

import csv
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cartveil.guard.audit import ENTRY_SCHEMA
from command import PASSPHRASE, Done, cartveil

OLGA = ("--as", "olga:privacy_officer")


def read(subject: str) -> Done:
    return cartveil("read", "vault", "orders", subject, "--as", f"{subject}:consumer", "--purpose", "self_service")


def key() -> str:
    return str(json.loads(cartveil("verify", "vault", "--audit", "--json").out)["public_key"])


def change(query: str) -> None:
    connection = sqlite3.connect("vault/vault.db", isolation_level=None)
    connection.execute(query)
    connection.close()


def roll_back() -> None:
    """Put back an older copy of the whole folder: nothing in it says that there was more."""
    shutil.rmtree("vault")
    shutil.copytree("older", "vault")


def test_the_log_is_shown_in_order_of_time_and_asking_is_in_it(shop: Path) -> None:
    read("c3")
    done = cartveil("audit", "vault", *OLGA, "--json")
    rows = json.loads(done.out)
    assert [row["action"] for row in rows] == ["put", "put", "read", "audit"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert list(rows[0]) == ENTRY_SCHEMA.names
    assert '"c3"' not in done.out


def test_entries_are_picked(shop: Path) -> None:
    for subject in ("c3", "c4", "c3"):
        read(subject)
    cartveil("read", "vault", "orders", "c3", "--as", "mia:marketing", "--purpose", "support")

    def picked(*words: str) -> list[str]:
        return [row["action"] for row in json.loads(cartveil("audit", "vault", *OLGA, "--json", *words).out)]

    assert picked("--about", "c3", "--action", "read") == ["read"] * 3
    assert picked("--decision", "deny") == ["read"]
    assert picked("--by", "ops") == ["put", "put"]
    assert picked("--since", "2100-01-01") == picked("--until", "2000-01-01") == []
    assert len(picked("--since", "2000-01-01", "--until", "2100-01-01")) > 4


def test_the_log_is_written_to_files(shop: Path) -> None:
    for name in ("log.csv", "log.parquet", "log.json"):
        assert cartveil("audit", "vault", *OLGA, "--by", "ops", "--output", name).code == 0
    with (shop / "log.csv").open(newline="", encoding="utf-8") as file:
        assert [row["action"] for row in csv.DictReader(file)] == ["put", "put"]
    assert pq.read_table(shop / "log.parquet").schema.names == ENTRY_SCHEMA.names
    lines = (shop / "log.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["actor"] for line in lines] == ["ops", "ops"]
    assert cartveil("audit", "vault", *OLGA, "--output", "log.csv").code == 2
    assert cartveil("audit", "vault", *OLGA, "--output", "log.xls").code == 2


def test_who_may_not_read_the_log_is_refused(shop: Path) -> None:
    done = cartveil("audit", "vault", "--as", "mia:marketing")
    assert (done.code, done.out) == (1, "")
    assert cartveil("publish", "vault", "--to", "public", "--entries-as", "mia:marketing").code == 1
    assert not (shop / "public").exists()


def test_a_checkpoint_is_printed_or_kept_in_a_file_that_grows(shop: Path) -> None:
    printed = cartveil("checkpoint", "vault")
    assert printed.out.startswith("cartveil/default\n2\n")
    for _ in range(2):
        read("c3")
        kept = cartveil("checkpoint", "vault", "--to", "kept.notes")
        assert kept.err.startswith("cartveil: kept a checkpoint of ")
    assert (shop / "kept.notes").read_text(encoding="utf-8").count("\n\n") == 4


def test_the_log_alone_verifies_without_passphrase(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cartveil("checkpoint", "vault", "--to", "kept.notes")
    public = key()
    monkeypatch.delenv("CARTVEIL_PASSPHRASE")
    done = cartveil("verify", "vault", "--audit", "--key", public, "--checkpoint", "kept.notes", "--json")
    assert (done.code, json.loads(done.out)["outside_checkpoints"]) == (0, 1)
    assert cartveil("verify", "vault", "--audit", "--key", "00" * 32).code == 1
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    assert cartveil("verify", "vault", "--key", public, "--checkpoint", "kept.notes").code == 0
    assert cartveil("verify", "vault", "--key", "00" * 32).code == 1


def test_a_log_cut_or_rolled_back_differs_from_what_was_kept(shop: Path) -> None:
    shutil.copytree("vault", "older")
    read("c3")
    cartveil("checkpoint", "vault", "--to", "kept.notes")
    cartveil("publish", "vault", "--to", "public")
    roll_back()
    assert cartveil("verify", "vault", "--audit").code == 0
    for kept in ("kept.notes", "public"):
        for words in (("--audit",), ()):
            done = cartveil("verify", "vault", "--checkpoint", kept, *words)
            assert (done.code, "shorter" in done.err) == (1, True), done.err
    assert cartveil("checkpoint", "vault", "--to", "kept.notes").code == 1
    assert cartveil("publish", "vault", "--to", "public").code == 1


def test_a_changed_entry_is_named(shop: Path) -> None:
    read("c3")
    change("UPDATE audit_entries SET entry = CAST(replace(CAST(entry AS TEXT), 'c3', 'c4') || ' ' AS BLOB) "
           "WHERE position = 1")  # fmt: skip
    done = cartveil("verify", "vault", "--audit")
    assert (done.code, done.out) == (1, "")
    assert "audit[1]: entry was changed" in done.err


def test_a_published_log_verifies_on_another_host(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read("c3")
    public = key()
    assert cartveil("publish", "vault", "--to", "public", "--entries-as", "olga:privacy_officer").code == 0
    monkeypatch.delenv("CARTVEIL_PASSPHRASE")
    (shop / "vault" / "vault.db").unlink()
    done = cartveil("verify", "public", "--audit", "--key", public, "--json")
    assert json.loads(done.out) == {"entries": 4, "bundles": 1, "public_key": public}
    assert cartveil("verify", "public", "--audit").code == 2


def test_a_receipt_fits_what_was_published_after_it(shop: Path) -> None:
    cartveil("checkpoint", "vault", "--to", "kept.notes")
    cartveil("erase", "vault", "c3", *OLGA, "--yes", "--receipt", "receipt.json")
    cartveil("publish", "vault", "--to", "before")
    for _ in range(3):
        read("c4")
    cartveil("publish", "vault", "--to", "public")
    for kept in ("before", "public", "kept.notes"):
        done = cartveil("verify", "receipt.json", "--checkpoint", kept, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["checkpoint"] > 0
    cartveil("checkpoint", "vault", "--to", "late.notes")
    done = cartveil("verify", "receipt.json", "--checkpoint", "late.notes")
    assert (done.code, "needs a proof" in done.err) == (1, True)


@pytest.fixture
def witness(shop: Path) -> Iterator[str]:
    """Return the address of a witness on this machine that knows the shop's log."""
    uvicorn = pytest.importorskip("uvicorn")
    from cartveil.faces.service.application import application
    from cartveil.faces.service.witness import Witness

    app = application(Witness(shop / "witness", {"cartveil/default": bytes.fromhex(key())}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_a_witness_keeps_checkpoints_and_refuses_what_was_rewritten(shop: Path, witness: str) -> None:
    shutil.copytree("vault", "older")
    for subject in ("c3", "c4"):
        read(subject)
        done = cartveil("checkpoint", "vault", "--to", witness)
        assert done.code == 0, done.err
    (kept,) = (shop / "witness").glob("*.notes")
    assert cartveil("verify", "vault", "--audit", "--checkpoint", kept).code == 0
    roll_back()
    cut = cartveil("checkpoint", "vault", "--to", witness)
    assert (cut.code, "the witness saw 4 entries, this log has 2" in cut.err) == (1, True)
    for _ in range(2):
        read("c5")
    forked = cartveil("checkpoint", "vault", "--to", witness)
    assert (forked.code, "does not continue" in forked.err) == (1, True)


def test_a_witness_that_is_not_there_or_strange_is_said(shop: Path, witness: str) -> None:
    assert "no witness answers" in cartveil("checkpoint", "vault", "--to", "http://127.0.0.1:9").err
    assert "does not know this log" in cartveil("checkpoint", "vault", "--to", witness + "/elsewhere").err
    assert cartveil("checkpoint", "vault", "--to", "ftp://host/x").code == 2
