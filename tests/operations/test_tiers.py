"""Hot, warm and cold with rows of old times, on the real engine: a process of its own each, because it needs a second volume."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SEED = """
INSERT INTO spans (project, TraceId, SpanId, Timestamp, received, retention_days, version, thread_key, SpanAttributes)
SELECT project, 'trace', concat(project, '-', toString(age)), now64(9) - toIntervalDay(age), now64(9) - toIntervalDay(age), days, 1, 'thread', map('age', toString(age))
FROM (SELECT arrayJoin([('kept', 60), ('short', 3)]) AS one, one.1 AS project, one.2 AS days, arrayJoin([0, 2, 10, 20]) AS age)
"""
SCRIPT = """
import json, os, sys, time
from pathlib import Path
from operations.archive import Archive, search
from operations.archive_files import ArchiveFiles, Wanted
from operations.tiers import is_encrypted, move_after, volumes
from schemas.migrate import migrate
from schemas.store import open_embedded

place = Path(sys.argv[1])
store = open_embedded(place / "store", 1 << 30, 16 << 20, warm=place / "warm")
said = {}

def say(name, value):
    said[name] = value

def eventually(look, is_right):
    for _ in range(300):
        if is_right(found := look()):
            break
        time.sleep(0.1)
    return found

def ids(where="1"):
    return sorted(row["SpanId"] for row in store.query(f"SELECT SpanId FROM spans FINAL WHERE {where}"))

def disks():
    rows = store.query("SELECT disk_name, groupArray(partition) AS days FROM system.parts WHERE active AND table = 'spans' GROUP BY disk_name")
    return {row["disk_name"]: len(set(row["days"])) for row in rows}

migrate(store)
exec(sys.argv[2])
print(json.dumps(said, default=str))
sys.stdout.flush()
store.close()
os._exit(0)
"""


def play(place: Path, scene: str) -> dict[str, Any]:
    """What the scene said, in a process with an engine of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(place), scene], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.splitlines()[-1]))


pytestmark = pytest.mark.slow


def test_rows_older_than_a_week_move_to_the_warm_volume_and_the_days_are_a_setting(tmp_path: Path) -> None:
    scene = f"""
archive = Archive(store, ArchiveFiles(place / "archive"), 365)
archive.hold()
store.command('''{SEED}''')
say("first", eventually(disks, lambda found: found.get("warm") == 2))
say("unchanged", move_after(store, 7))
say("changed", move_after(store, 1))
say("second", eventually(disks, lambda found: found.get("warm") == 3))
say("bytes", volumes(store))
say("encrypted", is_encrypted(store))
say("rows", len(ids()))
"""
    said = play(tmp_path, scene.replace("('short', 3)", "('short', 30)"))
    assert said["first"] == {"default": 2, "warm": 2}, "days 10 and 20 are warm, today and the day before yesterday hot"
    assert said["unchanged"] == []
    assert len(said["changed"]) == 5
    assert said["second"] == {"default": 1, "warm": 3}
    assert set(said["bytes"]) == {"default", "warm"}
    assert said["encrypted"] is False
    assert said["rows"] == 8, "a move loses nothing"


