"""Names of the log's topics and of the headers that every record carries (contract, "Kafka")."""

from typing import Final

SPANS: Final = "otlp_spans"
LOGS: Final = "otlp_logs"
METRICS: Final = "otlp_metrics"
SIGNALS: Final = (SPANS, LOGS, METRICS)
COMMITS: Final = "mission_control.commits"
"""What became visible in the store, as typed, versioned events: processors write, servers read."""

KEYS: Final = "mission_control.keys"
"""Digests of the keys that senders may use, compacted: servers write, collectors read."""

PROJECT_HEADER: Final = "mission_control.project"
"""Set only where the sender named a project by header or key; else the resource attribute decides."""
RECEIVED_HEADER: Final = "mission_control.received_unix_nano"
SOURCE_HEADER: Final = "mission_control.source"
"""Who handed the record over: `otlp_http`, `otlp_grpc`, later file readers."""

SENDER_KEY_HEADER: Final = "mission_control.sender_key"
"""Id of the key that the sender showed, where he showed one; `api_key` is the system's own."""

REFUSED_HEADER: Final = "mission_control.refused"
"""On a record without contents: how many records of its project and signal a collector turned away lately. For the ledger."""

DEFAULT_PROJECT: Final = "default"
OWN_PROJECT: Final = "mission-control"
"""Of our own metrics, where they are sent into our own log."""
