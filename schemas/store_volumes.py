"""Where the embedded engine keeps what: its options for backups, volumes and deletion by age, as ClickHouse's configuration names them."""

import os
from pathlib import Path
from typing import Final

WARM: Final = "warm"
"""Name of the slower volume, in the embedded engine and in a server's storage policy alike."""


def backups_below(directory: Path | None) -> dict[str, str]:
    """BACKUP and RESTORE take no path outside of it; without one they take none."""
    return {} if directory is None else {"backups.allowed_path": os.fspath(directory)}


def nothing_goes_by_age() -> dict[str, str]:
    """From the first moment on: rows that came of age while nothing ran would be gone before anybody could say a word."""
    return {"merge_tree": "", "merge_tree.max_number_of_merges_with_ttl_in_pool": "0"}


def second_volume(warm: Path | None) -> dict[str, str]:
    """The default policy with a second volume. The engine looks for the groups by name too, so they stand there empty."""
    if warm is None:
        return {}
    disks, policy = "storage_configuration.disks", "storage_configuration.policies.default"
    return {
        f"{disks}.{WARM}.type": "local",
        f"{disks}.{WARM}.path": os.path.join(warm, ""),
        "storage_configuration.policies": "",
        f"{policy}.volumes": "",
        f"{policy}.volumes.hot.disk": "default",
        f"{policy}.volumes.{WARM}.disk": WARM,
    }
