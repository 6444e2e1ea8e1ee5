"""Commands against scripted answers: what they ask, and how they show what is rare or hostile."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mission_control.commands import demo, threads
from tests.mission_control.conftest import Answer, Door, Run

NOW = "2026-03-01T12:00:00.000000001Z"
HOSTILE = "\x1b[2J[red]x[/red]\u202e"
THREAD: dict[str, Any] = {
    "project": "p", "thread_id": "t-1", "parent_thread_id": "", "name": HOSTILE, "status": "running", "stalled_since": None, "waiting_since": None, "waiting_for": "",
    "user_input": "do it", "user_id": "", "started_at": NOW, "last_seen_at": NOW, "ended_at": NOW, "duration_ms": 12.0, "current_step": "chat", "step_count": 1,
    "llm_calls": 1, "tool_calls": 0, "unchecked_calls": 0, "error_count": 0, "permission_checks": 2, "permission_denials": 1, "escalations": 1, "input_tokens": 5,
    "output_tokens": 6, "cost_usd": 0.5, "models": ["m"], "mcp_ids": [], "error_message": "",
    "scores": [{"name": "good", "value": 0.5, "label": "pass", "source": "ada"}, {"name": "odd", "value": None, "label": "", "source": ""}],
}  # fmt: skip
STEP: dict[str, Any] = {
    "step_id": "s1", "parent_step_id": "", "type": "llm_call", "name": "chat", "status": "complete", "started_at": NOW, "duration_ms": 3.0,
    "model": "m", "input_tokens": 5, "output_tokens": 6, "description": "", "mcp_id": "", "error_message": "", "permission": None,
}  # fmt: skip
CHECK: dict[str, Any] = {
    "timestamp": NOW, "granted": None, "agent_name": "", "subject": "agent:a", "action": "write", "resource": HOSTILE, "waited_ms": None,
    "escalation_detected": 1, "reason": "", "escalation_rule": "asked_more", "escalation_reason": "beyond", "thread_id": "t-1",
}  # fmt: skip
LOG: dict[str, Any] = {
    "project": "p", "timestamp": NOW, "level": "ERROR", "service": "s", "message": HOSTILE, "event_name": "", "thread_id": "t-1",
    "exception": "Traceback\n  boom\x07", "log_id": "1",
}  # fmt: skip


def page(*items: dict[str, Any]) -> Answer:
    return Answer({"items": list(items), "next": None})


@pytest.mark.parametrize(
    ("change", "state", "doing"),
    [
        ({}, "running", "chat"),
        ({"waiting_for": "deploy"}, "waiting", "waits for deploy"),
        ({"stalled_since": NOW}, "stalled", "chat"),
        ({"status": "error", "error_message": "boom"}, "error", "boom"),
        ({"status": "complete"}, "complete", "do it"),
    ],
)
def test_a_thread_says_what_it_does(change: dict[str, Any], state: str, doing: str) -> None:
    one = THREAD | change
    assert (threads.state(one), threads.doing(one)) == (state, doing)


def test_threads_ask_for_what_is_wanted_and_show_hostile_names_as_text(run: Run, found: Door) -> None:
    found.on("GET", "/api/threads", page(THREAD, THREAD | {"project": "q", "error_count": 3}))
    ran = run("threads", "--status", "running", "--q", "x", "--traces", "--limit", "7")
    assert found.asked[0].query == {"status": ["running"], "q": ["x"], "kind": ["*"], "limit": ["7"], "project": ["*"]}
    assert "\\x1b[2J[red]x[/red]\\u202e" in ran.out
    assert "\x1b" not in ran.out
    assert "project" in ran.out


def test_json_is_json_and_nothing_else(run: Run, found: Door) -> None:
    found.on("GET", "/api/threads", page(THREAD))
    ran = run("threads", "--json")
    assert ran.json() == [THREAD]
    assert ran.out.isascii()
    assert ran.err == ""


def test_no_threads_says_what_to_do(run: Run, found: Door) -> None:
    found.on("GET", "/api/threads", page())
    assert "mission-control demo" in run("threads").out
    assert run("threads", "--json").json() == []


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after three looks."""
    left = [3]

    def pause(seconds: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr("mission_control.commands.threads.time.sleep", pause)


def test_watch_prints_what_changes_until_ctrl_c(run: Run, found: Door, interrupted: None) -> None:
    found.on("GET", "/api/threads", page(THREAD), page(THREAD), page(THREAD | {"step_count": 2}))
    ran = run("threads", "--watch", "--json")
    assert ran.code == 0
    assert [json.loads(line)[0]["step_count"] for line in ran.out.splitlines()] == [1, 2]


def test_watch_without_a_terminal_prints_tables(run: Run, found: Door, interrupted: None) -> None:
    found.on("GET", "/api/threads", page(THREAD))
    assert run("threads", "--watch").out.count("t-1") == 1


def test_watch_on_a_terminal_draws_over_itself(run: Run, found: Door, interrupted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    found.on("GET", "/api/threads", page(THREAD))
    ran = run("threads", "--watch")
    assert ran.code == 0
    assert "\x1b[?1049h" in ran.out


def script_thread(found: Door, thread: dict[str, Any], steps: list[dict[str, Any]], checks: list[dict[str, Any]]) -> None:
    found.on("GET", "/api/threads/t%2F1", Answer(thread))
    found.on("GET", "/api/threads/t%2F1/timeline", page(*steps))
    found.on("GET", "/api/permissions/audit/t%2F1", page(*checks))
    message = {"role": "tool", "tool_name": "grep", "content": f"one\n{HOSTILE}"}
    found.on("GET", "/api/threads/t%2F1/transcript", page(message, message | {"tool_name": "", "role": "user"}))
    found.on("GET", "/api/threads/t%2F1/logs", page(LOG))


def test_a_thread_whole(run: Run, found: Door) -> None:
    tool = STEP | {"step_id": "s2", "parent_step_id": "s1", "type": "tool_call", "name": "grep", "mcp_id": "files"}
    failed = tool | {"step_id": "s3", "error_message": "no file", "status": "error"}
    may = STEP | {"step_id": "s4", "parent_step_id": "s2", "type": "check_permission", "name": "read", "description": "why"}
    checks = [may | {"step_id": str(value), "permission": {"granted": value}} for value in (None, 0, 1)]
    script_thread(found, THREAD, [STEP, tool, failed, *checks], [CHECK])
    ran = run("thread", "t/1", "--transcript", "--logs", "--project", "p")
    assert ran.code == 0
    for text in (
        "model chat",
        "m 5 in, 6 out",
        "  tool grep",
        "no file",
        "pending",
        "denied",
        "allowed",
        "escalation: asked more beyond",
        "good 0.5 pass (ada), odd",
        "tool grep",
        "$0.50",
    ):
        assert text in ran.out
    assert "\n  one\n  \\x1b[2J[red]x[/red]\\u202e\n" in ran.out
    assert "\n    Traceback\n      boom\\x07\n" in ran.out
    assert "\x1b" not in ran.out


def test_a_thread_that_just_began(run: Run, found: Door) -> None:
    script_thread(found, THREAD | {"cost_usd": None}, [], [])
    ran = run("thread", "t/1")
    assert "no steps yet" in ran.out
    assert "permissions" not in ran.out


def test_a_long_thread_says_that_there_is_more(run: Run, found: Door) -> None:
    script_thread(found, THREAD, [STEP], [])
    assert "the first 1 steps; --limit shows more" in run("thread", "t/1", "--limit", "1").out


def test_a_thread_as_json_has_what_was_asked_for(run: Run, found: Door) -> None:
    script_thread(found, THREAD, [STEP], [CHECK])
    assert list(run("thread", "t/1", "--json").json()) == ["thread", "timeline", "permissions"]
    assert list(run("thread", "t/1", "--json", "--transcript", "--logs").json()) == [
        "thread",
        "timeline",
        "permissions",
        "transcript",
        "logs",
    ]


def test_permissions_filter(run: Run, found: Door) -> None:
    found.on("GET", "/api/permissions/audit", page(CHECK))
    ran = run("permissions", "--denied", "--since", "2026-03-01T00:00:00+00:00")
    assert found.asked[0].query == {"granted": ["false"], "from": ["2026-03-01T00:00:00Z"], "limit": ["50"], "project": ["*"]}
    assert "\\x1b[2J" in ran.out
    assert run("permissions", "--pending", "--json").json() == [CHECK]
    assert run("permissions", "--pending", "--denied").code == 2
    assert run("permissions", "--since", "soon").code == 2


def test_permissions_of_one_thread_end_at_a_time(run: Run, found: Door) -> None:
    old = CHECK | {"timestamp": "2026-02-01T00:00:00Z"}
    found.on("GET", "/api/permissions/audit/t%2F1", page(CHECK, old))
    assert run("permissions", "--thread", "t/1", "--json").json() == [CHECK, old]
    assert run("permissions", "--thread", "t/1", "--json", "--since", "2026-02-15").json() == [CHECK]


def test_nothing_to_show_is_said(run: Run, found: Door) -> None:
    for path in ("permissions/audit", "mcps", "logs", "dead-letters"):
        found.on("GET", f"/api/{path}", page())
    assert "no permission checks" in run("permissions").out
    assert "no MCP servers" in run("mcps").out
    assert "no log records" in run("logs").out
    assert "no dead letters" in run("dead-letters", "list").out


def test_mcps(run: Run, found: Door) -> None:
    one = {
        "mcp_id": "files",
        "status": "connected",
        "last_seen_at": NOW,
        "calls": 12,
        "errors": 1,
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "tools": ["a"],
        "project": "p",
    }
    found.on("GET", "/api/mcps", page(one))
    assert "files" in run("mcps").out
    assert run("mcps", "--json").json() == [one]


def test_mcps_without_calls_in_the_last_days_have_no_durations(run: Run, found: Door) -> None:
    one = {
        "mcp_id": "files",
        "status": "disconnected",
        "last_seen_at": NOW,
        "calls": 12,
        "errors": 1,
        "p50_ms": None,
        "p95_ms": None,
        "tools": [],
    }
    found.on("GET", "/api/mcps", page(one | {"project": "p"}))
    assert " ms" not in run("mcps").out


def test_logs_come_oldest_first(run: Run, found: Door) -> None:
    found.on(
        "GET",
        "/api/logs",
        page(LOG | {"message": "second"}, LOG | {"message": "", "event_name": "first", "thread_id": "", "exception": ""}),
    )
    ran = run("logs", "--level", "warn,error", "--level", "INFO", "--thread", "a,b", "--service", "s")
    assert ran.out.index("first") < ran.out.index("second")
    assert found.asked[0].query == {
        "level": ["WARN", "ERROR", "INFO"],
        "thread_id": ["a,b"],
        "service": ["s"],
        "project": ["*"],
        "limit": ["100"],
    }
    assert [record["message"] for record in run("logs", "--json").json()] == ["", "second"]
    assert run("logs", "--level", "LOUD").code == 2


def test_login(run: Run, found: Door) -> None:
    found.on("POST", "/api/auth/login-url", Answer({"login_url": f"{found.url}/login?code=abc", "expires_in": 600.0}))
    assert run("login").out == f"{found.url}/login?code=abc\n"
    assert run("login", "--json").json()["expires_in"] == 600


RESULT = {"meta": [{"name": "n", "type": "Nullable(UInt8)"}, {"name": "[red]", "type": "String"}], "data": [[1, HOSTILE], [None, "b"]]}


def test_sql_as_table_json_and_csv(run: Run, found: Door) -> None:
    def answer(asked: Any) -> Answer:
        wanted = asked.query["default_format"][0]
        bodies: dict[str, Any] = {"JSONCompact": RESULT, "JSON": {"data": [{"n": 1}]}, "CSVWithNames": b'"n"\n1\n'}
        return Answer(bodies[wanted], headers={"X-ClickHouse-Format": wanted})

    found.answers["POST", "/"] = answer
    ran = run("sql", "SELECT 1")
    assert "[red]" in ran.out
    assert "null" in ran.out
    assert "2 rows" in ran.out
    assert "\x1b" not in ran.out
    assert run("sql", "SELECT 1", "--json").json() == [{"n": 1}]
    assert run("sql", "-", "--csv", stdin="SELECT 1").out == '"n"\n1\n'
    assert found.asked[-1].body == b"SELECT 1"


def test_sql_keeps_the_format_of_the_query(run: Run, found: Door) -> None:
    found.on("POST", "/", Answer(b"1\t2\n", headers={"X-ClickHouse-Format": "TSV"}))
    assert run("sql", "SELECT 1, 2 FORMAT TSV").out == "1\t2\n"


def test_sql_says_what_clickhouse_says(run: Run, found: Door) -> None:
    found.on("POST", "/", Answer(b"Code: 62. DB::Exception: Syntax error\n", 400))
    ran = run("sql", "SELEC")
    assert (ran.code, ran.out, ran.err) == (1, "", "mission-control: Code: 62. DB::Exception: Syntax error\n")


def test_sql_wants_one_query_and_one_format(run: Run, found: Door, place: Path) -> None:
    assert run("sql", " ").code == 2
    assert run("sql", "-", stdin="").code == 2
    assert run("sql", "SELECT 1", "--json", "--csv").code == 2


def test_the_demo_needs_a_door(run: Run, place: Path) -> None:
    from mission_control.runfile import RunFile, RunInfo

    RunFile(place).write(RunInfo(os.getpid(), "http://127.0.0.1:1"))
    assert (run("demo").code, run("sql", "SELECT 1").code) == (1, 1)


def test_the_demo_ends_with_its_own_status(found: Door, place: Path) -> None:
    assert demo.run([sys.executable, "-c", "raise SystemExit(7)"], dict(os.environ)) == 7


def test_the_demo_that_is_told_to_stop_ends_well(place: Path) -> None:
    program = "import time, sys; print('up', flush=True); time.sleep(60)"
    script = f"import sys; from mission_control.commands import demo; raise SystemExit(demo.run([sys.executable, '-c', {program!r}], None))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.terminate()
        assert process.wait(120) == 0


def test_the_key_goes_to_the_demo_in_the_standard_variable(door: Door) -> None:
    assert demo.environment(door.target(key="k y"))["OTEL_EXPORTER_OTLP_HEADERS"] == "authorization=Bearer%20k%20y"
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in demo.environment(door.target())


@pytest.fixture
def systemctl(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `systemctl` that notes its words."""
    program = place / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {place}/words\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(place))
    return place / "words"


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_the_service_is_installed_and_forgotten(run: Run, place: Path, systemctl: Path) -> None:
    assert "not installed" in run("service", "status").out
    installed = run("service", "install", "--data", str(place / "d"), "--port", "0", "--json").json()
    assert installed["installed"]
    unit = Path(installed["file"]).read_text()
    assert f'"--data" "{place / "d"}" "--port" "0"' in unit
    assert "restart mission-control.service" in systemctl.read_text()
    assert run("service", "status").out.startswith("running\n")
    assert not run("service", "uninstall", "--json").json()["installed"]


def test_a_reader_that_has_enough_is_no_error(found: Door, place: Path) -> None:
    found.on("GET", "/api/logs", page(*(LOG | {"log_id": str(number)} for number in range(2000))))
    for words in (["logs", "--limit", "2000"], ["logs", "--limit", "2000", "--json"]):
        command = [sys.executable, "-m", "mission_control.main", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(120) == 0


def test_any_encoding_of_the_terminal_will_do(found: Door, place: Path) -> None:
    found.on("GET", "/api/threads", page(THREAD | {"name": "漢字"}))
    variables = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "mission_control.main", "threads"], env=variables, capture_output=True, check=False, cwd=place
    )
    assert (done.returncode, b"\\u6f22" in done.stdout) == (0, True)


def test_a_status_that_is_none_is_a_usage_error(run: Run, found: Door) -> None:
    ran = run("threads", "--status", "odd")
    assert (ran.code, found.asked) == (2, [])
    assert "there is no status odd" in ran.err


def test_why_no_thread_shows(run: Run, found: Door) -> None:
    found.on("GET", "/api/threads", Answer({"items": [], "next": None}))
    assert "--traces shows plain traces" in run("threads").out
    assert run("threads", "--q", "x").out.startswith("no thread is like that")
