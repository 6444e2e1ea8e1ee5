"""`python -m bench.stored DIR PREFIX`: prints how many steps the threads of this prefix have in a data directory that nobody uses now.

A process of its own, because opening the engine changes where temporary files of the process lie.
"""

import contextlib
import subprocess
import sys
from pathlib import Path

from schemas.settings import load_settings
from schemas.store import open_store


def steps(data: Path, prefix: str) -> int:
    """Raises CalledProcessError."""
    command = [sys.executable, "-m", "bench.stored", str(data), prefix]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(directory: str, prefix: str) -> None:
    with contextlib.closing(open_store(load_settings(data_dir=Path(directory)))) as store:
        query = "SELECT sum(step_count) AS steps FROM threads WHERE startsWith(thread_id, {prefix:String})"
        print(store.query(query, {"prefix": prefix})[0]["steps"])


if __name__ == "__main__":
    main(*sys.argv[1:3])
