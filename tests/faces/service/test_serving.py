"""The service as a process: it listens on this machine, answers, keeps quiet, and stops when told to."""

import importlib.util
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cartveil.errors import InputError, MissingExtraError
from cartveil.faces.service import serve
from cartveil.faces.service.serving import HOST, _listening

CANARY = "Zzyzx"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cartveil.faces.service", "--port", "0"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield started
    started.kill()
    started.communicate()


def test_it_answers_on_loopback_and_logs_nothing_of_what_it_is_sent(process: subprocess.Popen[str]) -> None:
    url = process.stderr.readline().removeprefix("cartveil: listening on ").strip()
    assert url.startswith("http://127.0.0.1:")
    with urlopen(f"{url}/health", timeout=30) as answer:  # noqa: S310 - loopback
        assert json.load(answer) == {"status": "ok"}
        assert "server" not in answer.headers
    body = json.dumps({"signature": CANARY}).encode()
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{url}/receipts/verify?key={CANARY}", data=body), timeout=30)  # noqa: S310 - loopback
    assert refused.value.code == 422
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server((HOST, 0)) as taken, pytest.raises(InputError, match="cannot listen here"):
        serve(port=taken.getsockname()[1])


def test_small_packets_do_not_wait_for_each_other() -> None:
    with _listening(HOST, 0) as place, socket.create_connection(place.getsockname()):
        accepted, _ = place.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_catalogue_without_a_model_is_refused() -> None:
    command = [sys.executable, "-m", "cartveil.faces.service", "--catalogue", "shop.csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "hint: name one with --model" in done.stderr


def test_without_its_extra_the_service_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        serve()
    assert error.value.hint == "pip install 'cartveil[service]'"