def test_what_is_due_goes_to_the_archive_before_the_store_deletes_it_and_comes_back(tmp_path: Path) -> None:
    scene = f"""
files = ArchiveFiles(place / "archive")
archive = Archive(store, files, 365)
archive.hold()
store.command('''{SEED}''')
before = ids()
store.command("OPTIMIZE TABLE spans FINAL")
say("held", ids() == before)
say("round", archive.round())
say("left", ids())
say("again", archive.round())
say("files", [(f.group.table, f.group.project, f.group.retention_days, f.rows) for f in files.files(Wanted())])
say("found", [row["SpanId"] for row in search(files, Wanted(), "SHORT-20", 10)])
say("limited", len(list(search(files, Wanted(), "short", 1))))
say("elsewhere", list(search(files, Wanted(project="kept"), "short", 10)))
whole = "SELECT * EXCEPT (retention_days, version) FROM spans FINAL WHERE SpanId = 'short-10'"
say("back", archive.restore(Wanted(project="short"), 5))
say("twice", archive.restore(Wanted(project="short"), 5))
store.command("OPTIMIZE TABLE spans FINAL")
say("all", ids() == before)
say("days", {{row["SpanId"]: row["retention_days"] for row in store.query("SELECT SpanId, retention_days FROM spans FINAL WHERE project = 'short'")}})
say("attributes", store.query("SELECT SpanAttributes AS a FROM spans FINAL WHERE SpanId = 'short-20'")[0]["a"])
say("not again", archive.round())
say("old", files.remove_before(archive._today()))
say("empty", len(list(files.files(Wanted()))))
"""
    said = play(tmp_path, scene)
    assert said["held"] is True, "nothing is deleted while it is not archived"
    assert said["round"] == "Round(files=3, rows=3, removed=0)"
    assert said["again"] == "Round(files=0, rows=0, removed=0)"
    assert said["files"] == [["spans", "short", 3, 1]] * 3
    assert said["left"] == ["kept-0", "kept-10", "kept-2", "kept-20", "short-0", "short-2"], "a day before its end a row is in both"
    assert said["found"] == ["short-20"]
    assert said["limited"] == 1
    assert said["elsewhere"] == []
    assert said["back"] == said["twice"] == "Round(files=3, rows=3, removed=0)"
    assert said["all"] is True, "restored rows stay, and are one row each"
    assert said["days"] == {"short-0": 3, "short-2": 7, "short-10": 15, "short-20": 25}
    assert said["attributes"] == {"age": "20"}
    assert said["not again"] == "Round(files=0, rows=0, removed=0)"
    assert said["old"] == 6
    assert said["empty"] == 0


def test_a_round_that_fails_lets_nothing_be_deleted(tmp_path: Path) -> None:
    scene = f"""
(place / "archive").write_text("not a directory")
archive = Archive(store, ArchiveFiles(place / "archive"), 365)
archive.hold()
store.command('''{SEED}''')
try:
    archive.round()
except OSError as error:
    say("error", type(error).__name__)
store.command("OPTIMIZE TABLE spans FINAL")
say("rows", len(ids()))
"""
    assert play(tmp_path, scene) == {"error": "NotADirectoryError", "rows": 8}


def test_every_archived_table_comes_back_equal(tmp_path: Path) -> None:
    """One random row per table, through Parquet and back."""
    scene = """
from operations.archive import TABLES
files = ArchiveFiles(place / "archive")
archive = Archive(store, files, 365)
archive.hold()
fixed = "* EXCEPT (project, retention_days, is_deleted, version)"
wrong = []
for table, column in TABLES.items():
    names = [row["name"] for row in store.query(f"SELECT name FROM system.columns WHERE table = '{table}' AND database = currentDatabase()")]
    rest = ", ".join(f"`{n}` {t}" for n, t in ((row["name"], row["type"]) for row in store.query(
        f"SELECT name, type FROM system.columns WHERE table = '{table}' AND database = currentDatabase() AND name NOT IN ('project', 'retention_days', 'is_deleted', '{column}')"))
        ).replace("\\\\'", "'")
    structure = rest.replace("'", "''")
    archive.hold()
    store.command(f"INSERT INTO {table} ({', '.join(f'`{n}`' for n in names if n not in ('project', 'retention_days', 'is_deleted', column))}, project, retention_days, {column})"
        f" SELECT *, 'all', 3, now() - toIntervalDay(9) FROM generateRandom('{structure}', 7, 8, 3) LIMIT 1")
    print_of = lambda: store.query(f"SELECT toString(groupBitXor(cityHash64(* EXCEPT (retention_days)))) AS h, count() AS n FROM {table} FINAL WHERE project = 'all'")[0]
    before = print_of()
    archive.round()
    store.command(f"TRUNCATE TABLE {table}")
    archive.restore(Wanted(project="all", tables=(table,)), 5)
    if print_of() != before or before["n"] != 1:
        wrong.append((table, before, print_of()))
say("wrong", wrong)
say("tables", len(TABLES))
"""
    said = play(tmp_path, scene)
    assert said["wrong"] == []
    assert said["tables"] == 12
