"""Nothing is lost and nothing doubled across a reconnect, from recent commits or from the tables."""

import asyncio
import threading
import time
from typing import Any

import orjson

from control.position import Position, decode
from control.replay import OLDEST_NS, stretches
from schemas.events import Commit, Event, no_events

SECOND = 1_000_000_000


async def receive(connection: Any) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await asyncio.wait_for(connection.recv(), 120))
    return message


async def subscribe(connection: Any, channel: str, since: str = "", **more: Any) -> dict[str, Any]:
    await connection.send(orjson.dumps({"type": "subscribe", "channel": channel, "since": since, **more}).decode())
    return await receive(connection)


async def reach(running: Any, offset: int = 0, commits: int = 0) -> None:
    """Until the hub has handed out everything before `offset`, and so many commits."""
    async with asyncio.timeout(120):
        while running.hub.position.offsets.get("otlp_logs", {}).get(0, 0) < offset or running.hub.position.commit < commits:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def log_event(row: dict[str, Any]) -> Event:
    payload = {"message": row["Body"], "log_id": row["record_id"].hex(), "level": row["level"]}
    return Event("log", row["project"], row["record_id"].hex(), payload, row["thread_id"], "", row["level"])


class Stream:
    """Stores log records and publishes them, batch by batch, as the pipeline does: insert first, then tell."""

    def __init__(self, rows: Any, publish: Any) -> None:
        self.rows = rows
        self.publish = publish
        self.offset = 0
        self.sent: list[str] = []

    def step(self, count: int = 3) -> None:
        rows = [
            self.rows.log_row(f"m{len(self.sent) + n}", log_offset=self.offset + n, Timestamp=self.rows.now + self.offset + n)
            for n in range(count)
        ]
        self.rows.put("log_records", *rows)
        self.offset += count
        self.sent += [row["Body"] for row in rows]
        events = [log_event(row) for row in rows]
        self.publish(Commit("otlp_logs", {0: self.offset}, lambda _: events))


async def read_some(running: Any, channel: str, cursor: str, count: int) -> tuple[list[str], str]:
    """Connect, resume, read `count` events, break off without a goodbye."""
    seen: list[str] = []
    connection = await running.socket()
    answer = await subscribe(connection, channel, cursor)
    assert answer["type"] == "subscribed", answer
    assert answer["payload"]["resumed"] is bool(cursor)
    cursor = answer["cursor"]
    while len(seen) < count:
        message = await receive(connection)
        assert message["type"] == "event", message
        seen.append(message["payload"]["message"])
        cursor = message["cursor"]
    connection.transport.abort()
    return seen, cursor


