"""Times every request, for Prometheus and for `/api/metrics`: pure ASGI."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control.figures import Figures
from schemas.metrics import Metrics

SERVER_ERROR = 500


class Stopwatch:
    def __init__(self, app: ASGIApp, metrics: Metrics, figures: Figures, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._metrics = metrics
        self._figures = figures
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = self._clock()
        status = SERVER_ERROR

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._note(scope, status, self._clock() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, never the path: label values must stay few.
        route = getattr(scope.get("route"), "path_format", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS") else "other"
        self._metrics.api_seconds.labels(method, route).observe(seconds)
        self._metrics.api_requests.labels(method, route, str(status)).inc()
        if scope["path"].startswith("/api"):
            self._figures.request(seconds, status >= SERVER_ERROR)
