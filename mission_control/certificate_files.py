"""What the files of our certificate hold, and whether they belong together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from schemas.errors import SettingsError
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Found:
    """What the files held at one time; `clients` is None without mutual TLS."""

    chain: bytes
    key: bytes
    clients: bytes | None
    ends: datetime


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
