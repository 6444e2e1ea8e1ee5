"""What the image promises, without a container engine: the wheel alone, as user 10001, with a root file system that nobody can write to."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import DEPLOY, ROOT
from tests.system.traffic import Agents

pytestmark = pytest.mark.slow
DOCKERFILE = (DEPLOY / "image" / "Dockerfile").read_text()
USER = "10001"
START_SECONDS = 120.0
SEALED = """
for place in "$MISSION_CONTROL_DATA_DIR" "$TMPDIR"; do mount --bind "$place" "$place"; done
mount -o remount,bind,ro /
exec unshare --user --map-user=10001 --map-group=10001 setpriv --no-new-privs -- "$@"
"""
"""The data directory and that for temporary files (an image's /tmp) stay writable; who runs there has no right to change that."""


@dataclass(frozen=True)
class Image:
    """An environment with the wheel in it, and the variables that the image sets."""

    environment: Path
    data: Path
    temporary: Path

    def command(self, words: Sequence[str]) -> "subprocess.Popen[str]":
        variables = dict(re.findall(r"(\w+)=(\S+)", re.findall(r"\nENV (.*?)\nUSER", DOCKERFILE, re.DOTALL)[0]))
        ports = {f"MISSION_CONTROL_{name}": "0" for name in ("PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "SQL_PORT")}
        path = f"{self.environment / 'bin'}:{os.environ['PATH']}"
        given = {**variables, **ports, "PATH": path, "TMPDIR": str(self.temporary), "MISSION_CONTROL_DATA_DIR": str(self.data)}
        line = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-e", "-c", SEALED, "sh", *words]
        return subprocess.Popen(line, cwd=self.data, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        process = self.command(words)
        out, err = process.communicate(timeout=START_SECONDS)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


def words(directive: str) -> list[str]:
    """What ENTRYPOINT, CMD or the health check says in its JSON form."""
    return list(json.loads(re.findall(rf"^ *{directive} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1]))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    place = tmp_path_factory.mktemp("image")
    found = Image(place / "venv", place / "data", place / "temporary")
    found.data.mkdir()
    found.temporary.mkdir()
    if shutil.which("unshare") is None or shutil.which("setpriv") is None or found.run("true").returncode:
        pytest.skip("no name spaces for users and mounts here")
    uv = [sys.executable, "-m", "uv"]
    for step in (
        ["build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--wheel", "--out-dir", str(place), "."],
        ["venv", "--quiet", "--python", sys.executable, str(found.environment)],
    ):
        subprocess.run([*uv, *step], cwd=ROOT, check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*uv, "pip", "install", "--quiet", "--no-deps", "--python", str(found.environment), str(wheel)], check=True)
    (packages,) = (found.environment / "lib").glob("python*/site-packages")
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib"))  # our dependencies, without downloading them once more
    return found


def test_nobody_but_the_user_and_nothing_but_the_data_is_writable(image: Image) -> None:
    assert f"USER {USER}:{USER}" in DOCKERFILE
    assert image.run("id", "--user").stdout.strip() == USER
    assert image.run("touch", str(image.data / "mine")).returncode == 0
    for place in (image.data.parent / "beside", Path("/tmp/beside"), image.environment / "beside"):
        assert "Read-only file system" in image.run("touch", str(place)).stderr
    assert image.run("mount", "-o", "remount,rw", "/").returncode != 0


def test_it_starts_takes_records_is_healthy_and_ends(image: Image) -> None:
    health = json.loads(re.findall(r"HEALTHCHECK .*?CMD (\[.*?\])", DOCKERFILE, re.DOTALL)[0])
    assert image.run(*health).returncode != 0
    process = image.command([*words("ENTRYPOINT"), *words("CMD")])
    try:
        deadline, file = time.monotonic() + START_SECONDS, image.data / "run.json"
        while not file.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert file.exists(), process.communicate(timeout=10)[1] if process.poll() is not None else "it does not listen"
        info = json.loads(file.read_text())
        assert image.run(*health).returncode == 0
        request = Agents(81).turns()
        headers = {"content-type": "application/x-protobuf"}
        assert httpx.post(info["otlp_http"] + request.path, content=request.body, headers=headers, timeout=60).status_code == 200
        wanted, found = str(len(request.ids)), ""
        while found != wanted and time.monotonic() < deadline + START_SECONDS:
            found = httpx.post(info["sql"], content="SELECT count() FROM otel_traces", timeout=60).text.strip()
            time.sleep(0.1)
        assert found == wanted
        assert httpx.get(info["console"] + "/ready", timeout=60).json()["ready"]
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "ERROR" not in complaints, complaints
        assert list(image.temporary.iterdir()) == []
        assert not list(image.environment.rglob("__pycache__/runfile*")), "PYTHONDONTWRITEBYTECODE"
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
