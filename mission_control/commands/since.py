"""Points in time as people write them: `24h`, `30m`, `7d`, or ISO-8601."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN: Final = re.compile(r"(\d{1,6})\s*([smhdw])")


def parse(text: str) -> str:
    """ISO-8601 in UTC. Raises typer.BadParameter."""
    match = _SPAN.fullmatch(text.strip())
    if match:
        return _iso(now() - timedelta(**{_UNITS[match[2]]: int(match[1])}))
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; write 30m, 24h, 7d or 2026-01-31T12:00") from error
    return _iso(when.astimezone())


def now() -> datetime:
    return datetime.now(UTC)


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parsed(text: str | None) -> str | None:
    return parse(text) if text else None


Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", callback=_parsed, help="Only what is younger: 30m, 24h, 7d or an ISO time.")
]
