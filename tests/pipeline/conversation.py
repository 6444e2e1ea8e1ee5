"""A small conversation as its senders would report it: an agent, two models' calls, a tool call that four spans show, a sub-agent, an approval."""

import json
from typing import Any, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.pipeline.otlp_messages import CLIENT, ERROR, SERVER, at, items, log, resource, span

PLANNER: Final = resource("planner", deployment__environment__name="production", service__version="1.2", host__name="box-1")
SEARCH: Final = resource("search-server", service__version="0.9", host__name="box-2")
SYSTEM: Final = json.dumps([{"type": "text", "content": "You are helpful."}])
CONVERSATION: Final = {"gen_ai.conversation.id": "conv-1"}


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


ASKS: Final = said("user", "Find the answer")
CALLS: Final = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "answer"}}],
    "finish_reason": "tool_call",
}
RESULT: Final = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "42"}]}
ANSWER: Final = {**said("assistant", "It is 42."), "finish_reason": "stop"}
YES: Final = said("user", "yes")


def without_system(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in attributes.items() if name != "gen_ai.system_instructions"}


def chat(tokens: tuple[int, int], given: list[Any], answered: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme", "gen_ai.request.model": "m-large", "gen_ai.response.model": "m-large-2",
        "gen_ai.usage.input_tokens": tokens[0], "gen_ai.usage.output_tokens": tokens[1], "gen_ai.system_instructions": SYSTEM,
        "gen_ai.input.messages": json.dumps(given), "gen_ai.output.messages": json.dumps(answered), "gen_ai.response.finish_reasons": ["stop"], **more,
    }  # fmt: skip


def tool(name: str, call: str, **more: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.id": call, **more}


_FAILED: Final = Span.Event(
    name="exception", time_unix_nano=at(699), attributes=items({"exception.type": "FileNotFoundError", "exception.message": "no such file"})
)
AGENT: Final = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", "user.id": "ada", **CONVERSATION}
RESEARCHER: Final = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher", "gen_ai.conversation.id": "conv-2"}
MCP_CALL: Final = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "search"}

SPANS: Final[list[tuple[Resource, Span]]] = [
    (PLANNER, span(1, "invoke_agent planner", (10, 1000), AGENT)),
    (
        PLANNER,
        span(2, "chat m-large", (20, 200), chat((100, 20), [ASKS], [CALLS], **{"mission_control.cost_usd": 0.25, **CONVERSATION}), 1),
    ),
    (
        PLANNER,
        span(
            3,
            "execute_tool search",
            (210, 400),
            tool("search", "c1", **{"gen_ai.tool.call.arguments": '{"q":"answer"}', "gen_ai.tool.call.result": "42"}, **CONVERSATION),
            1,
        ),
    ),
    (PLANNER, span(4, "tools/call search", (220, 390), MCP_CALL, 3, kind=CLIENT)),
    (
        SEARCH,
        span(
            5,
            "tools/call search",
            (230, 380),
            {**MCP_CALL, "mission_control.mcp.id": "search-mcp", "mcp.session.id": "s-1"},
            4,
            kind=SERVER,
        ),
    ),
    (SEARCH, span(6, "GET /index", (240, 370), {"http.request.method": "GET"}, 5, kind=CLIENT)),
    (PLANNER, span(7, "invoke_agent researcher", (410, 800), RESEARCHER, 1)),
    (
        PLANNER,
        span(
            8,
            "chat m-large",
            (420, 600),
            without_system(chat((50, 10), [said("user", "Check the file")], [said("assistant", "Reading.")])),
            7,
        ),
    ),
    (
        PLANNER,
        span(
            9,
            "execute_tool read_file",
            (610, 700),
            tool("read_file", "c2"),
            7,
            status=Status(code=ERROR, message="cannot read"),
            events=[_FAILED],
        ),
    ),
    (PLANNER, span(10, "chat m-large", (810, 950), chat((300, 30), [ASKS, CALLS, RESULT, YES, YES], [ANSWER], **CONVERSATION), 1)),
]
_CHECK: Final = {
    "permission.check.id": "k1", "permission.resource.type": "tool", "permission.resource.id": "search", "permission.action": "call",
    "permission.subject.type": "agent", "permission.subject.id": "planner",
}  # fmt: skip
LOGS: Final[list[tuple[Resource, LogRecord]]] = [
    (PLANNER, log("session starts", 5, {**CONVERSATION, "gen_ai.agent.name": "planner", "user.id": "ada"}, event="session.start")),
    (
        PLANNER,
        log("may I search?", 205, {**_CHECK, **CONVERSATION, "permission.result": "ask"}, 1, 3, "permission.check", severity_number=13),
    ),
    (
        PLANNER,
        log(
            "yes",
            208,
            {**_CHECK, "permission.result": "allow", "permission.source": "user", "user.id": "ada"},
            1,
            3,
            "permission.check",
            severity_number=9,
        ),
    ),
    (SEARCH, log("searching", 235, {"index": "all"}, 1, 5, severity_number=5)),
    (PLANNER, log({"path": "/tmp/x"}, 695, {"exception.type": "FileNotFoundError"}, 1, 9, severity_text="Error")),
    (PLANNER, log("session ends", 1010, {**CONVERSATION, "mission_control.thread.status": "complete"}, event="session.end")),
]
