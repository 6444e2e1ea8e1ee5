"""`dashboards` against a stub of the routes that Grafana documents for dashboards and folders."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dashboards.files import dashboard_files
from tests.mission_control.conftest import Run

TOKEN = "a-service-account"


class GrafanaStub(ThreadingHTTPServer):
    """Folders and dashboards in memory; POST /api/dashboards/db counts versions as a server does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: GrafanaStub

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _allowed(self) -> bool:
        if self.headers["Authorization"] == "Bearer at-the-proxy":
            self.send_error(502, "Bad Gateway")
            return False
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return True
        self._answer(401, {"message": "Invalid API key"})
        return False

    def do_GET(self) -> None:
        if not self._allowed():
            return
        kind, _, uid = self.path.removeprefix("/api/").rpartition("/")
        if kind == "folders" and uid in self.server.folders:
            self._answer(200, {"uid": uid, "title": self.server.folders[uid]})
        elif kind == "dashboards/uid" and uid in self.server.dashboards:
            self._answer(200, {"dashboard": self.server.dashboards[uid], "meta": {"folderUid": "mission-control"}})
        else:
            self._answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed():
            return
        if self.path == "/api/folders":
            self.server.folders[content["uid"]] = content["title"]
            self._answer(200, content)
        elif content["folderUid"] not in self.server.folders:
            self._answer(400, {"message": "folder not found"})
        else:
            uid = content["dashboard"]["uid"]
            before = self.server.dashboards.get(uid, {}).get("version", 0)
            self.server.dashboards[uid] = {**content["dashboard"], "id": len(self.server.dashboards) + 1, "version": before + 1}
            self.server.messages.append(content["message"])
            self._answer(200, {"uid": uid, "status": "success", "version": before + 1})

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@pytest.fixture
def grafana() -> Iterator[GrafanaStub]:
    with GrafanaStub() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def options(server: GrafanaStub) -> tuple[str, ...]:
    return ("--url", server.url, "--token", TOKEN)


def test_what_was_pushed_is_the_same(run: Run, grafana: GrafanaStub) -> None:
    assert len(run("dashboards", "push", "--message", "first", *options(grafana)).out.splitlines()) == len(dashboard_files())
    run("dashboards", "push", *options(grafana))
    assert grafana.folders == {"mission-control": "Mission Control"}
    assert grafana.dashboards.keys() == dashboard_files().keys()
    assert grafana.dashboards["mc-fleet"]["version"] == 2
    assert grafana.messages[0] == "first"
    states = {one["state"] for one in run("dashboards", "diff", "--json", *options(grafana)).json()}
    assert states == {"same"}


def test_differences_are_named(run: Run, grafana: GrafanaStub) -> None:
    run("dashboards", "push", *options(grafana))
    grafana.dashboards["mc-fleet"]["panels"][1]["title"] = "Elsewhere"
    grafana.dashboards["mc-logs"]["panels"] = []
    del grafana.dashboards["mc-cost"]
    shown = run("dashboards", "diff", *options(grafana))
    assert shown.code == 1
    assert "panels.1.title" in shown.out
    found = {one["uid"]: one for one in run("dashboards", "diff", "--json", *options(grafana)).json()}
    assert found["mc-fleet"]["paths"] == ["panels.1.title"]
    assert found["mc-logs"]["paths"] == ["panels"]
    assert found["mc-cost"]["state"] == "missing"


def test_pulled_files_are_what_was_pushed(run: Run, grafana: GrafanaStub, tmp_path: Path) -> None:
    run("dashboards", "push", *options(grafana))
    del grafana.dashboards["mc-cost"]
    out = run("dashboards", "pull", "--out", str(tmp_path / "deep" / "er"), *options(grafana)).out
    assert "missing mc-cost" in out
    pulled = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "deep" / "er").iterdir()}
    assert pulled == {uid: model for uid, model in dashboard_files().items() if uid != "mc-cost"}


def test_refusals_are_one_line(run: Run, grafana: GrafanaStub) -> None:
    refused = run("dashboards", "push", "--url", grafana.url, "--token", "wrong")
    assert refused.code == 1
    assert "401: Invalid API key" in refused.err
    proxy = run("dashboards", "diff", "--url", grafana.url, "--token", "at-the-proxy")
    assert "said 502: " in proxy.err
    away = run("dashboards", "diff", "--url", "http://127.0.0.1:9", "--token", "x")
    assert "cannot be reached" in away.err
