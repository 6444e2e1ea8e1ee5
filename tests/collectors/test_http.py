"""OTLP over HTTP as senders see it: a real server, real exporters, and clients that mean harm."""

import asyncio
import gzip
import logging
import zlib
from typing import Any

import pytest
from backports import zstd
from google.protobuf import json_format
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # stubs without py.typed marker
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from schemas import otlp
from schemas.topics import LOGS, METRICS, PROJECT_HEADER, RECEIVED_HEADER, SENDER_KEY_HEADER, SOURCE_HEADER, SPANS
from tests.collectors.conftest import NOW, Collect, Collector, add_resource, bound_key, spans_request

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
BODY = spans_request(3).SerializeToString()
PATHS = list(otlp.PATHS)


def status_of(response: Any) -> Status:
    """The error body, in the encoding that its content type says."""
    if response.headers["content-type"] == "application/json":
        return json_format.ParseDict(response.json(), Status())
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


@pytest.mark.parametrize("compression", list(Compression))
async def test_the_sdk_exports_all_signals(collector: Collector, compression: Compression) -> None:
    at = f"http://127.0.0.1:{collector.http_port}/v1/"

    def export() -> None:
        tracing = TracerProvider()
        tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(at + "traces", compression=compression)))
        with tracing.get_tracer("t").start_as_current_span("span"):
            pass
        tracing.shutdown()
        logging_ = LoggerProvider()
        logging_.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(at + "logs", compression=compression)))
        logging_.get_logger("l").emit(body="text", severity_text="INFO")
        logging_.shutdown()
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(at + "metrics", compression=compression))
        metering = MeterProvider([reader])
        metering.get_meter("m").create_counter("c").add(1)
        metering.shutdown()

    await asyncio.to_thread(export)
    appended = collector.log.appended
    assert [one.topic for one in appended] == [SPANS, LOGS, METRICS]
    assert [sum(map(otlp.count, otlp.blocks(one.message))) for one in appended] == [1, 1, 1]
    assert appended[0].headers == {RECEIVED_HEADER: str(NOW), SOURCE_HEADER: "otlp_http"}


async def test_protobuf_goes_to_the_log_byte_for_byte(collector: Collector) -> None:
    odd = BODY + b"\xfa\x3e\x03new"
    response = await collector.http.post("/v1/traces", content=odd, headers=PROTOBUF)
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"", "application/x-protobuf")
    assert collector.log.appended[0].value == odd
    assert collector.metric("otlp_requests_total", signal="spans", transport="http", outcome="accepted") == 1
    assert collector.metric("otlp_records_accepted_total", signal="spans", transport="http") == 3
    assert collector.metric("otlp_bytes_total", signal="spans", transport="http") == len(odd)
    assert collector.metric("otlp_requests_in_work") == 0


async def test_json_goes_to_the_log_as_protobuf(collector: Collector) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "74" * 16, "name": "x"}]}]}]}
    response = await collector.http.post("/v1/traces", json=body, headers={"content-type": "application/json; charset=utf-8"})
    assert (response.status_code, response.json(), response.headers["content-type"]) == (200, {}, "application/json")
    message: Any = collector.log.appended[0].message
    assert message.resource_spans[0].scope_spans[0].spans[0].trace_id == b"t" * 16


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("zstd", zstd.compress(BODY)),
        ("identity", BODY),
    ],
    ids=["gzip", "deflate", "raw deflate", "zstd", "identity"],
)
async def test_compressed_bodies(collector: Collector, coding: str, body: bytes) -> None:
    response = await collector.http.post("/v1/traces", content=body, headers={**PROTOBUF, "content-encoding": coding})
    assert response.status_code == 200
    assert collector.log.appended[0].value == BODY


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("headers", "body"), [(PROTOBUF, b""), (JSON, b"{}")])
async def test_empty_requests_are_accepted_and_not_kept(collector: Collector, path: str, headers: dict[str, str], body: bytes) -> None:
    response = await collector.http.post(path, content=body, headers=headers)
    assert (response.status_code, collector.log.appended) == (200, [])


