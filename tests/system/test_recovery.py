"""The disaster recovery drill of docs/recovery.md, and deaths in the middle of backup and restore."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.system.accounts import check_all
from tests.system.running import ROOT, System, eventually, system_on
from tests.system.traffic import Agents, Senders, Sent

FINGERPRINTS = {
    "spans": "SELECT groupBitXor(cityHash64(*)) FROM otel_traces",
    "messages": "SELECT groupBitXor(cityHash64(project, thread_id, role, content, timestamp)) FROM llm_messages",
    "logs": "SELECT groupBitXor(cityHash64(*)) FROM logs",
    "permissions": "SELECT groupBitXor(cityHash64(event_id, timestamp, thread_id, resource, action, granted)) FROM permission_events",
    "steps": "SELECT groupBitXor(cityHash64(step_id, parent_step_id, type, name, status, started_at, duration_ms)) FROM execution_steps",
    "points": "SELECT groupBitXor(cityHash64(*)) FROM otel_metrics_gauge",
}


def command(*words: str | Path, module: Sequence[str] = ("mission_control.main",)) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MISSION_CONTROL_")}
    line = [sys.executable, "-m", *module, *map(str, words)]
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


def done(*words: str | Path) -> dict[str, Any]:
    ran = command(*words, "--json")
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def fingerprints(system: System) -> dict[str, str]:
    return {name: str(next(iter(system.sql(query)[0].values()))) for name, query in FINGERPRINTS.items()}


def fill(system: System, seed: int, requests: int = 20) -> Sent:
    agents, sent = Agents(seed), Sent()
    for _ in range(requests):
        request = agents.any()
        assert system.post(request.path, request.body).status_code == 200
        sent.tried.append(request)
        sent.acknowledged.append(request)
    check_all(system, sent)
    return sent


def test_the_drill(stopped: System, tmp_path: Path) -> None:
    """Under load: a backup, later `kill -9` and a lost disk; elsewhere everything that was acknowledged before the backup is there, once."""
    stopped.start()
    everything, copy = Sent(), tmp_path / "kept" / "backup"
    with Senders(stopped.info["otlp_http"], [Agents(seed) for seed in (11, 12, 13)], everything):
        assert eventually(lambda: len(everything.acknowledged) > 60)
        assert eventually(lambda: stopped.number("SELECT count() FROM otel_traces") > 50)
        before = list(everything.acknowledged)
        report = done("backup", copy, "--data", stopped.data)
        time.sleep(0.5)
        stopped.kill()
    assert len(before) > 60
    assert report["tables"]["spans"] > 50
    assert not list((stopped.data / "backups").iterdir()), "moved, not copied"
    print(f"{report['bytes']} bytes in {report['seconds']} s, {report['bytes'] / 1e6 / report['seconds']:.0f} MB/s under load")
    with system_on(tmp_path / "elsewhere") as system:
        assert done("restore", copy, "--data", system.data)["tables"] == report["tables"]
        system.start()
        check_all(system, Sent(before, everything.tried))
        more = fill_on(system, before, everything)
        check_all(system, more)
        assert system.stop() == 0


def fill_on(system: System, before: list[Any], everything: Sent) -> Sent:
    """The restored system goes on: nothing new is taken for something old."""
    agents = Agents(14)
    new = [agents.turns() for _ in range(5)]
    for request in new:
        assert system.post(request.path, request.body).status_code == 200
    return Sent([*before, *new], [*everything.tried, *new])


def test_a_stopped_system_is_backed_up_whole_and_restored_from_a_tar_file(stopped: System, tmp_path: Path) -> None:
    stopped.start()
    sent = fill(stopped, 21)
    wanted = fingerprints(stopped)
    assert stopped.stop() == 0
    packed = tmp_path / "backup.tar"
    done("backup", packed, "--data", stopped.data)
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup.tar"]
    with system_on(tmp_path / "elsewhere") as system:
        done("restore", packed, "--data", system.data)
        system.start()
        check_all(system, sent)
        assert fingerprints(system) == wanted


@pytest.mark.parametrize(
    ("module", "name"),
    [("pipeline.log.snapshot", "LogSnapshot.write_to"), ("operations.backup", "asdict")],
)
def test_a_death_in_the_middle_of_a_running_systems_backup(stopped: System, tmp_path: Path, module: str, name: str) -> None:
    """What it leaves is no backup; its data is whole, and the next backup is."""
    stopped.start()
    sent = fill(stopped, 31)
    stopped.stop()
    stopped.command = ("-m", "tests.system.dying", module, name, "up")
    stopped.start()
    assert command("backup", tmp_path / "never", "--data", stopped.data).returncode != 0
    assert stopped.wait() == -signal.SIGKILL
    assert not (tmp_path / "never").exists()
    for half in (stopped.data / "backups").iterdir():
        assert "it has no manifest.json" in command("restore", half, "--data", tmp_path / "refused").stderr
    stopped.command = System.command
    stopped.start()
    done("backup", tmp_path / "whole", "--data", stopped.data)
    check_all(stopped, sent)
    assert not list((stopped.data / "backups").iterdir())
    assert not list((stopped.data / "log").glob(".snapshot-*"))
    with system_on(tmp_path / "elsewhere") as system:
        done("restore", tmp_path / "whole", "--data", system.data)
        check_all(system.start(), sent)


@pytest.mark.parametrize(
    ("module", "name"),
    [("operations.backup", "differences"), ("pathlib", "Path.rename")],
)
def test_a_restore_that_was_killed_is_done_again_by_the_same_command(stopped: System, tmp_path: Path, module: str, name: str) -> None:
    stopped.start()
    sent = fill(stopped, 41, 5)
    stopped.stop()
    cold = Path("logs/project=p/day=2030-01-31/30.parquet")
    (stopped.data / "archive" / cold).parent.mkdir(parents=True)
    (stopped.data / "archive" / cold).write_bytes(b"rows of old times")
    done("backup", tmp_path / "backup", "--data", stopped.data)
    elsewhere = tmp_path / "elsewhere"
    killed = command(module, name, "restore", tmp_path / "backup", "--data", elsewhere, module=("tests.system.dying",))
    assert killed.returncode == -signal.SIGKILL
    done("restore", tmp_path / "backup", "--data", elsewhere)
    assert "already" in command("restore", tmp_path / "backup", "--data", elsewhere).stderr
    assert (elsewhere / "archive" / cold).read_bytes() == b"rows of old times"
    with system_on(elsewhere) as system:
        check_all(system.start(), sent)


def test_damage_is_noticed(stopped: System, tmp_path: Path) -> None:
    """A flipped byte in the largest file of the store, a missing table, and a manifest that says otherwise."""
    stopped.start()
    fill(stopped, 51, 5)
    stopped.stop()
    copy = tmp_path / "backup"
    done("backup", copy, "--data", stopped.data)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "tables": {**manifest["tables"], "spans": 1}}))
    assert "rows are missing or too many: spans" in command("restore", copy, "--data", tmp_path / "a").stderr
    assert not (tmp_path / "a" / "store").exists()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    largest = max((copy / "store" / "data").rglob("*.bin"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)
    damaged = command("restore", copy, "--data", tmp_path / "b")
    assert damaged.returncode != 0
    assert not (tmp_path / "b" / "store").exists()
