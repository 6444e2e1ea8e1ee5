"""What `doctor` says about encryption at rest: of the ClickHouse server's disks, or of the volume that the data directory lies on."""

import os
from pathlib import Path
from typing import Final

from mission_control.commands.checks import Finding, existing
from schemas.errors import MissionControlError, StoreUnavailableError
from schemas.settings import Settings

DEVICES: Final = Path("/sys/dev/block")
_CHECK: Final = "encryption at rest"
_HOW: Final = "docs/retention.md says how"


def encryption(settings: Settings) -> Finding:
    """Nothing is wrong with either; which of them is in force must be known."""
    return _of_server(settings) if settings.clickhouse_url.get_secret_value() else of_volume(settings.data_dir, DEVICES)


def _of_server(settings: Settings) -> Finding:
    from operations.tiers import is_encrypted
    from schemas.store import DatabaseError, open_store

    try:
        store = open_store(settings)
        try:
            encrypted = is_encrypted(store)
        finally:
            store.close()
    except (MissionControlError, StoreUnavailableError, DatabaseError, OSError) as error:
        return Finding(_CHECK, "warn", f"not known: {error}", "the ClickHouse server of clickhouse_url must answer, and show system.disks")
    if encrypted:
        return Finding(_CHECK, "ok", "by the ClickHouse server: all disks of its policy are encrypted")
    return Finding(_CHECK, "ok", f"none by the ClickHouse server; {_HOW}")


def of_volume(directory: Path, devices: Path) -> Finding:
    number = existing(directory).stat().st_dev
    place = devices / f"{os.major(number)}:{os.minor(number)}"
    if not place.exists():
        return Finding(_CHECK, "ok", "not known: the system does not tell what the data directory lies on")
    if _is_encrypted(place):
        return Finding(_CHECK, "ok", "by the volume of the data directory (dm-crypt)")
    return Finding(_CHECK, "ok", f"none: the data directory lies on a plain volume; {_HOW}")


def _is_encrypted(device: Path) -> bool:
    """A device, or what it is made of (volumes on an encrypted partition)."""
    identity = device / "dm" / "uuid"
    if identity.exists() and identity.read_text().startswith("CRYPT-"):
        return True
    return any(_is_encrypted(below) for below in sorted((device / "slaves").glob("*")))
