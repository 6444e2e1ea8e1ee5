"""Errors as RFC 9457 `application/problem+json`, and answers as JSON."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from control.errors import BusyError, ControlError, StoreAwayError, UnauthorizedError

PROBLEM: Final = "application/problem+json"
STORE_AWAY: Final = "X-Mission-Control-Store-Away"
"""Header of an answer that there is none because the store cannot be read."""
log = logging.getLogger(__name__)


def answer(content: Any, status: int = 200) -> Response:
    """JSON; times are text already, NaN becomes null."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type=PROBLEM)


def problem_of(error: ControlError) -> Response:
    headers = {}
    if isinstance(error, BusyError):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, StoreAwayError):
        headers[STORE_AWAY] = "1"
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="mission-control"'
    return problem(error.status, error.title, str(error), headers)


async def _control(_: Request, error: Exception) -> Response:
    assert isinstance(error, ControlError)
    return problem_of(error)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"parameter": _where(fault), "problem": _what(fault)} for fault in error.errors()]
    detail = "; ".join(f"{fault['parameter']}: {fault['problem']}" for fault in faults)
    return problem(400, "Bad parameter", f"{detail}; /docs lists what each route takes", errors=faults)


def _where(fault: Mapping[str, Any]) -> str:
    """The name of a parameter or of a field of the body; positions in lists and in text are left out."""
    names = [part for part in fault["loc"] if isinstance(part, str)]
    return names[-1]


def _what(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":
        return f"is not JSON: {fault['ctx']['error']}"
    if fault["loc"] == ("body",) and fault["type"] in ("dict_type", "model_attributes_type", "missing"):
        return "send a JSON object, and say so: content-type: application/json"
    if fault["type"] == "missing":
        return "is needed"
    return str(fault["msg"]).removeprefix("Value error, ")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail, headers = str(error.detail), error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.url.path} does not take {request.method} but {headers.get('Allow', 'another method')}"
    hint = "; /docs lists the routes there are" if error.status_code in (404, 405) else ""
    return problem(error.status_code, title, f"{detail}{hint}", headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "Internal error", "this is our fault; our log says more")


def install(app: FastAPI) -> None:
    app.add_exception_handler(ControlError, _control)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
