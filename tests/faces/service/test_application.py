"""What anyone may ask over HTTP: whether a receipt holds; and what they get when they send something else."""

import json
import re
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from cartveil.faces.service.application import MOST_BYTES, application
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from shop import OFFICER

CANARY = "Zzyzx"


@pytest.fixture
def client() -> TestClient:
    return TestClient(application())


@pytest.fixture
def receipt(vault: Vault) -> dict:
    return vault.erase(OFFICER, "101")


@pytest.fixture
def public_key(keyring: Keyring) -> str:
    return keyring.public_key.hex()


def test_a_receipt_is_accepted(client: TestClient, receipt: dict, public_key: str) -> None:
    for key in ({}, {"key": public_key}):
        answer = client.post("/receipts/verify", json=receipt, params=key)
        assert answer.status_code == 200
        assert answer.json()["facts"]["deleted"]["orders"] == 6
        assert answer.json()["facts"]["subject"] == receipt["subject"]


def test_a_changed_receipt_and_another_key_are_refused(client: TestClient, receipt: dict, public_key: str) -> None:
    changed = {**receipt, "time": receipt["time"] + " "}
    for body, key in ((changed, public_key), (receipt, "00" * 32)):
        answer = client.post("/receipts/verify", json=body, params={"key": key})
        assert answer.status_code == 422
        assert set(answer.json()) == {"error", "hint", "path"}
        assert answer.json()["path"] == "receipt"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"Zzyzx"', b'{"signature": "Zzyzx"}', b"\xff\xfe", b"1" * 5000, b"[" * 60_000),
        *(b'{"kind": NaN, "signature": ""}', b'{"Zzyzx": "\\ud800", "signature": "", "public_key": ""}'),
    ],
)
def test_what_is_no_receipt_is_refused_without_repeating_it(
    client: TestClient, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for answer in (
        client.post("/receipts/verify", content=body, params={"key": "00"}),
        client.post("/", content=urlencode({"receipt": body}).encode()),
    ):
        assert answer.status_code == 422 if len(answer.request.content) <= MOST_BYTES else 413
        assert CANARY not in answer.text
        assert "Traceback" not in answer.text
    assert CANARY not in caplog.text


def test_a_key_that_is_none_is_refused_without_repeating_it(client: TestClient, receipt: dict) -> None:
    answer = client.post("/receipts/verify", json=receipt, params={"key": CANARY})
    assert (answer.status_code, answer.json()["path"]) == (422, "key")
    assert CANARY not in answer.text


@pytest.mark.parametrize("route", ["/", "/receipts/verify"])
def test_a_body_above_the_limit_is_refused(client: TestClient, route: str) -> None:
    assert client.post(route, content=b" " * (MOST_BYTES + 1)).status_code == 413
    assert client.post(route, content=iter([b" " * MOST_BYTES, b" "])).status_code == 413
    assert client.post(route, content=b" " * MOST_BYTES).status_code == 422


def test_health(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize(("method", "route", "status"), [("GET", "/vault", 404), ("GET", "/receipts/verify", 405)])
def test_other_requests_are_told_what_there_is(client: TestClient, method: str, route: str, status: int) -> None:
    answer = client.request(method, route)
    assert answer.status_code == status
    assert "POST /receipts/verify" in answer.json()["hint"]


def test_the_page_checks_what_is_pasted(client: TestClient, receipt: dict, public_key: str) -> None:
    assert "<form" in client.get("/").text
    pasted = json.dumps(receipt, indent=2)
    alone = client.post("/", data={"receipt": pasted, "key": ""})
    assert (alone.status_code, "The receipt holds" in alone.text) == (200, True)
    assert "vouches for itself only" in alone.text
    assert "signed with the key" in client.post("/", data={"receipt": pasted, "key": public_key}).text
    changed = client.post("/", data={"receipt": pasted.replace("erase", "crase"), "key": public_key})
    assert (changed.status_code, "cannot be accepted" in changed.text) == (422, True)


def test_the_page_loads_nothing_and_runs_nothing(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    policy = first.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'nonce-")
    assert "script" not in policy + first.text
    assert re.findall(r"(?:src|href)=|url\(|@import", first.text) == []
    nonce = re.search("nonce-([^']+)", policy)[1]
    assert f'<style nonce="{nonce}">' in first.text
    assert policy != second.headers["content-security-policy"]


@pytest.mark.parametrize("route", ["/", "/health", "/nowhere"])
def test_every_answer_forbids_what_it_does_not_need(client: TestClient, route: str) -> None:
    headers = client.get(route).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
