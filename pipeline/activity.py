"""Signs of life of threads that come by log record: rows of `thread_activity`, one per thread and batch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from pipeline import vocabulary
from pipeline.columns import times
from pipeline.messages import USER_TEXT_LENGTH

if TYPE_CHECKING:
    from pipeline.logs import Scope

_TEXTS: Final[Mapping[str, str]] = {
    "agent_name": "gen_ai.agent.name",
    "parent_thread_id": "mission_control.thread.parent_id",
    "user_input": "mission_control.user_input",
    "user_id": "user.id",
}
LATEST: Final = 2**63 - 1
_WAITS: Final = ("asked", "resumed")
LONGEST_WAIT_NAME: Final = 1000
"""Characters of what a thread waits for."""
_TIMES_BY_NAME: Final = pa.map_(pa.string(), pa.int64())
_TIMES: Final = ("first_at", "last_at", "session_started_at", "session_ended_at")
_OTHERS: Final = ("end_status", "prompted", "service", "environment", "host", "service_version")


class ActivityRows:
    """Under construction: the strongest statement of a batch per thread; the table goes on merging them."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, scope: "Scope", thread_id: str, event: str, at: int, found: Mapping[str, str]) -> None:
        """A record of this thread at `at` (ns). Sessions begin and end by event; details count only where one does, but for what a person asked."""
        at = min(at, LATEST)
        row = self._row(scope, thread_id, at)
        if event not in (vocabulary.SESSION_START, vocabulary.SESSION_END):
            if prompt := found.get(_TEXTS["user_input"]):
                row["prompted"] = max(row["prompted"], f"{LATEST - at:019d}{prompt[:USER_TEXT_LENGTH]}")
            return
        for column, attribute in _TEXTS.items():
            row[column] = max(row[column], found.get(attribute, ""))
        if event == vocabulary.SESSION_START:
            row["session_started_at"] = max(row["session_started_at"], at)
        else:
            row["session_ended_at"] = max(row["session_ended_at"], at)
            row["end_status"] = max(row["end_status"], found.get("mission_control.thread.status", "complete"))

    def wait(self, scope: "Scope", thread_id: str, at: int, what: str, resumed: bool) -> None:
        """It waits for `what` from `at` (ns) on, or no longer; '' stands for everything that it waits for."""
        at = min(at, LATEST)
        times_by_name = self._row(scope, thread_id, at)["resumed" if resumed else "asked"]
        name = what[:LONGEST_WAIT_NAME]
        times_by_name[name] = max(times_by_name.get(name, 0), at)

    def _row(self, scope: "Scope", thread_id: str, at: int) -> dict[str, Any]:
        row = self._rows.setdefault((scope.here.project, thread_id), self._new(scope, at))
        row["first_at"], row["last_at"] = min(row["first_at"], at), max(row["last_at"], at)
        row["received"] = max(row["received"], scope.around.received // 1_000_000_000)
        return row

    def _new(self, scope: "Scope", at: int) -> dict[str, Any]:
        here = scope.here
        zero = {"session_started_at": 0, "session_ended_at": 0, "received": 0, "end_status": "", "prompted": "", "asked": {}, "resumed": {}}
        said = {"service": here.service, "environment": here.environment, "host": here.host, "service_version": here.service_version}
        return {"first_at": at, "last_at": at, "retention_days": scope.days, **zero, **said, **dict.fromkeys(_TEXTS, "")}

    def batch(self) -> pa.RecordBatch:
        rows = list(self._rows.values())
        columns = {
            "project": pa.array([project for project, _ in self._rows], pa.string()),
            "thread_id": pa.array([thread_id for _, thread_id in self._rows], pa.string()),
            "received": pa.array([row["received"] for row in rows], pa.uint32()),
            "retention_days": pa.array([row["retention_days"] for row in rows], pa.uint16()),
        }
        columns |= {name: pa.array([row[name] for row in rows], pa.string()) for name in (*_TEXTS, *_OTHERS)}
        columns |= {name: times(row[name] for row in rows) for name in _TIMES}
        columns |= {name: pa.array([list(row[name].items()) for row in rows], _TIMES_BY_NAME) for name in _WAITS}
        return pa.record_batch(list(columns.values()), names=list(columns))
