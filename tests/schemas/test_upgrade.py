"""From the first released schema to this one, with data: nothing of it changes, and all views read it."""

import hashlib
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

RELEASED = {
    "0001_spans.sql": "d2bceb45c5aebda79e5503a070066751308ccef9b0034f42226ff19be0611508",
    "0002_messages.sql": "bfc00ec4311022a2cf69199849e99c13be1bfeaa265f3db1c483a1e859df7111",
    "0003_logs.sql": "0cf8af7a9710ddf3be130b4b70df2ae63239fbb0b7e9340327369eda6eb24535",
    "0004_metrics.sql": "4b29bcd5d75685cd63ed6d77e3df7315b910b3e27649820d124aa102ff03d732",
    "0005_permissions.sql": "8ebe5218aa831012ce59cfb922f40d19daf76e4e9b687af67bea41a3c58235e2",
    "0006_summaries.sql": "f3470d35fefbed40e8beb2d94309f2faf32895f37a215abf77c27cc5ae92dce6",
    "0007_rollups.sql": "e87a9c9dee71b9ddbd0c8baec611e25812d8275f5d7dba9677f8b2b98a749843",
    "0008_operations.sql": "91c0386f483656c6e5806caad43bc7b98059dff12edd4347ed731ebb0ef8ad9a",
}
"""What was released is never edited: stores out there have it applied. Add to this table at every release."""


def test_released_migrations_are_as_they_were_released() -> None:
    folder = files("schemas") / "migrations"
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RELEASED}
    assert found == RELEASED


@pytest.mark.slow
def test_a_store_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.schemas.upgrade_scene", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["first"] == list(RELEASED)
    assert "0013_volumes.sql" in said["applied"]
    assert not set(said["applied"]) & set(RELEASED)
    assert said["again"] == []
    assert len(said["before"]) > 15
    assert all(rows[0] != "0" for rows in said["before"].values())
    assert said["after"] == said["before"]
    assert said["views"]["logs"] == int(said["before"]["log_records"][0])
    assert said["views"]["threads"] == int(said["before"]["thread_summaries"][0])
