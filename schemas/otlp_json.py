"""OTLP's JSON into the JSON that protobuf's own reader takes.

OTLP differs from protobuf's JSON mapping: ids are hex, not base64. And emitters differ from both: ids as UUIDs, base64 or
`{"data": [bytes]}`, null list elements, integers beyond 64 bits, bare NaN, lone surrogates. All of those have one meaning.
"""

import base64
import binascii
import json
import math
from typing import Any, Final

import orjson

from schemas.errors import MalformedRequestError
from schemas.otlp_repair import MAX_VALUE_DEPTH

_ID_BYTES: Final = {"traceId": 16, "trace_id": 16, "spanId": 8, "span_id": 8, "parentSpanId": 8, "parent_span_id": 8}
_NESTED: Final = frozenset({"arrayValue", "array_value", "kvlistValue", "kvlist_value"})
_INTEGER: Final = frozenset({"intValue", "int_value"})
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def load_json(body: bytes) -> dict[str, Any]:
    """The document, ready for `json_format.ParseDict`; raises MalformedRequestError."""
    try:
        document = _load(body)
        if isinstance(document, dict):
            return _object(document, 0)
    except RecursionError:
        raise MalformedRequestError("the JSON is nested too deeply", "a hundred levels of attribute values are read") from None
    raise MalformedRequestError("the JSON is not an object", 'OTLP/JSON is an object such as {"resourceSpans": [...]}')


def _load(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as strict:
        return _load_indulgent(body, strict)


def _load_indulgent(body: bytes, strict: orjson.JSONDecodeError) -> Any:
    """Python's own reader takes NaN, a byte order mark and lone surrogates, which JavaScript leaves when it cuts a string."""
    try:
        return _scrub(json.loads(body.decode("utf-8-sig", "replace")))
    except ValueError:
        raise MalformedRequestError(f"the body is not JSON: {strict}", _hint(body)) from strict


def _hint(body: bytes) -> str:
    if not body:
        return "the body is empty; an empty request is {}"
    if body[:1] == b"\n":
        return "it may be protobuf: then send Content-Type: application/x-protobuf"
    return "it may be cut off, or compressed without a Content-Encoding header"


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_scrub(key): _scrub(inner) for key, inner in value.items()}
    return [_scrub(inner) for inner in value] if isinstance(value, list) else value


def _object(source: dict[str, Any], nested: int) -> dict[str, Any]:
    """`nested` counts the arrays and lists of attribute values around this object."""
    result: dict[str, Any] = {}
    for key, value in source.items():
        if key in _ID_BYTES:
            result[key] = _identifier(key, value)
        elif key in _INTEGER:
            _integer(result, key, value)
        elif key in _NESTED and nested >= MAX_VALUE_DEPTH:
            result["stringValue"] = json.dumps(_plain({key: value}), ensure_ascii=False)
        else:
            result[key] = _value(value, nested + (key in _NESTED))
    return result


def _value(value: Any, nested: int) -> Any:
    if isinstance(value, dict):
        return _object(value, nested)
    if isinstance(value, list):
        return [_value(inner, nested) for inner in value if inner is not None]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _identifier(key: str, value: Any) -> str | None:
    """Base64 of the id's bytes; raises MalformedRequestError for what cannot be an id."""
    if value is None:
        return None
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return _base64(key, value, lambda: bytes(value["data"]))
    if not isinstance(value, str):
        raise _bad_id(key, value)
    text = value.strip().replace("-", "") if len(value) == 36 else value.strip()
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return _base64(key, value, lambda: _sized(base64.b64decode(text, validate=True), _ID_BYTES[key]))


def _base64(key: str, value: Any, read: Any) -> str:
    try:
        return base64.b64encode(read()).decode()
    except (ValueError, TypeError, binascii.Error):
        raise _bad_id(key, value) from None


def _sized(raw: bytes, size: int) -> bytes:
    if len(raw) != size:
        raise ValueError(len(raw))
    return raw


def _bad_id(key: str, value: Any) -> MalformedRequestError:
    return MalformedRequestError(f"{key} {str(value)[:64]!r} is not hex", f"send {_ID_BYTES[key]} bytes as {2 * _ID_BYTES[key]} hex digits")


def _integer(result: dict[str, Any], key: str, value: Any) -> None:
    """Integers beyond 64 bits keep their digits as text; orjson already made floats of bare ones."""
    if isinstance(value, float):
        result["intValue" if value.is_integer() and _LOWEST <= value <= _HIGHEST else "doubleValue"] = _value(value, 0)
        return
    try:
        fits = value is None or _LOWEST <= int(value) <= _HIGHEST
    except (ValueError, TypeError):
        fits = True
    result[key if fits else "stringValue"] = value if fits else str(value)


def _plain(value: Any) -> Any:
    """What an attribute value in OTLP's JSON form means, as ordinary JSON."""
    if not isinstance(value, dict) or not value:
        return None
    key, inner = next(iter(value.items()))
    if key not in _NESTED:
        return inner
    items = inner.get("values") if isinstance(inner, dict) else None
    return _items(key, items if isinstance(items, list) else [])


def _items(key: str, items: list[Any]) -> Any:
    if key in ("arrayValue", "array_value"):
        return [_plain(item) for item in items]
    return {str(item.get("key", "")): _plain(item.get("value")) for item in items if isinstance(item, dict)}
