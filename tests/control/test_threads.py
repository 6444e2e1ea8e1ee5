from typing import Any
from urllib.parse import quote

import pytest

from control.times import iso
from pipeline.price_list import Price
from pipeline.prices import price_batch

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


async def ids(running: Any, rows: Any, **parameters: Any) -> list[str]:
    page = await running.get("/api/threads", project=rows.project, **parameters)
    return [item["thread_id"] for item in page["items"]]


async def test_list_shows_the_newest_first_in_pages(running: Any, rows: Any) -> None:
    for number in range(5):
        rows.thread(f"thread-{number}", started_at=rows.now - number * number * 20 * HOUR)
    seen, cursor = [], None
    while True:
        page = await running.get("/api/threads", project=rows.project, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [item["thread_id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
        rows.thread(f"later-{len(seen)}")  # a cursor does not mind what comes in before it
    assert seen == [f"thread-{number}" for number in range(5)]


async def test_threads_with_one_start_are_all_shown(running: Any, rows: Any) -> None:
    for name in "abcde":
        rows.thread(name, started_at=rows.now)
    first = await running.get("/api/threads", project=rows.project, limit=3)
    rest = await running.get("/api/threads", project=rows.project, limit=3, cursor=first["next"])
    assert [item["thread_id"] for item in first["items"] + rest["items"]] == list("edcba")


async def test_a_moved_start_leaves_no_second_thread(running: Any, rows: Any) -> None:
    row = rows.thread("moved", started_at=rows.now)
    rows.put("thread_summaries", {**row, "is_deleted": 1, "version": 90})
    rows.thread("moved", started_at=rows.now - HOUR, version=91)
    assert await ids(running, rows) == ["moved"]


async def test_filters(running: Any, rows: Any) -> None:
    rows.thread("agent", status="running", user_input="Find the Ünicorn", started_at=rows.now)
    rows.thread("mcp", kind="mcp", mcp_ids=["mail"], name="mail", started_at=rows.now - 1)
    rows.thread("trace", kind="trace", started_at=rows.now - 2)
    rows.thread("old", status="error", started_at=rows.now - 400 * HOUR, parent_thread_id="agent")
    assert await ids(running, rows) == ["agent", "mcp", "old"]
    assert await ids(running, rows, kind="trace") == ["trace"]
    assert await ids(running, rows, kind="*") == ["agent", "mcp", "trace", "old"]
    assert await ids(running, rows, kind="agent,trace") == ["agent", "trace", "old"]
    assert await ids(running, rows, status="error") == ["old"]
    assert await ids(running, rows, mcp_id="mail") == ["mcp"]
    assert await ids(running, rows, parent="agent") == ["old"]
    assert await ids(running, rows, q="üNICORN") == ["agent"]
    assert await ids(running, rows, **{"from": iso(rows.now - HOUR)}) == ["agent", "mcp"]
    assert await ids(running, rows, to=iso(rows.now - HOUR)) == ["old"]


async def test_status_stalled_and_its_time(running: Any, rows: Any) -> None:
    long_ago = rows.now - 400 * SECOND
    rows.thread("silent", status="running", last_received=long_ago, started_at=long_ago)
    rows.thread("asks", status="running", last_received=long_ago, waiting_for="write", started_at=long_ago)
    rows.thread("busy", status="running")
    assert await ids(running, rows, status="stalled") == ["silent"]
    assert sorted(await ids(running, rows, status="running")) == ["asks", "busy", "silent"]
    thread = await running.get("/api/threads/silent", project=rows.project)
    assert thread["stalled_since"] == iso(long_ago + SECOND)
    assert thread["status"] == "running"


async def test_all_projects_and_the_default_one(running: Any, rows: Any) -> None:
    rows.thread(f"only-{rows.project}", started_at=rows.now + 60 * SECOND)
    page = await running.get("/api/threads", project="*", q=f"only-{rows.project}")
    assert [item["project"] for item in page["items"]] == [rows.project]
    page = await running.get("/api/threads", q=f"only-{rows.project}")
    assert page["items"] == []
    assert rows.project in [row["project"] for row in (await running.get("/api/projects"))["items"]]


@pytest.mark.parametrize(
    "thread_id", ["plain", "with/slash", "a/timeline", "/", "quote'\"\\", "héllo 🛰 %2F", "?x=1&y#z", "a,b; DROP TABLE x", "a\tb\n"]
)
async def test_ids_hold_any_character(running: Any, rows: Any, thread_id: str) -> None:
    rows.thread(thread_id)
    rows.step(thread_id, "s1")
    rows.message(thread_id, "user", "hello")
    rows.log("something", thread_id=thread_id)
    path = f"/api/threads/{quote(thread_id, safe='')}"
    assert (await running.get(path, project=rows.project))["thread_id"] == thread_id
    for part in ("timeline", "transcript", "logs"):
        assert len((await running.get(f"{path}/{part}", project=rows.project))["items"]) == 1, part


async def test_detail_has_the_columns_of_the_view(running: Any, rows: Any, store: Any) -> None:
    rows.thread("one", attributes={"a": "b"}, started_at=rows.now - 1)
    columns = {
        row["name"] for row in store.query("SELECT name FROM system.columns WHERE database = 'mission_control' AND table = 'threads'")
    }
    thread = await running.get("/api/threads/one", project=rows.project)
    other_names = {"id", "parent_id", "mcp_id", "memory_usage", "cpu_usage", "execution_context"}
    assert thread.keys() == columns - {"last_received", "computed_at"} - other_names | {"scores"}
    assert thread["started_at"] == iso(rows.now - 1)
    assert thread["attributes"] == {"a": "b"}
    assert thread["duration_ms"] == 1000.0


async def test_what_is_not_there(running: Any, rows: Any) -> None:
    for part in ("", "/timeline", "/transcript", "/logs", "/at?time=2026-01-01"):
        response = await running.client.get(f"/api/threads/nobody{part}")
        assert response.status_code == 404, part
        assert response.headers["content-type"] == "application/problem+json"
        assert "project=NAME" in response.json()["detail"]


async def test_timeline_numbers_nests_and_shows_permissions(running: Any, rows: Any) -> None:
    rows.thread("t", permission_checks=2)
    rows.step("t", "root", type="agent", started_at=rows.now)
    rows.step("t", "call", parent_step_id="root", started_at=rows.now + 2, attributes={"x": "y"})
    rows.step("t", "check", type="check_permission", parent_step_id="call", started_at=rows.now + 3)
    rows.step("t", "open", parent_step_id="elsewhere", status="running", started_at=rows.now + 9)
    rows.permission("t", "by-step", step_id="check", timestamp=rows.now + 3)
    rows.permission("t", "alone", phase="ask", step_id="call", timestamp=rows.now + 4)
    page = await running.get("/api/threads/t/timeline", project=rows.project)
    shown = [(item["sequence"], item["step_id"], item["type"], item["depth"]) for item in page["items"]]
    assert shown == [
        (1, "root", "agent", 0),
        (2, "call", "tool_call", 1),
        (3, "check", "check_permission", 2),
        (4, "alone", "check_permission", 2),
        (5, "open", "tool_call", 0),
    ]
    assert page["items"][2]["permission"]["granted"] == 1
    assert page["items"][3]["permission"]["granted"] is None
    assert page["items"][3]["status"] == "running"
    assert page["items"][1]["duration_ms"] == 5.0
    assert page["items"][1]["permission"] is None
    assert page["items"][4]["ended_at"] is None


async def test_timeline_in_pages_keeps_numbers_and_depth(running: Any, rows: Any) -> None:
    rows.thread("t")
    rows.put(
        "steps",
        *(rows.step_row("t", f"s{n:03}", parent_step_id=f"s{n - 1:03}" if n else "", started_at=rows.now + n // 2) for n in range(80)),
    )
    items, cursor = [], None
    while True:
        page = await running.get("/api/threads/t/timeline", project=rows.project, limit=30, **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["next"]
        if not cursor:
            break
    assert [item["sequence"] for item in items] == list(range(1, 81))
    assert [item["step_id"] for item in items] == [f"s{n:03}" for n in range(80)]
    assert [item["depth"] for item in items] == [min(n, 64) for n in range(80)]


async def test_a_ring_of_parents_ends(running: Any, rows: Any) -> None:
    rows.thread("t")
    rows.step("t", "a", parent_step_id="b")
    rows.step("t", "b", parent_step_id="a")
    page = await running.get("/api/threads/t/timeline", project=rows.project)
    assert {item["depth"] for item in page["items"]} == {64}


async def test_steps_received_on_many_days(running: Any, rows: Any) -> None:
    """Partitions are left out by day; a long thread and a sender whose clock runs ahead still show every step."""
    rows.thread("long", started_at=rows.now - 80 * HOUR, last_received=rows.now, last_seen_at=rows.now)
    rows.thread("ahead", started_at=rows.now + 50 * HOUR, last_received=rows.now, last_seen_at=rows.now + 90 * HOUR)
    for thread in ("long", "ahead"):
        for days in range(4):
            rows.step(thread, f"day{days}", received=rows.now - days * 24 * HOUR, started_at=rows.now - days * 24 * HOUR)
        page = await running.get(f"/api/threads/{thread}/timeline", project=rows.project)
        assert [item["step_id"] for item in page["items"]] == ["day3", "day2", "day1", "day0"]


async def test_transcript(running: Any, rows: Any) -> None:
    rows.thread("t")
    rows.message("t", "system", "Be kind", timestamp=rows.now)
    rows.message("t", "user", [{"type": "text", "content": "hi"}, {"type": "text", "content": "there"}], timestamp=rows.now + 1)
    rows.message(
        "t", "assistant", [{"type": "tool_call", "name": "read", "arguments": {"path": "a"}}], timestamp=rows.now + 2, direction="output"
    )
    rows.message(
        "t",
        "tool",
        [{"type": "tool_call_response", "response": {"n": 1}}, {"type": "other"}, "bare", {"text": None}],
        timestamp=rows.now + 3,
    )
    rows.message("t", "user", "[not json", timestamp=rows.now + 4)
    first = await running.get("/api/threads/t/transcript", project=rows.project, limit=2)
    rest = await running.get("/api/threads/t/transcript", project=rows.project, cursor=first["next"])
    items = first["items"] + rest["items"]
    assert [item["sequence"] for item in items] == [1, 2, 3, 4, 5]
    assert [item["role_alias"] for item in items] == ["directive", "user", "agent", "tool", "user"]
    assert [item["content"] for item in items] == [
        "Be kind", "hi\nthere", 'read({"path":"a"})', '{"n":1}\n{"type":"other"}\nbare\n', "[not json",
    ]  # fmt: skip
    assert items[1]["parts"][0] == {"type": "text", "content": "hi"}


async def test_state_at_an_instant(running: Any, rows: Any) -> None:
    rows.thread("t", started_at=rows.now, ended_at=rows.now + 10 * SECOND, permission_checks=1)
    rows.step("t", "root", type="agent", started_at=rows.now, duration_ns=10 * SECOND)
    rows.step("t", "llm", type="llm_call", started_at=rows.now + SECOND, duration_ns=SECOND, input_tokens=7, status="error")
    rows.step("t", "late", started_at=rows.now + 5 * SECOND, duration_ns=SECOND)
    rows.permission("t", "e", phase="ask", timestamp=rows.now + SECOND)
    rows.permission("t", "e", timestamp=rows.now + 4 * SECOND, result="deny")

    async def at(seconds: float) -> Any:
        return await running.get("/api/threads/t/at", project=rows.project, time=iso(rows.now + int(seconds * SECOND)))

    early, middle, end = await at(-1), await at(3), await at(20)
    assert (early["status"], early["steps_begun"]) == ("not_started", 0)
    assert (middle["status"], middle["steps_begun"], middle["steps_ended"], middle["errors"]) == ("running", 2, 1, 1)
    assert (middle["input_tokens"], middle["permissions_pending"], middle["permission_denials"]) == (7, 1, 0)
    assert [step["step_id"] for step in middle["open_steps"]] == ["root"]
    assert (end["status"], end["steps_ended"], end["open_steps"], end["permission_denials"]) == ("complete", 3, [], 1)


async def test_state_at_an_instant_estimates_costs_that_nobody_stated(running: Any, rows: Any, store: Any) -> None:
    model = f"m-{rows.project}"
    store.insert("model_prices", price_batch([("p", model, Price(2.0, 3.0, 0.5, 1.0))]))
    rows.thread("t", started_at=rows.now, ended_at=rows.now + 10 * SECOND)
    rows.step("t", "stated", type="llm_call", started_at=rows.now, cost_usd=0.25)
    used = {"input_tokens": 10, "output_tokens": 1, "cache_read_tokens": 4, "cache_write_tokens": 2, "cost_usd": None}
    rows.step("t", "estimated", type="llm_call", started_at=rows.now, provider="p", model=model, **used)
    state = await running.get("/api/threads/t/at", project=rows.project, time=iso(rows.now + 5 * SECOND))
    assert state["cost_usd"] == 0.25 + 4 * 2.0 + 1 * 3.0 + 4 * 0.5 + 2 * 1.0


async def test_checks_among_the_steps_of_many_pages(running: Any, rows: Any) -> None:
    """Which checks have a step of their own, and how deep they lie, does not depend on which page shows that step."""
    rows.thread("t", permission_checks=4)
    steps = [rows.step_row("t", f"s{n:02}", parent_step_id=f"s{n - 1:02}" if n else "", started_at=rows.now + 10 * n) for n in range(8)]
    stands = rows.step_row("t", "stands", type="check_permission", parent_step_id="s07", started_at=rows.now + 75)
    rows.put("steps", *steps, stands)
    rows.permission("t", "early", step_id="s06", timestamp=rows.now + 5)
    rows.permission("t", "late", "ask", step_id="s02", timestamp=rows.now + 65)
    rows.permission("t", "shown", step_id="stands", timestamp=rows.now + 15)
    rows.permission("t", "last", step_id="nowhere", timestamp=rows.now + 900)
    whole = await running.get("/api/threads/t/timeline", project=rows.project)
    assert [(item["step_id"], item["depth"]) for item in whole["items"]] == [
        *(("s00", 0), ("early", 7), ("s01", 1), ("s02", 2), ("s03", 3), ("s04", 4), ("s05", 5), ("s06", 6), ("late", 3), ("s07", 7)),
        *(("stands", 8), ("last", 0)),
    ]
    items, cursor = [], None
    while True:
        page = await running.get("/api/threads/t/timeline", project=rows.project, limit=2, **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        if not (cursor := page["next"]):
            break
    assert items == whole["items"]
