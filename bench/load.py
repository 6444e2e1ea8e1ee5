"""Agent-shaped OTLP load, the same bytes for every system under test and for every run with one seed.

A thread is a row of turns; a turn is one trace: an `invoke_agent` root, model calls that send the last part of the
history again, tool calls as the agent sees them, and beneath each the MCP server's own `tools/call` span.
"""

import itertools
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import (
    SEVERITY_NUMBER_DEBUG,
    SEVERITY_NUMBER_ERROR,
    SEVERITY_NUMBER_INFO,
    SEVERITY_NUMBER_WARN,
    LogRecord,
    ScopeLogs,
    SeverityNumber,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

MS: Final = 1_000_000
"""Nanoseconds in a millisecond."""
SENTENCE: Final = (
    "check whether every pending migration of this cluster has finished compare quota usage between regions"
    " and open a ticket when one of them drifts from its plan before tonight"
)
VOCABULARY: Final = tuple(SENTENCE.split())
TOOLS: Final = ("tickets.open", "db.query", "fs.read", "fs.write", "http.fetch", "deploy.plan", "notes.find", "shell.run")
MODELS: Final = (("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"), ("gcp.gemini", "gemini-2.5-pro"))
SEVERITIES: Final = {
    SEVERITY_NUMBER_DEBUG: "DEBUG",
    SEVERITY_NUMBER_INFO: "INFO",
    SEVERITY_NUMBER_WARN: "WARN",
    SEVERITY_NUMBER_ERROR: "ERROR",
}
USUAL: Final = (*SEVERITIES, SEVERITY_NUMBER_INFO, SEVERITY_NUMBER_INFO)
"""Half of all records are INFO."""
OPEN_THREADS: Final = 200
LONGEST_HISTORY: Final = 60
SENT_AGAIN: Final = 6
"""Messages of the history that each model call repeats."""
Value: TypeAlias = str | bool | int | float
Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """One OTLP request, ready to send; `records` are its spans or log records."""

    data: bytes
    records: int
    steps: int = 0
    """Steps of threads that come of it: a tool call is one, seen by agent and server."""


def scattered(requests: Iterator[Body], over: int) -> Iterator[Body]:
    """The same spans, those of each `over` requests dealt out to as many: a trace comes from several senders, in several requests."""
    while taken := list(itertools.islice(requests, over)):
        messages = [ExportTraceServiceRequest.FromString(body.data) for body in taken]
        spans = [span for message in messages for span in message.resource_spans[0].scope_spans[0].spans]
        for number, message in enumerate(messages):
            scope = ScopeSpans(scope=message.resource_spans[0].scope_spans[0].scope, spans=spans[number :: len(messages)])
            del message.resource_spans[0].scope_spans[:]
            message.resource_spans[0].scope_spans.append(scope)
            yield _spans_body(message, scope)


@dataclass(slots=True)
class _Turn:
    """A trace under construction. `at` moves on with each step, ns."""

    trace: bytes
    thread: str
    mcp: int
    root: bytes
    began: int
    at: int


def attribute(key: str, value: Value) -> KeyValue:
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _spans_body(request: ExportTraceServiceRequest, scope: ScopeSpans) -> Body:
    inner = sum(span.kind == Span.SPAN_KIND_SERVER for span in scope.spans)
    return Body(request.SerializeToString(), len(scope.spans), len(scope.spans) - inner)


def _attributes(values: Mapping[str, Value]) -> list[KeyValue]:
    return [attribute(key, value) for key, value in values.items()]


class Load:
    """Deterministic for a seed and a start (ns). Threads are named `{prefix}-000001` and so on."""

    def __init__(self, seed: int, start: int, mcps: int = 10, prefix: str = "T") -> None:
        self._random = random.Random(seed)
        self._now, self._mcps, self._prefix = start, mcps, prefix
        self._open: dict[str, list[Message]] = {}
        self.threads: list[str] = []
        """All names given so far."""
        self.traces = 0

    def spans(self, total: int, per_request: int = 256) -> Iterator[Body]:
        """Requests until at least `total` spans were made. Whole turns of 7 to 10 spans: a request has up to 9 more than asked for."""
        made = 0
        while made < total:
            body = self._span_request(min(per_request, total - made))
            made += body.records
            yield body

    def long_thread(self, name: str, steps: int, per_request: int = 256) -> Iterator[Body]:
        """One thread of at least `steps` steps: a turn has three steps for every two model calls, and more."""
        history: list[Message] = []
        made = 0
        while made < steps:
            request, scope = self._open_request()
            while len(scope.spans) < per_request and made < steps:
                before = len(scope.spans)
                self._turn(scope, name, history, 1)
                del history[:-LONGEST_HISTORY]
                made += 1 + 2 * (len(scope.spans) - before - 1) // 3
            yield _spans_body(request, scope)

    def logs(self, total: int, per_request: int = 256) -> Iterator[Body]:
        """Log records that belong to the threads named so far."""
        for start in range(0, total, per_request):
            count = min(per_request, total - start)
            yield Body(self._log_request(count), count)

    def permissions(self, total: int, per_request: int = 256) -> Iterator[Body]:
        """Decisions about permissions, one log record each, in threads named so far."""
        for start in range(0, total, per_request):
            count = min(per_request, total - start)
            request, scope = self._open_logs()
            for _ in range(count):
                self._permission(scope)
            yield Body(request.SerializeToString(), count)

    def _span_request(self, at_least: int) -> Body:
        request, scope = self._open_request()
        mcp = self._random.randint(1, self._mcps)
        while len(scope.spans) < at_least:
            thread = self._thread()
            self._turn(scope, thread, self._open[thread], mcp)
            if len(self._open[thread]) > LONGEST_HISTORY:
                del self._open[thread]
        return _spans_body(request, scope)

    def _open_request(self) -> tuple[ExportTraceServiceRequest, ScopeSpans]:
        request = ExportTraceServiceRequest()
        block = request.resource_spans.add(resource=self._resource())
        scope = block.scope_spans.add()
        scope.scope.name, scope.scope.version = "bench.agent", "1.0"
        return request, scope

    def _resource(self) -> Resource:
        number = self._random.randint(1, self._mcps)
        named = {
            "service.name": f"bench-mcp-{number}",
            "service.instance.id": f"mcp-{number}",
            "deployment.environment.name": "bench",
            "telemetry.sdk.language": "python",
        }
        return Resource(attributes=_attributes(named))

    def _thread(self) -> str:
        if len(self._open) >= OPEN_THREADS and self._random.random() >= 0.05:
            return self._random.choice(list(self._open))
        name = f"{self._prefix}-{len(self.threads) + 1:06d}"
        self.threads.append(name)
        self._open[name] = []
        return name

    def _turn(self, scope: ScopeSpans, thread: str, history: list[Message], mcp: int) -> None:
        began = self._now
        self._now += self._random.randint(1, 20) * MS
        self.traces += 1
        turn = _Turn(self._id(16), thread, mcp, self._id(8), began, began)
        history.append({"role": "user", "parts": [{"type": "text", "content": self._text(25)}]})
        for _ in range(self._random.randint(2, 3)):
            self._model_call(scope, turn, history)
            self._tool_call(scope, turn)
        self._root(scope, turn)

    def _model_call(self, scope: ScopeSpans, turn: _Turn, history: list[Message]) -> None:
        provider, model = self._random.choice(MODELS)
        answer: Message = {"role": "assistant", "parts": [{"type": "text", "content": self._text(31)}], "finish_reason": "stop"}
        values: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.conversation.id": turn.thread,
            "gen_ai.usage.input_tokens": self._random.randint(200, 9000),
            "gen_ai.usage.output_tokens": self._random.randint(20, 900),
            "gen_ai.input.messages": json.dumps(history[-SENT_AGAIN:]),
            "gen_ai.output.messages": json.dumps([answer]),
        }
        duration = self._random.randint(300, 4000) * MS
        self._span(scope, turn, turn.root, f"chat {model}", Span.SPAN_KIND_CLIENT, turn.at, duration, values)
        history.append(answer)
        turn.at += duration

    def _tool_call(self, scope: ScopeSpans, turn: _Turn) -> None:
        tool, failed = self._random.choice(TOOLS), self._random.random() < 0.04
        duration = self._random.randint(5, 900) * MS
        outer: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.conversation.id": turn.thread,
            "gen_ai.tool.call.id": "call_" + self._id(6).hex(),
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.arguments": json.dumps({"kind": "report", "about": self._text(5)}),
            "gen_ai.tool.call.result": self._text(20),
        }
        inner: dict[str, Value] = {
            "mcp.method.name": "tools/call",
            "mcp.protocol.version": "2025-11-25",
            "jsonrpc.request.id": str(self._random.randint(1, 999)),
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "mcp.session.id": f"s-{turn.mcp}",
        }
        agent = self._span(scope, turn, turn.root, f"execute_tool {tool}", Span.SPAN_KIND_INTERNAL, turn.at, duration, outer, failed)
        served = max(duration - 2 * MS, MS)
        self._span(scope, turn, agent, f"tools/call {tool}", Span.SPAN_KIND_SERVER, turn.at + MS, served, inner, failed)
        turn.at += duration

    def _root(self, scope: ScopeSpans, turn: _Turn) -> None:
        values: dict[str, Value] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "planner",
            "gen_ai.conversation.id": turn.thread,
            "user.id": f"u{self._random.randint(1, 40)}",
        }
        span = scope.spans.add(trace_id=turn.trace, span_id=turn.root, name="invoke_agent planner", kind=Span.SPAN_KIND_INTERNAL)
        span.start_time_unix_nano, span.end_time_unix_nano = turn.began, turn.at
        span.attributes.extend(_attributes(values))

    def _span(
        self,
        scope: ScopeSpans,
        turn: _Turn,
        parent: bytes,
        name: str,
        kind: Span.SpanKind.ValueType,
        start: int,
        duration: int,
        values: Mapping[str, Value],
        failed: bool = False,
    ) -> bytes:
        span = scope.spans.add(trace_id=turn.trace, span_id=self._id(8), parent_span_id=parent, name=name, kind=kind)
        span.start_time_unix_nano, span.end_time_unix_nano = start, start + duration
        span.attributes.extend(_attributes(values))
        if failed:
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "the tool gave up"
            event = span.events.add(name="exception", time_unix_nano=start + duration)
            event.attributes.extend(_attributes({"exception.type": "ToolError", "exception.message": "ended with status 1"}))
        return span.span_id

    def _open_logs(self) -> tuple[ExportLogsServiceRequest, ScopeLogs]:
        request = ExportLogsServiceRequest()
        scope = request.resource_logs.add(resource=self._resource()).scope_logs.add()
        scope.scope.name = "bench.server"
        return request, scope

    def _permission(self, scope: ScopeLogs) -> None:
        allowed = self._random.random() < 0.9
        values: dict[str, Value] = {
            "permission.check.id": self._id(8).hex(),
            "permission.resource.type": "path",
            "permission.resource.id": f"/data/{self._random.randint(1, 500)}",
            "permission.action": self._random.choice(("read", "write", "execute")),
            "permission.result": "allow" if allowed else "deny",
            "permission.reason": self._text(6),
            "permission.source": "policy",
            "gen_ai.conversation.id": self._random.choice(self.threads),
            "user.id": f"u{self._random.randint(1, 40)}",
        }
        record = self._record(scope, SEVERITY_NUMBER_INFO if allowed else SEVERITY_NUMBER_WARN, values)
        record.event_name = "permission.check"
        record.trace_id, record.span_id = self._id(16), self._id(8)

    def _log_request(self, count: int) -> bytes:
        request, scope = self._open_logs()
        for _ in range(count):
            values: dict[str, Value] = {
                "gen_ai.conversation.id": self._random.choice(self.threads),
                "code.function.name": "executor.run",
            }
            record = self._record(scope, self._random.choice(USUAL), values)
            record.body.string_value = self._text(14)
        return request.SerializeToString()

    def _record(self, scope: ScopeLogs, severity: SeverityNumber.ValueType, values: Mapping[str, Value]) -> LogRecord:
        self._now += self._random.randint(1, 5) * MS
        record = scope.log_records.add(time_unix_nano=self._now, observed_time_unix_nano=self._now, severity_number=severity)
        record.severity_text = SEVERITIES[severity]
        record.attributes.extend(_attributes(values))
        return record

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(VOCABULARY, k=words))

    def _id(self, size: int) -> bytes:
        return self._random.getrandbits(size * 8).to_bytes(size, "big")
