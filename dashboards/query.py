"""One query of Grafana's ClickHouse data source, which the SDK has no class for, and the words that queries share."""

import textwrap
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

SOURCE_TYPE: Final = "grafana-clickhouse-datasource"
SOURCE_UID: Final = "mission-control"
"""What the provisioned data source is called; panels refer to it by this."""


class Format(IntEnum):
    """What the data source makes of the rows."""

    TIME_SERIES = 0
    TABLE = 1
    LOGS = 2
    TRACES = 3


@dataclass(frozen=True)
class Query(Dataquery):
    """`sql` is what Grafana sends once its variables and macros are replaced."""

    sql: str
    format: Format
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": source(),
            "editorType": "sql",
            "format": int(self.format),
            "queryType": "table" if self.format == Format.TABLE else self.format.name.lower().replace("_", ""),
            "rawSql": tidy(self.sql),
            "refId": self.ref_id,
        }


def source() -> DataSourceRef:
    return DataSourceRef(type_val=SOURCE_TYPE, uid=SOURCE_UID)


def tidy(sql: str) -> str:
    return textwrap.dedent(sql).strip()


PROJECT: Final = "project = ${project:singlequote}"
MCP: Final = "$__conditionalAll(mcp_id IN (${mcp:singlequote}), $mcp)"
"""Rows of one MCP server."""
MCPS: Final = "$__conditionalAll(hasAny(mcp_ids, [${mcp:singlequote}]), $mcp)"
"""Threads that called the chosen MCP servers."""
THREAD: Final = "project = ${project:singlequote} AND thread_id = ${thread:singlequote}"


def arrived_since(begin: str) -> str:
    """Of steps that began at `begin`, an expression of a time, or later: those that arrived a day and more before it are not read at all.

    (A clock that runs ahead by more than a day is not followed.)
    """
    return f"received_on >= toString(toYYYYMMDD({begin} - toIntervalDay(1)))"


ARRIVED: Final = arrived_since("$__fromTime")
