"""OpenTelemetry for the fleet: one exporter per process, one resource per service, routed by who is running."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider as LoggerProviderApi
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util._decorator import _agnosticcontextmanager

from mission_control import emit

PROJECT = "demo"
VERSION = "2026.11"
_SPANS_EVERY_MS = 500
_LOGS_EVERY_MS = 250
_METRICS_EVERY_MS = 10_000
_TIMEOUT_S = 5
_LAST_WORDS_S = 2
_SEVERITIES = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
)


class Gauge:
    """Memory and CPU of this process, read at most once a second."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._read_at, self._used = time.monotonic(), sum(self._process.cpu_times()[:2])
        self.memory_bytes, self.cpu_utilization = self._process.memory_info().rss, 0.0

    def read(self) -> Gauge:
        """Itself, fresh. CPU is the share of one core since the reading before."""
        now = time.monotonic()
        if (passed := now - self._read_at) >= 1:
            used = sum(self._process.cpu_times()[:2])
            self.memory_bytes, self.cpu_utilization = self._process.memory_info().rss, (used - self._used) / passed
            self._read_at, self._used = now, used
        return self


class SpanStamps(SpanProcessor):
    """Marks every span with its thread (those of other libraries too) and with what the process uses."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called by the SDK when a span begins."""
        emit.stamp(span, parent_context)
        gauge = self._gauge.read()
        span.set_attribute("process.memory.usage", gauge.memory_bytes)
        span.set_attribute("process.cpu.utilization", round(gauge.cpu_utilization, 4))

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do when it ends."""


class RoutedTracer(trace.Tracer):
    """Starts each span with the provider of the agent that runs: libraries keep one tracer for the whole process."""

    def __init__(self, *scope: Any) -> None:
        self._scope = scope

    def start_span(self, name: str, context: Context | None = None, *args: Any, **kwargs: Any) -> trace.Span:
        """As the API's, by the provider of `emit.providers`; outside such a block nothing is recorded."""
        provider = emit.tracer_provider(context)
        chosen = trace.NoOpTracerProvider() if isinstance(provider, RoutedTracerProvider) else provider
        return chosen.get_tracer(*self._scope).start_span(name, context, *args, **kwargs)

    @_agnosticcontextmanager
    def start_as_current_span(
        self, name: str, context: Context | None = None, *args: Any, end_on_exit: bool = True, **kwargs: Any
    ) -> Iterator[trace.Span]:
        """As the API's."""
        span = self.start_span(name, context, *args, **kwargs)
        record, status = kwargs.get("record_exception", True), kwargs.get("set_status_on_exception", True)
        with trace.use_span(span, end_on_exit=end_on_exit, record_exception=record, set_status_on_exception=status):
            yield span


class RoutedTracerProvider(trace.TracerProvider):
    """The process-wide provider: it has no state, so that fleets may follow each other in one process."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """A tracer that decides at each span."""
        return RoutedTracer(*args, *kwargs.values())


def route_libraries() -> None:
    """Install `RoutedTracerProvider` once per process."""
    if not isinstance(trace.get_tracer_provider(), RoutedTracerProvider):
        trace.set_tracer_provider(RoutedTracerProvider())


class OtelHandler(logging.Handler):
    """Standard library logging as OTLP log records, in the trace and thread of the caller."""

    def __init__(self, fallback: LoggerProviderApi) -> None:
        super().__init__(logging.INFO)
        self._fallback = fallback

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging; agents' records go to their own service, the others to the process's."""
        chosen = emit.logger_provider()
        provider = chosen if isinstance(chosen, LoggerProvider) else self._fallback
        thread = emit.current_thread()
        owner = {"gen_ai.conversation.id": thread.id, "gen_ai.agent.name": thread.agent} if thread else {}
        severity = next((s for level, s in _SEVERITIES if record.levelno >= level), SeverityNumber.DEBUG)
        provider.get_logger(record.name).emit(
            timestamp=int(record.created * 1e9),
            severity_number=severity,
            severity_text=record.levelname,
            body=record.getMessage(),
            attributes={**owner, "code.function.name": record.funcName, **getattr(record, "fields", {})},
            exception=record.exc_info[1] if record.exc_info else None,
        )


