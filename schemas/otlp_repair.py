"""Requests that protobuf's own parser refuses although their meaning is clear.

Two things happen in the wild: a string that is not UTF-8 (one makes the parser refuse the whole request), and attribute
values nested deeper than the parser goes (100 messages). Both are read here with descriptors in which strings, arrays and
lists are plain bytes, repaired, and written again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from schemas.errors import MalformedRequestError

MAX_VALUE_DEPTH: Final = 24
"""Arrays and lists within each other that stay structured; what lies deeper becomes one JSON text."""
_READ_DEPTH: Final = 150
_ANY: Final = "opentelemetry.proto.common.v1.AnyValue"
_NESTED: Final = {"array_value": "opentelemetry.proto.common.v1.ArrayValue", "kvlist_value": "opentelemetry.proto.common.v1.KeyValueList"}
_SERVICES: Final = (trace_service_pb2.DESCRIPTOR, logs_service_pb2.DESCRIPTOR, metrics_service_pb2.DESCRIPTOR)

Request = TypeVar("Request", bound=Message)


def repair(kind: type[Request], raw: bytes) -> Request:
    """The request with U+FFFD for what is not UTF-8; raises MalformedRequestError when `raw` is not such a request."""
    lax = _lax()
    try:
        message = lax.classes[kind.DESCRIPTOR.full_name].FromString(raw)
        _repair_message(lax, message, 0)
        return kind.FromString(message.SerializeToString())
    except DecodeError as error:
        raise MalformedRequestError(f"the body is not an {kind.DESCRIPTOR.name} in protobuf: {error}", _hint(raw)) from error


def _hint(raw: bytes) -> str:
    if raw[:1] in (b"{", b"["):
        return "it looks like JSON: then send Content-Type: application/json"
    if raw[:2] == b"\x1f\x8b" or raw[:4] == b"\x28\xb5\x2f\xfd":
        return "it looks compressed: then send Content-Encoding"
    return "it may be cut off, or belong to another signal"


@dataclass(frozen=True)
class _Lax:
    classes: Mapping[str, type[Message]]
    strings: frozenset[str]
    """Full names of the fields that are strings in the real descriptors."""


@cache
def _lax() -> _Lax:
    """Built once, at the first request that needs it."""
    pool, strings = descriptor_pool.DescriptorPool(), set[str]()
    files: list[FileDescriptor] = []
    for service in _SERVICES:
        _with_dependencies(service, files)
    for file in files:
        pool.Add(_loosened(file, strings))
    names = [f"{file.package}.{name}" for file in files for name in file.message_types_by_name]
    classes = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names}
    return _Lax(classes, frozenset(strings))


def _with_dependencies(file: FileDescriptor, files: list[FileDescriptor]) -> None:
    for dependency in file.dependencies:
        _with_dependencies(dependency, files)
    if file not in files:
        files.append(file)


def _loosened(file: FileDescriptor, strings: set[str]) -> FileDescriptorProto:
    result = FileDescriptorProto.FromString(file.serialized_pb)
    result.ClearField("service")
    for message in result.message_type:
        _loosen(message, f"{file.package}.{message.name}", strings)
    return result


def _loosen(message: DescriptorProto, name: str, strings: set[str]) -> None:
    for nested in message.nested_type:
        _loosen(nested, f"{name}.{nested.name}", strings)
    for field in message.field:
        if field.type == FieldDescriptorProto.TYPE_STRING:
            strings.add(f"{name}.{field.name}")
            field.type = FieldDescriptorProto.TYPE_BYTES
        elif name == _ANY and field.name in _NESTED:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")


def _repair_message(lax: _Lax, message: Message, depth: int) -> None:
    """`depth` counts the arrays and lists around this message."""
    if message.DESCRIPTOR.full_name == _ANY:
        _repair_value(lax, message, depth)
        return
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _repair_message(lax, inner, depth)
        elif field.full_name in lax.strings:
            _repair_string(message, field, value)


def _repair_string(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        value[:] = [_utf8(text) for text in value]
    else:
        setattr(message, field.name, _utf8(value))


def _utf8(raw: bytes) -> bytes:
    return raw.decode("utf-8", "replace").encode()


def _repair_value(lax: _Lax, value: Any, depth: int) -> None:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        value.string_value = _utf8(value.string_value)
    elif kind in _NESTED and depth >= MAX_VALUE_DEPTH:
        value.string_value = json.dumps(_plain(lax, value, depth), ensure_ascii=False).encode()
    elif kind in _NESTED:
        inner = lax.classes[_NESTED[kind]].FromString(getattr(value, kind))
        _repair_message(lax, inner, depth + 1)
        setattr(value, kind, inner.SerializeToString())


def _plain(lax: _Lax, value: Any, depth: int) -> Any:
    """What an attribute value means, as ordinary JSON."""
    if depth > _READ_DEPTH:
        raise MalformedRequestError("an attribute value is nested too deeply", f"at most {_READ_DEPTH} levels are read")
    kind = value.WhichOneof("value")
    if kind not in _NESTED:
        plain = getattr(value, kind) if kind else None
        return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else plain
    inner: Any = lax.classes[_NESTED[kind]].FromString(getattr(value, kind))
    if kind == "array_value":
        return [_plain(lax, item, depth + 1) for item in inner.values]
    return {item.key.decode("utf-8", "replace"): _plain(lax, item.value, depth + 1) for item in inner.values}
