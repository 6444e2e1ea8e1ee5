"""The WebSocket: subscribing, what arrives, what is refused."""

import asyncio
import threading
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from schemas.events import Commit, Event, Interest

TOKEN = "a-token-of-the-tests"


def commit(*events: Event, topic: str = "otlp_spans", offset: int = 1) -> Commit:
    return Commit(topic, {0: offset} if topic else {}, lambda _: events)


def log(project: str, name: str, level: str = "INFO", thread: str = "", mcp: str = "", **payload: Any) -> Event:
    return Event(
        "log", project, name, {"message": name, "level": level, "timestamp": "2030-01-01T00:00:00.5Z", **payload}, thread, mcp, level
    )


def thread_event(project: str, name: str, kind: Any = "thread.updated") -> Event:
    return Event(kind, project, name, {"thread_id": name, "status": "running"}, name)


async def receive(connection: Any) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await asyncio.wait_for(connection.recv(), 120))
    return message


async def test_snapshots(running: Any, rows: Any, say: Any) -> None:
    rows.thread("one", status="running")
    rows.step("one", "s1")
    rows.message("one", "user", "hi")
    rows.log("hello", thread_id="one")
    rows.log("quiet", level="DEBUG", thread_id="one")
    rows.permission("one", "e1")
    rows.calls("read")
    async with running.socket() as connection:

        async def snapshot(channel: str, **more: Any) -> Any:
            answer = await say(connection, "subscribe", channel=f"{channel}?project={rows.project}", request_id=channel, **more)
            assert answer["type"] == "subscribed", answer
            assert answer["request_id"] == channel
            assert answer["cursor"]
            return answer["payload"]["snapshot"]

        assert [thread["thread_id"] for thread in (await snapshot("global"))["threads"]] == ["one"]
        assert [thread["thread_id"] for thread in (await snapshot("threads:running"))["threads"]] == ["one"]
        shown = await snapshot("thread:one")
        assert shown["thread"]["thread_id"] == "one"
        assert [item["step_id"] for item in shown["timeline"]["items"]] == ["s1"]
        assert [item["content"] for item in shown["transcript"]["items"]] == ["hi"]
        assert (await snapshot("thread:not-yet"))["thread"] is None
        for channel in ("logs:*", "logs:one", "logs:thread:one", "logs:level:INFO", "logs:INFO"):
            assert [record["message"] for record in (await snapshot(channel))["logs"]] == ["hello"], channel
        assert (await snapshot("logs:mcp:files"))["logs"] == []
        assert [record["message"] for record in (await snapshot("logs:DEBUG"))["logs"]] == ["quiet"]
        filtered = await snapshot("logs:*", payload={"filter": {"levels": ["debug"]}, "limit": 5})
        assert [record["message"] for record in filtered["logs"]] == ["quiet"]
        assert [event["event_id"] for event in (await snapshot("permission:one"))["permissions"]] == ["e1"]
        assert [event["event_id"] for event in (await snapshot("permission:*"))["permissions"]] == ["e1"]
        assert (await snapshot("mcp:files"))["mcp"]["health"] == "healthy"
        assert (await snapshot("mcp:none"))["mcp"] is None


async def test_events_reach_their_channels(running: Any, say: Any) -> None:
    events = (
        thread_event("p", "t", "thread.started"),
        Event("step", "p", "s", {"step_id": "s"}, "t", "files"),
        Event("message", "p", "m", {"content": "x"}, "t"),
        Event("score", "p", "j", {"score_id": "j"}, "t"),
        Event("permission", "p", "e", {"event_id": "e"}, "t"),
        Event("alert", "p", "a", {"alert_id": "a"}),
        Event("mcp.updated", "p", "files", {"mcp_id": "files"}, "", "files"),
        log("p", "l", "ERROR", "t", "files"),
        log("other", "l2", "ERROR", "t", "files"),
    )
    expected = {
        "global": ["t", "e", "a", "files"],
        "threads:running": ["t"],
        "thread:t": ["t", "s", "m", "j", "e"],
        "mcp:files": ["s", "files"],
        "permission:*": ["e"],
        "permission:t": ["e"],
        "logs:*": ["l"],
        "logs:t": ["l"],
        "logs:mcp:files": ["l"],
        "logs:ERROR": ["l"],
        "logs:INFO": [],
    }
    async with running.socket() as connection:
        for channel in expected:
            await say(connection, "subscribe", channel=f"{channel}?project=p")
        await say(connection, "subscribe", channel="logs:level:ERROR?project=*")
        running.hub.publish(commit(*events))
        seen: dict[str, list[str]] = {channel: [] for channel in expected}
        everywhere = []
        for _ in range(sum(map(len, expected.values())) + 2):
            message = await receive(connection)
            assert message["type"] == "event"
            assert message["timestamp"]
            if message["channel"].endswith("=*"):
                everywhere.append(message["id"])
            else:
                seen[message["channel"].removesuffix("?project=p")].append(message["id"])
        assert seen == expected
        assert everywhere == ["l", "l2"]
        assert (await say(connection, "ping", request_id="r"))["type"] == "pong"


