"""Take everything of one project out of the tables. For the demo: what is deleted here comes back when it is sent again.

The ledger and dead letters stay: they say what came in, and where reading begins after a restart.
"""

from typing import Final

from schemas.store import Store

TABLES: Final = (
    "spans", "message_rows", "message_bodies", "log_records", "thread_activity", "metric_points", "permission_rows", "steps", "trace_summaries",
    "traces", "thread_summaries", "usage_hours", "tool_hours", "permission_hours", "step_hours", "step_counts", "check_counts", "error_hours", "edge_hours",
    "score_records", "agent_resources",
)  # fmt: skip


def clear_project(store: Store, project: str) -> None:
    """Returns when nothing of it is left."""
    for table in TABLES:
        store.command(f"ALTER TABLE {table} DELETE WHERE project = {{project:String}} SETTINGS mutations_sync = 1", {"project": project})
