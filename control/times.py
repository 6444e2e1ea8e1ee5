"""Times as they go in and out: ISO-8601 text outside, nanoseconds since 1970 (UTC) inside."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from control.errors import BadParameterError
from schemas.times import NANOSECONDS as NANOSECONDS  # also the words of this module's users
from schemas.times import iso as iso

HOUR: Final = 3600 * NANOSECONDS
BEGINNING: Final = 0
END: Final = 9_000_000_000 * NANOSECONDS
"""Later than any sender's clock (year 2255), and still a DateTime64(9)."""

_FRACTION: Final = re.compile(r"[.,](\d+)")


def now_ns() -> int:
    return time.time_ns()


def parse(parameter: str, text: str) -> int:
    """Nanoseconds of ISO-8601 text (UTC where it names no zone) or of seconds since 1970.

    Raises BadParameterError.
    """
    try:
        nanoseconds = _seconds(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _iso(text)
    except (ValueError, OverflowError) as error:
        raise BadParameterError(
            parameter, f"{text!r} is no time", "take ISO-8601 like 2030-01-31T12:00:00Z or seconds since 1970"
        ) from error
    if not BEGINNING <= nanoseconds <= END:
        raise BadParameterError(parameter, f"{text!r} is out of range", "take a time from 1970 to 2255")
    return nanoseconds


def optional(parameter: str, text: str | None) -> int | None:
    return parse(parameter, text) if text else None


def _seconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * NANOSECONDS + int(fraction.ljust(9, "0")[:9] or 0)


def _iso(text: str) -> int:
    # In a query string "+" means a space, and many forget to escape it.
    text = re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip())
    fraction = _FRACTION.search(text)
    moment = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    rest = int(fraction.group(1).ljust(9, "0")[:9]) if fraction else 0
    return int(moment.timestamp()) * NANOSECONDS + rest


def windows(since: int, until: int, now: int, first: int = HOUR) -> Iterator[tuple[int, int]]:
    """Parts of [since, until], the newest first: the `first` so long (ns), each other 16 times longer than the one before.

    Lists are sorted by time and mostly want the newest, so the first part usually fills the page from a few granules.
    """
    high, length = until, first
    while high >= since:
        low = max(since, min(high, now) - length) if length < 16**4 * HOUR else since
        yield low, high
        high, length = low - 1, length * 16
