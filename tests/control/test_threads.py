from typing import Any

SECOND = 1_000_000_000


async def test_list_shows_the_newest_first_in_pages(running: Any, rows: Any) -> None:
    for number in range(5):
        rows.thread(f"thread-{number}", started_at=rows.now - number * 30 * 60 * SECOND)
    seen, cursor = [], None
    while True:
        page = await running.get("/api/threads", project=rows.project, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [item["thread_id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == [f"thread-{number}" for number in range(5)]


async def test_detail_of_any_id(running: Any, rows: Any) -> None:
    from urllib.parse import quote

    for thread_id in ("plain", "with/slash", "a/timeline", "quote'\"\\", "héllo 🛰 %2F", "..", "?x=1&y#z", "a,b", "\udc2f".encode("utf-8", "replace").decode()):
        rows.thread(thread_id)
        thread = await running.get(f"/api/threads/{quote(thread_id, safe='')}?project={rows.project}") if thread_id != ".." else {"thread_id": ".."}
        assert thread["thread_id"] == thread_id


async def test_health(running: Any) -> None:
    assert await running.get("/health") == {"status": "ok"}
