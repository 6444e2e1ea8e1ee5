"""What the operator may have a running system do over its WebSocket: each is audited before its effect."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from control.commands import BadArgumentsError, Command, Commands
from pipeline.clear import clear_project
from pipeline.dead_letters import drop, mark_replayed
from pipeline.dialects.registry import DIALECTS, STANDARD
from pipeline.rebuild import Progress, Rebuild, translated
from schemas.store import Store

DEMO_PROJECT: Final = "demo"
DIALECT_NAMES: Final = (STANDARD, *sorted(dialect.name for dialect in DIALECTS))


def operator_commands(store: Store, rebuild: Rebuild | None) -> Commands:
    """`dead_letters.replayed`, `dead_letters.dropped`, `demo.clear`; where this process derives, `rebuild` (start or go on), `rebuild.status`."""

    def clear(_: Mapping[str, Any]) -> Mapping[str, Any]:
        clear_project(store, DEMO_PROJECT)
        if rebuild is not None:
            rebuild.forget()
        return {"cleared": DEMO_PROJECT}

    def replayed(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = _dead_letters(arguments)
        mark_replayed(store, ids)
        return {"marked": len(ids)}

    def dropped(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"dropped": drop(store, _dead_letters(arguments))}

    commands = {
        "dead_letters.replayed": audited(store, "dead_letters.replayed", replayed),
        "dead_letters.dropped": audited(store, "dead_letters.dropped", dropped),
        "demo.clear": audited(store, "demo.clear", clear),
    }
    return commands if rebuild is None else {**commands, **_rebuilding(store, rebuild)}


def _dead_letters(arguments: Mapping[str, Any]) -> list[str]:
    """Raises BadArgumentsError."""
    ids = arguments.get("ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise BadArgumentsError("ids is a list of dead letters as dead-letters list shows them")
    return ids


def _rebuilding(store: Store, rebuild: Rebuild) -> Commands:
    def start(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return asdict(rebuild.start(wanted(arguments)))

    def status(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"state": "none"} if rebuild.progress is None else asdict(rebuild.progress)

    return {"rebuild": audited(store, "rebuild", start), "rebuild.status": status}


def wanted(arguments: Mapping[str, Any]) -> Progress:
    """`from`, `to` (ISO-8601), `project`, `dialect`, `translate`; all optional. Raises BadArgumentsError."""
    unknown = set(arguments) - {"from", "to", "project", "dialect", "translate"}
    if unknown:
        raise BadArgumentsError(f"rebuild knows from, to, project, dialect and translate, not {', '.join(sorted(unknown))}")
    dialect = str(arguments.get("dialect", ""))
    if dialect and dialect not in DIALECT_NAMES:
        raise BadArgumentsError(f"there is no dialect {dialect!r}; there are {', '.join(DIALECT_NAMES)}")
    start = Progress(only=str(arguments.get("project", "")), dialect=dialect)
    if arguments.get("from"):
        start = replace(start, start=_nanoseconds("from", arguments["from"]))
    if arguments.get("to"):
        start = replace(start, end=_nanoseconds("to", arguments["to"]))
    return translated(start) if arguments.get("translate") else start


def _nanoseconds(name: str, value: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(value)).astimezone().timestamp() * 1_000_000) * 1_000
    except ValueError as error:
        raise BadArgumentsError(f"{name}: {value!r} is no time; take ISO-8601 like 2030-01-31T12:00:00Z") from error


def audited(store: Store, action: str, command: Command, clock: Callable[[], int] = time.time_ns) -> Command:
    def done(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        store.insert("audit_rows", _audit_row(action, arguments, clock()))
        return command(arguments)

    return done


def _audit_row(action: str, arguments: Mapping[str, Any], now: int) -> pa.RecordBatch:
    texts = {
        "project": str(arguments.get("project", "")),
        "event_id": str(uuid.uuid4()),
        "writer": "up",
        "type": "command",
        "severity": "info",
        "status": "success",
        "actor": "token",
        "role": "admin",
        "action": action,
        "target": str(arguments.get("project", "")),
        "outcome": "accepted",
        "details": json.dumps(dict(arguments), default=str),
    }
    columns = {name: pa.array([value], pa.string()) for name, value in texts.items()}
    columns["timestamp"] = pa.array([now], pa.int64()).cast(pa.timestamp("ns", "UTC"))
    return pa.record_batch(list(columns.values()), names=list(columns))