@dataclass
class Telemetry:
    """The providers of one process. `endpoint`: base URL of an OTLP/HTTP collector; `service`: the process's own name."""

    endpoint: str
    service: str
    _services: dict[str, tuple[TracerProvider, LoggerProvider]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        url, self._gauge = self.endpoint.rstrip("/"), Gauge()
        gzip = Compression.Gzip
        self._span_exporter = OTLPSpanExporter(f"{url}/v1/traces", timeout=_TIMEOUT_S, compression=gzip)
        self._log_exporter = OTLPLogExporter(f"{url}/v1/logs", timeout=_TIMEOUT_S, compression=gzip)
        self._spans = BatchSpanProcessor(self._span_exporter, schedule_delay_millis=_SPANS_EVERY_MS)
        self._logs = BatchLogRecordProcessor(self._log_exporter, schedule_delay_millis=_LOGS_EVERY_MS)
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{url}/v1/metrics", timeout=_TIMEOUT_S, compression=gzip),
            export_interval_millis=_METRICS_EVERY_MS,
            export_timeout_millis=_TIMEOUT_S * 1000,
        )
        self.meters = MeterProvider([reader], resource(self.service), shutdown_on_exit=False)
        meter = self.meters.get_meter("demo")
        _observe_process(meter, self._gauge)
        self.tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens per model call")
        self._handler = OtelHandler(self.of(self.service)[1])

    def of(self, service: str) -> tuple[TracerProvider, LoggerProvider]:
        """The providers of one service of this process: same exporter, own resource."""
        if service not in self._services:
            tracers = TracerProvider(resource=resource(service), shutdown_on_exit=False)
            tracers.add_span_processor(SpanStamps(self._gauge))
            tracers.add_span_processor(self._spans)
            loggers = LoggerProvider(resource(service), shutdown_on_exit=False)
            loggers.add_log_record_processor(self._logs)
            self._services[service] = (tracers, loggers)
        return self._services[service]

    @contextmanager
    def running(self) -> Iterator[Telemetry]:
        """Route logging and libraries here; on exit send what is left and stop."""
        route_libraries()
        root = logging.getLogger("demo")
        root.setLevel(logging.INFO)
        root.addHandler(self._handler)
        try:
            with emit.providers(*self.of(self.service)):
                yield self
        finally:
            root.removeHandler(self._handler)
            self._stop()

    def _stop(self) -> None:
        exporters = (self._span_exporter, self._log_exporter)
        give_up = threading.Timer(_LAST_WORDS_S, lambda: [exporter.shutdown() for exporter in exporters])  # type: ignore[no-untyped-call]  # the SDK's
        give_up.daemon = True
        give_up.start()
        for processor in (self._spans, self._logs):
            processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK's
        self.meters.shutdown(timeout_millis=_LAST_WORDS_S * 1000)
        give_up.cancel()


def resource(service: str) -> Resource:
    """Who speaks: every record of the fleet is in project `demo`, environment `demo`."""
    return Resource(
        {
            "service.name": service,
            "service.version": VERSION,
            "service.namespace": "demo-fleet",
            "service.instance.id": f"{service}-{os.getpid()}",
            "process.pid": os.getpid(),
            "host.name": os.uname().nodename if hasattr(os, "uname") else "localhost",
            "deployment.environment.name": "demo",
            "mission_control.project": PROJECT,
        }
    )


def quiet(*, silent: bool = False) -> None:
    """While the collector is away: one line a minute without stack traces, instead of one per attempt; none at all if `silent`."""
    handler = logging.NullHandler() if silent else logging.StreamHandler()
    handler.addFilter(OncePerMinute())
    for name in ("opentelemetry", "urllib3", "mcp"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)


class OncePerMinute(logging.Filter):
    """Lets one record a minute through, as one line."""

    _last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by logging."""
        if record.created - self._last < 60:
            return False
        self._last = record.created
        record.exc_info = record.exc_text = None
        return True


def _observe_process(meter: metrics.Meter, gauge: Gauge) -> None:
    def memory(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(gauge.read().memory_bytes)

    def cpu(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(gauge.read().cpu_utilization)

    meter.create_observable_gauge("process.memory.usage", [memory], "By", "Resident memory")
    meter.create_observable_gauge("process.cpu.utilization", [cpu], "1", "Share of one core since the last reading")
