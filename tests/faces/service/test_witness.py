"""Keeping checkpoints for others, as `tlog-witness` asks for it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cartveil.faces.service.application import MOST_BYTES, application
from cartveil.faces.service.witness import MOST_EVIDENCE_BYTES, Witness
from cartveil.guard.audit import AuditLog
from cartveil.guard.audit.notes import Submission, read_notes
from logbook import OTHER, PUBLIC, filled, log, new_log, sign

__all__ = ["log"]
ORIGIN = "cartveil/shop"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "kept", {ORIGIN: PUBLIC})


@pytest.fixture
def client(witness: Witness) -> TestClient:
    return TestClient(application(witness))


def offer(log: AuditLog, old: int, **changes: object) -> bytes:
    note = sign(log, **changes)
    return Submission(old, tuple(log.prove_consistency(min(old, log.size))), note).body()


def post(client: TestClient, body: bytes):
    return client.post("/add-checkpoint", content=body)


def test_a_log_that_grows_is_kept_and_given_back(log: AuditLog, client: TestClient, witness: Witness) -> None:
    assert client.get("/checkpoint", params={"origin": ORIGIN}).status_code == 404
    old = 0
    for count in (3, 300, 0, 1):
        filled(log, count)
        assert post(client, offer(log, old)).status_code == 200
        old = log.size
    assert client.get("/checkpoint", params={"origin": ORIGIN}).text == log.latest_checkpoint()
    assert len(read_notes(witness.path(ORIGIN))) == 3


def test_who_does_not_know_what_was_kept_is_told(log: AuditLog, client: TestClient) -> None:
    filled(log, 7)
    post(client, offer(log, 0))
    filled(log, 2)
    for old in (0, 3, 9):
        answer = post(client, offer(log, old))
        assert (answer.status_code, answer.text) == (409, "7\n")
        assert answer.headers["content-type"].startswith("text/x.tlog.size")
    assert post(client, offer(log, 7)).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(9, 422), (7, 409)])
def test_a_fork_is_refused_and_kept_as_evidence(
    log: AuditLog, client: TestClient, witness: Witness, tmp_path: Path, size: int, status: int
) -> None:
    filled(log, 7)
    post(client, offer(log, 0))
    kept = witness.path(ORIGIN).read_bytes()
    forked = new_log(tmp_path / "forked.db")
    filled(forked, size, actor="nobody")
    assert post(client, offer(forked, 7)).status_code == status
    assert witness.path(ORIGIN).read_bytes() == kept
    assert read_notes(witness.path(ORIGIN).with_suffix(".refused")) == [forked.latest_checkpoint()]


def test_a_log_that_was_cut_is_refused(log: AuditLog, client: TestClient, tmp_path: Path) -> None:
    filled(log, 7)
    post(client, offer(log, 0))
    cut = new_log(tmp_path / "cut.db")
    filled(cut, 4)
    assert post(client, offer(cut, 4)).status_code == 409
    assert post(client, offer(cut, 7)).status_code == 400


def test_evidence_does_not_fill_the_disk(log: AuditLog, client: TestClient, witness: Witness, tmp_path: Path) -> None:
    filled(log, 7)
    post(client, offer(log, 0))
    evidence = witness.path(ORIGIN).with_suffix(".refused")
    evidence.write_text("x" * MOST_EVIDENCE_BYTES)
    forked = new_log(tmp_path / "forked.db")
    filled(forked, 9, actor="nobody")
    assert post(client, offer(forked, 7)).status_code == 422
    assert evidence.stat().st_size == MOST_EVIDENCE_BYTES


def test_only_the_logs_named_are_kept_and_only_if_they_signed(
    log: AuditLog, client: TestClient, witness: Witness
) -> None:
    assert post(client, offer(log, 0, origin="cartveil/other")).status_code == 404
    assert post(client, offer(log, 0, key=OTHER)).status_code == 403
    assert not witness.folder.exists()


@pytest.mark.parametrize("body", [b"", b"old 0", b"old 0\n\n", b"old 0\n\nZzyzx\n", b"\xff" * 9, b"{}"])
def test_what_is_no_checkpoint_is_refused_without_repeating_it(client: TestClient, body: bytes) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert "Zzyzx" not in answer.text
    assert post(client, b" " * (MOST_BYTES + 1)).status_code == 413


def test_without_a_witness_nothing_is_kept(log: AuditLog) -> None:
    assert post(TestClient(application()), offer(log, 0)).status_code == 404
