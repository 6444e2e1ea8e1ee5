"""The console in a real browser against the real system: one process of `up`, OTLP by HTTP, Debian's or another Chromium."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 120
EXPECT_MS: Final = 15_000
_UP: Final = "import sys; from mission_control.app import run; from schemas.settings import load_settings; sys.exit(run(load_settings()))"
_BROWSER_ARGUMENTS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
expect.set_options(timeout=EXPECT_MS)
SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class System:
    """A running system, as its run.json tells."""

    console: str
    otlp_http: str
    token: str

    def call(self, method: str, url: str, body: Any = None, **headers: str) -> Any:
        """The answer's JSON; raises HTTPError for anything but 2xx."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json", **headers}, method=method)
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    def login_url(self) -> str:
        answer = self.call("POST", f"{self.console}/api/auth/login-url", authorization=f"Bearer {self.token}")
        return str(answer["login_url"])

    def agent(self, project: str, **given: Any) -> "Agent":
        return Agent(self, project, **given)


@dataclass
class Agent:
    """One conversation that is told by OTLP/JSON; times are nanoseconds before now."""

    system: System
    project: str
    name: str = "planner"
    thread: str = field(default_factory=lambda: f"thread-{uuid.uuid4().hex[:10]}")
    trace: str = field(default_factory=lambda: uuid.uuid4().hex)
    root: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    began: int = field(default_factory=lambda: time.time_ns() - 20 * SECOND)

    def span(self, name: str, attributes: Mapping[str, Any], start: int = 0, end: int = 1, **given: Any) -> dict[str, Any]:
        """`start`, `end`: milliseconds after the thread began. A child of the root unless `parent` says otherwise."""
        known = {"gen_ai.conversation.id": self.thread, "gen_ai.agent.name": self.name, **attributes}
        return {
            "traceId": self.trace,
            "spanId": given.get("span", uuid.uuid4().hex[:16]),
            "parentSpanId": given.get("parent", self.root),
            "name": name,
            "startTimeUnixNano": str(self.began + start * 1_000_000),
            "endTimeUnixNano": str(self.began + end * 1_000_000),
            "attributes": _attributes(known),
            "status": {"code": 2, "message": given["error"]} if "error" in given else {},
        }

    def tool(self, tool: str, start: int, end: int, **given: Any) -> dict[str, Any]:
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.call.arguments": '{"path": "/tmp/a"}'}
        return self.span(f"execute_tool {tool}", attributes, start, end, **given)

    def chat(self, start: int, end: int, question: str, answer: str) -> dict[str, Any]:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "test",
            "gen_ai.request.model": "test-large",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 34,
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": question}]}]),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]
            ),
        }
        return self.span("chat test-large", attributes, start, end)

    def end(self, after: int = 19_000, **given: Any) -> dict[str, Any]:
        """The root span, which ends the thread."""
        attributes = {"gen_ai.operation.name": "invoke_agent"}
        return self.span(f"invoke_agent {self.name}", attributes, 0, after, span=self.root, parent="", **given)

    def send(self, *spans: Mapping[str, Any]) -> None:
        scope = {"scope": {"name": "tests"}, "spans": list(spans)}
        body = {"resourceSpans": [{"resource": self._resource(), "scopeSpans": [scope]}]}
        self.system.call("POST", f"{self.system.otlp_http}/v1/traces", body, **{"x-mission-control-project": self.project})

    def summarised(self, status: str = "complete") -> None:
        """Wait until the thread is summarised with this status."""
        url = f"{self.system.console}/api/threads?project={self.project}&limit=1000"
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            items = self.system.call("GET", url, authorization=f"Bearer {self.system.token}")["items"]
            if any(item["thread_id"] == self.thread and item["status"] == status for item in items):
                return
            time.sleep(0.1)
        raise AssertionError(f"{self.thread} is not {status}")

    def log(self, text: str, severity: int = 9, span: str = "", **attributes: Any) -> None:
        record = {
            "timeUnixNano": str(time.time_ns()),
            "severityNumber": severity,
            "body": {"stringValue": text},
            "attributes": _attributes({"gen_ai.conversation.id": self.thread, **attributes}),
            "traceId": self.trace,
            "spanId": span or self.root,
        }
        body = {"resourceLogs": [{"resource": self._resource(), "scopeLogs": [{"scope": {"name": "tests"}, "logRecords": [record]}]}]}
        self.system.call("POST", f"{self.system.otlp_http}/v1/logs", body, **{"x-mission-control-project": self.project})

    def _resource(self) -> dict[str, Any]:
        return {"attributes": _attributes({"service.name": f"agent-{self.name[:20]}"})}


def _attributes(given: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in given.items()
    ]


@contextmanager
def up(data: Path, **settings: str) -> Iterator[System]:
    """One process of the whole system on free ports; `settings` are MISSION_CONTROL_* without the prefix."""
    ports = {f"MISSION_CONTROL_{name}": "0" for name in ("PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "SQL_PORT")}
    more = {f"MISSION_CONTROL_{name}": value for name, value in settings.items()}
    environment = {**os.environ, **ports, **more, "MISSION_CONTROL_DATA_DIR": os.fspath(data)}
    with (data / "up.log").open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", _UP], cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            yield _wait(process, data)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def _wait(process: subprocess.Popen[bytes], data: Path) -> System:
    until = time.monotonic() + START_SECONDS
    while not (data / "run.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError((data / "up.log").read_text())
        time.sleep(0.05)
    told = json.loads((data / "run.json").read_text())
    return System(told["console"], told["otlp_http"], told["token"])


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with up(tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture
def fresh_system(tmp_path: Path) -> Iterator[System]:
    """One that has no data at all."""
    with up(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found[0], args=list(_BROWSER_ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def project() -> str:
    """A project of this test alone."""
    return f"p-{uuid.uuid4().hex[:8]}"


class Visitor:
    """A logged-in browser tab that fails the test when the page complains or asks somebody else for anything."""

    def __init__(self, context: BrowserContext, system: System) -> None:
        self.system = system
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.answers: list[Response] = []
        self.page.on("response", lambda answer: self.answers.append(answer))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("response", lambda answer: self.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(system.login_url())

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def forgive(self, text: str) -> None:
        """What the test provoked is no complaint."""
        self.complaints[:] = [complaint for complaint in self.complaints if text not in complaint]

    def _asked(self, url: str) -> None:
        if not url.startswith((self.system.console, "data:")):
            self.complaints.append(f"asked {url}")

    def go(self, path: str, project: str = "") -> Page:
        mark = "&" if "?" in path else "?"
        self.page.goto(f"{self.system.console}/#{path}{f'{mark}project={project}' if project else ''}")
        return self.page


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """`visit(system, width=…)` opens a tab; afterwards none of them may have complained."""
    visitors: list[tuple[Visitor, BrowserContext]] = []

    def open_tab(system: System, width: int = 1440, height: int = 900, **options: Any) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        visitor = Visitor(context, system)
        visitors.append((visitor, context))
        return visitor

    yield open_tab
    complaints = [complaint for visitor, _ in visitors for complaint in visitor.complaints]
    for _, context in visitors:
        context.close()
    assert complaints == []
