"""Prompts, resources and sub-agents as entities, who uses them, and whose calls are counted whose span names no agent."""

from typing import Final

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import BASE, span

THREAD: Final = {"gen_ai.conversation.id": "t"}
READ: Final = {"mcp.method.name": "resources/read", "mcp.resource.uri": "file:///a", "jsonrpc.request.id": "1", **THREAD}
GET: Final = {"mcp.method.name": "prompts/get", "gen_ai.prompt.name": "greet", "jsonrpc.request.id": "2", **THREAD}


def send(line: Line) -> None:
    """An agent that reads a resource (client and server tell), gets a prompt, asks a model twice without naming itself, and delegates."""
    server = {"mission_control.mcp.id": "files"}
    line.spans(
        span(1, "invoke_agent boss", (0, 900), {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "boss", **THREAD}),
        span(2, "resources/read", (10, 20), READ, parent=1),
        span(3, "resources/read", (11, 19), {**READ, **server}, parent=2),
        span(4, "resources/read", (30, 40), {**READ, "jsonrpc.request.id": "3", **server}, parent=1),
        span(5, "prompts/get greet", (50, 60), {**GET, **server}, parent=1),
        span(6, "chat m", (70, 80), {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.prompt.name": "plan", **THREAD}, parent=1),
        span(7, "execute_tool x", (90, 95), {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "x", **THREAD}, parent=1),
    )  # fmt: skip
    child = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper", "gen_ai.conversation.id": "u"}
    line.spans(span(8, "invoke_agent helper", (100, 200), {**child, "mission_control.thread.parent_id": "t"}, in_trace=2))
    line.summarise()
    line.count()


def test_prompts_and_resources_are_entities(line: Line) -> None:
    send(line)
    assert line.values("entities", "entity_id, metadata['calls']") == [
        ("agent:boss", "2"), ("agent:helper", "1"), ("mcp:files", "3"), ("model:m", "1"), ("prompt:greet", "1"), ("prompt:plan", "1"),
        ("resource:file:///a", "2"), ("tool:x", "1"),
    ]  # fmt: skip


def test_who_uses_them(line: Line) -> None:
    send(line)
    assert line.values("relationships", "source_id, target_id, type, metadata['kind'], count") == [
        ("agent:boss", "agent:helper", "uses", "delegates", 1),
        ("agent:boss", "model:m", "uses", "asks", 1),
        ("agent:boss", "prompt:greet", "references", "reads", 1),
        ("agent:boss", "prompt:plan", "references", "reads", 1),
        ("agent:boss", "resource:file:///a", "references", "reads", 2),
        ("agent:boss", "tool:x", "uses", "calls", 1),
        ("prompt:greet", "mcp:files", "depends_on", "served by", 1),
        ("resource:file:///a", "mcp:files", "depends_on", "served by", 2),
        ("thread:t", "prompt:greet", "references", "reads", 1),
        ("thread:t", "prompt:plan", "references", "reads", 1),
    ]
    first = line.values(
        "relationships",
        "toUnixTimestamp64Milli(first_seen_at) - {0}, toUnixTimestamp64Milli(last_seen_at) - {0}".format(BASE // 10**6),
        "target_id = 'resource:file:///a' AND source_id = 'agent:boss'",
    )
    assert first == [(10, 30)]


def test_calls_whose_span_names_no_agent_are_their_threads(line: Line) -> None:
    send(line)
    assert line.values("usage_hourly", "agent_name, model, calls") == [("boss", "m", 1)]
    assert line.values("tools_hourly", "agent_name, tool_name, calls") == [("boss", "x", 1)]
