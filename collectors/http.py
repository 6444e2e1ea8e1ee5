"""OTLP over HTTP: a plain ASGI app that translates between HTTP and the receiver."""

import logging
import math
from collections.abc import Iterable
from time import perf_counter
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from collectors.admission import Work
from collectors.body import Body, SenderLeftError
from collectors.errors import (
    NOT_FOUND,
    NOT_POST,
    Refusal,
    SlowSenderError,
    TooLargeError,
    UnauthenticatedError,
    UnsupportedError,
    explanation,
    refusal,
    retry_after,
)
from collectors.inflate import coding_of, inflate
from collectors.keys import credential_of, project_of
from collectors.receive import INLINE_BYTES, Incoming, Outcome, Receiver
from schemas import otlp
from schemas.errors import MissionControlError
from schemas.guard import Allowed, HostGuard
from schemas.otlp import JSON_TYPE, PROTOBUF_TYPE, Encoding
from schemas.settings import Settings

log = logging.getLogger(__name__)

Headers = dict[bytes, str]
RawHeaders = Iterable[tuple[bytes, bytes]]

_CONTENT_TYPES: Final[dict[Encoding, bytes]] = {"protobuf": PROTOBUF_TYPE.encode(), "json": JSON_TYPE.encode()}
_INLINE_COMPRESSED: Final = 16 * 1024
"""Compressed bodies up to this size are inflated on the event loop."""


def http_app(receiver: Receiver, settings: Settings) -> ASGIApp:
    """The app of the OTLP port: guarded by Host and Origin, open to other origins only where configured."""
    app: ASGIApp = OtlpHttp(receiver, settings)
    if settings.cors_origins:
        app = CORSMiddleware(app, allow_origins=settings.cors_origins, allow_methods=["POST"], allow_headers=["*"])
    return HostGuard(app, Allowed.of(settings))


class OtlpHttp:
    """Answers `POST /v1/traces`, `/v1/logs` and `/v1/metrics`."""

    def __init__(self, receiver: Receiver, settings: Settings) -> None:
        self._receiver = receiver
        self._limit = settings.otlp_max_bytes
        self._timeout = settings.otlp_request_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._route(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
        else:
            await _lifespan(receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        encoding = otlp.encoding_of(headers.get(b"content-type", ""))
        topic = otlp.PATHS.get(scope["path"])
        if topic is None:
            problem = f"nothing is at {scope['path'][:200]}; OTLP goes to {', '.join(otlp.PATHS)}"
            await _say(send, NOT_FOUND, problem, encoding or "json")
        elif scope["method"] != "POST":
            problem = f"{scope['method']} is not allowed here; OTLP is sent by POST"
            await _say(send, NOT_POST, problem, encoding or "json", [(b"allow", b"POST")])
        else:
            await self._export(topic, headers, encoding, receive, send)

    async def _export(self, topic: str, headers: Headers, encoding: Encoding | None, receive: Receive, send: Send) -> None:
        started = perf_counter()
        body = Body(receive, headers, self._limit, self._timeout)
        try:
            outcome = await self._accept(topic, headers, encoding, body)
        except SenderLeftError:
            self._receiver.record(topic, "http", "sender_left", started)
        except Exception as error:
            if not isinstance(error, MissionControlError):
                log.exception("otlp request failed", extra={"topic": topic, "transport": "http"})
            self._receiver.record(topic, "http", refusal(error).outcome, started)
            await _refuse(error, encoding or "json", body, send)
        else:
            self._receiver.record(topic, "http", str(outcome), started)
            used = encoding or "json"
            await _answer(send, 200, otlp.success(topic, used, outcome.rejected, outcome.reason), used)

    async def _accept(self, topic: str, headers: Headers, encoding: Encoding | None, body: Body) -> Outcome:
        project = _utf8(headers.get(b"x-mission-control-project"))
        credential = credential_of(headers.get(b"authorization", ""), headers.get(b"x-api-key", ""))
        sender = self._receiver.keys.sender(credential, project_of(project))
        if encoding is None:
            raise UnsupportedError("Content-Type", headers.get(b"content-type", ""), f"{PROTOBUF_TYPE} or {JSON_TYPE}")
        coding = coding_of(headers.get(b"content-encoding", ""))
        with self._receiver.admission.enter() as work:
            raw = await body.read(work)
            plain = await self._inflate(coding, raw, work) if coding and raw else raw
            return await self._receiver.receive(Incoming(topic, plain, encoding, sender, "http"))

    async def _inflate(self, coding: str, body: bytes, work: Work) -> bytes:
        size = len(body) if len(body) <= _INLINE_COMPRESSED else INLINE_BYTES + 1
        plain = await self._receiver.work(size, lambda: inflate(coding, body, self._limit))
        work.hold(len(plain))
        return plain


async def _refuse(error: Exception, encoding: Encoding, body: Body, send: Send) -> None:
    extra: list[tuple[bytes, bytes]] = []
    if isinstance(error, SlowSenderError) or (isinstance(error, TooLargeError) and not await body.drain()):
        extra.append((b"connection", b"close"))
    if isinstance(error, UnauthenticatedError):
        extra.append((b"www-authenticate", b"Bearer"))
    delay = retry_after(error)
    if delay is not None:
        extra.append((b"retry-after", str(max(1, math.ceil(delay))).encode()))
    await _say(send, refusal(error), explanation(error), encoding, extra, delay)


def _utf8(header: str | None) -> str | None:
    """Header values are bytes; names of projects are UTF-8 where the sender's library lets them be."""
    try:
        return None if header is None else header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


async def _say(send: Send, how: Refusal, message: str, encoding: Encoding, extra: RawHeaders = (), delay: float | None = None) -> None:
    """An error in the shape of google.rpc.Status."""
    await _answer(send, how.http, otlp.status_body(otlp.status(how.rpc, message, delay), encoding), encoding, extra)


async def _answer(send: Send, status: int, body: bytes, encoding: Encoding, extra: RawHeaders = ()) -> None:
    headers = [(b"content-type", _CONTENT_TYPES[encoding]), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
