"""AutoGen, Agent Framework and Semantic Kernel: what is theirs beside the standard vocabulary."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.dialects.older_events import DETAILS, read_log_event
from tests.pipeline.dialects.sdk_spans import one, rows_of
from tests.pipeline.otlp_messages import items, span


@pytest.mark.parametrize(
    ("scope", "name", "said", "wanted"),
    [
        ("agent_framework", "workflow.run", {}, ("directive", "agent_framework")),
        ("Microsoft.Agents.AI.Workflows", "executor.process a", {"executor.id": "a"}, ("script", "agent_framework")),
        ("any", "message.send", {"edge_group.id": "e"}, ("span", "agent_framework")),
        ("autogen-core", "execute_tool x", {"gen_ai.operation.name": "execute_tool"}, ("tool_call", "autogen")),
        ("autogen SingleThreadedAgentRuntime", "autogen publish x", {}, ("span", "autogen")),
        ("semantic_kernel.connectors", "AutoFunctionInvocationLoop", {}, ("script", "semantic_kernel")),
        ("Microsoft.SemanticKernel", "x", {"gen_ai.operation.name": "chat.completions", "gen_ai.request.model": "m"}, ("llm_call", "semantic_kernel")),
        ("Microsoft.SemanticKernel", "x", {"gen_ai.operation.name": "execute_tool"}, ("tool_call", "semantic_kernel")),
    ],
)  # fmt: skip
def test_types(scope: str, name: str, said: dict[str, str], wanted: tuple[str, str]) -> None:
    assert one(scope, name, said).columns("type dialect") == [wanted]


def test_older_counts_of_semantic_kernel() -> None:
    said = {"gen_ai.response.prompt_tokens": 7, "gen_ai.response.completion_tokens": 2, "gen_ai.response.finish_reason": "stop"}
    assert one("Microsoft.SemanticKernel", "x", said).columns("input_tokens output_tokens finish_reason") == [(7, 2, "stop")]


def test_details_as_an_event_of_the_span() -> None:
    said = items({"gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "a"}]}]', "gen_ai.request.model": "m"})
    chat = span(
        1,
        "chat",
        (0, 10),
        {"gen_ai.operation.name": "chat"},
        events=[Span.Event(name=DETAILS, attributes=said), Span.Event(name="gen_ai.else")],
    )
    rows = rows_of("tests", [chat])
    assert rows.messages() == [("user", "a")]
    assert rows.columns("request_model") == [("m",)]


def test_details_in_the_body_of_a_record() -> None:
    found: dict[str, str] = {}
    body = (
        '{"gen_ai.input.messages": [{"role": "user", "content": "a"}], "gen_ai.output.messages": [{"role": "assistant", "content": "b"}]}'
    )
    assert read_log_event(DETAILS, found, body)
    assert found.keys() == {"gen_ai.input.messages", "gen_ai.output.messages"}
    assert not read_log_event("gen_ai.evaluation.result", found, "")
    assert read_log_event(DETAILS, {}, "{")
