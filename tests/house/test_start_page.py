"""What docs/start.md tells people to paste works as it stands there."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PAGE = (Path(__file__).parents[2] / "docs/start.md").read_text(encoding="utf-8")


def block(heading: str, language: str) -> str:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found, f"{heading} has no {language} block"
    return found[1]


@dataclass(frozen=True)
class Received:
    path: str
    content_type: str
    body: bytes


class Collector(ThreadingHTTPServer):
    """Takes anything, so that this test is about the page alone."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.received: list[Received] = []


class Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(Received(self.path, self.headers["content-type"], body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(collector: Collector, *command: str) -> Received:
    """Run with our port in place of 4318, and hand back the one request that came."""
    here = [word.replace("127.0.0.1:4318", f"127.0.0.1:{collector.server_address[1]}") for word in command]
    done = subprocess.run(here, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (received,) = collector.received
    return received


def test_python_lines_send_two_spans(collector: Collector) -> None:
    received = run(collector, sys.executable, "-c", block("Your own agent, in Python", "python"))
    assert received.path == "/v1/traces"
    spans = ExportTraceServiceRequest.FromString(received.body).resource_spans[0].scope_spans[0].spans
    assert {span.name for span in spans} == {"invoke_agent my-agent", "execute_tool search"}


def test_curl_line_sends_one_span(collector: Collector) -> None:
    received = run(collector, "sh", "-c", block("curl", "sh"))
    assert (received.path, received.content_type) == ("/v1/traces", "application/json")
    (span,) = json.loads(received.body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"])
    assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])


def test_agent_settings_are_well_formed_and_point_here() -> None:
    claude = json.loads(block("Claude Code", "json"))["env"]
    assert claude["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    assert all(isinstance(value, str) for value in claude.values())
    codex = tomllib.loads(block("Codex CLI", "toml"))["otel"]
    endpoints = {
        name: codex[name]["otlp-http"]["endpoint"].rpartition("/v1/")[2] for name in ("exporter", "trace_exporter", "metrics_exporter")
    }
    assert endpoints == {"exporter": "logs", "trace_exporter": "traces", "metrics_exporter": "metrics"}
    gemini = json.loads(block("Gemini CLI", "json"))["telemetry"]
    assert gemini["otlpEndpoint"] == "http://127.0.0.1:4318"
    assert gemini["logPrompts"] is False
