"""Values as people read them in a terminal. What agents sent is never trusted: it cannot move the cursor, colour or reorder anything."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

LONGEST_CELL: Final = 200
_HOSTILE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Controls, overrides of direction, invisible characters, halves of surrogate pairs; not tabs, line ends and joiners of emoji."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def visible(text: str) -> str:
    """Characters that would act instead of being shown appear as escapes; tabs and line ends stay."""
    return _HOSTILE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def line(value: Any, longest: int = LONGEST_CELL) -> str:
    """One line; what is longer than `longest` characters ends in an ellipsis."""
    if value is None:
        return ""
    text = " ".join(visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def instant(iso: Any) -> datetime | None:
    """A time of the API; None where there is none."""
    if not isinstance(iso, str) or not iso:
        return None
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def ago(iso: Any, now: datetime) -> str:
    """`3 m ago`; what lies ahead by the clock here is `in 3 m`."""
    when = instant(iso)
    if when is None:
        return ""
    seconds = (now - when).total_seconds()
    if abs(seconds) < 1:
        return "now"
    text = _rough(abs(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def _rough(seconds: float) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def clock(iso: Any, now: datetime) -> str:
    """Local time of day with milliseconds, the date before it when it was another day."""
    when = instant(iso)
    if when is None:
        return ""
    local = when.astimezone()
    text = local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"
    return text if local.date() == now.astimezone().date() else f"{local.date().isoformat()} {text}"


def duration(milliseconds: Any) -> str:
    if not isinstance(milliseconds, int | float):
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), _MINUTE)
    return f"{minutes} m {rest:02d} s" if minutes < _MINUTE else f"{minutes // _MINUTE} h {minutes % _MINUTE:02d} m"


def count(number: Any) -> str:
    """12, 4.5k, 1.2M."""
    value = float(number or 0)
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}"


def money(usd: Any) -> str:
    return "" if usd is None else f"${usd:.4f}" if 0 < usd < 1 else f"${usd:.2f}"


def size(number: float) -> str:
    for limit, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:.0f} B"