async def test_large_bodies_are_worked_on_in_threads(collector: Collector) -> None:
    big = spans_request(2000, text="x" * 300).SerializeToString()
    for headers, body in ((PROTOBUF, big), ({**PROTOBUF, "content-encoding": "gzip"}, gzip.compress(big, 0))):
        assert (await collector.http.post("/v1/traces", content=body, headers=headers)).status_code == 200
    assert [one.value for one in collector.log.appended] == [big, big]


async def test_invalid_utf8_is_repaired(collector: Collector) -> None:
    response = await collector.http.post("/v1/traces", content=BODY.replace(b"span 1", b"sp\xff\xfe 1"), headers=PROTOBUF)
    assert response.status_code == 200
    message: Any = collector.log.appended[0].message
    names = [span.name for span in message.resource_spans[0].scope_spans[0].spans]
    assert names == ["span 0", "sp\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} 1", "span 2"]
    assert collector.metric("otlp_repaired_total", signal="spans", transport="http") == 1


async def test_extreme_requests_are_data(collector: Collector) -> None:
    request = spans_request(1, text="x" * 1_000_000)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.start_time_unix_nano, span.end_time_unix_nano = 2**64 - 1, 1
    for index in range(10_000):
        span.attributes.add(key=f"k{index}").value.int_value = -(2**63)
    response = await collector.http.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
    assert response.status_code == 200
    assert collector.log.appended[0].message == request


ERRORS: dict[str, tuple[int, int, dict[str, str], bytes]] = {
    "cut off protobuf": (400, 3, PROTOBUF, BODY[:-3]),
    "random protobuf": (400, 3, PROTOBUF, b"\x8f\xff\x13\x37"),
    "json sent as protobuf": (400, 3, PROTOBUF, b'{"resourceSpans":[]}'),
    "protobuf sent as json": (400, 3, JSON, BODY),
    "cut off json": (400, 3, JSON, b'{"resourceSpans":['),
    "no json at all": (400, 3, JSON, b""),
    "deep json": (400, 3, JSON, b'{"a":' * 1000 + b"1" + b"}" * 1000),
    "another signal": (400, 3, JSON, b'{"resourceLogs":[]}'),
    "bad id": (400, 3, JSON, b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}'),
    "not gzip": (400, 3, {**PROTOBUF, "content-encoding": "gzip"}, BODY),
    "not zstd": (400, 3, {**JSON, "content-encoding": "zstd"}, BODY),
    "cut off gzip": (400, 3, {**PROTOBUF, "content-encoding": "gzip"}, gzip.compress(BODY)[:-9]),
    "gzip not named": (400, 3, PROTOBUF, gzip.compress(BODY)),
    "empty project": (400, 3, {**PROTOBUF, "x-mission-control-project": ""}, BODY),
    "long project": (400, 3, {**JSON, "x-mission-control-project": "x" * 129}, b"{}"),
    "no type": (415, 3, {}, BODY),
    "other type": (415, 3, {"content-type": "text/plain"}, BODY),
    "other encoding": (415, 3, {**PROTOBUF, "content-encoding": "br"}, BODY),
    "too large": (413, 8, PROTOBUF, b"a" * 70_000),
    "much too large": (413, 8, JSON, b"a" * 700_000),
    "gzip bomb": (413, 8, {**PROTOBUF, "content-encoding": "gzip"}, gzip.compress(b"\0" * 20_000_000)),
    "deflate bomb": (413, 8, {**PROTOBUF, "content-encoding": "deflate"}, zlib.compress(b"\0" * 20_000_000)),
    "zstd bomb": (413, 8, {**JSON, "content-encoding": "zstd"}, zstd.compress(b"\0" * 20_000_000)),
}


