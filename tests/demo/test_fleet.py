"""The fleet as a whole: its order, its options, and its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

import psutil
import pytest

from demo.__main__ import main
from demo.agents import World
from demo.connections import Connections, ServerDiedError
from demo.fleet import Fleet, deck, run
from demo.host import Streams
from demo.personas import PERSONAS
from demo.scenarios import SCENARIOS, Scenario
from demo.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.agents import Run
    from tests.demo.conftest import Received

_DECK = sum(scenario.share for scenario in SCENARIOS.values())


def names(seed: int, count: int = 2 * _DECK) -> list[str]:
    return [scenario.name for scenario in islice(deck(seed), count)]


def test_the_same_seed_is_the_same_day() -> None:
    assert names(7) == names(7)
    assert names(7) != names(8)


def test_every_deck_has_every_card() -> None:
    expected = sorted(scenario.name for scenario in SCENARIOS.values() for _ in range(scenario.share))
    assert sorted(names(7)[:_DECK]) == sorted(names(7)[_DECK:]) == expected


def test_what_must_be_seen_soon_comes_first() -> None:
    assert {"watch", "escalation", "code-change", "approval"} <= set(names(3)[:6])


def test_one_escalation_and_at_least_five_agents() -> None:
    assert names(7)[:_DECK].count("escalation") == 1
    assert len({scenario.agent for scenario in SCENARIOS.values()}) >= 5
    assert {scenario.agent for scenario in SCENARIOS.values()} <= set(PERSONAS)


def unreachable(_name: str) -> Streams:
    raise OSError("nothing is started here")


async def test_one_seed_makes_the_same_thread_again(received: Received) -> None:
    seen = []
    for stamp in ("a", "b"):
        with Telemetry(received.url, "demo-fleet").running() as telemetry:
            async with Connections(unreachable) as connections:
                await Fleet(World(telemetry, connections, 1000.0, stamp), seed=7).play(SCENARIOS["question"])
        starts = [e for e in received.events("mission_control.step.start") if e.thread == f"question-0001-{stamp}"]
        seen.append([(e.name, e.body, e.attributes.get("gen_ai.tool.call.id"), e.attributes["user.id"]) for e in starts])
    assert seen[0] == seen[1] != []


async def test_a_long_scenario_is_not_drawn_twice_and_a_broken_one_is_reported(
    received: Received, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(run: Run) -> str:
        await run.world.sleep(20)
        raise ZeroDivisionError

    async def stay(run: Run) -> str:
        await run.world.sleep(1e9)
        return ""

    broken = Scenario("broken", "analyst", 1, ("x",), break_down)
    long = Scenario("long", "analyst", 1, ("y",), stay, long=True)
    left = Scenario("left", "analyst", 1, ("z",), stay)

    def cards(_seed: int) -> Iterator[Scenario]:
        yield from (long, broken, long, left)

    monkeypatch.setattr("demo.fleet.deck", cards)
    with Telemetry(received.url, "demo-fleet").running() as telemetry:
        fleet = Fleet(World(telemetry, Connections(unreachable), 1000.0, "s"), seed=7, running=2)
        await fleet.work()
    started = [e.thread for e in received.events("session.start")]
    assert [thread.split("-")[0] for thread in started] == ["long", "broken", "left"]
    assert [record.getMessage() for record in caplog.records if "is broken" in record.getMessage()] == [
        "scenario broken is broken: ZeroDivisionError()"
    ]
    ends = {e.thread.split("-")[0]: e.attributes["mission_control.thread.status"] for e in received.events("session.end")}
    assert ends == {"long": "cancelled", "broken": "error", "left": "cancelled"}


async def test_a_server_that_does_not_start_fails_the_call_not_the_fleet() -> None:
    async with Connections(unreachable) as connections:
        with pytest.raises(ServerDiedError) as caught:
            await connections.call("git", "git.log", {})
    assert (caught.value.server, caught.value.tool) == ("git", "start")
    assert str(caught.value) == "MCP server git closed the connection during start"


async def test_agents_obey_between_steps(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["paused", "paused", "cancelled"])
    monkeypatch.setattr("mission_control.emit.poll", lambda: next(answers))
    with Telemetry(received.url, "demo-fleet").running() as telemetry:
        world = World(telemetry, Connections(unreachable), 1000.0, "s")
        await Fleet(world, seed=7).play(SCENARIOS["question"])
    assert next(answers, None) is None
    [end] = received.events("session.end")
    assert end.attributes["mission_control.thread.status"] == "cancelled"


def test_personas_hold_what_they_are_given() -> None:
    assert PERSONAS["planner"].may("registry.load")
    assert PERSONAS["planner"].may("git.diff")
    assert not PERSONAS["planner"].may("git.commit")


def test_arguments() -> None:
    with pytest.raises(SystemExit):
        main(["--once", "nothing"])


@pytest.mark.slow
def test_once_without_fork(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.fleet.CAN_FORK", False)
    assert main(["--endpoint", received.url, "--once", "denial", "--speed", "50"]) == 0
    assert [e.attributes["mission_control.thread.status"] for e in received.events("session.end")] == ["complete"]


@pytest.mark.slow
def test_a_duration_ends_it(received: Received) -> None:
    run(received.url, seed=Random(1).randint(0, 9), duration=2.0, speed=5.0)
    assert received.open_threads() == set()
    assert {e.attributes["mission_control.thread.status"] for e in received.events("session.end")} >= {"cancelled"}


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "demo", *arguments], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_the_process_looks_busy_and_ends_clean(received: Received, record_property: Callable[[str, object], None]) -> None:
    with start("--endpoint", received.url) as process:
        fleet = psutil.Process(process.pid)
        time.sleep(10)
        family = [fleet, *fleet.children(recursive=True)]
        record_property("cpu_seconds", sum(sum(member.cpu_times()[:2]) for member in family))
        record_property("uss_megabytes", sum(member.memory_full_info().uss for member in family) >> 20)
        assert len(received.open_threads()) >= 6
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert errors == ""
    assert psutil.wait_procs(family, timeout=120)[1] == []
    assert received.open_threads() == set()


@pytest.mark.slow
def test_it_survives_without_a_collector() -> None:
    with start("--endpoint", "http://127.0.0.1:9", "--once", "denial", "--speed", "20") as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="POSIX only")
def test_servers_end_when_the_fleet_is_killed(received: Received) -> None:
    with start("--endpoint", received.url, "--speed", "5") as process:
        deadline = time.monotonic() + 120
        while not any(service.startswith("mcp-") for service in {span.service for span in received.spans}):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=120)
    assert children
    assert psutil.wait_procs(children, timeout=120)[1] == []


def test_tool_definitions_are_json_schemas() -> None:
    from demo.toolsets import TOOLSETS

    for tools in TOOLSETS.values():
        for tool in tools:
            assert json.loads(json.dumps(tool.schema))["required"] == list(tool.parameters)
