"""The routes, each a few lines over a function that the command line calls as well.

    GET  /                  a page with a form to paste a receipt into
    POST /                  the same page with the answer
    GET  /health            {"status": "ok"}
    POST /receipts/verify   a receipt as JSON, `?key=` the public key that must have signed it: 200 and what holds,
                            else 422 and {"error", "hint", "path"}; 413 above 64 KiB

With a witness, also `POST /add-checkpoint` and `GET /checkpoint`; see `witness`. With a model, also `POST /recommend`;
see `recommending`.

No route opens a vault or knows a secret, and no answer but the facts of a valid receipt repeats what was sent.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cartveil.errors import CartveilError
from cartveil.faces.checking import check_text
from cartveil.faces.console import render_receipt_page
from cartveil.faces.service.recommending import Counter, answer
from cartveil.faces.service.witness import Answer, Witness, add_checkpoint, last_checkpoint

#: Many times what a receipt takes.
MOST_BYTES = 64 * 1024

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def application(witness: Witness | None = None, counter: Counter | None = None) -> Starlette:
    """Return the application; it holds no state but, where there is a witness, the checkpoints that it keeps.

    Args:
        witness: Keeps checkpoints; no route for them without.
        counter: Makes lists; no route for them without.
    """
    return Starlette(
        routes=[
            Route("/", _page, methods=["GET"]),
            Route("/", _page_answer, methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
            Route("/receipts/verify", _verify, methods=["POST"]),
            *(_witness_routes(witness) if witness is not None else ()),
            *(_counter_routes(counter) if counter is not None else ()),
        ],
        middleware=[Middleware(_Headers)],
        exception_handlers={HTTPException: _no_answer, CartveilError: _refusal},
    )


def _witness_routes(witness: Witness) -> tuple[Route, ...]:
    async def add(request: Request) -> Response:
        body = await _body(request)
        # Nothing waits in here: one checkpoint is compared with the last and kept before the next is looked at.
        return _said(add_checkpoint(witness, body))

    async def last(request: Request) -> Response:
        return _said(last_checkpoint(witness, request.query_params.get("origin", "")))

    return Route("/add-checkpoint", add, methods=["POST"]), Route("/checkpoint", last, methods=["GET"])


def _counter_routes(counter: Counter) -> tuple[Route, ...]:
    async def recommend(request: Request) -> JSONResponse:
        # Apart from the loop: while one list is computed, others' requests are read and answered.
        return JSONResponse(await run_in_threadpool(answer, counter, await _body(request)))

    return (Route("/recommend", recommend, methods=["POST"]),)


def _said(given: Answer) -> Response:
    return Response(given.text, given.status, media_type=given.kind)


async def _page(request: Request) -> HTMLResponse:
    return _shown()


async def _page_answer(request: Request) -> HTMLResponse:
    try:
        fields = parse_qs((await _body(request)).decode("utf-8", "replace"), max_num_fields=2)
        key = (fields.get("key") or [""])[0].strip()
        return _shown(facts=check_text((fields.get("receipt") or [""])[0], key=key or None), key_given=bool(key))
    except CartveilError as error:
        return _shown(error=error, status=422)
    except ValueError:
        raise HTTPException(422, "not the form of this page") from None


async def _health(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _verify(request: Request) -> JSONResponse:
    facts = check_text(await _body(request), key=request.query_params.get("key"))
    return JSONResponse({"facts": dict(facts)})


async def _body(request: Request) -> bytes:
    """Read the body, and stop as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"more than {MOST_BYTES} bytes")
    return bytes(body)


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, CartveilError):
        raise error
    return JSONResponse({"error": error.message, "hint": error.hint, "path": error.path}, status_code=422)


async def _no_answer(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    hint = "GET / shows a form; POST /receipts/verify takes a receipt as JSON"
    said = {"error": error.detail.lower(), "hint": hint, "path": None}
    return JSONResponse(said, status_code=error.status_code, headers=error.headers)


def _shown(
    *, facts: Mapping[str, object] | None = None, key_given: bool = False, error: CartveilError | None = None,
    status: int = 200,
) -> HTMLResponse:  # fmt: skip
    nonce = secrets.token_urlsafe(16)
    allowed = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    html = render_receipt_page(nonce=nonce, facts=facts, key_given=key_given, error=error)
    return HTMLResponse(html, status, {"content-security-policy": allowed})


class _Headers:
    """Put the headers on every answer that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
