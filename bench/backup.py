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
from schemas.store import open_embedded

SPAN = """INSERT INTO spans (project, TraceId, SpanId, Timestamp, SpanAttributes, received, retention_days, version)
    SELECT 'bench', hex(number), hex(number), now64(9), map('text', randomPrintableASCII(700)), now64(9), 365, 1 FROM numbers({spans:UInt64})"""
"""Text that does not compress: the worst for a disk, and the best for a clock."""


def write(place: Path, spans: int) -> dict[str, float]:
    """Fill a store and back it up."""
    store = open_embedded(place / "store", 4 << 30, 64 << 20, backups=place)
    migrate(store)
    store.command(SPAN, {"spans": spans})
    began = time.monotonic()
    manifest = take(store, LogSnapshot(place / "log"), place / "backup", "bench", sync_filesystem)
    return {"bytes": manifest.bytes, "copy": manifest.seconds, "whole": time.monotonic() - began}


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
    print(description())


if __name__ == "__main__":
    main()
