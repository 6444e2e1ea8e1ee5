"""Spans that Logfire sends when they begin: a stand-in with an id of its own, whose parent is the span that has begun.

The parent of that span is in an attribute (conventions §5).
"""

from collections.abc import Mapping
from typing import Final

SPAN_TYPE: Final = "logfire.span_type"
PENDING: Final = "pending_span"
PARENT: Final = "logfire.pending_parent_id"
ID_BYTES: Final = 8


def pending(found: Mapping[str, str], parent_id: str) -> bytes | None:
    """The parent of the span that these attributes, of a child of it, say has begun, b"" for a root; None when they are of no such stand-in."""
    return _parent(found.get(PARENT, "")) if found.get(SPAN_TYPE) == PENDING and parent_id else None


def _parent(said: str) -> bytes:
    """Zeros stand for a root; so does what is no id."""
    try:
        parent = bytes.fromhex(said)
    except ValueError:
        return b""
    return parent if len(parent) == ID_BYTES and any(parent) else b""
