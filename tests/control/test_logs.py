import csv
import io
from typing import Any

import orjson
import pytest

from control import projects
from control.times import iso

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


async def messages(running: Any, rows: Any, **parameters: Any) -> list[str]:
    page = await running.get("/api/logs", project=rows.project, **parameters)
    return [item["message"] for item in page["items"]]


async def test_filters(running: Any, rows: Any) -> None:
    rows.log("one", Timestamp=rows.now, level="ERROR", thread_id="a,b", mcp_id="files")
    rows.log("two", Timestamp=rows.now - 1, level="DEBUG", ServiceName="bank")
    rows.log("three", Timestamp=rows.now - 40 * HOUR, level="WARN", thread_id="c")
    assert await messages(running, rows) == ["one", "two", "three"]
    assert await messages(running, rows, level="error") == ["one"]
    assert await messages(running, rows, level="ERROR,WARN") == ["one", "three"]
    assert await messages(running, rows, level=["ERROR", "WARN"]) == ["one", "three"]
    assert await messages(running, rows, thread_id="a,b") == ["one"]
    assert await messages(running, rows, mcp_id="files") == ["one"]
    assert await messages(running, rows, service="bank") == ["two"]
    assert await messages(running, rows, q="THRE") == ["three"]
    assert await messages(running, rows, to=iso(rows.now - 1)) == ["two", "three"]
    assert await messages(running, rows, **{"from": iso(rows.now - 1)}) == ["one", "two"]
    assert await messages(running, rows, offset=1) == ["two", "three"]
    assert await messages(running, rows, offset=1, limit=1) == ["two"]
    assert await messages(running, rows, offset=4) == []


async def test_a_record_that_came_twice_is_shown_once_as_it_came_last(running: Any, rows: Any) -> None:
    for thread in ("first", "last"):
        rows.put("log_records", *(rows.log_row(f"m{n}", Timestamp=rows.now - n // 2, thread_id=thread) for n in range(5)))
    for limit in (1, 2, 5):
        items, cursor = [], None
        while True:
            page = await running.get("/api/logs", project=rows.project, limit=limit, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            if not (cursor := page["next"]):
                break
        assert [item["thread_id"] for item in items] == ["last"] * 5
        assert {item["message"] for item in items} == {f"m{n}" for n in range(5)}


async def test_pages_show_every_record_once(running: Any, rows: Any) -> None:
    records = [rows.log_row(f"m{n}", Timestamp=rows.now - n // 3) for n in range(100)]
    rows.put("log_records", *records)
    rows.put("log_records", *records)  # delivered twice
    seen, cursor = [], None
    while True:
        page = await running.get("/api/logs", project=rows.project, limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [item["message"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == 100
    assert set(seen) == {f"m{n}" for n in range(100)}


async def test_all_projects_in_order(running: Any, rows: Any, store: Any) -> None:
    other = type(rows)(store, f"{rows.project}-other", rows.now)
    for n in range(4):
        (rows, other)[n % 2].log(f"{rows.project} {n}", Timestamp=rows.now - n)
    page = await running.get("/api/logs", project="*", q=rows.project)
    assert [item["message"][-1] for item in page["items"]] == ["0", "1", "2", "3"]


async def test_a_project_that_is_new_is_found_at_once(running: Any, rows: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "_FRESH", -1.0)
    for name in ("first", "second"):
        new = type(rows)(store, f"{rows.project}-{name}", rows.now)
        new.log(f"{rows.project} {name}")
        page = await running.get("/api/logs", project="*", q=f"{rows.project} {name}")
        assert [item["project"] for item in page["items"]] == [new.project]


async def test_a_threads_records_are_looked_for_in_its_times(running: Any, rows: Any) -> None:
    rows.thread("quiet", started_at=rows.now - 2 * HOUR)
    rows.thread("told", started_at=rows.now - 2 * HOUR)
    rows.thread("ahead", started_at=rows.now + 300 * HOUR)
    for thread in ("quiet", "told", "ahead"):
        for days in (0, 1, 40):
            rows.log(f"{thread} {days}", Timestamp=rows.now - days * 24 * HOUR, thread_id=thread)
    rows.put("thread_activity", rows.activity_row("told", rows.now - 40 * 24 * HOUR, rows.now))
    found = {}
    for thread in ("quiet", "told", "ahead"):
        page = await running.get(f"/api/threads/{thread}/logs", project=rows.project)
        found[thread] = [item["message"] for item in page["items"]]
    assert found == {"quiet": ["quiet 0", "quiet 1"], "told": ["told 0", "told 1", "told 40"], "ahead": ["ahead 0", "ahead 1", "ahead 40"]}


async def test_export(running: Any, rows: Any) -> None:
    rows.put("log_records", *(rows.log_row(f"m{n:05}", Timestamp=rows.now - n) for n in range(2500)))
    wanted = [f"m{n:05}" for n in range(2500)]

    async def export(**parameters: Any) -> Any:
        return await running.client.get("/api/logs/export", params={"project": rows.project, **parameters})

    lines = (await export()).text.splitlines()
    assert [orjson.loads(line)["message"] for line in lines] == wanted
    document = (await export(format="json")).json()
    assert [record["message"] for record in document] == wanted
    response = await export(format="csv", limit=1200)
    assert response.headers["content-disposition"] == 'attachment; filename="logs.csv"'
    assert [record["message"] for record in csv.DictReader(io.StringIO(response.text))] == wanted[:1200]
    assert (await export(format="json", level="ERROR")).json() == []
    assert (await export(format="csv", level="ERROR")).text.startswith("project,timestamp,level")
    refused = await export(format="pdf")
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")


async def test_a_spreadsheet_runs_nothing(running: Any, rows: Any) -> None:
    rows.log('=HYPERLINK("http://x")')
    response = await running.client.get("/api/logs/export", params={"project": rows.project, "format": "csv"})
    assert next(csv.DictReader(io.StringIO(response.text)))["message"] == '\'=HYPERLINK("http://x")'
