"""TLS as a client: what our own commands, and the demo fleet's exporters, trust and show."""

import contextlib
import re
import ssl
from pathlib import Path
from typing import Final

from schemas.errors import SettingsError
from schemas.settings import Settings

_FIRST: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def client_context(settings: Settings, certificate: str = "") -> ssl.SSLContext:
    """`certificate` is the file that run.json names: a system of this machine is known by it alone, whatever names it holds.

    Without it the authorities of tls_ca_file decide, else those of the machine, and names must match. Raises SettingsError.
    """
    context = _pinned(certificate) or _by_authorities(settings.tls_ca_file)
    if settings.tls_client_cert_file is not None:
        try:
            context.load_cert_chain(
                settings.tls_client_cert_file, settings.tls_client_key_file, password=""
            )  # or OpenSSL asks the terminal
        except (OSError, ssl.SSLError) as error:
            raise SettingsError("tls_client_cert_file", f"{settings.tls_client_cert_file} and its key cannot be used: {error}") from error
    return context


def _pinned(certificate: str) -> ssl.SSLContext | None:
    """None when the file cannot be read, as other users of the machine may not."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if certificate and (first := _FIRST.search(Path(certificate).read_text(encoding="ascii"))):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # or only one that signs itself would do
            context.load_verify_locations(cadata=first[0])
            return context
    return None


def _by_authorities(file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError("tls_ca_file", f"{file} cannot be used: {error}") from error


def exporter_variables(settings: Settings) -> dict[str, str]:
    """OpenTelemetry's own variables, for exporters that we start."""
    trusted = settings.tls_ca_file or settings.tls_cert_file
    files = {
        "OTEL_EXPORTER_OTLP_CERTIFICATE": trusted,
        "REQUESTS_CA_BUNDLE": trusted,  # where it is set, Python's exporter over HTTP takes it instead
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": settings.tls_client_cert_file,
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": settings.tls_client_key_file or settings.tls_client_cert_file,
    }
    return {name: str(file) for name, file in files.items() if file is not None}
