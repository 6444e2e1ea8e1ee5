"""Permission checks: from the attributes of a `permission.check` record to a row of `permission_rows` (conventions.md §6)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.batch import ThreadKey
from pipeline.capabilities import asked_for, escalation
from pipeline.columns import stamped
from pipeline.dialects.dialect import SpanFacts
from pipeline.messages import digest
from pipeline.vocabulary import PERMISSION_CHECK

RESULTS: Final[Mapping[str, str]] = {"pass": "allow", "fail": "deny", "allowed": "allow", "denied": "deny", "pending": "ask"}
RESULT: Final = "permission.result"
PREFIXES: Final = ("permission.", "mission_control.permission.")
CHECKS: Final = frozenset({PERMISSION_CHECK, f"mission_control.{PERMISSION_CHECK}"})
"""Names of records, spans and span events that are one."""
EARLIEST_WINS: Final = 2**62


def is_check(name: str) -> bool:
    return name in CHECKS


class Place(NamedTuple):
    """Where a permission record or a score stands: the thread as far as it says so, the guarded or judged span, the time (ns).

    `by_span`: several spans may tell of one check as it passes through them; the first of them is right.
    """

    project: str
    thread_id: str
    trace_id: str
    step_id: str
    timestamp: int
    received: int
    topic: str
    partition: int
    offset: int
    retention_days: int
    by_span: bool = False
    sender_key: str = ""

    @property
    def version(self) -> int:
        """Even: rows that are placed elsewhere later get odd ones."""
        return 2 * (EARLIEST_WINS - min(self.timestamp, EARLIEST_WINS - 1)) if self.by_span else 2 * self.received


_TYPES: Final = (
    ("project", pa.string()), ("thread_id", pa.string()), ("trace_id", pa.string()), ("step_id", pa.string()), ("log_topic", pa.string()),
    ("log_partition", pa.uint16()), ("log_offset", pa.uint64()), ("retention_days", pa.uint16()), ("event_id", pa.string()), ("phase", pa.string()),
    ("mcp_id", pa.string()), ("agent_name", pa.string()), ("user_id", pa.string()), ("subject", pa.string()), ("resource", pa.string()),
    ("action", pa.string()), ("asked_for", pa.string()), ("result", pa.string()), ("reason", pa.string()), ("reason_code", pa.string()), ("policy", pa.string()),
    ("rule", pa.string()), ("rules_checked", pa.string()), ("inheritance_chain", pa.string()), ("source", pa.string()),
    ("escalation_detected", pa.uint8()), ("escalation_rule", pa.string()), ("escalation_reason", pa.string()), ("escalation_status", pa.string()), ("severity", pa.string()),
    ("sender_key_id", pa.string()), ("version", pa.uint64()), ("is_deleted", pa.uint8()),
)  # fmt: skip


class PermissionRows:
    """Rows of `permission_rows`, under construction."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._times: list[tuple[int, int]] = []
        self.threads: dict[ThreadKey, int] = {}
        """Threads that the checks name themselves, with the oldest receipt (ns)."""

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, place: Place, found: Mapping[str, str]) -> None:
        """One statement about a check; `found` in the standard vocabulary, prefixed with `mission_control.` or not."""
        said = _unprefixed(found)
        result = RESULTS.get(said.get("result", ""), said.get("result", "") or "error")
        escalated = escalation({f"permission.{name}": value for name, value in said.items()} | dict(found), result)
        about = asked_for(said.get("resource.type", ""), said.get("resource.id", ""), said.get("action", ""))
        status = said.get("escalation.status", "") or ("pending" if escalated.rule and result == "ask" else "")
        self._rows.append(
            (
                place.project, place.thread_id, place.trace_id, place.step_id, place.topic, place.partition, place.offset, place.retention_days,
                said.get("check.id") or _derived_id(place, said), "ask" if result == "ask" else "decision",
                found.get("mission_control.mcp.id", ""), found.get("gen_ai.agent.name", "") or _agent(said), found.get("user.id", ""),
                _pair(said, "subject"), _pair(said, "resource"), said.get("action", ""), about, result, said.get("reason", ""), said.get("reason_code", ""),
                said.get("policy.name") or said.get("policy.id") or said.get("policy", ""), said.get("rule", ""), said.get("rules", ""),
                said.get("inheritance", ""), said.get("source", ""), int(bool(escalated.rule)), *escalated, status,
                said.get("severity", ""), place.sender_key, place.version, 0,
            )
        )  # fmt: skip
        self._times.append((min(place.timestamp, 2**63 - 1), place.received))
        if place.thread_id != place.trace_id:
            key = place.project, place.thread_id
            self.threads[key] = min(self.threads.get(key, place.received), place.received)

    def extend(self, others: "PermissionRows") -> None:
        self._rows.extend(others._rows)
        self._times.extend(others._times)
        for key, received in others.threads.items():
            self.threads[key] = min(self.threads.get(key, received), received)

    def batch(self) -> pa.RecordBatch:
        return stamped(_TYPES, self._rows, self._times)


def asked_and_answered(span: SpanFacts, waits: bool, final: bool) -> Iterator[tuple[int, Mapping[str, str]]]:
    """What a span says of a check, as (time in ns, attributes). One that `waits` for the decision asks when it begins."""
    found = span.found
    if not waits:
        yield span.ended or span.started, found
        return
    said = {f"permission.{name}": value for name, value in _unprefixed(found).items()}
    others = {name: value for name, value in found.items() if not name.startswith(PREFIXES)}
    said.setdefault("permission.check.id", f"{span.trace_id}:{span.span_id}")
    yield span.started, others | said | {"permission.result": "ask"}
    if final and RESULTS.get(result := said.get("permission.result", ""), result) != "ask":
        yield span.ended, others | said


def _unprefixed(found: Mapping[str, str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in found.items():
        for prefix in PREFIXES:
            if name.startswith(prefix):
                said.setdefault(name[len(prefix) :], value)
    return said


def _pair(said: Mapping[str, str], what: str) -> str:
    kind, name = said.get(f"{what}.type", ""), said.get(f"{what}.id", "")
    return f"{kind}:{name}" if kind and name else kind or name


def _agent(said: Mapping[str, str]) -> str:
    """The subject, where it is an agent."""
    return said.get("subject.id", "") if said.get("subject.type") == "agent" else ""


def _derived_id(place: Place, said: Mapping[str, str]) -> str:
    """A check without an id is told apart by where and when it happened and what it was about."""
    words = (place.trace_id, place.step_id, str(place.timestamp), _pair(said, "resource"), said.get("action", ""))
    return digest("\n".join(words).encode()).hex()
