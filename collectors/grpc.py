"""OTLP over gRPC: generic handlers that hand raw bytes to the receiver, so that nothing is parsed twice."""

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

import grpc
from grpc import aio

from collectors.errors import explanation, refusal, retry_after
from collectors.keys import credential_of, project_of
from collectors.receive import Incoming, Outcome, Receiver
from schemas import otlp
from schemas.errors import MissionControlError, SettingsError
from schemas.settings import Settings
from schemas.topics import LOGS, METRICS, SPANS

log = logging.getLogger(__name__)

Context = aio.ServicerContext[bytes, bytes]
Export = Callable[[bytes, Context], Awaitable[bytes]]

SERVICES: Final = {
    "opentelemetry.proto.collector.trace.v1.TraceService": SPANS,
    "opentelemetry.proto.collector.logs.v1.LogsService": LOGS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": METRICS,
}
_DETAILS: Final = "grpc-status-details-bin"
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class OtlpGrpc:
    """The gRPC server of one process; made, started and stopped on its event loop. Without `credentials` it speaks no TLS.

    gRPC inflates by itself and stops at the limit. One connection has at most otlp_max_concurrent calls: more wait on its
    other side; calls of further connections beyond that number are refused like everywhere else.
    """

    def __init__(self, receiver: Receiver, settings: Settings, credentials: grpc.ServerCredentials | None = None) -> None:
        self._receiver = receiver
        self._credentials = credentials
        self._settings = settings
        self._server = aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.otlp_max_bytes),
                ("grpc.max_concurrent_streams", settings.otlp_max_concurrent),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._server.add_generic_rpc_handlers(tuple(self._service(name, topic) for name, topic in SERVICES.items()))

    async def start(self) -> int:
        """The port it listens on; raises SettingsError when that cannot be had."""
        address = f"{_bracketed(self._settings.host)}:{self._settings.otlp_grpc_port}"
        try:
            port = self._listen(address)
        except RuntimeError as error:
            raise SettingsError("otlp_grpc_port", f"cannot listen on {address}; is another process there?") from error
        await self._server.start()
        return port

    def _listen(self, address: str) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, self._credentials)

    async def stop(self, grace: float) -> None:
        """Takes no more requests, and waits at most `grace` seconds for those in work."""
        await self._server.stop(grace)

    def _service(self, name: str, topic: str) -> "grpc.GenericRpcHandler[bytes, bytes]":
        handler = grpc.unary_unary_rpc_method_handler(self._export(topic))
        return grpc.method_handlers_generic_handler(name, {"Export": handler})

    def _export(self, topic: str) -> Export:
        async def export(body: bytes, context: Context) -> bytes:
            started = perf_counter()
            try:
                outcome = await self._accept(topic, body, context)
            except Exception as error:
                if not isinstance(error, MissionControlError):
                    log.exception("otlp request failed", extra={"topic": topic, "transport": "grpc"})
                self._receiver.record(topic, "grpc", refusal(error).outcome, started)
                return await _refuse(context, error)
            self._receiver.record(topic, "grpc", str(outcome), started)
            return otlp.success(topic, "protobuf", outcome.rejected, outcome.reason)

        return export

    async def _accept(self, topic: str, body: bytes, context: Context) -> Outcome:
        metadata = {key: _text(value) for key, value in context.invocation_metadata() or ()}
        credential = credential_of(metadata.get("authorization", ""), metadata.get("x-api-key", ""))
        sender = self._receiver.keys.sender(credential, project_of(metadata.get("x-mission-control-project")))
        with self._receiver.admission.enter() as work:
            work.hold(len(body))
            return await self._receiver.receive(Incoming(topic, body, "protobuf", sender, "grpc"))


async def _refuse(context: Context, error: Exception) -> bytes:
    """Does not return: abort raises."""
    code, message = refusal(error).rpc, explanation(error)
    details = otlp.status(code, message, retry_after(error))
    await context.abort(_CODES[code], message, ((_DETAILS, details.SerializeToString()),))


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
