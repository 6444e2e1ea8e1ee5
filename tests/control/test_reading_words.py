"""The small pure parts: times, windows, statements, channels, figures, the outbox."""

import asyncio
from itertools import pairwise
from typing import Any

import orjson
import pytest

from control import times
from control.channels import UnknownChannelError, parse
from control.errors import BadParameterError
from control.figures import STEP, Figures
from control.outbox import Outbox
from control.reader import statement
from control.search import result
from control.times import HOUR, NANOSECONDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000), ("1970-01-01T00:00:00.123456789Z", 123_456_789), ("1970-01-01T01:00:00,5+01:00", 500_000_000),
        ("1970-01-01T01:00:00 01:00", 0), ("1970-01-02", 86_400_000_000_000), ("12", 12_000_000_000), ("1.000000001", 1_000_000_001),
    ],
)  # fmt: skip
def test_times(text: str, expected: int) -> None:
    assert times.parse("t", text) == expected
    assert times.parse("t", times.iso(expected)) == expected


@pytest.mark.parametrize("text", ["", "soon", "1969-01-01", "3000-01-01", "99999999999999", "2026-13-01", "²"])
def test_no_times(text: str) -> None:
    with pytest.raises(BadParameterError):
        times.parse("t", text)


def test_windows_cover_everything_once() -> None:
    now = 40 * 365 * 24 * HOUR
    for since, until in ((0, times.END), (now - 3 * HOUR, now), (0, now - 1000 * HOUR), (now, now), (now + HOUR, times.END)):
        parts = list(times.windows(since, until, now))
        assert parts[0][1] == until
        assert parts[-1][0] == since
        assert all(low <= high for low, high in parts)
        assert all(newer[0] == older[1] + 1 for newer, older in pairwise(parts))
        assert len(parts) <= 5
    assert list(times.windows(now, now - 1, now)) == []


def test_statement_keeps_the_lines_whose_parameters_are_given() -> None:
    text = "-- why\nSELECT 1\n  AND a = {a:String} --? a\n  AND b --? a b\n\nLIMIT 1"
    assert statement(text, {"a": 1}) == "SELECT 1\n  AND a = {a:String}\nLIMIT 1"
    assert statement(text, {"a": 1, "b": 2}).count("AND") == 2
    assert statement(text, {}) == "SELECT 1\nLIMIT 1"


@pytest.mark.parametrize(
    ("label", "name", "project", "subject"),
    [
        ("global", "global", "default", ""), ("global?project=x", "global", "x", ""), ("global?project=", "global", "default", ""),
        ("thread:a:b/c", "thread:a:b/c", "default", "a:b/c"), ("thread:a?project=b?project=c%20d", "thread:a?project=b", "c d", "a?project=b"),
        ("mcp:m", "mcp:m", "default", "m"), ("logs:*", "logs:*", "default", "*"), ("logs:level:warn", "logs:level:WARN", "default", "WARN"),
        ("logs:WARN", "logs:level:WARN", "default", "WARN"), ("logs:t-1", "logs:thread:t-1", "default", "t-1"),
        ("logs:thread:logs:x", "logs:thread:logs:x", "default", "logs:x"), ("logs:mcp:m", "logs:mcp:m", "default", "m"),
        ("logs:a:b", "logs:thread:a:b", "default", "a:b"), ("permission:*", "permission:*", "default", "*"),
        ("thread:logs:level:x", "thread:logs:level:x", "default", "logs:level:x"),
    ],
)  # fmt: skip
def test_channels(label: str, name: str, project: str, subject: str) -> None:
    channel = parse(label)
    assert (channel.name, channel.project, channel.subject, channel.label) == (name, project, subject, label)


@pytest.mark.parametrize(
    "label", ["", "x", "thread", "thread:", "globals", "logs", "logs:", "logs:level:X", "threads:done", "global:x", "?project=x"]
)
def test_no_channels(label: str) -> None:
    with pytest.raises(UnknownChannelError):
        parse(label)


def test_figures_by_step() -> None:
    now = [1000.0]
    figures = Figures(lambda: now[0])
    figures.request(0.010, failed=False)
    figures.request(0.030, failed=True)
    figures.query("threads", 0.002)
    figures.messages(50)
    figures.connections(3)
    now[0] += STEP
    figures.connections(1)
    shown = figures.show()
    assert shown["current"]["throughput"] == 50 / STEP
    assert shown["current"]["error_rate"] == 0.5
    assert shown["current"]["api_latency_p99_ms"] == 30.0
    assert shown["current"]["ws_connections"] == 1
    assert shown["peak"]["ws_connections"] == 3
    assert [step["ws_connections"] for step in shown["series"]] == [3, 3]
    assert shown["queries"]["threads"]["p50_ms"] == 2.0
    now[0] += 40 * STEP
    later = figures.show()
    assert len(later["series"]) == 1
    assert later["series"][0]["api_latency_p50_ms"] is None
    assert later["peak"]["api_latency_p99_ms"] is None


async def test_the_outbox_tells_what_was_lost_before_it_goes_on() -> None:
    outbox = Outbox(2)
    assert outbox.offer("a", "a1", "c0")
    assert outbox.offer("b", "b1", "c0")
    assert not outbox.offer("a", "a2", "c1")
    assert not outbox.offer("a", "a3", "c1")
    assert len(outbox) == 2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.wait_for_room(), 0.01)
    assert [await outbox.next(), await outbox.next()] == ["a1", "b1"]
    assert not outbox.offer("a", "a4", "c1")
    assert outbox.offer("b", "b2", "c5")
    assert await outbox.next() == "b2"
    told: dict[str, Any] = orjson.loads(await outbox.next())
    assert (told["type"], told["channel"], told["payload"], told["cursor"]) == ("dropped", "a", {"count": 3}, "c1")
    assert outbox.offer("a", "a5", "c9")
    outbox.lose("b", 2, "c5")
    outbox.forget("b")
    assert await outbox.next() == "a5"
    waiting = asyncio.create_task(outbox.next())
    await asyncio.sleep(0)
    outbox.say("hello")
    assert await waiting == "hello"


def test_results_show_the_find() -> None:
    found = result("log", "p", "1", "a" * 300 + "needle" + "b" * 300, "NEEDLE", "")
    assert found["title"][slice(*found["highlight"])] == "needle"
    assert len(found["title"]) == 100
    assert result("log", "p", "1", "short", "z" * 200, "")["highlight"] is None


def test_seconds_and_nanoseconds() -> None:
    assert times.optional("t", None) is None
    assert times.optional("t", "1") == NANOSECONDS
