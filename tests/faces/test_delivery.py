import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cartveil.errors import DeliveryError, InputError, ReadError, StorageError
from cartveil.faces.delivery import CONSUMER, Retry, check_destination, deliver, without_path

ALERT = {"id": "anna/2024-05-06", "actor": "anna", "score": 3.0, "subjects": ["p7", "p8"], "reasons": ["case: none"]}
OTHER = {**ALERT, "id": "bert/2024-05-06", "actor": "bert"}


class Receiver(HTTPServer):
    """A webhook that answers as it was told to, then 204, and keeps what it got."""

    def __init__(self, answers: list[tuple[int, dict[str, str]]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers = answers
        self.got: list[tuple[str, str, dict[str, object]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?token=s3cret"


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, self.headers["Idempotency-Key"], body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver([])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_gets_a_line_per_alert_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    assert deliver([ALERT, OTHER], str(path)) == 2
    assert [json.loads(line) for line in path.read_text().splitlines()] == [ALERT, OTHER]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_file_holds_already_is_not_added_again(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    deliver([ALERT], str(path))
    assert deliver([ALERT, OTHER], str(path)) == 1
    assert deliver([ALERT, OTHER], str(path)) == 0
    assert len(path.read_text().splitlines()) == 2


def test_a_verdict_that_somebody_wrote_into_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text(json.dumps({**ALERT, "verdict": "dismissed"}) + "\n")
    deliver([ALERT, OTHER], str(path))
    assert json.loads(path.read_text().splitlines()[0])["verdict"] == "dismissed"


def test_another_file_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order,item\n")
    with pytest.raises(ReadError, match="no file of delivered alerts"):
        deliver([ALERT], str(path))
    assert path.read_text() == "order,item\n"


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        deliver([ALERT], str(tmp_path / "none" / "alerts.jsonl"))


def test_a_webhook_gets_each_alert_with_the_number_of_pseudonyms_in_their_place(receiver: Receiver) -> None:
    assert deliver([ALERT, OTHER], receiver.address) == 2
    paths, keys, bodies = zip(*receiver.got, strict=True)
    assert set(paths) == {"/hook?token=s3cret"}
    assert len(set(keys)) == 2
    assert bodies[0] == {**ALERT, "subjects": 2}


def test_a_receiver_that_is_busy_is_asked_again_each_time_later(receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (429, {"Retry-After": "7"}), (500, {})]
    waits: list[float] = []
    assert deliver([ALERT], receiver.address, wait=waits.append) == 1
    assert waits == [1.0, 7.0, 4.0]
    assert len({key for _, key, _ in receiver.got}) == 1


def test_no_wait_is_longer_than_the_longest(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "9999"})]
    waits: list[float] = []
    deliver([ALERT], receiver.address, retry=Retry(longest=3.0), wait=waits.append)
    assert waits == [3.0]


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404])
def test_what_the_receiver_refuses_is_not_sent_again_nor_elsewhere(receiver: Receiver, status: int) -> None:
    receiver.answers = [(204, {}), (status, {"Location": "http://127.0.0.1:9/"})]
    with pytest.raises(DeliveryError, match=f"answered {status}; 1 of 2 alerts arrived"):
        deliver([ALERT, OTHER], receiver.address, wait=lambda _: pytest.fail("waited"))
    assert len(receiver.got) == 2


def test_a_receiver_that_stays_away_is_given_up_after_all_tries_without_its_token(receiver: Receiver) -> None:
    address = receiver.address
    receiver.server_close()
    waits: list[float] = []
    with pytest.raises(DeliveryError) as caught:
        deliver([ALERT], address, retry=Retry(tries=3), wait=waits.append)
    assert waits == [1.0, 2.0]
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize(
    "address", ["http://example.org/hook", "ftp://example.org/x", "https://user:s3cret@example.org/", "https:///x"]
)
def test_addresses_that_are_open_or_unclear_are_refused(address: str) -> None:
    with pytest.raises(InputError) as caught:
        deliver([ALERT], address)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def test_an_address_is_shown_without_what_may_be_a_token() -> None:
    assert without_path("https://example.org/hook?token=s3cret") == "https://example.org"
    assert without_path("alerts.jsonl") == "alerts.jsonl"


def test_no_alert_is_no_delivery(tmp_path: Path) -> None:
    assert deliver([], str(tmp_path / "alerts.jsonl")) == 0
    assert not (tmp_path / "alerts.jsonl").exists()


def test_an_alert_about_a_consumer_leaves_without_pseudonym_and_reasons(receiver: Receiver) -> None:
    alert = {
        "id": "p-7f3a/2024-05-06",
        "incident": "p-7f3a/2024-05-01",
        "actor_kind": CONSUMER,
        "actor": "p-7f3a",
        "score": 3.0,
        "reasons": ["order value 3055; usual: 379"],
        "evidence": {"order value": 3.0},
    }
    assert deliver([alert], receiver.address) == 1
    _, key, body = receiver.got[0]
    assert body["evidence"] == alert["evidence"]
    assert body["id"] != body["incident"]
    for told in ("p-7f3a", b"p-7f3a".hex(), "3055"):
        assert told not in json.dumps(body) + key
    assert deliver([alert], receiver.address) == 1
    assert receiver.got[1][1] == key


def test_one_refused_alert_does_not_hold_back_the_others(receiver: Receiver) -> None:
    receiver.answers = [(400, {})]
    with pytest.raises(DeliveryError, match="answered 400; 1 of 2 alerts arrived"):
        deliver([ALERT, OTHER], receiver.address)
    assert [body["actor"] for _, _, body in receiver.got] == ["anna", "bert"]


def test_a_place_that_cannot_be_delivered_to_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("no alerts")
    places = {"ftp://x/y": InputError, "http://example.org/": InputError, str(tmp_path / "junk"): ReadError}
    for place, error in {**places, str(tmp_path): StorageError, str(tmp_path / "no" / "a"): StorageError}.items():
        with pytest.raises(error):
            check_destination(place)
    check_destination(str(tmp_path / "alerts.jsonl"))
    assert not (tmp_path / "alerts.jsonl").exists()