@pytest.mark.parametrize("error", ERRORS)
async def test_errors_store_nothing_and_leave_the_server_alive(collect: Collect, error: str) -> None:
    http, rpc, headers, body = ERRORS[error]
    collector = await collect(otlp_max_bytes=65536)
    response = await collector.http.post("/v1/traces", content=body, headers=headers)
    assert (response.status_code, status_of(response).code) == (http, rpc)
    assert len(status_of(response).message) > 20
    is_json = headers.get("content-type") != "application/x-protobuf"
    assert response.headers["content-type"] == ("application/json" if is_json else "application/x-protobuf")
    assert collector.log.appended == []
    assert collector.metric("otlp_requests_in_work") == 0
    assert (await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods(collector: Collector, method: str) -> None:
    response = await collector.http.request(method, "/v1/logs")
    assert (response.status_code, response.headers["allow"], status_of(response).code) == (405, "POST", 12)


@pytest.mark.parametrize("path", ["/", "/v1/profiles", "/v1/traces/", "/v1development/traces"])
async def test_other_paths(collector: Collector, path: str) -> None:
    response = await collector.http.post(path, content=BODY, headers=PROTOBUF)
    assert (response.status_code, status_of(response).code) == (404, 5)
    assert "/v1/traces" in status_of(response).message
    assert (await collector.http.get(path)).json()["code"] == 5


async def test_foreign_hosts_and_origins(collector: Collector) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        response = await collector.http.post("/v1/traces", content=BODY, headers={**PROTOBUF, **headers})
        assert response.status_code == 403
    assert collector.log.appended == []


async def test_browsers_may_send_where_configured(collect: Collect) -> None:
    collector = await collect(cors_origins=("https://app.example",))
    asked = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-api-key",
    }
    allowed = await collector.http.options("/v1/traces", headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert "x-api-key" in allowed.headers["access-control-allow-headers"]
    response = await collector.http.post("/v1/traces", content=BODY, headers={**PROTOBUF, "origin": "https://app.example"})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "https://app.example")


async def test_keys(collect: Collect) -> None:
    collector = await collect(api_key="k")
    for headers in ({}, {"authorization": "Bearer x"}, {"x-api-key": "x"}, {"authorization": "Basic k"}):
        response = await collector.http.post("/v1/traces", content=BODY, headers={**PROTOBUF, **headers})
        assert (response.status_code, status_of(response).code, response.headers["www-authenticate"]) == (401, 16, "Bearer")
    assert collector.log.appended == []
    for headers in ({"authorization": "Bearer k"}, {"x-api-key": "k"}):
        assert (await collector.http.post("/v1/traces", content=BODY, headers={**PROTOBUF, **headers})).status_code == 200


async def test_bound_keys(collect: Collect) -> None:
    collector = await collect(keys=bound_key("k", "shop"))
    headers = {**PROTOBUF, "x-api-key": "k"}
    response = await collector.http.post("/v1/traces", content=BODY, headers={**headers, "x-mission-control-project": "bank"})
    assert (response.status_code, status_of(response).code) == (403, 7)
    assert (await collector.http.post("/v1/traces", content=BODY, headers=headers)).status_code == 200
    named = collector.log.appended[0].headers
    assert (named[PROJECT_HEADER], named[SENDER_KEY_HEADER]) == ("shop", "k1")


async def test_project_header_in_utf8(collector: Collector) -> None:
    sent = [(b"content-type", b"application/x-protobuf"), (b"x-mission-control-project", "Größe".encode())]
    assert (await collector.http.post("/v1/traces", content=BODY, headers=sent)).status_code == 200
    sent[1] = (sent[1][0], "Größe".encode("latin-1"))
    assert (await collector.http.post("/v1/traces", content=BODY, headers=sent)).status_code == 200
    assert [one.headers[PROJECT_HEADER] for one in collector.log.appended] == ["Größe", "Größe"]


