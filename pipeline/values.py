"""OTLP's AnyValue as the text that the tables hold: scalars plainly, arrays and maps as JSON."""

from collections.abc import Iterable
from typing import Any

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def text(value: AnyValue) -> str:
    """The value as text: `true`/`false`, numbers in decimal, bytes and nested values as JSON, nothing as ''."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value
    if which is None:
        return ""
    if which == "bool_value":
        return "true" if value.bool_value else "false"
    if which in ("int_value", "double_value"):
        return str(getattr(value, which))
    return orjson.dumps(plain(value), default=str).decode()


def plain(value: AnyValue) -> Any:
    """The value as Python data; bytes become hexadecimal text, numbers that JSON cannot say become text."""
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    if which == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, which)


def attributes(items: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as text by name; of a name given twice the last wins, as in every SDK."""
    return {item.key: item.value.string_value or text(item.value) for item in items}


def integer(value: str) -> int:
    """A count from an attribute: what is no whole number, or negative, counts as 0; capped at what the column holds."""
    if not value:
        return 0
    try:
        number = int(value)
    except ValueError:
        try:
            number = int(float(value))
        except (ValueError, OverflowError):
            return 0
    return min(max(number, 0), 2**63 - 1)


def number(value: str) -> float | None:
    """A measure from an attribute, or None when it is not a finite number."""
    if not value:
        return None
    try:
        result = float(value)
    except ValueError:
        return None
    return result if abs(result) < float("inf") else None
