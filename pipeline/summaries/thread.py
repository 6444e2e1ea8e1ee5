"""One thread: the fold of what its traces contribute, its sessions' events and its permission checks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from pipeline.summaries.segment import MOST, TERMINAL, Segment, added, first, names, summed

MOST_TRACES: Final = 100
NO_PAUSE: Final = Segment("")
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_ADDED: Final = ("steps", "llm_calls", "tool_calls", "errors", *_TOKENS, *(f"agent_{name}" for name in _TOKENS))
_added: Final = attrgetter(*_ADDED)
Row = dict[str, Any]
"""A row of `thread_summaries`; times in nanoseconds since 1970, None for what is not."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Signs of life that came by log record. Times in nanoseconds, 0 for never: `waiting_since` of what it said it waits for."""

    first_at: int = 0
    last_at: int = 0
    session_started_at: int = 0
    session_ended_at: int = 0
    end_status: str = ""
    agent_name: str = ""
    parent_thread_id: str = ""
    user_input: str = ""
    service: str = ""
    user_id: str = ""
    environment: str = ""
    host: str = ""
    service_version: str = ""
    waiting_for: str = ""
    waiting_since: int = 0
    received: int = 0
    retention_days: int = 1


@dataclass(frozen=True, slots=True)
class Checks:
    """Permission checks of a thread, and how many of its tool calls they decided. `waiting_since` in nanoseconds, 0 when nothing waits."""

    checks: int = 0
    denials: int = 0
    escalations: int = 0
    checked_calls: int = 0
    questions: int = 0
    """Those that the thread answers by going on."""
    waiting_for: str = ""
    waiting_since: int = 0
    received: int = 0


def fold_thread(key: tuple[str, str], segments: Sequence[Segment], activity: Activity | None, checks: Checks, loop: int = 0) -> Row | None:
    """The row of one thread, or None when nothing is left of it (its traces turned out to belong to another). `loop`: the longest across traces."""
    project, thread_id = key
    segments = [segment for segment in segments if segment.steps]
    if not segments and (activity is None or not activity.session_started_at):
        return None
    order = sorted(segments, key=lambda segment: (segment.started, segment.trace_id))
    heard = activity or Activity()
    row = _times_and_status(order, heard, checks)
    row |= _who(order, heard) | _sums(order)
    return row | {
        "loop_count": max(loop, row["loop_count"]),
        "project": project,
        "thread_id": thread_id,
        "unchecked_calls": max(0, row["tool_calls"] - checks.checked_calls),
        "permission_checks": checks.checks,
        "permission_denials": checks.denials,
        "escalations": checks.escalations,
        "trace_ids": [segment.trace_id for segment in order[-MOST_TRACES:]],
        "last_received": max([heard.received, checks.received, *(segment.received for segment in order)]),
        "retention_days": max([heard.retention_days, *(segment.retention_days for segment in order)]),
    }


def _times_and_status(order: Sequence[Segment], heard: Activity, checks: Checks) -> Row:
    starts = [segment.started for segment in order] + [at for at in (heard.first_at, heard.session_started_at) if at]
    seen = [segment.last_seen for segment in order] + [heard.last_at, heard.session_started_at]
    status = _status(order, heard)
    last_seen = max(seen)
    question = _oldest_question(heard, checks) if status not in TERMINAL else None
    if question and status == "running" and not _moved_on(order, question.waiting_since):
        status = "paused"
    pause = next((segment for segment in reversed(order) if segment.waiting_since), NO_PAUSE) if status == "paused" else NO_PAUSE
    failed = next((segment for segment in reversed(order) if segment.error_type), None) if status in ("error", "cancelled") else None
    return {
        "started_at": min(starts),
        "last_seen_at": last_seen,
        "ended_at": max([segment.ended for segment in order] + [heard.session_ended_at]) if status in TERMINAL else None,
        "status": status,
        "waiting_for": (question or pause).waiting_for,
        "waiting_since": (question or pause).waiting_since or None,
        "error_type": failed.error_type if failed else "",
        "error_message": failed.error_message if failed else "",
    }


