"""The command as people use it: processes of `mission-control` against a real running system."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.mission_control.conftest import Ran
from tests.system.running import System, eventually, system_on

pytestmark = pytest.mark.slow
HOSTILE: Final = "[red]x\x1b[2J\u202e"


class Commands:
    """`mission-control WORDS…` in a process of its own, in the environment of the running system."""

    def __init__(self, system: System, directory: Path) -> None:
        self.system, self.directory = system, directory
        hidden = {name: value for name, value in os.environ.items() if not name.startswith(("MISSION_CONTROL_", "OTEL_"))}
        self.variables = {**hidden, "MISSION_CONTROL_DATA_DIR": str(system.data)}

    @contextmanager
    def open(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Ended when the test is done with it, whatever happened."""
        command = [str(Path(sys.executable).with_name("mission-control")), *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self.variables, cwd=self.directory)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        with self.open(*words) as process:
            out, err = process.communicate(stdin, timeout=120)
        return Ran(int(process.returncode), out, err)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    directory = tmp_path_factory.mktemp("cli")
    with system_on(directory / "data") as system:
        system.start()
        system.post("/v1/traces", json.dumps(trace("thread/one", 1)).encode(), content_type="application/json")
        log(system, "denied", "permission.check", **DENIED)
        log(system, f"hello {HOSTILE}")
        commands = Commands(system, directory)
        eventually(
            lambda: commands("threads", "--json").json(),
            lambda found: len(found) == 1 and found[0]["step_count"] >= 2 and found[0]["permission_denials"] == 1,
        )
        yield commands


def attributes(**given: str) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in given.items()]


def trace(thread: str, seed: int) -> dict[str, Any]:
    """An agent that called a model."""
    now = time.time_ns()
    ids = {"gen_ai.conversation.id": thread}
    question = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"what is {HOSTILE}?"}]}])
    agent = attributes(**ids, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"})
    call = attributes(**ids, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.input.messages": question})
    spans = [
        span(seed, 1, "", "invoke_agent planner", now - 10**9, agent),
        span(seed, 2, "1", "chat m-1", now - 5 * 10**8, call),
    ]
    resource = {"attributes": attributes(**{"service.name": "shop"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "tests"}, "spans": spans}]}]}


def span(seed: int, number: int, parent: str, name: str, start: int, given: list[dict[str, Any]]) -> dict[str, Any]:
    ids = {"traceId": f"{seed:032x}", "spanId": f"{number:016x}", "parentSpanId": parent and f"{int(parent):016x}"}
    return {**ids, "name": name, "kind": 1, "startTimeUnixNano": str(start), "endTimeUnixNano": str(time.time_ns()), "attributes": given}


DENIED: Final = {
    "permission.check.id": "check-1", "permission.resource.type": "tool", "permission.resource.id": "deploy", "permission.action": "execute",
    "permission.result": "deny", "permission.reason": "not today", "permission.subject.type": "agent", "permission.subject.id": "planner",
}  # fmt: skip


def log(system: System, text: str, event: str = "", **given: str) -> None:
    ids = {"traceId": f"{1:032x}", "spanId": f"{2:016x}", "eventName": event}
    said = attributes(**{"gen_ai.conversation.id": "thread/one"}, **given)
    record = {"timeUnixNano": str(time.time_ns()), "severityNumber": 17, "body": {"stringValue": text}, "attributes": said, **ids}
    resource = {"attributes": attributes(**{"service.name": "shop"})}
    body = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    assert system.post("/v1/logs", json.dumps(body).encode(), content_type="application/json").status_code == 200


def test_threads_and_one_of_them(command: Commands) -> None:
    assert "thread/one" in command("threads", "--status", "complete").out
    assert command("threads", "--status", "error", "--json").json() == []
    shown = command("thread", "thread/one", "--transcript", "--logs").out
    for text in (
        "invoke_agent planner",
        "model chat m-1",
        "denied",
        "not today",
        "hello [red]x\\x1b[2J\\u202e",
        "what is [red]x\\x1b[2J\\u202e?",
    ):
        assert text in shown
    assert "\x1b" not in shown
    whole = command("thread", "thread/one", "--json", "--transcript").json()
    assert [message["role"] for message in whole["transcript"]] == ["user"]
    missing = command("thread", "nobody")
    assert (missing.code, missing.out) == (1, "")


def test_permissions_and_mcps(command: Commands) -> None:
    for words in (["--denied"], ["--since", "1h"], ["--thread", "thread/one", "--denied"]):
        found = command("permissions", "--json", *words).json()
        assert [(one["granted"], one["reason"]) for one in found] == [(0, "not today")]
    assert command("permissions", "--pending", "--json").json() == []
    assert command("mcps", "--json").json() == []


