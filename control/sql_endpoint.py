"""Read-only SQL over ClickHouse's HTTP protocol: clients of ClickHouse take it for a server with the analysts' tables."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import anyio.to_thread
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from control.sql_blocks import framed
from control.sql_errors import SqlRejectedError, status_of
from control.sql_formats import TEXT, content_type, decoded, encoded
from control.sql_lexer import MAX_QUERY_BYTES
from control.sql_request import SqlRequest, check_credentials, read_request
from control.sql_run import DISPLAY_NAME, SqlReply, SqlRunner
from control.sql_statements import refuse_writes
from schemas.errors import StoreUnavailableError
from schemas.guard import Allowed, HostGuard
from schemas.metrics import Metrics
from schemas.settings import Settings
from schemas.store import DatabaseError, Store

_WAITING_PER_WORKER: Final = 16
"""Queries that may wait for each that runs; a dashboard asks for all its panels at once."""
_KILL_INTERVAL: Final = 0.5
"""Seconds."""


class SqlEndpoint:
    """Answers the requests; at most `settings.sql_concurrency` queries run at once."""

    def __init__(self, runner: SqlRunner, settings: Settings, metrics: Metrics | None) -> None:
        self._runner = runner
        self._api_key = settings.api_key.get_secret_value()
        self._workers = anyio.CapacityLimiter(settings.sql_concurrency)
        self._most = settings.sql_concurrency * (1 + _WAITING_PER_WORKER)
        self._admitted = 0
        self._metrics = metrics

    async def answer(self, request: Request) -> Response:
        started = time.perf_counter()
        try:
            response = await self._answer(request)
            outcome = "ok"
        except ClientDisconnect:
            response, outcome = Response(status_code=499), "error"
        except SqlRejectedError as error:
            response, outcome = _failure(error.code, str(error)), "refused"
        except DatabaseError as error:
            response, outcome = _failure(error.code or 1002, str(error)), "error"
        except StoreUnavailableError as error:
            response, outcome = _failure(202, f"Code: 202. DB::Exception: {error}. (TOO_MANY_SIMULTANEOUS_QUERIES)"), "error"
        if self._metrics is not None:
            self._metrics.sql_queries.labels(outcome).inc()
            self._metrics.sql_seconds.observe(time.perf_counter() - started)
        return response

    async def _answer(self, request: Request) -> Response:
        options, headers = dict(request.query_params), dict(request.headers)
        refuse_writes(options.get("query", ""))  # before the rows of an INSERT are read
        body = await _body(request)
        if not body and "query" not in options:
            return PlainTextResponse("Ok.\n", media_type=TEXT)
        check_credentials(options, headers, self._api_key)
        query = read_request(options, headers, body)
        started = time.perf_counter_ns()
        reply = await self._run_watched(request, query)
        return _success(query, reply, headers.get("accept-encoding", ""), time.perf_counter_ns() - started)

    async def _run_watched(self, request: Request, query: SqlRequest) -> SqlReply:
        """The reply; when the client goes away first, its query is stopped. Raises ClientDisconnect then."""
        if self._admitted >= self._most:
            raise SqlRejectedError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries; try again in a moment.")
        self._admitted += 1
        run_id, abandoned = f"sql-{uuid.uuid4()}", threading.Event()
        work = asyncio.ensure_future(anyio.to_thread.run_sync(self._run, query, run_id, abandoned, limiter=self._workers))
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            abandoned.set()
            while not work.done():  # a query that has not reached the engine yet cannot be killed yet
                await asyncio.to_thread(self._runner.cancel, run_id)
                await asyncio.wait({work}, timeout=_KILL_INTERVAL)
            work.exception()
            raise ClientDisconnect
        finally:
            self._admitted -= 1
            gone.cancel()

    def _run(self, query: SqlRequest, run_id: str, abandoned: threading.Event) -> SqlReply:
        if abandoned.is_set():
            raise SqlRejectedError(394, "QUERY_WAS_CANCELLED", "The client went away before the query began.")
        if self._metrics is None:
            return self._runner.run(query, run_id)
        with self._metrics.sql_in_work.track_inprogress():
            return self._runner.run(query, run_id)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    """The request's body, decompressed, at most a query's length. Raises SqlRejectedError."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_QUERY_BYTES:
            refuse_writes(data[:100].decode("utf-8", "replace"))
            raise SqlRejectedError(62, "SYNTAX_ERROR", f"Syntax error: the query is longer than {MAX_QUERY_BYTES} bytes.")
    return decoded(bytes(data), request.headers.get("content-encoding", "").lower(), MAX_QUERY_BYTES)


def _success(query: SqlRequest, reply: SqlReply, accepted: str, elapsed_ns: int) -> Response:
    body, encoding = _around(query, reply.body, accepted)
    figures = ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows")
    summary = dict.fromkeys(figures, "0") | {"result_bytes": str(len(reply.body)), "elapsed_ns": str(elapsed_ns)}
    headers = {
        "X-ClickHouse-Query-Id": query.query_id,
        "X-ClickHouse-Format": reply.format,
        "X-ClickHouse-Timezone": reply.timezone,
        "X-ClickHouse-Server-Display-Name": DISPLAY_NAME,
        "X-ClickHouse-Summary": orjson.dumps(summary).decode(),
    }
    if encoding:
        headers["Content-Encoding"] = encoding
    # Starlette adds a charset to text types by itself when it is given as media_type
    return Response(body, headers={**headers, "Content-Type": content_type(reply.format)})


def _around(query: SqlRequest, data: bytes, accepted: str) -> tuple[bytes, str]:
    """The reply's bytes as the client wants them, and their Content-Encoding."""
    if query.framed:  # frames are no Content-Encoding: clients would undo it before they look for frames
        return framed(data), ""
    return encoded(data, accepted) if query.compressed else (data, "")


def _failure(code: int, message: str) -> Response:
    headers = {"X-ClickHouse-Exception-Code": str(code), "X-ClickHouse-Server-Display-Name": DISPLAY_NAME, "Content-Type": TEXT}
    if code == 202:
        headers["Retry-After"] = "1"
    return Response(f"{message}\n", status_of(code), headers)


async def _ping(request: Request) -> Response:  # noqa: ARG001  Starlette hands it over
    return PlainTextResponse("Ok.\n", media_type=TEXT)


async def _no_handler(request: Request, error: Exception) -> Response:  # noqa: ARG001  Starlette hands it over
    return PlainTextResponse(f"There is no handle {request.url.path}\n\nUse / or /ping for health checks.\n", 404)


def create_sql_app(store: Store, settings: Settings, metrics: Metrics | None = None) -> Starlette:
    """The ASGI app of the SQL port. Queries that run when the server stops are the caller's to kill."""
    endpoint = SqlEndpoint(SqlRunner(store, settings), settings, metrics)
    handlers: Mapping[int, Callable[[Request, Exception], object]] = {404: _no_handler}
    return Starlette(
        routes=[
            Route("/ping", _ping, methods=["GET"]),
            Route("/replicas_status", _ping, methods=["GET"]),
            Route("/", endpoint.answer, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(HostGuard, allowed=Allowed.of(settings))],
        exception_handlers=handlers,  # type: ignore[arg-type]  # Starlette wants the handlers' union spelled out
    )
