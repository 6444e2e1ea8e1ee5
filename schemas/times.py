"""Times as JSON says them."""

from datetime import UTC, datetime
from typing import Final

NANOSECONDS: Final = 1_000_000_000


def iso(nanoseconds: int) -> str:
    """Nanoseconds since 1970 (UTC) as ISO-8601 with all nine digits and Z."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def maybe_iso(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else iso(nanoseconds)
