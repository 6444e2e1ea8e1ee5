"""OpenLIT: cost, its own operations and names."""

import pytest

from tests.pipeline.dialects.sdk_spans import one, recorded, survives

SCOPE = "openlit.otel.tracing"


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ("chat", "llm_call"), ("embedding", "llm_call"), ("framework", "directive"), ("workflow", "directive"), ("agent", "directive"), ("vectordb", "script"),
        ("task", "script"), ("tool", "tool_call"), ("execute_tool", "tool_call"), ("invoke_agent", "directive"),
    ],
)  # fmt: skip
def test_types(operation: str, wanted: str) -> None:
    """A framework's span names the model that its calls use."""
    assert one(SCOPE, "x", {"gen_ai.operation.name": operation, "gen_ai.request.model": "m"}).columns("type dialect") == [
        (wanted, "openlit")
    ]


def test_older_versions_say_the_type_elsewhere() -> None:
    assert one("any", "x", {"gen_ai.endpoint": "openai.chat", "gen_ai.type": "chat"}).columns("type dialect") == [("llm_call", "openlit")]


def test_columns() -> None:
    said = {
        "gen_ai.usage.cost": 0.25, "gen_ai.openai.thread.id": "t", "gen_ai.request.user": "worse", "gen_ai.user.id": "u", "gen_ai.server.ttft": 0.5,
        "gen_ai.response.finish_reason": "stop", "gen_ai.usage.completion_tokens_details.reasoning": 4,
        "gen_ai.usage.prompt_tokens_details.cache_read": 6,
    }  # fmt: skip
    row = one(SCOPE, "x", said).all[0]
    wanted = {
        "cost_usd": 0.25, "thread_key": "t", "user_id": "u", "ttft_ms": 500.0, "finish_reason": "stop", "reasoning_tokens": 4, "cache_read_tokens": 6,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert one(SCOPE, "x", {"gen_ai.session.id": "s"}).all[0]["thread_key"] == "s"


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("user: hi", [("user", "hi"), ("assistant", "42")]),
        ("system: s\nuser: hi: you", [("system", "s"), ("user", "hi: you"), ("assistant", "42")]),
        ('[{"role":"system","content":"s"},{"role":"user","content":"u"}]', [("system", "s"), ("user", "u"), ("assistant", "42")]),
    ],
)
def test_contents_as_attributes(prompt: str, wanted: list[tuple[str, str]]) -> None:
    assert one(SCOPE, "x", {"gen_ai.content.prompt": prompt, "gen_ai.content.completion": "42"}).messages() == wanted


def test_hostile_values() -> None:
    survives(
        SCOPE,
        ("x",),
        ("gen_ai.operation.name", "gen_ai.usage.cost", "gen_ai.content.prompt", "gen_ai.content.completion", "gen_ai.server.ttft"),
    )


def test_a_recorded_call() -> None:
    rows = recorded("openlit/convert-an-openlit-span-to-valid-observationforeval-openLitSpan.otlp.json")
    assert rows.columns("type model provider input_tokens output_tokens cost_usd dialect") == [
        ("llm_call", "gpt-3.5-turbo", "openai", 14, 96, 0.000151, "openlit"),
    ]
