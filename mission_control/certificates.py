"""TLS of our own ports: one certificate for all of them, looked at before anything listens and again while we run."""

import asyncio
import logging
import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mission_control.beside import beside
from schemas.errors import SettingsError
from schemas.settings import Settings

Door = Literal["otlp", "sql", "control"]
LOOK_SECONDS: Final = 5.0
"""Between two looks at the files."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What the files held at one time; `clients` is None without mutual TLS."""

    chain: bytes
    key: bytes
    clients: bytes | None
    ends: datetime


class Certificates:
    """Made from the settings by `certificates_of`. New connections get what the files hold now, without a restart."""

    def __init__(self, settings: Settings, found: Found) -> None:
        self._settings, self._found = settings, found
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
        found = read(self._settings)
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
        certificate, key = _files(self._settings)
        context.load_cert_chain(certificate, key)
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
    return Certificates(settings, read(settings))


def read(settings: Settings) -> Found:
    """Raises SettingsError, which names the setting and what is wrong with its file."""
    certificate, key = _files(settings)
    chain, secret = _bytes("tls_cert_file", certificate), _bytes("tls_key_file", key)
    leaf = _certificates("tls_cert_file", certificate, chain)[0]
    _check_time(certificate, leaf)
    _check_key(key, secret, certificate, leaf)
    clients = None
    if settings.tls_client_ca_file is not None:
        clients = _bytes("tls_client_ca_file", settings.tls_client_ca_file)
        _certificates("tls_client_ca_file", settings.tls_client_ca_file, clients)
    return Found(chain, secret, clients, leaf.not_valid_after_utc)


def _files(settings: Settings) -> tuple[Path, Path]:
    """Certificate and key."""
    assert settings.tls_cert_file is not None
    return settings.tls_cert_file, settings.tls_key_file or settings.tls_cert_file


def _bytes(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(setting, f"{path}: {error.strerror or error}") from error


def _certificates(setting: str, path: Path, content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise SettingsError(setting, f"{path} holds no certificate in PEM") from error


def _check_time(path: Path, leaf: x509.Certificate) -> None:
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        raise SettingsError("tls_cert_file", f"the certificate in {path} has expired at {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if leaf.not_valid_before_utc > now:
        raise SettingsError("tls_cert_file", f"the certificate in {path} is valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on")


def _check_key(path: Path, content: bytes, certificate: Path, leaf: x509.Certificate) -> None:
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as error:
        raise SettingsError("tls_key_file", f"the key in {path} is encrypted; give one that is not, readable by us alone") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError("tls_key_file", f"{path} holds no private key in PEM") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise SettingsError("tls_key_file", f"the key in {path} is not that of the first certificate in {certificate}")
