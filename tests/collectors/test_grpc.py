"""OTLP over gRPC as senders see it: a real server, real exporters, raw calls that mean harm."""

import asyncio
import logging
import random
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # stubs without py.typed marker
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # as above
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collectors.grpc import SERVICES, OtlpGrpc
from schemas import otlp
from schemas.errors import SettingsError
from schemas.settings import load_settings
from schemas.topics import LOGS, METRICS, PROJECT_HEADER, RECEIVED_HEADER, SOURCE_HEADER, SPANS
from tests.collectors.conftest import NOW, Collect, Collector, add_resource, bound_key, spans_request

BODY = spans_request(3).SerializeToString()
TRACES = next(iter(SERVICES))


async def export(
    collector: Collector, body: bytes, metadata: dict[str, str] | None = None, compression: Any = None, service: str = TRACES
) -> bytes:
    """One raw call; raises grpc.aio.AioRpcError."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{collector.grpc_port}", options=options, compression=compression) as channel:
        call: Any = channel
        answer: bytes = await call.unary_unary(f"/{service}/Export")(body, metadata=tuple((metadata or {}).items()), timeout=120)
        return answer


async def refused(
    collector: Collector, body: bytes, metadata: dict[str, str] | None = None, compression: Any = None
) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await export(collector, body, metadata, compression)
    return raised.value


def details_of(error: grpc.aio.AioRpcError) -> Status:
    trailers: Any = error.trailing_metadata()
    return Status.FromString(dict(trailers)["grpc-status-details-bin"])


def retry_seconds(error: grpc.aio.AioRpcError) -> float:
    info = RetryInfo()
    (packed,) = details_of(error).details
    assert packed.Unpack(info)
    return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_the_sdk_exports_all_signals(collector: Collector, compression: grpc.Compression) -> None:
    options: dict[str, Any] = {"endpoint": f"127.0.0.1:{collector.grpc_port}", "insecure": True, "compression": compression}

    def emit() -> None:
        tracing = TracerProvider()
        tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(**options)))
        with tracing.get_tracer("t").start_as_current_span("span"):
            pass
        tracing.shutdown()
        logging_ = LoggerProvider()
        logging_.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(**options)))
        logging_.get_logger("l").emit(body="text", severity_text="INFO")
        logging_.shutdown()
        metering = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(**options))])
        metering.get_meter("m").create_counter("c").add(1)
        metering.shutdown()

    await asyncio.to_thread(emit)
    appended = collector.log.appended
    assert [one.topic for one in appended] == [SPANS, LOGS, METRICS]
    assert [sum(map(otlp.count, otlp.blocks(one.message))) for one in appended] == [1, 1, 1]
    assert appended[0].headers == {RECEIVED_HEADER: str(NOW), SOURCE_HEADER: "otlp_grpc"}


async def test_bytes_go_to_the_log_as_they_are(collector: Collector) -> None:
    odd = BODY + b"\xfa\x3e\x03new"
    assert await export(collector, odd) == b""
    assert collector.log.appended[0].value == odd
    assert collector.metric("otlp_requests_total", signal="spans", transport="grpc", outcome="accepted") == 1


@pytest.mark.parametrize("service", SERVICES)
async def test_empty_requests_are_accepted_and_not_kept(collector: Collector, service: str) -> None:
    assert await export(collector, b"", service=service) == b""
    assert collector.log.appended == []


async def test_invalid_utf8_is_repaired(collector: Collector) -> None:
    assert await export(collector, BODY.replace(b"span 1", b"sp\xff\xfe 1")) == b""
    assert len(collector.log.appended[0].message.SerializeToString()) > len(BODY)


async def test_malformed_requests(collector: Collector) -> None:
    source = random.Random(5)
    for body in (BODY[:-3], b"\x8f\xff\x13\x37", b'{"resourceSpans":[]}', *(b"\xff" + source.randbytes(50) for _ in range(20))):
        error = await refused(collector, body)
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert details_of(error).message == error.details()
        assert not details_of(error).details
    assert collector.log.appended == []
    assert await export(collector, BODY) == b""


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_too_large_before_or_after_decompression(collect: Collect, compression: Any) -> None:
    collector = await collect(otlp_max_bytes=65536)
    error = await refused(collector, b"\0" * 20_000_000, compression=compression)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await export(collector, BODY, compression=compression) == b""
    assert len(collector.log.appended) == 1


async def test_large_requests_below_the_limit(collector: Collector) -> None:
    body = spans_request(3000, text="x" * 2000).SerializeToString()
    assert len(body) > 5_000_000
    assert await export(collector, body) == b""
    assert collector.log.appended[0].value == body


async def test_keys(collect: Collect) -> None:
    collector = await collect(api_key="k")
    for metadata in ({}, {"authorization": "Bearer x"}, {"x-api-key": "x"}):
        assert (await refused(collector, BODY, metadata)).code() == grpc.StatusCode.UNAUTHENTICATED
    assert collector.log.appended == []
    for metadata in ({"authorization": "Bearer k"}, {"x-api-key": "k"}):
        assert await export(collector, BODY, metadata) == b""


async def test_projects(collect: Collect) -> None:
    collector = await collect(keys=bound_key("k", "shop"))
    key = {"x-api-key": "k"}
    assert (await refused(collector, BODY, {**key, "x-mission-control-project": "bank"})).code() == grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(collector, BODY, {**key, "x-mission-control-project": ""})).code() == grpc.StatusCode.INVALID_ARGUMENT
    request = spans_request(2, "shop")
    add_resource(request, 3, "bank")
    partial = ExportTraceServiceResponse.FromString(await export(collector, request.SerializeToString(), key)).partial_success
    assert partial.rejected_spans == 3
    assert collector.log.appended[0].headers[PROJECT_HEADER] == "shop"
    assert len(otlp.blocks(collector.log.appended[0].message)) == 1


async def test_a_log_that_takes_nothing(collector: Collector) -> None:
    collector.log.refuse("disk full", 2.5)
    error = await refused(collector, BODY)
    assert (error.code(), retry_seconds(error)) == (grpc.StatusCode.UNAVAILABLE, 2.5)
    assert "disk full" in str(error.details())


async def test_too_many_requests(collect: Collect) -> None:
    collector = await collect(otlp_max_concurrent=1)
    collector.log.gate.clear()
    waiting = asyncio.create_task(export(collector, BODY))
    await collector.reaches(1, "otlp_requests_in_work")
    error = await refused(collector, BODY)
    assert (error.code(), retry_seconds(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0)
    collector.log.gate.set()
    assert await waiting == b""


async def test_bugs_are_logged_and_not_told(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.log.refusal = OSError("secret path")
    error = await refused(collector, BODY)
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.details())
    (record,) = [record for record in caplog.records if record.name == "collectors.grpc"]
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)


async def test_other_methods_are_unimplemented(collector: Collector) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await export(collector, BODY, service="opentelemetry.proto.collector.profiles.v1.ProfilesService")
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_stop_finishes_what_is_in_work(collector: Collector) -> None:
    server = OtlpGrpc(collector.receiver, load_settings(otlp_grpc_port=0))
    collector.grpc_port = await server.start()
    collector.log.gate.clear()
    waiting = asyncio.create_task(export(collector, BODY))
    await collector.reaches(1, "otlp_requests_in_work")
    stopping = asyncio.create_task(server.stop(10))
    retryable = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert (await refused(collector, BODY)).code() in retryable
    collector.log.gate.set()
    assert await waiting == b""
    await stopping
    assert len(collector.log.appended) == 1


async def test_a_port_that_is_taken(collector: Collector) -> None:
    second = OtlpGrpc(collector.receiver, load_settings(otlp_grpc_port=collector.grpc_port))
    with pytest.raises(SettingsError, match=f"otlp_grpc_port: cannot listen on 127.0.0.1:{collector.grpc_port}"):
        await second.start()
    await second.stop(0)


@pytest.mark.parametrize("host", ["::1", "localhost"])
async def test_other_addresses(collector: Collector, host: str) -> None:
    server = OtlpGrpc(collector.receiver, load_settings(otlp_grpc_port=0, host=host))
    assert await server.start() > 0
    await server.stop(0)
