"""The program that asks as Grafana does, built from `tests/panelrun`."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "tests" / "panelrun"
BUILT: Final = ROOT / ".make" / "panelrun"


def built(go: str | os.PathLike[str]) -> Path:
    """Built anew, and its own tests run, when its sources changed. Raises AssertionError with what Go says."""
    program = BUILT / "panelrun"
    newest = max(path.stat().st_mtime for path in SOURCES.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(SOURCES, BUILT)
        for words in (("mod", "tidy"), ("vet", "."), ("test", "."), ("build", "-buildvcs=false", "-o", "panelrun", ".")):
            done = subprocess.run([go, *words], cwd=BUILT, capture_output=True, text=True, timeout=900, check=False)
            assert done.returncode == 0, f"go {' '.join(words)}: {done.stdout}{done.stderr}"
    return program
