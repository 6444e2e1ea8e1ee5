"""Every metric of Mission Control, one line each; all names begin with `mission_control_`."""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX: Final = "mission_control"
FAST: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds, for everything between a request and a slow query."""
SIZES: Final = (1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000)
"""Records in a batch."""


class Metrics:
    """Made once per process and passed down; label values: signal is spans, logs or metrics, transport is http or grpc."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, namespace=PREFIX, registry=registry)
        gauge = partial(Gauge, namespace=PREFIX, registry=registry)
        timer = partial(Histogram, namespace=PREFIX, registry=registry, buckets=FAST)
        sizes = partial(Histogram, namespace=PREFIX, registry=registry, buckets=SIZES)
        self.registry = registry

        # fmt: off
        self.otlp_requests = counter("otlp_requests_total", "OTLP requests by outcome: accepted, partial, or why refused.", ("signal", "transport", "outcome"))
        self.otlp_records_accepted = counter("otlp_records_accepted_total", "Spans, log records, data points that were acknowledged.", ("signal", "transport"))
        self.otlp_records_rejected = counter("otlp_records_rejected_total", "Spans, log records, data points refused inside accepted requests.", ("signal", "transport", "reason"))
        self.otlp_bytes = counter("otlp_bytes_total", "Bytes of OTLP requests after decompression.", ("signal", "transport"))
        self.otlp_repaired = counter("otlp_repaired_total", "Requests whose strings or nesting had to be repaired before they were acknowledged.", ("signal", "transport"))
        self.otlp_seconds = timer("otlp_request_seconds", "Time from a request's first byte to its answer.", ("signal", "transport"))
        self.otlp_in_work = gauge("otlp_requests_in_work", "OTLP requests that are being read, checked or appended now.")

        self.log_append_seconds = timer("log_append_seconds", "Time until an appended record is durable.", ("topic",))
        self.log_bytes = gauge("log_bytes", "Size of the local log on disk.", ("topic",))
        self.log_backlog_bytes = gauge("log_backlog_bytes", "Bytes in the log that wait for the store.", ("topic",))
        self.log_refused = counter("log_refused_total", "Appends refused: disk full, backlog too long, broker away.", ("reason",))
        self.log_damaged_bytes = counter("log_damaged_bytes_total", "Bytes of acknowledged records that the disk gave back damaged.", ("topic",))

        self.batch_records = sizes("pipeline_batch_records", "Requests in one batch of the pipeline.", ("signal",))
        self.batch_rows = sizes("pipeline_batch_rows", "Rows of the signal's own table in one batch.", ("signal",))
        self.map_seconds = timer("pipeline_map_seconds", "Time to map one batch to columns.", ("signal",))
        self.native_requests = counter("pipeline_native_requests_total", "Trace requests offered to the kernel: taken; left, because Python maps them; failed.", ("outcome",))
        self.insert_seconds = timer("pipeline_insert_seconds", "Time of one INSERT.", ("table",))
        self.insert_rows = counter("pipeline_inserted_rows_total", "Rows inserted, redelivered ones included.", ("table",))
        self.insert_errors = counter("pipeline_insert_errors_total", "Failed INSERTs; retry: again later, never: bisected.", ("table", "kind"))
        self.commit_delay = timer("pipeline_commit_delay_seconds", "Time from a request's arrival to its commit.", ("signal",))
        self.dead_letters = counter("pipeline_dead_letters_total", "Requests that could not be mapped or stored.", ("signal", "reason"))
        self.lag_records = gauge("pipeline_lag_records", "Records appended and not committed yet.", ("signal",))
        self.summary_seconds = timer("summary_round_seconds", "Time of one round of summaries.", ("summary",))
        self.summary_keys = counter("summary_keys_total", "Traces and threads recomputed.", ("summary",))
        self.summary_backlog = gauge("summary_backlog_keys", "Traces and threads that wait for their summary.", ("summary",))
        self.summary_lag = gauge("summary_lag_seconds", "Age of the oldest commit whose summaries are not there yet.")

        self.websocket_connections = gauge("websocket_connections", "Open WebSocket connections.")
        self.websocket_refused = counter("websocket_refused_total", "WebSocket connections refused.", ("reason",))
        self.websocket_messages = counter("websocket_messages_total", "WebSocket messages; direction is in or out.", ("direction", "type"))
        self.websocket_dropped = counter("websocket_dropped_events_total", "Events not sent because a client was too slow.")
        self.event_delay = timer("event_delay_seconds", "Time from a commit to its events lying in every subscriber's queue.")

        self.api_seconds = timer("api_request_seconds", "Time of one API request.", ("method", "route"))
        self.api_requests = counter("api_requests_total", "API requests by status.", ("method", "route", "status"))
        self.sql_seconds = timer("sql_query_seconds", "Time of one query of the SQL endpoint.")
        self.sql_queries = counter("sql_queries_total", "Queries of the SQL endpoint; outcome is ok, refused or error.", ("outcome",))
        self.sql_in_work = gauge("sql_queries_in_work", "Queries of the SQL endpoint that run now.")
        self.mcp_connections = gauge("mcp_connections", "Connections to MCP servers held by the gateway.")

        self.store_memory_bytes = gauge("store_memory_bytes", "Memory the embedded engine tracks.")
        self.store_disk_bytes = gauge("store_disk_bytes", "Bytes of active parts on disk.", ("table",))
        self.store_parts = gauge("store_parts", "Active parts.", ("table",))
        self.store_seconds = timer("store_query_seconds", "Time of one query or command of ours on the store.", ("purpose",))
        # fmt: on


def metric_table() -> list[tuple[str, str, str]]:
    """(name as scraped, type, help) of every metric, for the docs."""
    families = Metrics(CollectorRegistry()).registry.collect()
    return [(_scraped(family.name, family.type), family.type, family.documentation) for family in families]


def _scraped(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
