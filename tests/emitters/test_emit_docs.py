"""The TypeScript and Go of docs/emit.md, run as they stand there: the same thread, steps and permission check as from Python."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.payloads.shown import Shown, wanted
from tests.system.accounts import at_rest
from tests.system.running import ROOT, System, system_on

pytestmark = pytest.mark.slow
HERE: Final = Path(__file__).parent
MODULES: Final = ROOT / ".make" / "emit" / "node_modules"
DOWNLOADED: Final = ROOT / ".make" / "emit" / "go"
"""What `make test-emitters` downloaded: the direct modules as tests/emitters/go names them, with checksums of all."""
FILES: Final = {"ts": ("emit.ts", "agent.ts"), "go": ("emit.go", "main.go")}
EXPECTED: Final = {
    "thread": [
        {
            "id": "order-1187",
            "status": "complete",
            "kind": "agent",
            "agent": "support",
            "steps": [
                ["directive", "invoke_agent support", "complete"],
                ["tool_call", "execute_tool lookup_order", "complete", "lookup_order"],
            ],
            "permissions": [["tool:lookup_order", "granted"]],
        }
    ],
    "logs": [["INFO", "*", "*"]] * 5,
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system_on(tmp_path_factory.mktemp("emit") / "data") as system:
        yield system.start()


def write_samples(language: str, directory: Path) -> None:
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "emit.md").read_text(encoding="utf-8"), re.DOTALL)
    for name, block in zip(FILES[language], blocks, strict=True):
        (directory / name).write_text(block, encoding="utf-8")


def run(command: list[str], directory: Path, more: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=directory, env=os.environ | more, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def check(system: System, project: str) -> None:
    assert at_rest(system)
    assert Shown(system.sql).of(project, EXPECTED) == wanted(EXPECTED)


def told(system: System, project: str) -> Mapping[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": system.info["otlp_http"],
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-mission-control-project={project}",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
    }


@pytest.mark.skipif(not MODULES.is_dir(), reason="the packages are not installed: make test-emitters")
def test_typescript(system: System, tmp_path: Path) -> None:
    write_samples("ts", tmp_path)
    shutil.copy(HERE / "typescript" / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    run(["node", "--import", "tsx", "agent.ts"], tmp_path, told(system, "typescript"))
    check(system, "typescript")


@pytest.mark.skipif(not DOWNLOADED.exists(), reason="Go or its modules are not installed: make test-emitters")
def test_go(system: System, tmp_path: Path) -> None:
    write_samples("go", tmp_path)
    for name in ("go.mod", "go.sum"):
        shutil.copy(DOWNLOADED / name, tmp_path)
    assert subprocess.run(["gofmt", "-l", "."], cwd=tmp_path, capture_output=True, text=True, check=True).stdout == ""
    run(["go", "run", "."], tmp_path, {**told(system, "go"), "GOPROXY": "off", "GOFLAGS": "-mod=mod"})
    check(system, "go")
