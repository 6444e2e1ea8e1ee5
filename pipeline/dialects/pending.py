"""Spans that Logfire sends when they begin: a stand-in with an id of its own, whose parent is the span that has begun.

The parent of that span is in an attribute (conventions §5).
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

SPAN_TYPE: Final = "logfire.span_type"
PENDING: Final = "pending_span"
PARENT: Final = "logfire.pending_parent_id"
ID_BYTES: Final = 8


def pending(span: Span, found: Mapping[str, str]) -> Span | None:
    """The span that `span`, with the attributes `found`, says has begun, under its real ids; None when it is no such stand-in."""
    if found.get(SPAN_TYPE) != PENDING or not span.parent_span_id:
        return None
    begun = Span()
    begun.CopyFrom(span)
    begun.span_id, begun.parent_span_id = span.parent_span_id, _parent(found.get(PARENT, ""))
    return begun


def _parent(said: str) -> bytes:
    """Zeros stand for a root; so does what is no id."""
    try:
        parent = bytes.fromhex(said)
    except ValueError:
        return b""
    return parent if len(parent) == ID_BYTES and any(parent) else b""
