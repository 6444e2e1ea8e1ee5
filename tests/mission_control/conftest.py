"""The command line against a real HTTP server that answers what a test tells it to."""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from mission_control.client import Target
from mission_control.main import app
from mission_control.runfile import RunFile, RunInfo

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = Callable[[Asked], Answer]


class Door:
    """All ports of a system in one; what is not scripted is 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], Script] = {}

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """The answers in order; the last one stays."""
        waiting = list(answers)
        self.answers[method, path] = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        script = self.answers.get((asked.method, asked.path))
        return script(asked) if script else Answer({"detail": f"no {asked.path}"}, 404)

    def target(self, **given: Any) -> Target:
        return Target(**{"console": self.url, "token": TOKEN, "sql": self.url, "otlp_http": self.url, "otlp_grpc": self.url, **given})

    def run_file(self, directory: Path) -> RunInfo:
        info = RunInfo(os.getpid(), self.url, self.url, self.url, self.url, f"{self.url}/login?code=x", TOKEN)
        RunFile(directory).write(info)
        return info


@pytest.fixture
def door() -> Iterator[Door]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = opened.answer(Asked(self.command, parts.path, parse_qs(parts.query), headers, body))
            content = answer.content()
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    opened = Door(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield opened
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that the command takes by default; nothing of this machine's environment reaches it."""
    for name in list(os.environ):
        if name.startswith(("MISSION_CONTROL_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MISSION_CONTROL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _own_log_ends_with_its_test() -> Iterator[None]:
    """A command in this process sets up the log of the process, on a stream that is closed after it."""
    before = logging.getLogger().handlers[:]
    yield
    for handler in logging.getLogger().handlers[:]:
        if handler not in before and type(handler) is logging.StreamHandler:
            logging.getLogger().removeHandler(handler)


@pytest.fixture
def run(place: Path) -> Run:
    """`run("threads", "--json")`: the command in this process."""

    def running(*words: str, stdin: str | None = None) -> Ran:
        result = CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    return running


@pytest.fixture
def found(door: Door, place: Path) -> Door:
    """The server, as run.json says."""
    door.run_file(place)
    return door
