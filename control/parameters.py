"""Query parameters that many routes share, with their limits and words for the OpenAPI document."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Path, Query, Request
from pydantic import BaseModel, Field

from control import times
from control.channels import LEVELS
from control.errors import BadParameterError
from schemas.topics import DEFAULT_PROJECT

Limit = Annotated[int, Query(ge=1, le=1000, description="Items of one page, 1 to 1000.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` of the page before.")]
Project = Annotated[str, Query(min_length=1, max_length=1024, description="Name of a project, or * for all of them.")]
Since = Annotated[str | None, Query(alias="from", max_length=64, description="Earliest time: ISO-8601 or seconds since 1970.")]
Until = Annotated[str | None, Query(alias="to", max_length=64, description="Latest time: ISO-8601 or seconds since 1970.")]
Text = Annotated[str, Query(max_length=1000, description="Text to look for, in upper or lower case.")]
Name = Annotated[str, Query(max_length=4096, description="Exactly this; empty means any.")]
Names = Annotated[Sequence[str], Query(max_length=100, description="Any of these; give the parameter several times.")]
Id = Annotated[str, Path(max_length=8192, description="Any character; slashes as %2F.")]
PROJECT: Final = DEFAULT_PROJECT


class Page(BaseModel):
    """One page of a list."""

    items: list[dict[str, Any]] = Field(description="The rows, in the columns of the table of the same name.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do about it.")


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": text, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, text in {400: "A parameter cannot be used", 401: "No token, or a wrong one", 503: "Not now; see Retry-After"}.items()
}
MISSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {
        "description": "Nothing has this id",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
PAGE: Final[dict[int | str, dict[str, Any]]] = {200: {"model": Page, "description": "One page."}}
"""Only described: rows go out as the store gave them, without a pass through models."""


def levels(values: Sequence[str]) -> tuple[str, ...]:
    """Levels of log records, in upper or lower case. Raises BadParameterError."""
    return _known("level", tuple(value.upper() for value in several(values)), LEVELS)


def kinds(values: Sequence[str]) -> tuple[str, ...]:
    """Kinds of threads. Raises BadParameterError."""
    return _known("kind", several(values), ("agent", "mcp", "trace", "*"))


def _known(parameter: str, values: tuple[str, ...], there_are: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if value not in there_are:
            raise BadParameterError(parameter, f"{value!r} is none", f"there are {', '.join(there_are)}")
    return values


def in_order(request: Request) -> None:
    """For every route: what begins after it ends would be an empty list, and look like an answer. Raises BadParameterError."""
    since, until = request.query_params.get("from"), request.query_params.get("to")
    if since and until and times.parse("from", since) > times.parse("to", until):
        raise BadParameterError("from", f"{since!r} is later than to, {until!r}", "give the earlier time first")


def several(values: Sequence[str]) -> tuple[str, ...]:
    """Values of a parameter that may be repeated or hold commas."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