async def test_log_filter(running: Any, say: Any) -> None:
    wanted = {
        "threads": ["t"],
        "mcps": ["files"],
        "services": ["shop"],
        "levels": ["error"],
        "search": "NEEDLE",
        "from": "2029-01-01",
        "to": "2031-01-01",
    }
    good = log("default", "a needle", "ERROR", "t", "files", service="shop")
    others = [
        log("default", "a needle", "INFO", "t", "files", service="shop"),
        log("default", "a needle", "ERROR", "u", "files", service="shop"),
        log("default", "a needle", "ERROR", "t", "mail", service="shop"),
        log("default", "a needle", "ERROR", "t", "files", service="bank"),
        log("default", "hay", "ERROR", "t", "files", service="shop"),
        log("default", "a needle", "ERROR", "t", "files", service="shop", timestamp="2032-01-01T00:00:00Z"),
    ]
    async with running.socket() as connection:
        await say(connection, "subscribe", channel="logs:*", filter=wanted)
        running.hub.publish(commit(*others, good, topic="otlp_logs"))
        message = await receive(connection)
        assert (message["payload"]["level"], message["payload"]["service"]) == ("ERROR", "shop")
        assert (await say(connection, "ping"))["type"] == "pong"


async def test_unsubscribed_is_quiet(running: Any, say: Any) -> None:
    async with running.socket() as connection:
        await say(connection, "subscribe", channel="global")
        await say(connection, "subscribe", channel="global")  # again: replaces the first
        assert (await say(connection, "unsubscribe", channel="global", request_id=3))["type"] == "unsubscribed"
        running.hub.publish(commit(thread_event("default", "t")))
        assert (await say(connection, "ping"))["type"] == "pong"
        assert (await say(connection, "unsubscribe", channel="global"))["type"] == "error"


async def test_queries_are_the_api(running: Any, rows: Any, say: Any) -> None:
    rows.thread("a/b")
    async with connect(f"ws://127.0.0.1:{running.port}/ws?token={TOKEN}") as connection:
        answer = await say(connection, "query", request_id=1, payload={"path": f"/api/threads?project={rows.project}"})
        assert (answer["type"], answer["request_id"], answer["payload"]["status"]) == ("response", 1, 200)
        assert [item["thread_id"] for item in answer["payload"]["body"]["items"]] == ["a/b"]
        answer = await say(connection, "query", path=f"/api/threads/a%2Fb?project={rows.project}")
        assert answer["payload"]["body"]["thread_id"] == "a/b"
        answer = await say(connection, "query", path="/api/threads?limit=0")
        assert (answer["payload"]["status"], answer["payload"]["body"]["title"]) == (400, "Bad parameter")
        for path in ("/metrics", "/api/logs/export", 7, None, "http://elsewhere/api/"):
            answer = await say(connection, "query", payload={"path": path}, request_id="x")
            assert (answer["type"], answer["request_id"]) == ("error", "x")
        answer = await say(connection, "command", payload={"name": "echo", "arguments": {"a": 1}}, request_id=2)
        assert (answer["type"], answer["request_id"], answer["payload"]) == ("response", 2, {"said": {"a": 1}})
        answer = await say(connection, "command", payload={"name": "pause"})
        assert answer["payload"]["reason"] == "there is no command 'pause'; there are echo"
        for payload in ({"name": "echo", "arguments": 7}, {"name": 7}, {}):
            answer = await say(connection, "command", payload=payload)
            assert "a command has a payload like" in answer["payload"]["reason"]
        answer = await say(connection, "command", payload={"name": "echo", "arguments": {"bad": True}})
        assert answer["payload"]["reason"] == "bad is bad"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", '"x"', "{}", '{"type": "odd"}', '{"type": ["ping"]}', '{"type": "subscribe"}', '{"type": "subscribe", "channel": 7}',
        '{"type": "subscribe", "channel": "odd"}', '{"type": "subscribe", "channel": "thread:"}', '{"type": "subscribe", "channel": "logs:"}',
        '{"type": "subscribe", "channel": "logs:level:LOUD"}', '{"type": "subscribe", "channel": "global", "since": "x"}',
        '{"type": "subscribe", "channel": "global", "since": "e30.0"}', '{"type": "subscribe", "channel": "global", "since": 7}',
        '{"type": "subscribe", "channel": "global", "payload": 7}', '{"type": "subscribe", "channel": "global", "limit": 0}',
        '{"type": "subscribe", "channel": "logs:*", "filter": 7}', '{"type": "subscribe", "channel": "logs:*", "filter": {"odd": 1}}',
        '{"type": "subscribe", "channel": "logs:*", "filter": {"levels": "INFO"}}', '{"type": "subscribe", "channel": "logs:*", "filter": {"levels": ["X"]}}',
        '{"type": "subscribe", "channel": "logs:*", "filter": {"search": 7}}', '{"type": "subscribe", "channel": "logs:*", "filter": {"from": "x"}}',
        b"\xff\xfe", b"{}", '{"type": "ping", "x": "' + "y" * 70_000 + '"}',
    ],
)  # fmt: skip
async def test_malformed_messages_keep_the_connection(running: Any, say: Any, text: Any) -> None:
    async with running.socket() as connection:
        await connection.send(text)
        answer = await receive(connection)
        assert answer["type"] == "error"
        assert answer["payload"]["reason"]
        assert (await say(connection, "ping"))["type"] == "pong"


