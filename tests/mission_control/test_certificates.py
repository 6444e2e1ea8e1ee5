"""TLS of our own ports, spoken to by what people use: OpenTelemetry's exporters, httpx, clickhouse-connect, WebSockets."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import Error as ClickHouseError
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from collectors.receive import Receiver
from mission_control import certificates
from mission_control.certificate_files import read
from mission_control.certificates import certificates_of
from mission_control.doors import Doors
from mission_control.trust import client_context, exporter_variables
from schemas.errors import SettingsError
from schemas.metrics import Metrics
from schemas.settings import Settings, load_settings
from schemas.store import ClickHouseStore
from tests.authority import Authority, Files, encrypted_key
from tests.collectors.conftest import MemoryLog

TRUST = "OTEL_EXPORTER_OTLP_CERTIFICATE"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # they win over OpenTelemetry's own variable
        monkeypatch.delenv(name, raising=False)
    return Authority(tmp_path)


def settings(files: Files, **more: object) -> Settings:
    ports = dict.fromkeys(("port", "otlp_grpc_port", "otlp_http_port", "sql_port"), 0)
    return load_settings(tls_cert_file=files.cert, tls_key_file=files.key, **ports, **more)


@pytest.mark.parametrize(
    ("wrong", "setting", "said"),
    [
        ({"tls_cert_file": "absent.pem"}, "tls_cert_file", "No such file"),
        ({"tls_key_file": "absent.pem"}, "tls_key_file", "No such file"),
        ({"tls_cert_file": "text"}, "tls_cert_file", "no certificate in PEM"),
        ({"tls_key_file": "text"}, "tls_key_file", "no private key in PEM"),
        ({"tls_key_file": "locked.key"}, "tls_key_file", "is encrypted"),
        ({"tls_key_file": "other.key"}, "tls_key_file", "is not that of the first certificate"),
        ({"tls_cert_file": "old.crt", "tls_key_file": "old.key"}, "tls_cert_file", "has expired at"),
        ({"tls_cert_file": "early.crt", "tls_key_file": "early.key"}, "tls_cert_file", "is valid from"),
        ({"tls_client_ca_file": "text"}, "tls_client_ca_file", "no certificate in PEM"),
        ({"tls_cert_file": None}, "tls_key_file", "of no use without tls_cert_file"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    authority: Authority, tmp_path: Path, wrong: dict[str, str | None], setting: str, said: str
) -> None:
    good = authority.server()
    authority.server("other")
    authority.server("old", ends=timedelta(hours=-1))
    authority.server("early", begins=timedelta(days=1), ends=timedelta(days=2))
    encrypted_key(tmp_path / "locked.key")
    (tmp_path / "text").write_text("nothing")
    changed = {name: None if file is None else tmp_path / file for name, file in wrong.items()}
    with pytest.raises(SettingsError, match=said) as raised:
        certificates_of(settings(good).model_copy(update=changed))
    assert raised.value.setting == setting
    assert "\n" not in str(raised.value)


def test_key_and_certificate_may_lie_in_one_file(authority: Authority, tmp_path: Path) -> None:
    files = authority.server()
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.cert.read_bytes())
    assert read(load_settings(tls_cert_file=both)).chain == both.read_bytes()


def test_without_a_certificate_there_is_no_tls() -> None:
    assert certificates_of(load_settings()) is None
    assert Doors(load_settings(), None).certificate == ""


@dataclass
class Open:
    doors: Doors
    http: str
    grpc: str
    log: MemoryLog

    async def send(self, kind: type[HttpExporter] | type[GrpcExporter], seconds: float = 20) -> SpanExportResult:
        """One span by OpenTelemetry's own exporter, as the environment configures it."""
        exporter: SpanExporter
        if kind is HttpExporter:
            exporter = await asyncio.to_thread(HttpExporter, f"{self.http}/v1/traces", timeout=seconds)
        else:
            exporter = await asyncio.to_thread(GrpcExporter, self.grpc, timeout=seconds)
        try:
            return await asyncio.to_thread(exporter.export, spans())
        finally:
            await asyncio.to_thread(exporter.shutdown)


def spans() -> "tuple[ReadableSpan, ...]":
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("tests").start_span("work").end()
    return memory.get_finished_spans()


@contextlib.asynccontextmanager
async def collecting(given: Settings) -> AsyncIterator[Open]:
    log = MemoryLog()
    receiver = Receiver(log, given, Metrics(CollectorRegistry()))
    found = certificates_of(given)
    assert found is not None
    doors = Doors(given, found)
    async with doors.collector(receiver) as (http, grpc), found.watched():
        yield Open(doors, http, grpc, log)
    receiver.close()


EXPORTERS = pytest.mark.parametrize("kind", [HttpExporter, GrpcExporter], ids=["http", "grpc"])


