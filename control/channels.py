"""Channels of the WebSocket: their names, which events they carry, and the filter of log channels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote

from control import times
from control.logs import LogFilter
from control.times import BEGINNING, END
from schemas.events import Event
from schemas.topics import DEFAULT_PROJECT

LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")
SHOWN_LEVELS: Final = ("INFO", "WARN", "ERROR")
"""Without a filter."""
Kind = Literal["global", "threads", "thread", "mcp", "logs", "permission"]
_PROJECT: Final = "?project="
KNOWN: Final = (
    "global, threads:running, thread:ID, mcp:ID, logs:*, logs:thread:ID, logs:mcp:ID, logs:level:LEVEL, permission:ID, permission:*"
)


class UnknownChannelError(ValueError):
    """The name is no channel; the text says which there are."""

    def __init__(self, label: str) -> None:
        super().__init__(f"there is no channel {label[:200]!r}; there are {KNOWN}, each with ?project=NAME for another project")


class BadFilterError(ValueError):
    """The filter of a log channel cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Channel:
    """`label` is the name as the client gave it, `name` the canonical one without project."""

    label: str
    name: str
    project: str
    kind: Kind

    @property
    def subject(self) -> str:
        """The id, level or * after the last colon that belongs to the name's form."""
        form = "".join(form for form in ("logs:thread:", "logs:mcp:", "logs:level:") if self.name.startswith(form))
        return self.name.removeprefix(form) if form else self.name.partition(":")[2]


def parse(label: str) -> Channel:
    """Raises UnknownChannelError. An id that holds `?project=` needs a `?project=` of its own behind it."""
    text, mark, project = label.rpartition(_PROJECT)
    name = _canonical(text if mark else label)
    if not name:
        raise UnknownChannelError(label)
    kinds: dict[str, Kind] = {
        "global": "global",
        "threads": "threads",
        "thread": "thread",
        "mcp": "mcp",
        "logs": "logs",
        "permission": "permission",
    }
    return Channel(label, name, unquote(project) if mark and project else DEFAULT_PROJECT, kinds[name.partition(":")[0]])


def _canonical(text: str) -> str:
    """The canonical name; "" when there is no such channel."""
    family, _, rest = text.partition(":")
    if text in ("global", "threads:running", "logs:*"):
        return text
    if family in ("thread", "mcp", "permission"):
        return text if rest else ""
    return _canonical_logs(rest) if family == "logs" and rest else ""


def _canonical_logs(rest: str) -> str:
    form, _, subject = rest.partition(":")
    if form == "level" and subject:
        return f"logs:level:{subject.upper()}" if subject.upper() in LEVELS else ""
    if form in ("thread", "mcp") and subject:
        return f"logs:{rest}"
    return f"logs:level:{rest}" if rest in LEVELS else f"logs:thread:{rest}"


def names_of(event: Event) -> Iterator[str]:
    """Canonical names of the channels that carry an event."""
    if event.type == "log":
        yield "logs:*"
        yield f"logs:level:{event.level}"
        yield from (f"logs:thread:{event.thread_id}" for _ in range(bool(event.thread_id)))
        yield from (f"logs:mcp:{event.mcp_id}" for _ in range(bool(event.mcp_id)))
        return
    if event.type.startswith("thread."):
        yield "threads:running"
    if event.type not in ("step", "message", "score"):
        yield "global"
    if event.thread_id:
        yield f"thread:{event.thread_id}"
    if event.mcp_id:
        yield f"mcp:{event.mcp_id}"
    if event.type == "permission":
        yield "permission:*"
        yield f"permission:{event.thread_id}"


def log_filter(channel: Channel, given: Mapping[str, Any]) -> LogFilter:
    """The filter of a log channel: threads, mcps, levels, services, search, from, to. Raises BadFilterError, BadParameterError."""
    unknown = given.keys() - {"threads", "mcps", "levels", "services", "search", "from", "to"}
    if unknown:
        raise BadFilterError(f"filter has no {', '.join(sorted(unknown))}; it has threads, mcps, levels, services, search, from, to")
    levels = tuple(level.upper() for level in _strings(given, "levels"))
    if set(levels) - set(LEVELS):
        raise BadFilterError(f"filter.levels: there are {', '.join(LEVELS)}")
    search, since, until = (given.get(name) or "" for name in ("search", "from", "to"))
    if not all(isinstance(text, str) for text in (search, since, until)):
        raise BadFilterError("filter.search, filter.from and filter.to are strings")
    form, subject = channel.name.rpartition(channel.subject)[0], (channel.subject,)
    return LogFilter(
        channel.project,
        subject if form == "logs:thread:" else _strings(given, "threads"),
        subject if form == "logs:level:" else levels or SHOWN_LEVELS,
        subject if form == "logs:mcp:" else _strings(given, "mcps"),
        _strings(given, "services"),
        search,
        times.parse("filter.from", since) if since else BEGINNING,
        times.parse("filter.to", until) if until else END,
    )


def _strings(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = given.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadFilterError(f"filter.{name} is a list of strings")
    return tuple(values)


def fits(wanted: LogFilter, event: Event) -> bool:
    """Whether a log event passes the filter; its channel was looked at already."""
    payload = event.payload
    named = (
        (not wanted.levels or event.level in wanted.levels)
        and (not wanted.thread_ids or event.thread_id in wanted.thread_ids)
        and (not wanted.mcp_ids or event.mcp_id in wanted.mcp_ids)
        and (not wanted.services or payload.get("service") in wanted.services)
    )
    if not named or (wanted.q and wanted.q.lower() not in str(payload.get("message", "")).lower()):
        return False
    if (wanted.since, wanted.until) == (BEGINNING, END):
        return True
    return wanted.since <= times.parse("timestamp", str(payload["timestamp"])) <= wanted.until
