"""Exceptions from retention by MCP server: they are known only once a row is mapped, so they are laid over finished columns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Mapped

SIGNALS: Final[Mapping[str, str]] = {"spans": "spans", "log_records": "logs", "permission_rows": "permissions"}
"""Tables whose rows name an MCP server, and the signal by which they are kept."""
ByMcp = Mapping[str, Mapping[str, int]]
"""MCP server → signal → days."""


def by_mcp(mapped: Mapped, exceptions: ByMcp) -> Mapped:
    """The same rows, kept as long as their MCP server's exception says."""
    if not exceptions:
        return mapped
    tables = {name: _kept(batch, SIGNALS[name], exceptions) if name in SIGNALS else batch for name, batch in mapped.tables.items()}
    return replace(mapped, tables=tables)


def _kept(batch: pa.RecordBatch, signal: str, exceptions: ByMcp) -> pa.RecordBatch:
    days, servers = batch.column("retention_days"), batch.column("mcp_id")
    for server, signals in exceptions.items():
        if signal in signals:
            days = pc.if_else(pc.equal(servers, server), pa.scalar(signals[signal], days.type), days)
    return batch.set_column(batch.schema.get_field_index("retention_days"), "retention_days", days)
