"""Where it can be reached and by whom: run.json, probes, the login, keys; and how long a record takes."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.system.running import System, eventually, system_on
from tests.system.traffic import Agents

KEY = "a key of our own"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system_on(tmp_path_factory.mktemp("locked") / "data", API_KEY=KEY) as system:
        yield system.start()


def test_run_file_says_where_everything_is_to_its_owner_alone(system: System) -> None:
    found = os.stat(system.run_file)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert set(system.info) == {"pid", "console", "otlp_http", "otlp_grpc", "sql", "login_url", "token", "certificate"}
    assert all(system.info[name].startswith("http://127.0.0.1:") for name in ("console", "otlp_http", "otlp_grpc", "sql", "login_url"))
    assert system.info["certificate"] == ""
    assert system.process is not None
    listening = {link.laddr for link in psutil.Process(system.process.pid).net_connections("tcp") if link.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert len({address.port for address in listening}) == 4
    said = eventually(system.stdout.read_text)
    assert all(system.info[name] in said for name in ("login_url", "otlp_http", "otlp_grpc", "sql"))
    assert system.info["token"] not in said + system.complaints()
    assert "WARN" not in system.complaints(), system.complaints()
    assert system.stop() == 0
    assert not system.run_file.exists()


def test_leaves_nothing_outside_its_directory(stopped: System, tmp_path: Path) -> None:
    outside = tmp_path / "tmp"
    outside.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(outside)
    try:
        stopped.start()
    finally:
        os.environ.pop("TMPDIR") if before is None else os.environ.__setitem__("TMPDIR", before)
    request = Agents(71).turns()
    assert stopped.post(request.path, request.body).status_code == 200
    assert stopped.reaches("SELECT count() FROM otel_traces", len(request.ids)) == len(request.ids)
    assert stopped.stop() == 0
    assert list(outside.iterdir()) == []


def test_probes_answer_without_a_key(locked: System) -> None:
    console = locked.info["console"]
    assert locked.http.get(console + "/health").json() == {"status": "ok"}
    ready = locked.http.get(console + "/ready")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert locked.metrics()["mission_control_websocket_connections"] == 0
    assert locked.http.get(locked.info["sql"] + "/ping").text == "Ok.\n"


def test_the_login_url_works_once(shared: System) -> None:
    with httpx.Client() as browser:
        assert browser.get(shared.info["console"] + "/api/threads").status_code == 401
        first = browser.get(shared.info["login_url"])
        assert (first.status_code, first.headers["location"]) == (303, "/")
        page = browser.get(shared.info["console"] + "/")
        assert page.status_code == 200
        assert "<html" in page.text
        assert browser.get(shared.info["console"] + "/api/threads").status_code == 200
    with httpx.Client() as other:
        assert other.get(shared.info["login_url"]).status_code == 401
        assert other.get(shared.info["console"] + "/api/threads").status_code == 401


def test_with_a_key_set_every_door_asks_for_it(locked: System) -> None:
    request = Agents(72).turns()
    sql = locked.info["sql"]
    assert locked.info["token"] == KEY
    assert locked.post(request.path, request.body).status_code == 401
    assert locked.post(request.path, request.body, authorization="Bearer wrong").status_code == 401
    assert locked.http.post(sql, content="SELECT 1").status_code in (401, 403)
    assert locked.http.get(locked.info["console"] + "/api/threads").status_code == 401
    assert locked.post(request.path, request.body, authorization=f"Bearer {KEY}").status_code == 200
    assert locked.post(request.path, request.body, x_api_key=KEY).status_code == 200
    assert locked.http.post(sql, content="SELECT 1", auth=("default", KEY)).text == "1\n"
    assert locked.api("/api/threads")["items"] is not None


def test_grpc_asks_for_the_key_too(locked: System) -> None:
    request = ExportTraceServiceRequest.FromString(Agents(73).turns().body)
    with grpc.insecure_channel(locked.info["otlp_grpc"].removeprefix("http://")) as channel:
        export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]  # generated code has no types
        with pytest.raises(grpc.RpcError) as refused:
            export(request, timeout=20)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        export(request, timeout=20, metadata=(("authorization", f"Bearer {KEY}"),))


def test_how_long_a_record_takes_to_be_seen(shared: System) -> None:
    """Only said, not judged: the machine may be busy. Docs promise 200 ms for rows and 1 s for summaries."""
    for number in range(5):
        request = Agents(80 + number, threads=1).turns(1)
        assert shared.post(request.path, request.body).status_code == 200
        began = time.monotonic()
        row = f"SELECT count() FROM otel_traces WHERE SpanId = '{request.ids[0]}'"
        thread = f"SELECT count() FROM threads WHERE thread_id = '{next(iter(request.threads))}' AND step_count = 4"
        assert eventually(lambda query=row: shared.number(query)) == 1  # type: ignore[misc]  # a default binds the loop's value
        rows = time.monotonic() - began
        assert eventually(lambda query=thread: shared.number(query)) == 1  # type: ignore[misc]  # as above
        print(f"rows {1000 * rows:.0f} ms, summary {1000 * (time.monotonic() - began):.0f} ms after the answer")
