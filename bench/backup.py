"""How fast backups are taken and put back here: `python -m bench.backup [--spans N]`, in processes of their own, offline."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import description
from operations.backup import put_back, read_manifest, take
from pipeline.log.files import sync_filesystem
from pipeline.log.snapshot import LogSnapshot
from schemas.migrate import migrate
from schemas.settings import MEBIBYTE
from schemas.store import open_embedded

SPAN = """INSERT INTO spans (project, TraceId, SpanId, Timestamp, SpanAttributes, received, retention_days, version)
    SELECT 'bench', hex(number), hex(number), now64(9), map('text', randomPrintableASCII(700)), now64(9), 365, 1 FROM numbers({spans:UInt64})"""
"""Text that does not compress: the worst for a disk, and the best for a clock."""


def write(place: Path, spans: int) -> dict[str, float]:
    """Fill a store and back it up, between two plain copies of the same bytes."""
    store = open_embedded(place / "store", 4 << 30, 64 << 20, backups=place)
    migrate(store)
    store.command(SPAN, {"spans": spans})
    disk = [plain_copy(place)]
    began = time.monotonic()
    manifest = take(store, LogSnapshot(place / "log"), place / "backup", "bench", sync_filesystem)
    whole = time.monotonic() - began
    disk.append(plain_copy(place))
    return {"bytes": manifest.bytes, "copy": manifest.seconds, "whole": whole, "disk": max(disk)}


def plain_copy(place: Path) -> float:
    """Bytes a second of all of the store's files read one after the other into one file, and that flushed: what the disk gives at this moment."""
    began, copied = time.monotonic(), 0
    with tempfile.TemporaryFile(dir=place) as target:
        for path in sorted((place / "store").rglob("*.bin")):
            with path.open("rb") as source:
                while block := source.read(MEBIBYTE):
                    copied += target.write(block)
        target.flush()
        os.fsync(target.fileno())
        return copied / (time.monotonic() - began)


def read(place: Path) -> dict[str, float]:
    """Put it back, verified."""
    store = open_embedded(place / "elsewhere" / "store", 4 << 30, 64 << 20, backups=place)
    began = time.monotonic()
    put_back(store, place / "backup", read_manifest(place / "backup"))
    return {"restore": time.monotonic() - began}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backup", description=__doc__)
    parser.add_argument("--spans", type=int, default=400_000)
    parser.add_argument("--step", choices=("write", "read"))
    parser.add_argument("--place", type=Path)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(write(given.place, given.spans) if given.step == "write" else read(given.place)), flush=True)
        os._exit(0)  # the engine's own way out can crash
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as place:
        found: dict[str, float] = {}
        for step in ("write", "read"):
            words = [sys.executable, "-m", "bench.backup", "--spans", str(given.spans), "--step", step, "--place", place]
            found |= json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    rates = {name: found["bytes"] / 1e6 / found[name] for name in ("copy", "whole", "restore")}
    print(
        f"{found['bytes'] / 1e6:.0f} MB: backup {rates['copy']:.0f} MB/s, with the flush to the disk {rates['whole']:.0f} MB/s, restore and verify {rates['restore']:.0f} MB/s"
    )
    disk = found["disk"] / 1e6
    print(
        f"The disk, a plain copy of the same with its flush, the better of one before and one after: {disk:.0f} MB/s; the backup reached {rates['whole'] / disk:.0%} of it"
    )
    print(description())


if __name__ == "__main__":
    main()
