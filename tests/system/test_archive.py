"""The archive by its commands: a data directory with rows of old times, archived by `up` itself, searched, put back."""

import json
import subprocess
import sys
from pathlib import Path

from tests.system.running import ROOT, System
from tests.system.test_recovery import command, done

OLD = """
import os, sys
from pathlib import Path
from schemas.migrate import migrate
from schemas.store import open_embedded

store = open_embedded(Path(sys.argv[1]) / "store", 1 << 30, 16 << 20)
migrate(store)
store.command("SYSTEM STOP TTL MERGES")
store.command("INSERT INTO log_records (project, Timestamp, record_id, level, Body, received, retention_days, version) SELECT 'p/q', now64(9) - toIntervalDay(5),"
    " MD5(toString(number)), 'INFO', concat('said ', toString(number)), now64(9) - toIntervalDay(5), 3, 1 FROM numbers(50)")
store.close()
os._exit(0)
"""
COUNT = "SELECT count() FROM logs WHERE project = 'p/q'"


def test_archived_searched_and_put_back_by_a_running_and_a_stopped_system(stopped: System) -> None:
    assert subprocess.run([sys.executable, "-c", OLD, str(stopped.data)], cwd=ROOT, timeout=120, check=False).returncode == 0
    data = ("--data", stopped.data)
    by_hand = done("archive", "run", *data)
    assert (by_hand["files"], by_hand["rows"]) == (1, 50)
    (file,) = json.loads(command("archive", "list", *data, "--json").stdout)
    assert (file["table"], file["project"], file["rows"], file["retention_days"]) == ("log_records", "p/q", 50, 3)
    assert Path(file["path"]).is_relative_to(stopped.data / "archive")
    assert "p/q" in command("archive", "list", *data).stdout
    found = [json.loads(line) for line in command("archive", "search", "SAID 7", *data).stdout.splitlines()]
    assert [row["Body"] for row in found] == ["said 7"]

    stopped.start()
    copy, elsewhere = stopped.data.with_name("copy"), stopped.data.with_name("elsewhere")
    assert len(done("backup", copy, *data)["archive"]) == 1
    done("restore", copy, "--data", elsewhere)
    assert len(json.loads(command("archive", "list", "--data", elsewhere, "--json").stdout)) == 1
    assert "50 rows of 1 files are back for 9 days" in command("archive", "restore", "--project", "p/q", "--keep", "9", *data).stdout
    assert stopped.number(COUNT) == 50
    audited = stopped.sql("SELECT action FROM audit_events WHERE action = 'archive.restore'")
    assert len(audited) == 1
    stopped.stop()

    again = done("archive", "restore", "--project", "p/q", "--table", "log_records", *data)
    assert again == {"files": 1, "rows": 50, "removed": 0}
    stopped.start()
    assert stopped.number(COUNT) == 50
