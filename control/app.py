"""The control application: REST, WebSocket, probes, login and the console, in one ASGI app."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from control import paths, problems
from control.auth import Doorkeeper
from control.commands import Commands
from control.console import Console, PageHeaders
from control.figures import Figures
from control.gate import Gate
from control.hub import Hub
from control.parameters import PROBLEMS, Problem, in_order
from control.probes import Check, docs_router, login_router, probes_router
from control.reader import Reader
from control.readings import Readings
from control.routes_scores import scores_router
from control.routes_system import records_router, system_router
from control.routes_telemetry import graph_router, logs_router, mcps_router, permissions_router, search_router
from control.routes_threads import threads_router
from control.socket import socket_router
from control.stale import StaleAnswers
from control.stopwatch import Stopwatch
from schemas.guard import Allowed, HostGuard
from schemas.metrics import Metrics
from schemas.ports import LogWriter
from schemas.settings import Settings
from schemas.store import Store

_ABOUT = """What AI agents and MCP servers do now, and what they were allowed to do. Lists answer `{"items", "next"}`; errors are
RFC 9457 problems. Everything under /api needs the token of run.json, as `Authorization: Bearer` or `x-api-key`."""
log = logging.getLogger(__name__)


def create_app(
    store: Store,
    hub: Hub,
    settings: Settings,
    token: str,
    checks: Mapping[str, Check],
    metrics: Metrics,
    console_dir: Path,
    doorkeeper: Doorkeeper | None = None,
    commands: Commands | None = None,
    endpoints: Mapping[str, str] | None = None,
    writer: LogWriter | None = None,
) -> FastAPI:
    """The app of `up` and `serve`. `checks` are asked by /ready, beside whether the store answers.

    The app binds `hub` to its event loop at start; at shutdown it waits for running queries and leaves `store` open.
    `commands` are what WebSocket clients may have done. `endpoints` may be filled after this returns: where agents send to,
    by `otlp_http` and `otlp_grpc`. `writer` is of the log that given scores go to. `doorkeeper` is given by who wants to print login URLs; it must have been made
    with the same `token`.
    """
    keeper = doorkeeper or Doorkeeper(token, settings.api_key.get_secret_value())
    figures = Figures()

    def watch(name: str, seconds: float) -> None:
        figures.query(name, seconds)
        metrics.store_seconds.labels("api").observe(seconds)

    reader = Reader(store, settings, watch)
    readings = Readings.over(reader, settings, {} if endpoints is None else endpoints)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with hub.running(readings, figures):
            yield
        await asyncio.to_thread(reader.close)

    app = FastAPI(
        title="Mission Control", description=_ABOUT, version="1", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    problems.install(app)
    paths.register()
    for router in _routers(readings, figures, keeper, {"store": _store_check(store), **checks}, metrics, app, writer):
        app.include_router(router, responses=PROBLEMS, dependencies=[Depends(in_order)])
    app.include_router(socket_router(hub, settings, metrics, commands or {}))
    app.router.default = Console(console_dir)
    _describe(app)
    # The last added is the first to see a request.
    app.add_middleware(StaleAnswers)
    app.add_middleware(Gate, doorkeeper=keeper)
    app.add_middleware(Stopwatch, metrics=metrics, figures=figures)
    app.add_middleware(paths.EncodedSlashes)
    app.add_middleware(HostGuard, allowed=Allowed.of(settings))
    app.add_middleware(PageHeaders)
    return app


def _routers(
    readings: Readings,
    figures: Figures,
    keeper: Doorkeeper,
    checks: Mapping[str, Check],
    metrics: Metrics,
    app: FastAPI,
    writer: LogWriter | None,
) -> list[APIRouter]:
    return [
        probes_router(checks, metrics),
        login_router(keeper),
        docs_router(app.openapi),
        threads_router(readings),
        logs_router(readings),
        mcps_router(readings),
        permissions_router(readings),
        graph_router(readings),
        search_router(readings),
        system_router(readings, figures, keeper),
        scores_router(readings, writer),
        records_router(readings),
    ]


def _store_check(store: Store) -> Check:
    def check() -> str:
        store.query("SELECT 1")
        return ""

    return check


def _describe(app: FastAPI) -> None:
    """The OpenAPI document, with the shape of problems and the ways to show the token."""
    generated = app.openapi

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            described = generated()
            components = described.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            }
            described["security"] = [{"bearer": []}, {"key": []}]
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
