"""What permission checks came to, folded from all that was said of them in their threads: the same as the view `permission_events`.

The view is what SQL sees; planned anew for every page it costs more than all else a page needs. `tests/control/test_permission_fold.py` holds both together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from control.reader import Reader, Row

Firsts = Mapping[tuple[str, str, str], int]
"""Since when (ns) an agent is asked for something: by project, agent, and what it is asked for."""

_GREATEST: Final = ("mcp_id", "agent_name", "user_id", "subject", "resource", "action", "asked_for")
"""Columns of which the statements of a check say the same, or nothing."""
_DECISIONS_FIRST: Final = ("policy", "rule", "rules_checked", "inheritance_chain")
"""Columns for which the decision counts where it says something."""
_event_of: Final = itemgetter("project", "thread_id", "event_id")
_SHOWN: Final = (
    "project", "event_id", "timestamp", "thread_id", "step_id", "mcp_id", "agent_name", "user_id", "subject", "resource", "action", "granted",
    "reason", "reason_code", "policy", "rule", "rules_checked", "inheritance_chain", "source", "escalation_detected", "escalation_rule",
    "escalation_reason", "overreach", "escalation_status", "decided_at", "waited_ms", "severity", "received_at", "sender_key_id",
    "evidence_trace_id", "evidence_span_id",
)  # fmt: skip
"""Columns of the view, in its order."""


@dataclass(frozen=True, slots=True)
class Check:
    """One permission check: `event` in the columns of the view, and what was `said` of it, a question, a decision or both.

    `latest_ns` is when it was decided, else when it was asked.
    """

    event: Row
    said: Sequence[Row]
    latest_ns: int

    @property
    def matched_ns(self) -> int | None:
        """When the latest statement was made that fits what was asked for."""
        return max((row["at_ns"] for row in self.said if row["matched"]), default=None)


async def checks(reader: Reader, parameters: Mapping[str, Any]) -> list[Check]:
    """All checks of the threads that `permission_statements` finds, by project, thread and id."""
    rows = await reader.rows("permission_statements", parameters)
    asks = any(row["agent_name"] and row["asked_for"] for row in rows)
    return folded(rows, await _firsts(reader, rows) if asks else {})


async def _firsts(reader: Reader, said: Sequence[Row]) -> Firsts:
    """Of the agents that statements are about."""
    agents = {name: sorted({row[name] for row in said}) for name in ("project", "agent_name")}
    rows = await reader.rows("agent_firsts", {"projects": agents["project"], "agents": agents["agent_name"]})
    return {(row["project"], row["agent_name"], row["asked_for"]): row["first_ns"] for row in rows}


def folded(rows: Sequence[Row], firsts: Firsts) -> list[Check]:
    """`rows` are all statements of some threads, sorted by project, thread, event and phase."""
    checks = [_check(list(said)) for _, said in groupby(rows, _event_of)]
    denied = _earliest(checks, _about, lambda check: check.latest_ns if check.event["granted"] == 0 else None)
    began = _earliest(checks, _by_agent, lambda check: check.event["first_asked_ns"] if check.event["asked_for"] else None)
    known: dict[tuple[str, str], int] = {}
    for (project, name, _), first in firsts.items():
        known[project, name] = min(first, known.get((project, name), first))
    for check in checks:
        event = check.event
        before = denied.get(_about(check))
        after_denial = event["granted"] == 1 and event["resource"] and before is not None and before < check.latest_ns
        own = event["stored_rule"] or ("allowed_after_denial" if after_denial else "")
        agent = event["project"], event["agent_name"]
        is_first = firsts.get((*agent, event["asked_for"])) == event["first_asked_ns"]
        is_new = is_first and began[_by_agent(check)] != known[agent]
        _judge(event, own, own or ("new_for_agent" if is_new else ""))
    return [Check({name: check.event[name] for name in _SHOWN}, check.said, check.latest_ns) for check in checks]


def _about(check: Check) -> tuple[str, ...]:
    return tuple(check.event[name] for name in ("project", "thread_id", "resource", "action"))


def _by_agent(check: Check) -> tuple[str, ...]:
    return tuple(check.event[name] for name in ("project", "thread_id", "agent_name"))


def _earliest(
    checks: Iterable[Check], key: Callable[[Check], tuple[str, ...]], at: Callable[[Check], int | None]
) -> dict[tuple[str, ...], int]:
    """The earliest time by key, of those checks that have one."""
    found: dict[tuple[str, ...], int] = {}
    for check in checks:
        if (time := at(check)) is not None:
            found[key(check)] = min(time, found.get(key(check), time))
    return found


def _check(said: list[Row]) -> Check:
    """What the statements of one check say by themselves."""
    asked = min(said, key=itemgetter("at_ns"))
    decided = max((row for row in said if _is_decision(row)), key=itemgetter("at_ns"), default=None)
    counts = decided or max(said, key=itemgetter("at_ns"))
    event = {name: max(row[name] for row in said) for name in _GREATEST}
    event |= {name: _latest_that_says(name, said) for name in _DECISIONS_FIRST}
    event |= {name: counts[name] for name in ("project", "thread_id", "event_id", "reason_code", "source", "severity")}
    event |= {
        "timestamp": asked["timestamp"],
        "step_id": said[-1]["step_id"],
        "granted": None if decided is None else int(decided["result"] == "allow"),
        "reason": _latest_that_says("reason", said),
        "decided_at": decided and decided["timestamp"],
        "waited_ms": None if decided is None else (decided["at_ns"] - asked["at_ns"]) / 1e6,
        "received_at": max(row["received"] for row in said),
        "sender_key_id": max(row["sender_key_id"] for row in said),
        "evidence_trace_id": said[-1]["trace_id"],
        "evidence_span_id": said[-1]["step_id"],
        "stored_rule": max(row["escalation_rule"] for row in said),
        "stored_reason": max(said, key=itemgetter("escalation_rule", "escalation_reason"))["escalation_reason"],
        "stored_status": max(said, key=_says_status)["escalation_status"],
        "first_asked_ns": min((row["at_ns"] for row in said if row["asked_for"]), default=0),
    }
    return Check(event, said, counts["at_ns"] if decided else asked["at_ns"])


def _latest_that_says(name: str, said: list[Row]) -> Any:
    """What the decision says, else the question."""
    return max(said, key=lambda row: (row[name] != "", _is_decision(row)))[name]


def _is_decision(row: Row) -> bool:
    return bool(row["phase"] == "decision")


def _says_status(row: Row) -> tuple[bool, int]:
    return _is_decision(row) and row["escalation_status"] != "", row["at_ns"]


def _judge(event: Row, own: str, found: str) -> None:
    """Whether it is an escalation: `own` by what its thread tells, `found` by any rule."""
    status = {None: "pending", 1: "approved", 0: "rejected"}[event["granted"]] if found else ""
    event |= {
        "escalation_detected": int(found != ""),
        "escalation_rule": found,
        "escalation_reason": event["stored_reason"] or _reason(event, found),
        "overreach": int(own != ""),
        "escalation_status": event["stored_status"] or status,
    }


def _reason(event: Row, found: str) -> str:
    if found == "allowed_after_denial":
        return "allowed after it was denied in the same thread"
    if found == "new_for_agent":
        return f"the first time that {event['agent_name']} is asked for {event['asked_for']}"
    return found.replace("_", " ")