async def test_reconnecting_while_commits_go_on(running: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    stream = Stream(rows, running.hub.publish)
    stop = threading.Event()

    def produce() -> None:
        while not stop.is_set() and len(stream.sent) < 900:
            stream.step()
            time.sleep(0.004)

    _, cursor = await read_some(running, channel, "", 0)
    thread = threading.Thread(target=produce)
    thread.start()
    seen: list[str] = []
    for count in (1, 2, 5, 7, 20, 3, 40, 1, 11, 50):  # mostly in the middle of a commit
        more, cursor = await read_some(running, channel, cursor, count)
        seen += more
    stop.set()
    await asyncio.to_thread(thread.join)
    more, _ = await read_some(running, channel, cursor, len(stream.sent) - len(seen))
    assert seen + more == stream.sent


async def test_resume_from_the_tables_after_a_restart(start: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    async with start() as running:
        stream = Stream(rows, running.hub.publish)
        _, cursor = await read_some(running, channel, "", 0)
        stream.step()
        seen, cursor = await read_some(running, channel, cursor, 3)
    stream.publish = lambda commit: None
    stream.step(5)  # committed while nobody served
    async with start() as running:
        running.hub.start_at("otlp_logs", {0: stream.offset})
        stream.publish = running.hub.publish
        connection = await running.socket()
        answer = await subscribe(connection, channel, cursor)
        assert answer["payload"] == {"resumed": True, "missed": 5}
        stream.step(2)
        messages = [await receive(connection) for _ in range(7)]
        assert seen + [message["payload"]["message"] for message in messages] == stream.sent
        await connection.close()
        # The cursors of a replay resume within it.
        for place, message in enumerate(messages, 4):
            more, _ = await read_some(running, channel, message["cursor"], len(stream.sent) - place)
            assert more == stream.sent[place:]


async def test_resume_inside_one_request_of_many_records(start: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    async with start() as running:
        _, cursor = await read_some(running, channel, "", 0)
    names = [f"m{n}" for n in range(6)]
    rows.put("log_records", *(rows.log_row(name, log_offset=n // 4, Timestamp=rows.now + n) for n, name in enumerate(names)))
    async with start() as running:
        running.hub.start_at("otlp_logs", {0: 2})
        for place in range(6):
            seen, broken_off = await read_some(running, channel, cursor, place)
            more, _ = await read_some(running, channel, broken_off, 6 - place)
            assert seen + more == names


async def test_commits_during_a_replay_come_after_it_once(start: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    async with start() as running:
        stream = Stream(rows, running.hub.publish)
        _, cursor = await read_some(running, channel, "", 0)
    async with start() as running:
        stream.publish = running.hub.publish
        running.hub.start_at("otlp_logs", {0: 0})
        stream.step(10)
        await reach(running, 10)
        missed = running.hub.replay.missed

        async def slowly(*given: Any) -> Any:
            await asyncio.to_thread(stream.step, 4)
            await reach(running, 14)
            return await missed(*given)

        async def of_then(subscription: Any, since: Any, until: Any, most: int) -> Any:
            return await slowly(subscription, since, until, most)

        running.hub.replay.missed = of_then
        more, _ = await read_some(running, channel, cursor, 14)
        assert more == stream.sent


async def test_every_channel_is_read_back(start: Any, rows: Any) -> None:
    async with start() as running:
        connection = await running.socket()
        cursor = (await subscribe(connection, f"global?project={rows.project}"))["cursor"]
        await connection.close()
    now = time.time_ns()
    rows.thread("t", status="running", computed_at=now)
    rows.thread("u", computed_at=now + 1, mcp_ids=["mail"])
    rows.step("t", "s1", log_offset=5)
    rows.step("u", "s2", log_offset=6, mcp_id="mail")
    rows.message("t", "user", [{"type": "text", "content": "hi"}], log_offset=5)
    rows.permission("t", "e1", log_offset=5)
    rows.score("t", "j1", log_offset=4)
    rows.score("t", "j2", log_offset=6, log_topic="otlp_spans")
    rows.score("u", "j3", log_offset=6)
    rows.permission("u", "e2", log_offset=6, log_topic="otlp_logs", mcp_id="mail")
    rows.log("l1", log_offset=5, thread_id="t")
    rows.log("l2", log_offset=6, level="ERROR")
    expected = {
        "global": ["permission e1", "permission e2", "thread.updated t", "thread.ended u"],
        "threads:running": ["thread.updated t", "thread.ended u"],
        "thread:t": ["step s1", "message", "permission e1", "score j2", "score j1", "thread.updated t"],
        "mcp:mail": ["step s2", "permission e2", "thread.ended u"],
        "permission:*": ["permission e1", "permission e2"],
        "permission:u": ["permission e2"],
        "logs:t": ["log l1"],
        "logs:ERROR": ["log l2"],
    }
    async with start() as running:
        for topic in ("otlp_spans", "otlp_logs"):
            running.hub.start_at(topic, {0: 7})
        running.hub.publish(Commit("", {}, no_events))
        async with running.socket() as connection:
            for channel, wanted in expected.items():
                answer = await subscribe(connection, f"{channel}?project={rows.project}", cursor)
                assert answer["payload"] == {"resumed": True, "missed": len(wanted)}, channel
                seen = []
                for _ in wanted:
                    message = await receive(connection)
                    key = message["payload"]["message"] if message["event"] == "log" else message["id"]
                    assert message["event"] != "message" or message["payload"]["parts"] == [{"type": "text", "content": "hi"}]
                    seen.append("message" if message["event"] == "message" else f"{message['event']} {key}")
                assert seen == wanted, channel


async def test_much_that_was_missed_comes_in_pieces(start: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    async with start(websocket_queue=10) as running:
        stream = Stream(rows, running.hub.publish)
        _, cursor = await read_some(running, channel, "", 0)
        stream.step(25)
        seen: list[str] = []
        async with running.socket() as connection:
            while len(seen) < 25:
                answer = await subscribe(connection, channel, cursor)
                assert answer["payload"]["resumed"] is True
                for _ in range(answer["payload"]["missed"]):
                    message = await receive(connection)
                    seen.append(message["payload"]["message"])
                    cursor = message["cursor"]
                if len(seen) < 25:
                    told = await receive(connection)
                    assert (told["type"], told["cursor"], told["payload"]["count"]) == ("dropped", cursor, 25 - len(seen))
        assert len(set(seen)) == 25


async def test_too_much_for_the_tables_or_too_old_gives_a_snapshot(start: Any, rows: Any) -> None:
    channel = f"logs:*?project={rows.project}"
    for number in range(30):
        rows.log(f"record {number}")
    old = Position("elsewhere", 3, {"otlp_logs": {0: 0}}, time.time_ns() - 2 * OLDEST_NS)
    async with start(websocket_queue=10) as running, running.socket() as connection:
        running.hub.publish(Commit("", {}, no_events))
        await asyncio.sleep(0.05)
        for since in (old, Position("elsewhere", 3, {"otlp_logs": {0: 0}}, time.time_ns())):
            assert (await subscribe(connection, channel, f"{since.encode()}.0"))["payload"]["resumed"] is False
            assert (await receive(connection))["type"] == "dropped"


async def test_records_of_the_snapshot_do_not_come_again(running: Any, rows: Any) -> None:
    """A record that is stored, then shown in a snapshot, then published, is sent once."""
    row = rows.log("early")
    channel = f"logs:*?project={rows.project}"
    take = running.hub.snapshots.take

    async def publish_meanwhile(*given: Any) -> Any:
        snapshot = await take(*given)
        later = rows.log_row("later")
        running.hub.publish(Commit("otlp_logs", {0: 1}, lambda _: [log_event(row), log_event(later)]))
        await reach(running, commits=1)
        return snapshot

    running.hub.snapshots.take = publish_meanwhile
    async with running.socket() as connection:
        answer = await subscribe(connection, channel)
        assert [record["message"] for record in answer["payload"]["snapshot"]["logs"]] == ["early"]
        assert (await receive(connection))["payload"]["message"] == "later"


async def test_more_than_a_queue_during_a_snapshot_is_counted(start: Any, rows: Any) -> None:
    async with start(websocket_queue=5) as running:
        stream = Stream(rows, running.hub.publish)
        take = running.hub.snapshots.take

        async def publish_meanwhile(*given: Any) -> Any:
            snapshot = await take(*given)
            await asyncio.to_thread(stream.step, 20)
            await reach(running, commits=1)
            return snapshot

        running.hub.snapshots.take = publish_meanwhile
        async with running.socket() as connection:
            await subscribe(connection, f"logs:*?project={rows.project}")
            kinds: list[str] = []
            while not kinds or kinds[-1] != "dropped":
                message = await receive(connection)
                kinds.append(message["type"])
            assert message["payload"]["count"] + len(kinds) - 1 == 20


def test_positions() -> None:
    start = Position("h", 0, {}, 5)
    after = (
        start.after(Commit("a", {1: 4}, no_events), 99)
        .after(Commit("a", {1: 3, 2: 1}, no_events), 100)
        .after(Commit("", {}, no_events), 101)
    )
    assert after == Position("h", 3, {"a": {1: 4, 2: 1}}, 101)
    assert decode(f"{after.encode()}.7") == (after, 7)
    assert [(s.partition, s.low, s.high) for s in stretches("a", Position("h", 1, {"a": {1: 2}}, 0), after)] == [(1, 2, 4), (2, 0, 1)]
    assert [s.high for s in stretches("a", after, start)] == [2**63 - 1] * 2
    assert list(stretches("a", after, after)) == []
