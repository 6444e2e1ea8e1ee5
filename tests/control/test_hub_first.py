from typing import Any


async def test_subscribe(running: Any, rows: Any, say: Any) -> None:
    rows.thread("one", status="running")
    async with running.socket() as connection:
        answer = await say(connection, "subscribe", channel=f"global?project={rows.project}", request_id=1)
    assert answer["type"] == "subscribed", answer
    assert [thread["thread_id"] for thread in answer["payload"]["snapshot"]["threads"]] == ["one"]
