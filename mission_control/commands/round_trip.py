"""What `doctor` asks a running system: is it alive, does what is sent arrive, do the clocks agree."""

import contextlib
import json
import secrets
import socket
import time
from typing import Final
from urllib.parse import urlsplit

from mission_control.client import Api
from mission_control.commands.checks import Finding
from mission_control.errors import RefusedError, SqlFailedError, UnreachableError

PROJECT: Final = "doctor"
SEEN_SECONDS: Final = 2.0
SKEW_SECONDS: Final = 2.0
_POLL: Final = 0.02
_HEADERS: Final = {"content-type": "application/json", "x-mission-control-project": PROJECT}


def health(api: Api) -> Finding:
    try:
        response = api.probe("/health")
    except UnreachableError as error:
        return Finding("health", "fail", str(error), "end the process of run.json and start `mission-control up`")
    if not response.is_success:
        return Finding("health", "fail", f"{api.target.console} answered {response.status_code}", "look at the log of `up`")
    return Finding("health", "ok", api.target.console)


def ready(api: Api) -> Finding:
    response = api.probe("/ready")
    try:
        checks = response.json()["checks"]
    except (ValueError, KeyError, TypeError):
        return Finding("ready", "fail", f"{api.target.console} answered {response.status_code}", "is this Mission Control?")
    bad = [f"{name}: {result}" for name, result in checks.items() if result != "ok"]
    if bad:
        return Finding("ready", "fail", "; ".join(bad), "look at the log of `up`")
    return Finding("ready", "ok", ", ".join(checks))


def token(api: Api) -> Finding:
    try:
        api.get("/api/projects")
    except RefusedError as error:
        return Finding("token", "fail", str(error), "give --token or MISSION_CONTROL_TOKEN")
    return Finding("token", "ok", "the API takes it")


def grpc(api: Api) -> Finding:
    parts = urlsplit(api.target.otlp_grpc)
    host = parts.hostname or ""
    try:
        with contextlib.closing(socket.create_connection((host, parts.port or 0), timeout=SEEN_SECONDS)) as plain:
            if api.target.tls is not None:
                api.target.tls.wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        return Finding("OTLP gRPC", "fail", f"{api.target.otlp_grpc}: {error}", "look at the log of `up`")
    return Finding("OTLP gRPC", "ok", api.target.otlp_grpc)


def clock(api: Api) -> Finding:
    """The store's clock against ours, by the middle of a question."""
    before = time.time()
    try:
        there = float(api.rows("SELECT toUnixTimestamp64Milli(now64(3)) / 1000 AS now")[0]["now"])
    except (UnreachableError, SqlFailedError) as error:
        return Finding("SQL", "fail", str(error), "with an API key: set MISSION_CONTROL_API_KEY here too")
    after = time.time()
    skew = there - (before + after) / 2
    if abs(skew) - (after - before) / 2 > SKEW_SECONDS:
        return Finding("clock", "warn", f"the system's clock is {skew:+.1f} s from this one", "let both follow a time server")
    return Finding("clock", "ok", f"{1000 * abs(skew):.0f} ms apart")


def round_trip(api: Api) -> Finding:
    """One span by OTLP over HTTP, looked for by SQL."""
    trace = secrets.token_hex(16)
    started = time.monotonic()
    try:
        response = api.otlp("/v1/traces", json.dumps(span(trace, time.time_ns())).encode(), _HEADERS)
        if not response.is_success:
            return Finding(
                "round trip", "fail", f"{api.target.otlp_http} answered {response.status_code}: {response.text[:200]}", _KEY_ADVICE
            )
        acknowledged = time.monotonic()
        while time.monotonic() - acknowledged < SEEN_SECONDS:
            if api.rows("SELECT SpanId FROM otel_traces WHERE TraceId = {trace:String} LIMIT 1", trace=trace):
                seen = time.monotonic()
                return Finding("round trip", "ok", f"taken after {_ms(acknowledged - started)}, in SQL {_ms(seen - acknowledged)} later")
            time.sleep(_POLL)
    except (UnreachableError, SqlFailedError) as error:
        return Finding("round trip", "fail", str(error), "look at the log of `up`")
    return Finding(
        "round trip", "fail", f"a span was taken, but is not in SQL after {SEEN_SECONDS:g} s", "look at /ready and at the log of `up`"
    )


_KEY_ADVICE: Final = "with an API key: set MISSION_CONTROL_API_KEY here too"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def span(trace: str, now: int) -> dict[str, object]:
    """OTLP/JSON of one span that ended now (ns)."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "mission-control-doctor"}}]}
    one = {
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "name": "round trip",
        "kind": 1,
        "startTimeUnixNano": str(now - 1_000_000),
        "endTimeUnixNano": str(now),
    }
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "mission_control.doctor"}, "spans": [one]}]}]}
