"""The first hour of somebody who knows OpenTelemetry and nothing of us."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from schemas import otlp
from schemas.topics import LOGS, METRICS, SPANS
from tests.system.running import ROOT, System, eventually

START: Final = (ROOT / "docs/start.md").read_text(encoding="utf-8")
PAYLOADS: Final = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", ROOT.parent / "shared" / "payloads"))
KINDS: Final = {"resourceSpans": ("/v1/traces", SPANS), "resourceLogs": ("/v1/logs", LOGS), "resourceMetrics": ("/v1/metrics", METRICS)}
TEN_LINES: Final = """
from opentelemetry.exporter.otlp.proto.{transport}.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider(resource=Resource({{"service.name": "{name}"}}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("x").start_as_current_span("handle request"):
    with provider.get_tracer("x").start_as_current_span("ask the database"):
        pass
provider.shutdown()
"""
RUNNING_AGENT: Final = """
import sys
from opentelemetry import trace, _logs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from mission_control import emit
spans, logs = TracerProvider(), LoggerProvider()
spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
trace.set_tracer_provider(spans)
_logs.set_logger_provider(logs)
with emit.thread("builder", thread_id="live", user_input="build it"):
    with emit.tool_call("compile", {"fast": True}, mcp="toolchain") as tool:
        print("working", flush=True)
        sys.stdin.readline()
        tool.result("done")
spans.shutdown()
logs.shutdown()
"""


def block(heading: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", START.split(f"\n## {heading}\n")[1].split("\n## ")[0], re.DOTALL)
    assert found
    return found[1]


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def threads(system: System, is_it: Callable[[dict[str, Any]], bool], kind: str = "*") -> list[dict[str, Any]]:
    """By way of REST, waited for."""
    return eventually(lambda: [thread for thread in system.api("/api/threads", kind=kind)["items"] if is_it(thread)])


@pytest.mark.parametrize(("transport", "port"), [("http", "otlp_http"), ("grpc", "otlp_grpc")])
def test_ten_lines_of_opentelemetry_show_as_a_thread(shared: System, transport: str, port: str) -> None:
    name = f"newcomer-{transport}"
    run(sys.executable, "-c", TEN_LINES.format(transport=transport, name=name), OTEL_EXPORTER_OTLP_ENDPOINT=shared.info[port])
    (thread,) = threads(shared, lambda thread: name in thread["services"])
    assert (thread["status"], thread["step_count"], thread["kind"]) == ("complete", 2, "trace")
    (row,) = shared.sql(f"SELECT thread_id, name, step_count FROM threads WHERE has(services, '{name}')")
    assert (row["thread_id"], row["name"], row["step_count"]) == (thread["thread_id"], "handle request", 2)
    timeline = shared.api(f"/api/threads/{thread['thread_id']}/timeline")["items"]
    assert [step["name"] for step in timeline] == ["handle request", "ask the database"]


def test_the_lines_of_the_start_page_work_here(shared: System) -> None:
    here = shared.info["otlp_http"]
    run(sys.executable, "-c", block("Your own agent, in Python", "python").replace("http://127.0.0.1:4318", here))
    said = run("sh", "-c", block("curl", "sh").replace("http://127.0.0.1:4318", here))
    assert json.loads(said) in ({}, {"partialSuccess": {}})
    found = eventually(
        lambda: shared.sql("SELECT thread_id, tool_calls FROM threads WHERE agent_name = 'my-agent'"), lambda rows: len(rows) == 2
    )
    assert sorted(row["tool_calls"] for row in found) == [0, 1]
    assert "5b8aa5a2d2c872e8321cf37308d69df2" in {row["thread_id"] for row in found}


def test_a_thread_shows_while_its_agent_runs(shared: System) -> None:
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": shared.info["otlp_http"]}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", RUNNING_AGENT], cwd=ROOT, env=environment, text=True, **pipes) as agent:
        assert agent.stdout is not None
        assert agent.stdin is not None
        assert agent.stdout.readline() == "working\n"
        (thread,) = threads(shared, lambda thread: thread["thread_id"] == "live" and thread["step_count"] == 2, "agent")
        assert (thread["status"], thread["agent_name"], thread["user_input"]) == ("running", "builder", "build it")
        assert thread["ended_at"] is None
        assert [step["status"] for step in shared.api("/api/threads/live/timeline")["items"]] == ["running", "running"]
        agent.stdin.write("go on\n")
        agent.stdin.flush()
    assert agent.returncode == 0
    (thread,) = threads(shared, lambda thread: thread["thread_id"] == "live" and thread["status"] != "running")
    assert (thread["status"], thread["step_count"], thread["tool_calls"], thread["error_count"]) == ("complete", 2, 1, 0)
    assert [step["status"] for step in shared.api("/api/threads/live/timeline")["items"]] == ["complete", "complete"]
    assert shared.number("SELECT count() FROM otel_traces WHERE SpanAttributes['mission_control.thread.id'] = 'live'") == 2


def recorded() -> list[tuple[str, bytes, otlp.ExportRequest]]:
    found = []
    for file in sorted(PAYLOADS.glob("**/*.json")):
        body = file.read_bytes()
        document = json.loads(body)
        for key, (path, topic) in KINDS.items():
            if isinstance(document, dict) and key in document:
                found.append((path, body, otlp.parse_json(topic, body)))
    return found


def real_id(span: Span) -> bytes:
    """Logfire's stand-in for a span that has begun is that span, whose id it carries as its parent's."""
    is_pending = any(item.key == "logfire.span_type" and item.value.string_value == "pending_span" for item in span.attributes)
    return span.parent_span_id if is_pending else span.span_id


def identities(requests: list[tuple[str, bytes, otlp.ExportRequest]]) -> dict[str, int]:
    """What is distinct in them, as it is counted in the tables: one span may be recorded in two of the files."""
    spans: set[tuple[bytes, bytes]] = set()
    records: set[bytes] = set()
    points: set[tuple[str, bytes]] = set()
    for _, _, request in requests:
        for resource in getattr(request, "resource_spans", ()):
            spans |= {(span.trace_id, real_id(span)) for scope in resource.scope_spans for span in scope.spans}
        for resource in getattr(request, "resource_logs", ()):
            around = resource.resource.SerializeToString(deterministic=True)
            for scope in resource.scope_logs:
                records |= {around + record.SerializeToString(deterministic=True) for record in scope.log_records}
        for resource in getattr(request, "resource_metrics", ()):
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                data = getattr(metric, metric.WhichOneof("data")).data_points
                points |= {(metric.name, point.SerializeToString(deterministic=True)) for point in data}
    return {"spans": len(spans), "logs": len(records), "points": len(points)}


COUNTS: Final = {
    "spans": "SELECT countIf(origin = 'span') FROM spans FINAL",
    "logs": "SELECT count() FROM otel_logs",
    "points": " + ".join(
        f"(SELECT count() FROM otel_metrics_{kind})" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    ),
}


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason=f"THE RECORDED PAYLOADS ARE NOT TESTED: there is no {PAYLOADS.name} folder")
def test_every_recorded_payload_is_accepted_and_visible(system: System) -> None:
    requests = recorded()
    assert len(requests) > 30
    for path, body, _ in requests:
        answer = system.post(path, body, content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {}), answer.text
    wanted = identities(requests)
    sums = "SELECT signal, sum(received) AS received, sum(stored) AS stored, sum(rejected) AS rejected FROM ingest_ledger GROUP BY signal"
    eventually(lambda: system.sql(sums), lambda rows: len(rows) == len({path for path, _, _ in requests}))
    assert {row["rejected"] for row in system.sql(sums)} <= {0, "0"}
    assert system.reaches("SELECT count() FROM otel_logs", wanted["logs"]) == wanted["logs"]
    assert system.reaches(f"SELECT {COUNTS['points']} AS n", wanted["points"]) == wanted["points"]
    found = system.reaches("SELECT uniqExact(TraceId, SpanId) FROM otel_traces", wanted["spans"])
    print(f"{len(requests)} payloads: {wanted}, {found} spans visible")
    assert found == wanted["spans"]
