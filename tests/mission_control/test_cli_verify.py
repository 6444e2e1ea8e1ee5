"""`verify` and `migrate --access` from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mission_control.main import app
from tests.clickhouse.clickhouse_server import clickhouse_in


@pytest.mark.slow
def test_verify_reports_each_statement_and_whether_all_worked(tmp_path: Path) -> None:
    with clickhouse_in(tmp_path) as server:
        ran = CliRunner().invoke(app, ["verify", "--clickhouse-url", server.url])
        assert ran.exit_code == 0, ran.output
        assert "ok connect" in ran.output
        assert "ok an insert is read back" in ran.output
        ran = CliRunner().invoke(app, ["verify", "--clickhouse-url", server.url, "--cluster", "nowhere", "--json"])
        assert ran.exit_code == 1
        tried = json.loads(ran.stdout)
        assert [one["ok"] for one in tried] == [True, False, False]
        assert "DDL" in tried[1]["problem"]


def test_verify_needs_a_server() -> None:
    ran = CliRunner().invoke(app, ["verify"])
    assert ran.exit_code == 2
    assert "name the server" in ran.output


def test_rights_are_printed_to_be_read_first() -> None:
    ran = CliRunner().invoke(app, ["migrate", "--access", "demo", "--access", "shop", "--cluster", "fleet"])
    assert ran.exit_code == 0, ran.output
    assert "CREATE ROLE IF NOT EXISTS mission_control_project_shop ON CLUSTER 'fleet';" in ran.output
    assert ran.output.rstrip().endswith(";")
