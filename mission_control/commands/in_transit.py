"""What `doctor` says about TLS of our own ports, by the settings of this shell."""

from datetime import UTC, datetime, timedelta
from typing import Final

from mission_control.commands.checks import Finding
from schemas.errors import SettingsError
from schemas.settings import Settings

SOON: Final = timedelta(days=14)
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_CHECK: Final = "encryption in transit"


def encryption(settings: Settings) -> Finding:
    from mission_control.certificates import certificates_of  # gRPC and X.509 take a while to load

    try:
        certificates = certificates_of(settings)
    except SettingsError as error:
        return Finding(_CHECK, "fail", str(error), "`up` would not start with it")
    if certificates is None:
        return _none(settings.host)
    found = f"TLS on every port, until {certificates.ends:%Y-%m-%d %H:%M} UTC"
    if certificates.ends - datetime.now(UTC) < SOON:
        return Finding(_CHECK, "warn", found, f"renew {settings.tls_cert_file}; `up` takes the new one over by itself")
    return Finding(_CHECK, "ok", found)


def _none(host: str) -> Finding:
    if host in LOOPBACK:
        return Finding(_CHECK, "ok", "none: only this machine reaches the ports")
    return Finding(_CHECK, "warn", f"none, and others can reach {host}", "set MISSION_CONTROL_TLS_CERT_FILE, or put a proxy in front")
