"""Listening: one socket, one server, and a log that keeps to itself what it was sent."""

import importlib.util
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from cartveil.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from cartveil.faces.service.recommending import Counter
    from cartveil.faces.service.witness import Witness

#: This machine alone; whoever wants more says so.
HOST, PORT = "127.0.0.1", 8571

#: Requests at a time; more are answered 503.
_MOST = 64


def serve(
    *,
    host: str = HOST,
    port: int = PORT,
    witness: "Witness | None" = None,
    counter: "Counter | None" = None,
    started: Callable[[str], object] = lambda url: None,
) -> None:
    """Serve until the process is told to stop.

    Args:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        witness: Where to keep checkpoints of others' logs; none are taken without.
        counter: What lists are made with; none are made without.
        started: Called with the URL once the port is taken.

    Raises:
        MissingExtraError: The extra `service` is not installed.
        InputError: The address cannot be listened on.

    Guarantees:
        - The log has no line per request, and no traceback: neither URL, nor body, nor a value of them.
    """
    for module in ("starlette", "uvicorn"):
        if importlib.util.find_spec(module) is None:
            hint = "pip install 'cartveil[service]'"
            raise MissingExtraError(f"the service needs the extra `service` ({module})", hint=hint)
    import uvicorn

    from cartveil.faces.service.application import application

    # Forwarding headers are for services behind a proxy, which this one does not need.
    config = uvicorn.Config(
        application(witness, counter), log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        ws="none", lifespan="off", limit_concurrency=_MOST, timeout_graceful_shutdown=5,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_without_traceback)
    with _listening(host, port) as place, suppress(KeyboardInterrupt):
        started(f"http://{f'[{host}]' if ':' in host else host}:{place.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[place])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        place = socket.create_server((host, port), family=family)
        # Else head and body of an answer, two small packets, wait 40 ms for each other on a kept connection; asyncio
        # sets this only where a socket says itself that it speaks TCP, which `create_server` leaves open.
        place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return place
    except OSError:
        hint = "choose another --port, or an address of this machine as --host"
        raise InputError("cannot listen here", path=f"{host}:{port}", hint=hint) from None


def _without_traceback(record: logging.LogRecord) -> bool:
    # The message of an unforeseen error may repeat what was sent.
    record.exc_info = record.exc_text = None
    return True
