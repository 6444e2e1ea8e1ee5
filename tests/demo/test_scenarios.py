"""Every scenario, played by the real fleet on real MCP servers, as a receiver sees it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from fnmatch import fnmatch
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from demo.agents import World
from demo.connections import Connections
from demo.fleet import Fleet, Options, launching
from demo.personas import PERSONAS
from demo.scenarios import SCENARIOS
from demo.telemetry import Telemetry
from demo.toolsets import TOOLSETS

if TYPE_CHECKING:
    from tests.demo.conftest import Received

pytestmark = pytest.mark.slow
_SPEED = 150.0
_CLIENT, _SERVER = 3, 2
_ENDS = {"crash": "error", "stall": "cancelled", "loop": "cancelled"}


async def play_all(url: str) -> None:
    options = Options(url, speed=_SPEED)
    with Telemetry(url, "demo-fleet").running() as telemetry:
        async with launching(options) as launch, Connections(launch) as connections:
            fleet = Fleet(World(telemetry, connections, _SPEED, "test"), seed=7)
            crash = SCENARIOS["crash"]
            await asyncio.gather(*(fleet.play(scenario) for scenario in SCENARIOS.values() if scenario is not crash))
            # Last, as whoever calls the same server at that moment fails too.
            await fleet.play(crash)


@pytest.fixture(scope="module")
def day(shared: Received) -> Received:
    asyncio.run(play_all(shared.url))
    return shared


def test_every_thread_begins_and_ends_as_it_should(day: Received) -> None:
    assert day.open_threads() == set()
    ends = {end.thread.rsplit("-", 2)[0]: end.attributes["mission_control.thread.status"] for end in day.events("session.end")}
    assert ends == {name: _ENDS.get(name, "complete") for name in SCENARIOS}


def test_everything_is_in_project_demo(day: Received) -> None:
    items = [*day.spans, *day.logs]
    assert {item.resource["mission_control.project"] for item in items} == {"demo"}
    assert {item.resource["deployment.environment.name"] for item in items} == {"demo"}


def test_all_agents_and_all_servers_take_part(day: Received) -> None:
    services = {span.service for span in day.spans}
    assert services == {"demo-fleet", *(f"agent-{name}" for name in PERSONAS), *(f"mcp-{name}" for name in TOOLSETS)}
    assert len(TOOLSETS) == 12


def test_agent_client_and_server_are_one_trace(day: Received) -> None:
    by_id = {(span.trace_id, span.span_id): span for span in day.spans}
    served = [span for span in day.spans if span.kind == _SERVER and span.name.startswith("tools/call")]
    for span in served:
        client = by_id[span.trace_id, span.parent_id]
        assert (client.kind, client.name, client.scope) == (_CLIENT, f"MCP send {span.name}", "mcp-python-sdk")
        agent = by_id[client.trace_id, client.parent_id]
        assert agent.name == f"execute_tool {span.attributes['gen_ai.tool.name']}"
        assert client.thread == agent.thread != ""
        assert span.service == agent.attributes["mission_control.mcp.id"]
    [trace] = {span.trace_id for span in day.spans_of("escalation")}
    assert {span.service for span in day.spans if span.trace_id == trace} >= {"agent-planner", "agent-coder", "mcp-git", "mcp-tickets"}


def test_sub_agents_are_threads_of_their_own(day: Received) -> None:
    parents = {s.thread: s.attributes.get("mission_control.thread.parent_id") for s in day.spans_of("code-change", "invoke_agent")}
    [root] = [thread for thread, parent in parents.items() if parent is None]
    assert {thread: parent for thread, parent in parents.items() if parent} == {f"{root}.1": root, f"{root}.2": root}


def test_the_start_of_every_step_is_announced(day: Received) -> None:
    starts = {(e.trace_id, e.span_id): e for e in day.events("mission_control.step.start")}
    ours = [span for span in day.spans if span.scope == "mission_control.emit"]
    assert {(span.trace_id, span.span_id) for span in ours} == set(starts)
    for span in ours:
        start = starts[span.trace_id, span.span_id].attributes
        assert start["mission_control.step.name"] == span.name
        assert start.get("mission_control.step.parent_span_id", "") == span.parent_id


def test_only_the_escalation_asks_for_more_than_is_held_above(day: Received) -> None:
    checks = [e.attributes for e in day.events("permission.check") if "mission_control.permission.asked" in e.attributes]
    assert {check["gen_ai.conversation.id"].split("-")[0] for check in checks} >= {"code", "escalation"}
    beyond = [
        c for c in checks if not any(fnmatch(c["mission_control.permission.asked"][0], h) for h in c["mission_control.permission.held"])
    ]
    assert {check["permission.resource.id"] for check in beyond} == {"git.commit"}
    chains = [json.loads(check["permission.inheritance"]) for check in checks if check not in beyond]
    assert {link["effect"] for chain in chains for link in chain} == {"allow"}


def test_exactly_one_escalation_pending_then_approved(day: Received) -> None:
    checks = [e for e in day.events("permission.check") if "permission.escalation.status" in e.attributes]
    assert [check.attributes["permission.escalation.status"] for check in checks] == ["pending", "approved"]
    assert [check.attributes["permission.result"] for check in checks] == ["ask", "allow"]
    assert len({check.attributes["permission.check.id"] for check in checks}) == 1
    asked = str(checks[0].attributes["permission.resource.id"])
    assert not PERSONAS["planner"].may(asked)
    assert not PERSONAS["coder"].may(asked)
    chain = json.loads(str(checks[0].attributes["permission.inheritance"]))
    assert [(link["id"], link["effect"]) for link in chain] == [("demo", "allow"), ("planner", "deny"), ("coder", "deny")]
    assert len([span for span in day.spans if span.name == "tools/call git.commit"]) == 1


@pytest.mark.parametrize(
    ("scenario", "verdict"), [("approval", "allow"), ("refusal", "deny"), ("incident", "allow"), ("rotation", "allow")]
)
def test_approvals_wait_and_are_decided(day: Received, scenario: str, verdict: str) -> None:
    asked = [e for e in day.events("permission.check", scenario) if e.attributes["permission.result"] == "ask"]
    [check] = {e.attributes["permission.check.id"] for e in asked}
    decided = [e for e in day.events("permission.check", scenario) if e.attributes["permission.check.id"] == check]
    assert [e.attributes["permission.result"] for e in decided] == ["ask", verdict]
    assert [e.attributes["permission.source"] for e in decided] == ["policy", "user"]
    assert {e.span_id for e in decided} <= {span.span_id for span in day.spans_of(scenario, "execute_tool")}


def test_a_refused_approval_calls_no_server(day: Received) -> None:
    [call] = day.spans_of("refusal", "execute_tool deploy.start")
    assert call.attributes["error.type"] == "permission_denied"
    assert not [span for span in day.spans if span.parent_id == call.span_id]


def test_a_denial_is_loud(day: Received) -> None:
    [denied] = [e for e in day.events("permission.check", "denial") if e.attributes["permission.result"] == "deny"]
    assert denied.attributes["permission.resource.id"] == "secrets.list"
    assert denied.severity == 17
    assert {rule["id"]: rule["matched"] for rule in json.loads(str(denied.attributes["permission.rules"]))}["r-999"] is True


def test_some_calls_are_never_checked(day: Received) -> None:
    checked = {e.span_id for e in day.events("permission.check")}
    unchecked = {span.attributes["gen_ai.tool.name"] for span in day.spans_of("", "execute_tool") if span.span_id not in checked}
    assert unchecked >= {"search.web", "metrics.range"}
    assert "database.query" not in unchecked


def test_the_loop_repeats_one_call_six_times(day: Received) -> None:
    calls = Counter(str(span.attributes["gen_ai.tool.call.arguments"]) for span in day.spans_of("loop", "execute_tool deploy.status"))
    assert list(calls.values()) == [6]
    assert [log for log in day.logs if log.thread.startswith("loop") and "called 6 times" in log.body]


def test_the_crash_leaves_a_failed_thread_and_no_server_span(day: Received) -> None:
    [root] = day.spans_of("crash", "invoke_agent")
    assert root.failed
    assert root.attributes["error.type"] == "ServerDiedError"
    [call] = day.spans_of("crash", "execute_tool browser.extract")
    assert call.failed
    assert not [span for span in day.spans if span.kind == _SERVER and span.name == "tools/call browser.extract"]


def test_the_stall_ends_cancelled_in_its_silent_step(day: Received) -> None:
    [silent] = day.spans_of("stall", "summarise_sources")
    assert not silent.failed
    last_start = day.events("mission_control.step.start", "stall")[-1]
    assert last_start.span_id == silent.span_id


def test_failing_tools_are_seen_by_agent_and_server(day: Received) -> None:
    failed = {span.scope for span in day.spans if span.attributes.get("error.type") == "tool_error"}
    assert failed == {"mission_control.emit", "mcp-python-sdk"}


def test_the_model_is_sent_a_growing_history(day: Received) -> None:
    calls = day.spans_of("ticket", "chat")
    histories = [json.loads(str(call.attributes["gen_ai.input.messages"])) for call in calls]
    assert [h[: len(before)] == before for before, h in pairwise(histories)] == [True] * (len(calls) - 1)
    assert {message["role"] for message in histories[-1]} == {"user", "assistant", "tool"}
    parts = {part["type"] for message in histories[-1] for part in message["parts"]}
    assert parts == {"text", "tool_call", "tool_call_response"}
    tokens = [call.attributes["gen_ai.usage.input_tokens"] for call in calls]
    assert [call.attributes["gen_ai.usage.cache_read.input_tokens"] for call in calls] == [0, *tokens[:-1]]
    assert [call.attributes["gen_ai.response.finish_reasons"] for call in calls][-1] == ["stop"]
    assert all("gen_ai.response.time_to_first_chunk" in call.attributes for call in calls)


def test_the_model_is_told_of_the_tools_that_the_agent_holds(day: Received) -> None:
    for call in day.spans_of("", "chat"):
        offered = json.loads(str(call.attributes["gen_ai.tool.definitions"]))
        assert offered
        assert all(PERSONAS[str(call.attributes["gen_ai.agent.name"])].may(tool["name"]) for tool in offered)


def test_only_the_loop_repeats_itself(day: Received) -> None:
    calls = Counter((s.thread, s.attributes["gen_ai.tool.call.arguments"]) for s in day.spans_of("", "execute_tool"))
    assert {thread.split("-")[0] for (thread, _), times in calls.items() if times >= 3} == {"loop"}


def test_three_providers(day: Received) -> None:
    providers = {span.attributes["gen_ai.provider.name"] for span in day.spans_of("", "chat")}
    assert providers == {"anthropic", "openai", "gcp.gemini"}


def test_people_are_named_and_waited_for(day: Received) -> None:
    assert all(span.attributes["user.id"] for span in day.spans_of("", "invoke_agent"))
    assert len(day.events("mission_control.thread.waiting", "meeting")) == len(day.events("mission_control.thread.resumed", "meeting")) == 1


def test_plain_logs_carry_the_trace(day: Received) -> None:
    plain = [log for log in day.logs if log.scope in ("demo.agents", "demo.server")]
    assert all(log.trace_id and log.span_id for log in plain)
    assert {log.service.split("-")[0] for log in plain} == {"agent", "mcp"}


def test_metrics(day: Received) -> None:
    usage = {"process.memory.usage", "process.cpu.utilization"}
    assert {name for service, name in day.metrics if service == "demo-fleet"} == {"gen_ai.client.token.usage", *usage}
    assert {name for service, name in day.metrics if service == "mcp-registry"} == usage
    assert all(int(str(span.attributes["process.memory.usage"])) > 0 for span in day.spans)
