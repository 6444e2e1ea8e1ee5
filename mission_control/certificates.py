"""TLS of our own ports: one certificate for all of them, looked at before anything listens and again while we run."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import grpc

from mission_control.beside import beside
from schemas.errors import SettingsError
from schemas.settings import Settings

if TYPE_CHECKING:
    from mission_control.certificate_files import Found

Door = Literal["otlp", "sql", "control"]
LOOK_SECONDS: Final = 5.0
"""Between two looks at the files."""
log = logging.getLogger(__name__)


class Certificates:
    """Made from the settings by `certificates_of`. New connections get what the files hold now, without a restart."""

    def __init__(self, settings: Settings, read: "Callable[[Settings], Found]") -> None:
        """Raises what `read` raises."""
        self._settings, self._read = settings, read
        self._found = read(settings)
        self._contexts: list[ssl.SSLContext] = []
        self._configuration = self._configured()

    @property
    def ends(self) -> datetime:
        """When the certificate expires."""
        return self._found.ends

    def context(self, door: Door) -> ssl.SSLContext:
        """For an HTTP server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if self._asks(door):
            context.verify_mode = ssl.CERT_REQUIRED
        self._load(context)
        self._contexts.append(context)
        return context

    def credentials(self, door: Door) -> grpc.ServerCredentials:
        """For a gRPC server, which asks anew at each handshake."""
        return grpc.dynamic_ssl_server_credentials(self._configuration, lambda: self._configuration, self._asks(door))

    def watched(self) -> AbstractAsyncContextManager[None]:
        """Renewed certificates are taken over while the block runs."""
        return beside(self._watch(), "certificates")

    def renew(self) -> bool:
        """Take over what the files hold, if it is new. Raises SettingsError when it cannot be used: then the old one stays."""
        found = self._read(self._settings)
        if found == self._found:
            return False
        for context in self._contexts:
            self._load(context)
        self._found = found
        self._configuration = self._configured()
        return True

    async def _watch(self) -> None:
        said = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await asyncio.to_thread(self.renew):
                    log.info("certificate renewed", extra={"ends": self._found.ends.isoformat()})
                said = ""
            except (SettingsError, OSError) as error:  # also half of a renewal: the key is there, the certificate is not yet
                if str(error) != said:
                    log.warning("certificate not renewed", extra={"problem": str(error)})
                said = str(error)

    def _asks(self, door: Door) -> bool:
        return self._found.clients is not None and door in self._settings.tls_client_doors

    def _load(self, context: ssl.SSLContext) -> None:
        """Authorities of clients are only ever added to a context: one that is withdrawn holds until a restart."""
        assert self._settings.tls_cert_file is not None
        context.load_cert_chain(self._settings.tls_cert_file, self._settings.tls_key_file)
        if context.verify_mode is ssl.CERT_REQUIRED and self._settings.tls_client_ca_file is not None:
            context.load_verify_locations(self._settings.tls_client_ca_file)

    def _configured(self) -> "grpc.ServerCertificateConfiguration":
        found = self._found
        return grpc.ssl_server_certificate_configuration([(found.key, found.chain)], root_certificates=found.clients)


def certificates_of(settings: Settings) -> Certificates | None:
    """None where the settings name no certificate. Raises SettingsError for files that are missing, expired or do not match."""
    if settings.tls_cert_file is None:
        for name in ("tls_key_file", "tls_client_ca_file"):
            if getattr(settings, name) is not None:
                raise SettingsError(name, "is of no use without tls_cert_file")
        return None
    from mission_control.certificate_files import read  # X.509 takes a while to load

    return Certificates(settings, read)