@EXPORTERS
async def test_exporters_send_to_who_they_trust(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[HttpExporter] | type[GrpcExporter]
) -> None:
    async with collecting(settings(authority.server())) as opened:
        assert opened.http.startswith("https://127.0.0.1:")
        assert opened.grpc.startswith("https://127.0.0.1:")
        monkeypatch.setenv(TRUST, str(authority.ca))
        assert await opened.send(kind) is SpanExportResult.SUCCESS
        monkeypatch.setenv(TRUST, str(Authority(tmp_path, "stranger").ca))
        assert await opened.send(kind, 0.5) is SpanExportResult.FAILURE
        assert len(opened.log.appended) == 1


@EXPORTERS
async def test_mutual_tls_lets_in_who_shows_a_certificate(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[HttpExporter] | type[GrpcExporter]
) -> None:
    client = authority.client()
    given = settings(
        authority.server(),
        tls_client_ca_file=authority.ca,
        tls_ca_file=authority.ca,
        tls_client_cert_file=client.cert,
        tls_client_key_file=client.key,
    )
    stranger = Authority(tmp_path, "stranger").client("unknown")
    async with collecting(given) as opened:
        monkeypatch.setenv(TRUST, str(authority.ca))
        assert await opened.send(kind, 0.5) is SpanExportResult.FAILURE
        for name, value in exporter_variables(given).items():
            monkeypatch.setenv(name, value)
        assert await opened.send(kind) is SpanExportResult.SUCCESS
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(stranger.cert))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(stranger.key))
        assert await opened.send(kind, 0.5) is SpanExportResult.FAILURE
        assert len(opened.log.appended) == 1


@EXPORTERS
async def test_a_renewed_certificate_is_taken_over_and_a_broken_one_is_not(
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type[HttpExporter] | type[GrpcExporter],
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.02)
    caplog.set_level("INFO")
    files = authority.server()
    fresh = Authority(tmp_path, "fresh")
    async with collecting(settings(files)) as opened:
        files.cert.write_text("half of it")
        await said(caplog, "certificate not renewed")
        monkeypatch.setenv(TRUST, str(authority.ca))
        assert await opened.send(kind) is SpanExportResult.SUCCESS
        fresh.server()
        await said(caplog, "certificate renewed")
        assert await opened.send(kind, 0.5) is SpanExportResult.FAILURE
        monkeypatch.setenv(TRUST, str(fresh.ca))
        assert await opened.send(kind) is SpanExportResult.SUCCESS
    assert caplog.text.count("no certificate in PEM") <= 1


async def said(caplog: pytest.LogCaptureFixture, what: str) -> None:
    async with asyncio.timeout(120):
        while what not in caplog.text:  # noqa: ASYNC110  log lines wake nobody
            await asyncio.sleep(0.01)


async def test_clickhouse_clients_over_tls(store: ClickHouseStore, authority: Authority, tmp_path: Path) -> None:
    client = authority.client()
    given = settings(authority.server(), tls_client_ca_file=authority.ca, api_key="a key")
    async with Doors(given, certificates_of(given)).sql(store, Metrics(CollectorRegistry())) as address:
        port = httpx.URL(address).port
        words: dict[str, Any] = {"host": "localhost", "port": port, "secure": True, "password": "a key", "ca_cert": str(authority.ca)}
        shown = {"client_cert": str(client.cert), "client_cert_key": str(client.key), "tls_mode": "proxy"}

        def ask(**more: Any) -> int:
            with clickhouse_connect.get_client(**words | more) as connected:
                return int(str(connected.command("SELECT 41 + 1")))

        assert await asyncio.to_thread(ask, **shown) == 42
        with pytest.raises(ClickHouseError):
            await asyncio.to_thread(ask)
        with pytest.raises(ClickHouseError):
            await asyncio.to_thread(ask, **{**shown, "ca_cert": str(Authority(tmp_path, "stranger").ca)})


@pytest.fixture
def elsewhere(authority: Authority) -> Files:
    """A certificate for a name that is not 127.0.0.1."""
    return authority.server("elsewhere", host="mission-control.example")


async def test_our_commands_know_a_system_of_this_machine_by_its_certificate(
    authority: Authority, elsewhere: Files, tmp_path: Path
) -> None:
    given = settings(elsewhere, tls_ca_file=authority.ca)
    async with collecting(given) as opened:
        assert opened.doors.certificate == str(elsewhere.cert)

        async def ask(context: ssl.SSLContext) -> int:
            async with httpx.AsyncClient(verify=context) as client:
                return (await client.get(f"{opened.http}/v1/traces")).status_code

        assert await ask(client_context(given, opened.doors.certificate)) == 405
        for context in (client_context(given), client_context(load_settings()), client_context(given, str(authority.server("other").cert))):
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await ask(context)


def test_what_our_commands_trust_must_be_there(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tls_ca_file"):
        client_context(load_settings(tls_ca_file=tmp_path / "absent"))
    with pytest.raises(SettingsError, match="tls_client_cert_file"):
        client_context(load_settings(tls_client_cert_file=encrypted_key(tmp_path / "locked")))
    assert client_context(load_settings(), str(tmp_path / "absent")).check_hostname
