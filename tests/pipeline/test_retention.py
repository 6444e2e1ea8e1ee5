"""Days by MCP server, laid over mapped rows."""

import pyarrow as pa

from pipeline.batch import Mapped
from pipeline.retention import by_mcp

EXCEPTIONS = {"files": {"spans": 3, "logs": 5}, "orders": {"permissions": 90}}


def batch(servers: list[str]) -> pa.RecordBatch:
    days = pa.array([30] * len(servers), pa.uint16())
    return pa.record_batch([pa.array(servers), days, pa.array(range(len(servers)))], names=["mcp_id", "retention_days", "place"])


def days(mapped: Mapped, table: str) -> list[int]:
    return list(mapped.tables[table].column("retention_days").to_pylist())


def test_each_signal_of_a_server_is_kept_as_its_exception_says() -> None:
    tables = {name: batch(["files", "orders", ""]) for name in ("spans", "log_records", "permission_rows", "metric_points")}
    kept = by_mcp(Mapped(tables, ()), EXCEPTIONS)
    assert days(kept, "spans") == [3, 30, 30]
    assert days(kept, "log_records") == [5, 30, 30]
    assert days(kept, "permission_rows") == [30, 90, 30]
    assert days(kept, "metric_points") == [30, 30, 30], "points name no server"
    assert kept.tables["spans"].schema == tables["spans"].schema
    assert kept.tables["spans"].column("place").to_pylist() == [0, 1, 2]


def test_without_exceptions_nothing_is_touched() -> None:
    mapped = Mapped({"spans": batch(["files"])}, ())
    assert by_mcp(mapped, {}) is mapped