async def test_records_of_another_project_are_rejected_alone(collect: Collect) -> None:
    collector = await collect(api_key="k")
    request = spans_request(2, "shop")
    add_resource(request, 3, "bank")
    add_resource(request, 4, "")
    headers = {"x-api-key": "k", "x-mission-control-project": "shop"}
    response = await collector.http.post("/v1/traces", content=request.SerializeToString(), headers={**PROTOBUF, **headers})
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_spans) == (200, 3)
    assert "'bank'" in partial.error_message
    del request.resource_spans[1]
    assert collector.log.appended[0].message == request
    assert collector.metric("otlp_requests_total", signal="spans", transport="http", outcome="partial") == 1
    assert collector.metric("otlp_records_rejected_total", signal="spans", transport="http", reason="project") == 3
    assert collector.metric("otlp_records_accepted_total", signal="spans", transport="http") == 6


async def test_partial_success_in_json(collect: Collect) -> None:
    collector = await collect(api_key="k")
    body = json_format.MessageToJson(spans_request(2, "bank"))
    headers = {**JSON, "x-api-key": "k", "x-mission-control-project": "shop"}
    response = await collector.http.post("/v1/traces", content=body, headers=headers)
    assert response.status_code == 200
    assert response.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert collector.log.appended == []


async def test_without_keys_the_header_wins(collector: Collector) -> None:
    body = spans_request(2, "bank").SerializeToString()
    response = await collector.http.post("/v1/traces", content=body, headers={**PROTOBUF, "x-mission-control-project": "shop"})
    assert (response.status_code, response.content) == (200, b"")
    assert (collector.log.appended[0].value, collector.log.appended[0].headers[PROJECT_HEADER]) == (body, "shop")


@pytest.mark.parametrize("api_key", ["", "k"])
async def test_resources_that_name_no_possible_project_are_rejected(collect: Collect, api_key: str) -> None:
    collector = await collect(api_key=api_key)
    request = spans_request(2, "x" * 129)
    add_resource(request, 1, "fine")
    response = await collector.http.post("/v1/traces", content=request.SerializeToString(), headers={**PROTOBUF, "x-api-key": "k"})
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_spans) == (200, 2)
    assert "cannot be a project's name" in partial.error_message
    assert len(otlp.blocks(collector.log.appended[0].message)) == 1
    assert PROJECT_HEADER not in collector.log.appended[0].headers


async def test_a_log_that_takes_nothing(collector: Collector) -> None:
    collector.log.refuse("disk full", 2.5)
    for headers, body in ((PROTOBUF, BODY), (JSON, json_format.MessageToJson(spans_request()).encode())):
        response = await collector.http.post("/v1/traces", content=body, headers=headers)
        assert (response.status_code, response.headers["retry-after"], status_of(response).code) == (503, "3", 14)
        assert "disk full" in status_of(response).message
        assert len(status_of(response).details) == 1
    assert collector.metric("otlp_records_accepted_total", signal="spans", transport="http") is None


async def test_bugs_are_logged_and_not_told(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.log.refusal = OSError("secret path")
    response = await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)
    assert (response.status_code, status_of(response).code) == (500, 13)
    assert "secret" not in status_of(response).message
    (record,) = [record for record in caplog.records if record.name == "collectors.http"]
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)


async def test_too_many_requests(collect: Collect) -> None:
    collector = await collect(otlp_max_concurrent=2)
    collector.log.gate.clear()
    waiting = [asyncio.create_task(collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)) for _ in range(2)]
    await collector.reaches(2, "otlp_requests_in_work")
    response = await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)
    assert (response.status_code, response.headers["retry-after"], status_of(response).code) == (429, "1", 8)
    collector.log.gate.set()
    assert [(await one).status_code for one in waiting] == [200, 200]
    assert (await collector.http.post("/v1/traces", content=BODY, headers=PROTOBUF)).status_code == 200
