"""Rows of `spans` and `log_records` back as OTLP records: what translation added is left out, what was stored apart is put back. Pure.

Attributes are text in the tables, so they come back as text; translation reads them as text too. Of messages that the sender itself put
into the standard attributes the canonical form comes back.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pipeline.dialects.histories import brought_back
from pipeline.dialects.pending import PENDING, SPAN_TYPE
from pipeline.messages import hashes, restored
from pipeline.spans import KINDS, STATUSES
from pipeline.vocabulary import SPOKEN

Row = Mapping[str, Any]
"""A stored row as the statements give it: times in nanoseconds, maps as pairs."""
Body = Callable[[bytes], bytes]
"""What finds a body by its hash. Raises KeyError."""
LIST: Final = "list:"


def span(row: Row, body: Body, finish: Mapping[tuple[str, bytes], str]) -> Span:
    """The span as it was sent. `finish`: why an answer ended, by (step, hash), which its body does not say. Raises KeyError as `body` does."""
    found, added = _own(row), _added(row)
    references = {name: said for name, said in row["bodies"] if name not in added}
    texts = {name: said for name, said in references.items() if not said.startswith(LIST)}
    found = brought_back(found, texts, lambda reference: restored(reference, body))
    for name, said in references.items():
        if said.startswith(LIST):
            found[name] = _messages(said, body, row["SpanId"], finish)
    span_id, parent_id = bytes.fromhex(row["SpanId"]), bytes.fromhex(row["ParentSpanId"])
    if found.get(SPAN_TYPE) == PENDING and not row["final"]:
        parent_id = span_id  # it stood in for the span that had begun, as the child of that
    return Span(
        trace_id=bytes.fromhex(row["TraceId"]), span_id=span_id, parent_span_id=parent_id, trace_state=row["TraceState"], name=row["SpanName"],
        kind=cast("Span.SpanKind.ValueType", KINDS.index(row["SpanKind"])), start_time_unix_nano=max(0, row["Timestamp"]),
        end_time_unix_nano=max(0, row["Timestamp"]) + row["Duration"] if row["final"] else 0, attributes=pairs(found),
        events=_events(row), links=_links(row), status=Status(code=cast("Status.StatusCode.ValueType", STATUSES.index(row["StatusCode"])), message=row["StatusMessage"]),
    )  # fmt: skip


def log(row: Row, body: Body, finish: Mapping[tuple[str, bytes], str]) -> LogRecord:
    """The log record as it was sent. `finish` and KeyError as of `span`."""
    found, added = _own(row), _added(row)
    for name in SPOKEN & found.keys():
        if found[name].startswith(LIST):
            with suppress(ValueError):  # a text of the sender's that only begins like a reference
                found[name] = _messages(found[name], body, row["SpanId"], finish)
    return LogRecord(
        time_unix_nano=max(0, row["Timestamp"]), observed_time_unix_nano=max(0, row["ObservedTimestamp"]), severity_number=row["SeverityNumber"],
        severity_text=row["SeverityText"], body=AnyValue(string_value=row["Body"]), attributes=pairs(found), flags=row["TraceFlags"],
        trace_id=bytes.fromhex(row["TraceId"]), span_id=bytes.fromhex(row["SpanId"]),
        event_name="" if "event.name" in added else row["EventName"],
    )  # fmt: skip


def named(row: Row) -> list[str]:
    """The references that `span` or `log` will ask bodies for."""
    added = _added(row)
    if "bodies" in row:
        return [said for name, said in row["bodies"] if name not in added]
    return [said for name, said in row["LogAttributes"] if name in SPOKEN and name not in added and said.startswith(LIST)]


def _added(row: Row) -> frozenset[str]:
    return frozenset(row["added"].split(",")) if row["added"] else frozenset()


def _own(row: Row) -> dict[str, str]:
    added = _added(row)
    attributes = row["SpanAttributes"] if "SpanAttributes" in row else row["LogAttributes"]
    return {name: value for name, value in attributes if name not in added}


def _messages(reference: str, body: Body, step: str, finish: Mapping[tuple[str, bytes], str]) -> str:
    parts = []
    for key in hashes(reference, body):
        reason = finish.get((step, key))
        parts.append(orjson.dumps({**orjson.loads(body(key)), "finish_reason": reason}) if reason else body(key))
    return (b"[" + b",".join(parts) + b"]").decode("utf-8", "replace")


def pairs(found: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in found.items()]


def _events(row: Row) -> list[Span.Event]:
    events = zip(row["Events.Timestamp"], row["Events.Name"], row["Events.Attributes"], strict=True)
    return [Span.Event(time_unix_nano=max(0, at), name=name, attributes=pairs(dict(found))) for at, name, found in events]


def _links(row: Row) -> list[Span.Link]:
    links = zip(row["Links.TraceId"], row["Links.SpanId"], row["Links.TraceState"], row["Links.Attributes"], strict=True)
    return [
        Span.Link(trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span_id), trace_state=state, attributes=pairs(dict(found)))
        for trace, span_id, state, found in links
    ]