def _oldest_question(heard: Activity, checks: Checks) -> Activity | Checks | None:
    """Whichever tells of what waits longest: an open check, or the thread itself."""
    return min((one for one in (checks, heard) if one.waiting_since), key=lambda one: one.waiting_since, default=None)


def _status(order: Sequence[Segment], heard: Activity) -> str:
    """Open while a trace of it is open, or a session began after everything that ended; else as the last trace or session ended."""
    if any(segment.status == "running" for segment in order):
        return heard.end_status if _session_closed(order, heard) else "running"
    ended = max((segment.ended for segment in order), default=0)
    if heard.session_started_at > max(ended, heard.session_ended_at):
        return "running"
    if not order or (heard.session_ended_at >= ended and heard.end_status):
        return heard.end_status or "complete"
    return max(order, key=lambda segment: (segment.ended, segment.trace_id)).status


def _session_closed(order: Sequence[Segment], heard: Activity) -> bool:
    """A session that ended after the last sign of life closes what was never ended properly (a crash, a killed process)."""
    last = max(segment.last_seen for segment in order)
    return heard.session_ended_at > max(heard.session_started_at, last) and heard.end_status in TERMINAL


def _moved_on(order: Sequence[Segment], since: int) -> bool:
    """Whether anything ended or began after the question was put: then it does not stand still for the answer."""
    return any(segment.last_seen > since for segment in order)


def _who(order: Sequence[Segment], heard: Activity) -> Row:
    agent = first([*(segment.agent_name for segment in order if segment.agent_name), heard.agent_name])
    kinds = {segment.kind for segment in order}
    kind = "agent" if "agent" in kinds or not order else "mcp" if "mcp" in kinds else "trace"
    newest = order[-1] if order else Segment("")
    return {
        "name": agent or first([segment.name for segment in order]) or heard.service,
        "agent_name": agent,
        "kind": kind,
        "parent_thread_id": first([*(segment.parent_thread_id for segment in order), heard.parent_thread_id]),
        "user_id": first([*(segment.user_id for segment in order), heard.user_id]),
        "user_input": first([heard.user_input, *(segment.user_input for segment in order)]),
        "environment": first([*(segment.environment for segment in order), heard.environment]),
        "service_version": first([*(segment.service_version for segment in order), heard.service_version]),
        "host": first([*(segment.host for segment in order), heard.host]),
        "mcp_ids": names([segment.mcp_ids for segment in order]),
        "services": names([*(segment.services for segment in order), [heard.service]]),
        "models": names([segment.models for segment in order]),
        "current_step": newest.current_step,
        "attributes": newest.attributes,
        "tags": [],
    }


def _sums(order: Sequence[Segment]) -> Row:
    """Tokens of leaf calls; an agent's own sum only where the thread shows no call at all."""
    totals = dict(zip(_ADDED, map(sum, zip(*map(_added, order), strict=True)), strict=True)) if order else dict.fromkeys(_ADDED, 0)
    whose = "" if totals["llm_calls"] else "agent_"
    cpu = [segment.cpu_utilization for segment in order if segment.cpu_utilization is not None]
    return {
        "step_count": totals["steps"],
        "llm_calls": totals["llm_calls"],
        "tool_calls": totals["tool_calls"],
        "error_count": totals["errors"],
        "loop_count": max((segment.loop for segment in order), default=0),
        **{name: min(MOST, totals[whose + name]) for name in _TOKENS},
        "cost_usd": added([segment.cost_usd for segment in order]),
        "cost_estimated": 0,
        "unpriced": summed(segment.unpriced for segment in order if segment.unpriced),
        "memory_bytes": max((segment.memory_bytes for segment in order), default=0),
        "cpu_utilization": cpu[-1] if cpu else None,
    }
