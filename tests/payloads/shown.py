"""What the system shows of a project, in the words of the expectations; read once for all projects."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

Rows = list[dict[str, Any]]
TOKENS: Final = ("input", "output", "cache_read", "cache_write")
QUERIES: Final = {
    "threads": "SELECT * FROM threads ORDER BY project, thread_id",
    "steps": "SELECT project, thread_id, type, name, status, tool_name FROM execution_steps ORDER BY project, thread_id, sequence",
    "messages": "SELECT project, thread_id, role, content FROM llm_messages ORDER BY project, thread_id, sequence",
    "permissions": "SELECT project, thread_id, resource, granted FROM permission_events ORDER BY project, thread_id, timestamp, resource",
    "logs": "SELECT project, level, event_name, message FROM logs ORDER BY project, timestamp, message",
    "points": "SELECT project, MetricName AS name, kind FROM ({}) ORDER BY project, name".format(
        " UNION ALL ".join(
            f"SELECT project, MetricName, '{kind}' AS kind FROM otel_metrics_{kind}"
            for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
        )
    ),
}
DETAILS: Final = {
    "kind": "kind", "parent": "parent_thread_id", "user": "user_id", "user_input": "user_input", "agent": "agent_name", "mcps": "mcp_ids",
    "models": "models", "error": "error_type",
}  # fmt: skip
"""Compared where the expectation names them: its word -> column."""
OPTIONAL: Final = (*DETAILS, "estimated")
"""`estimated`: the cost where a price list had a part in it."""


class Shown:
    """`sql` runs one query of all projects and returns its rows."""

    def __init__(self, sql: Callable[[str], Rows]) -> None:
        self._rows: dict[str, dict[str, Rows]] = {}
        for name, query in QUERIES.items():
            by_project: dict[str, Rows] = defaultdict(list)
            for row in sql(query):
                by_project[row["project"]].append(row)
            self._rows[name] = by_project

    def of(self, project: str, expected: Mapping[str, Any]) -> dict[str, Any]:
        """What is shown, in the detail in which it is expected."""
        said = {thread["id"]: thread for thread in expected.get("thread", [])}
        return {
            "threads": {row["thread_id"]: self._thread(row, said.get(row["thread_id"], {})) for row in self._rows["threads"][project]},
            "logs": alike(
                [[row["level"], row["event_name"], row["message"]] for row in self._rows["logs"][project]], expected.get("logs", [])
            ),
            "points": [[row["name"], row["kind"]] for row in self._rows["points"][project]],
        }

    def _thread(self, row: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        steps, messages, permissions = (
            [other for other in self._rows[name][row["project"]] if other["thread_id"] == row["thread_id"]]
            for name in ("steps", "messages", "permissions")
        )
        return {
            "status": said["status"] if said.get("status") == "*" else row["status"],
            "steps": alike([_step(step) for step in steps], said.get("steps", [])),
            "messages": alike([[message["role"], message["content"]] for message in messages], said.get("messages", [])),
            "tokens": {name: int(row[f"{name}_tokens"]) for name in TOKENS},
            "cost": None if row["cost_usd"] is None or row["cost_estimated"] else round(row["cost_usd"], 9),
            "permissions": alike([[check["resource"], _granted(check["granted"])] for check in permissions], said.get("permissions", [])),
        } | {word: _detail(row, word) for word in OPTIONAL if word in said}


def _detail(row: dict[str, Any], word: str) -> Any:
    if word == "estimated":
        return round(row["cost_usd"], 9) if row["cost_estimated"] else None
    return row[DETAILS[word]]


def _step(row: dict[str, Any]) -> list[str]:
    return [row["type"], row["name"], row["status"], row["tool_name"]]


def _granted(value: int | None) -> str:
    return {None: "waiting", 0: "denied", 1: "granted"}[value]


def wanted(expected: Mapping[str, Any]) -> dict[str, Any]:
    """The expectation with everything that it leaves out."""
    return {
        "threads": {thread["id"]: _wanted_thread(thread) for thread in expected.get("thread", [])},
        "logs": expected.get("logs", []),
        "points": expected.get("points", []),
    }


def _wanted_thread(thread: Mapping[str, Any]) -> dict[str, Any]:
    steps = [[*step, *[""] * (4 - len(step))] for step in thread["steps"]]
    return {
        "status": thread["status"],
        "steps": steps,
        "messages": thread.get("messages", []),
        "tokens": dict.fromkeys(TOKENS, 0) | thread.get("tokens", {}),
        "cost": thread.get("cost"),
        "permissions": thread.get("permissions", []),
    } | {word: thread[word] for word in OPTIONAL if word in thread}


def alike(rows: list[list[str]], expected: list[list[str]]) -> list[list[str]]:
    """`rows`, in which what the expectation leaves open (`*`) or only begins (`…`) stands as the expectation has it."""
    filled = [[*one, *[""] * (len(rows[0]) - len(one))] for one in expected] if rows else []
    return [
        [other if _fits(value, other) else value for value, other in zip(row, one, strict=True)]
        for row, one in zip(rows, [*filled, *rows[len(filled) :]], strict=False)
    ]


def _fits(value: str, expected: str) -> bool:
    return expected == "*" or (expected.endswith("…") and value.startswith(expected[:-1]))