@pytest.mark.slow
async def test_too_many_connections_and_subscriptions(start: Any, say: Any) -> None:
    async with start(websocket_max_connections=1) as running, running.socket() as connection:
        await say(connection, "ping")
        with pytest.raises(InvalidStatus) as refused:
            await running.socket()
        assert refused.value.response.status_code == 503
        for number in range(500):
            await connection.send(orjson.dumps({"type": "subscribe", "channel": f"logs:mcp:{number}", "since": None}).decode())
        for _ in range(500):
            assert (await receive(connection))["type"] == "subscribed"
        assert (await say(connection, "subscribe", channel="global"))["type"] == "error"
        text = (await running.client.get("/metrics")).text
        assert "mission_control_websocket_connections 1.0" in text
        assert 'mission_control_websocket_refused_total{reason="too_many"} 1.0' in text


async def test_a_slow_reader_is_told_and_slows_nobody(start: Any, say: Any) -> None:
    async with start(websocket_queue=50) as running, running.socket() as fast:
        slow = await running.socket(max_queue=1, compression=None)
        await say(fast, "subscribe", channel="logs:*")
        await say(slow, "subscribe", channel="logs:*")
        total = 400
        for number in range(total):
            running.hub.publish(commit(log("default", f"{number}", filler="x" * 40_000), topic="otlp_logs", offset=number + 1))
            message = await receive(fast)  # the slow one has stopped reading; this one gets each at once
            assert message["id"] == str(number)
        seen: list[str] = []
        while True:
            message = await receive(slow)
            if message["type"] == "dropped":
                break
            seen.append(message["id"])
        assert message["payload"]["count"] + len(seen) == total
        answer = await say(slow, "subscribe", channel="logs:*", since=message["cursor"])
        while answer["type"] == "subscribed" and answer["payload"].get("missed"):
            assert answer["payload"]["missed"] <= 50
            break
        else:
            assert answer["payload"]["resumed"] is False  # more than its queue holds: a snapshot
        await slow.close()
        assert f"mission_control_websocket_dropped_events_total {float(total - len(seen))}" in (await running.client.get("/metrics")).text


async def test_events_that_cannot_be_built_hurt_nobody(running: Any, say: Any) -> None:
    def fail(_: Interest) -> list[Event]:
        raise ValueError("a bug")

    async with running.socket() as connection:
        await say(connection, "subscribe", channel="global")
        running.hub.publish(Commit("otlp_spans", {0: 1}, fail))
        running.hub.publish(commit(thread_event("default", "t"), offset=2))
        assert (await receive(connection))["id"] == "t"


async def test_nobody_listens_nothing_is_built(running: Any) -> None:
    def fail(_: Interest) -> list[Event]:
        raise AssertionError("events were built for nobody")

    running.hub.publish(Commit("otlp_spans", {0: 7}, fail))
    await asyncio.sleep(0.05)
    assert running.hub.position.offsets == {"otlp_spans": {0: 7}}


async def test_who_comes_while_events_are_built_misses_none(running: Any, say: Any) -> None:
    """They were built for others: they are built once more."""
    asked: list[Interest] = []
    begun, go_on = threading.Event(), threading.Event()

    def build(interest: Interest) -> list[Event]:
        asked.append(interest)
        begun.set()
        go_on.wait(120)
        return [Event("step", "default", "s", {"step_id": "s"}, "t")] if interest.wants("default", "t") else []

    async with running.socket() as connection:
        await say(connection, "subscribe", channel="global")
        running.hub.publish(Commit("otlp_spans", {0: 1}, build))
        await asyncio.to_thread(begun.wait, 30)
        assert (await say(connection, "subscribe", channel="thread:t"))["type"] == "subscribed"
        go_on.set()
        assert (await receive(connection))["id"] == "s"
    assert [interest.steps for interest in asked] == [False, True]
