"""What agents send, made so that one can say afterwards what must be stored of it."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

TRACES: Final = "/v1/traces"
LOGS: Final = "/v1/logs"
METRICS: Final = "/v1/metrics"
MILLISECOND: Final = 1_000_000
TOKENS_IN: Final = 11
TOKENS_OUT: Final = 3


@dataclass(frozen=True)
class Request:
    """`ids` are what must be found again: span ids, texts of log records, names of points. `threads`: steps per thread."""

    path: str
    body: bytes
    ids: tuple[str, ...]
    threads: Counter[str] = field(default_factory=Counter)


def text(key: str, value: str) -> KeyValue:
    pair = KeyValue(key=key)
    pair.value.string_value = value
    return pair


def count(key: str, value: int) -> KeyValue:
    pair = KeyValue(key=key)
    pair.value.int_value = value
    return pair


class Agents:
    """A seeded source of requests. Ids never repeat."""

    def __init__(self, seed: int, threads: int = 12) -> None:
        self._chance = random.Random(seed)
        self._names = [f"thread-{seed}-{number}" for number in range(threads)]
        self._histories: dict[str, list[Mapping[str, object]]] = {name: [] for name in self._names}

    def _id(self, size: int) -> bytes:
        return self._chance.getrandbits(8 * size).to_bytes(size, "big")

    def turns(self, number: int = 3) -> Request:
        """`number` traces of four steps each: agent, model call with the history so far, tool call, and plain work inside it."""
        request = ExportTraceServiceRequest()
        block = request.resource_spans.add()
        block.resource.attributes.append(text("service.name", "traffic"))
        spans = block.scope_spans.add().spans
        threads: Counter[str] = Counter()
        for _ in range(number):
            thread = self._chance.choice(self._names)
            threads[thread] += 4
            trace, begin = self._id(16), time.time_ns() - 50 * MILLISECOND
            parents = [b""]
            for index, (name, attributes) in enumerate(self._steps(thread)):
                parent = parents[-1] if index in (0, 1, 3) else parents[1]
                span = spans.add(trace_id=trace, span_id=self._id(8), parent_span_id=parent, name=name, kind=1)
                span.start_time_unix_nano = begin + index * MILLISECOND
                span.end_time_unix_nano = begin + (40 - index) * MILLISECOND
                span.attributes.extend([text("gen_ai.conversation.id", thread), *attributes])
                parents.append(span.span_id)
        return Request(TRACES, request.SerializeToString(), tuple(span.span_id.hex() for span in spans), threads)

    def _steps(self, thread: str) -> list[tuple[str, list[KeyValue]]]:
        history = self._histories[thread]
        history.append({"role": "user", "parts": [{"type": "text", "content": f"question {len(history)} of {thread}"}]})
        sent = json.dumps(history[-8:])
        answer = {"role": "assistant", "parts": [{"type": "text", "content": f"answer {len(history)}"}]}
        history.append(answer)
        chat = [
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", "anthropic"),
            text("gen_ai.request.model", "claude-sonnet-4-5"),
            text("gen_ai.input.messages", sent),
            text("gen_ai.output.messages", json.dumps([answer])),
            count("gen_ai.usage.input_tokens", TOKENS_IN),
            count("gen_ai.usage.output_tokens", TOKENS_OUT),
        ]
        tool = [
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.tool.name", self._chance.choice(("search", "deploy", "read"))),
            text("gen_ai.tool.call.id", self._id(6).hex()),
            text("mission_control.mcp.id", "registry"),
        ]
        agent = [text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "planner")]
        return [("invoke_agent planner", agent), ("chat claude-sonnet-4-5", chat), ("execute_tool", tool), ("GET /index", [])]

    def logs(self, number: int = 10) -> Request:
        """Log records with texts of their own; one in five answers a question of permission."""
        request = ExportLogsServiceRequest()
        block = request.resource_logs.add()
        block.resource.attributes.append(text("service.name", "traffic"))
        records = block.scope_logs.add().log_records
        texts = []
        for index in range(number):
            texts.append(self._id(8).hex())
            record = records.add(time_unix_nano=time.time_ns(), severity_number=9, severity_text="INFO")
            record.body.string_value = texts[-1]
            record.attributes.append(text("gen_ai.conversation.id", self._chance.choice(self._names)))
            if index % 5 == 0:
                record.event_name = "permission.check"
                said = {"check.id": texts[-1], "resource.type": "tool", "resource.id": "deploy", "action": "execute", "result": "deny"}
                record.attributes.extend(text(f"permission.{name}", value) for name, value in said.items())
        return Request(LOGS, request.SerializeToString(), tuple(texts))

    def points(self, number: int = 5) -> Request:
        """Gauges with names of their own."""
        request = ExportMetricsServiceRequest()
        block = request.resource_metrics.add()
        block.resource.attributes.append(text("service.name", "traffic"))
        metrics = block.scope_metrics.add().metrics
        for _ in range(number):
            metric = metrics.add(name=f"point.{self._id(8).hex()}", unit="1")
            metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=1)
        return Request(METRICS, request.SerializeToString(), tuple(metric.name for metric in metrics))

    def any(self) -> Request:
        return self._chance.choice((self.turns, self.turns, self.logs, self.points))()


@dataclass
class Sent:
    """What went out, and which of it was acknowledged."""

    acknowledged: list[Request] = field(default_factory=list)
    tried: list[Request] = field(default_factory=list)

    def ids(self, path: str, requests: list[Request] | None = None) -> set[str]:
        return {name for request in (self.acknowledged if requests is None else requests) if request.path == path for name in request.ids}

    def tried_ids(self, path: str) -> set[str]:
        return self.ids(path, self.tried)


class Senders:
    """Threads that send all the time, each waiting for its answer before the next request."""

    def __init__(self, endpoint: str, sources: list[Agents], sent: Sent) -> None:
        self._sent, self._stop = sent, threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(endpoint, source.any)) for source in sources]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, endpoint: str, make: Callable[[], Request]) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                request = make()
                self._sent.tried.append(request)
                try:
                    answer = client.post(endpoint + request.path, content=request.body, headers={"content-type": "application/x-protobuf"})
                except httpx.HTTPError:
                    if self._stop.wait(0.02):
                        return
                    continue
                if answer.status_code == 200:
                    self._sent.acknowledged.append(request)