def test_sql_in_every_shape(command: Commands) -> None:
    assert command("sql", "SELECT count() AS n FROM threads", "--json").json() == [{"n": 1}]
    assert command("sql", "-", "--csv", stdin="SELECT 1 AS a, 'x' AS b").out == '"a","b"\n1,"x"\n'
    assert "thread/one" in command("sql", "SELECT thread_id FROM threads").out
    wrong = command("sql", "SELECT * FROM system.users")
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.startswith("mission-control: Code: ")


def test_a_login_url_lets_a_browser_in(command: Commands) -> None:
    url = command("login").out.strip()
    assert command.system.http.get(url).status_code == 303
    assert command.system.http.get(url).status_code == 401


def test_dead_letters_when_there_are_none(command: Commands) -> None:
    assert command("dead-letters", "list", "--json").json() == []
    assert command("dead-letters", "replay", "--all", "--json").json() == []
    assert command("dead-letters", "show", "otlp_spans/0/0/0").code == 1


def test_logs_are_followed_until_ctrl_c(command: Commands) -> None:
    with command.open("logs", "--follow", "--json", "--level", "error") as process:
        assert process.stdout is not None
        shown = [json.loads(process.stdout.readline())["message"] for _ in range(2)]
        assert sorted(shown) == ["denied", f"hello {HOSTILE}"]
        log(command.system, "and now this")
        assert json.loads(process.stdout.readline())["message"] == "and now this"
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")


def test_threads_are_watched_until_ctrl_c(command: Commands) -> None:
    with command.open("threads", "--watch", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())[0]["thread_id"] == "thread/one"
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0


def test_the_doctor_finds_a_healthy_system(command: Commands) -> None:
    findings = {one["check"]: one for one in command("doctor", "--json").json()}
    assert [one for one in findings.values() if one["status"] == "fail"] == []
    assert findings["round trip"]["found"].startswith("taken after")
    assert "doctor" in {row["project"] for row in command("sql", "SELECT DISTINCT project FROM otel_traces", "--json").json()}


def test_the_demo_works_in_its_project(command: Commands) -> None:
    ran = command("demo", "--duration", "3", "--speed", "5")
    assert ran.code == 0, ran.err
    assert eventually(lambda: command("threads", "--project", "demo", "--json").json())
    assert command("demo", "--clear").out == "project demo is empty\n"
    assert command("threads", "--project", "demo", "--json").json() == []


def test_a_rebuild_changes_nothing_that_was_right(command: Commands) -> None:
    before = command("threads", "--project", "default", "--json").json()
    assert command("rebuild", "--json").json()["state"] == "complete"
    assert command("threads", "--project", "default", "--json").json() == before


def test_url_and_token_from_elsewhere(command: Commands, tmp_path: Path) -> None:
    info = command.system.info
    here = ["--data", str(tmp_path), "--url", info["console"]]
    assert len(command("threads", "--json", "--project", "default", *here, "--token", info["token"]).json()) == 1
    refused = command("threads", *here)
    assert (refused.code, "token" in refused.err) == (1, True)


def test_a_second_system_on_the_same_data_is_one_line(command: Commands) -> None:
    for words in (["up", "--port", "0", "--otlp-grpc-port", "0", "--otlp-http-port", "0", "--sql-port", "0"], ["migrate"]):
        ran = command(*words)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.splitlines()[-1].startswith("mission-control: ")


def test_migrate_is_safe_to_repeat(command: Commands, tmp_path: Path) -> None:
    first, second = (command("migrate", "--data", str(tmp_path / "store-of-its-own")) for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert "applied: " in first.out
    assert "applied: " not in second.out


def test_a_taken_port_is_one_line(command: Commands, tmp_path: Path) -> None:
    port = command.system.info["sql"].rpartition(":")[2]
    rest = ["--port", "0", "--otlp-grpc-port", "0", "--otlp-http-port", "0"]
    ran = command("up", "--data", str(tmp_path / "other"), "--sql-port", port, *rest)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith("mission-control: sql_port: cannot listen on 127.0.0.1:")


def test_up_with_a_key_and_its_clients(tmp_path: Path) -> None:
    with system_on(tmp_path / "data", API_KEY="secret key", OTLP_MAX_CONCURRENT="8") as system:
        system.start()
        command = Commands(system, tmp_path)
        findings = command("doctor", "--json").json()
        assert [one for one in findings if one["status"] == "fail"] == []
        assert command("sql", "SELECT 1 AS one", "--json").json() == [{"one": 1}]
        assert system.stop() == 0
        assert command("threads").code == 3
