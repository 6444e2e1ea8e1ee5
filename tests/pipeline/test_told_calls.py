"""Calls that agents tell as spans, as log events, or both: one step each, in whatever order they come."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, Final

import pytest

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import log, span

SESSION: Final = {"session.id": "s"}
USED: Final = {"model": "claude-x", "input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 100, "cache_creation_tokens": 7}
Say = Callable[[Line], Any]


def request_span(number: int = 2, start: float = 10, **more: Any) -> Say:
    said = {"span.type": "llm_request", "llm_request.context": "interaction", **SESSION, **USED, **more}
    return lambda line: line.spans(span(number, "claude_code.llm_request", (start, start + 30), said, parent=1))


def request_log(when: float = 40, **more: Any) -> Say:
    said = {"event.name": "api_request", **SESSION, **USED, "cost_usd": 0.5, "duration_ms": 30, **more}
    return lambda line: line.logs(log("claude_code.api_request", when, said))


def interaction(line: Line) -> None:
    line.spans(
        span(
            1, "claude_code.interaction", (0, 100), {"span.type": "interaction", "user_prompt": "go", "llm_request.context": "x", **SESSION}
        )
    )


def tool_span(line: Line) -> None:
    said = {"span.type": "tool", "llm_request.context": "x", "tool_name": "Bash", "tool_use_id": "t1", **SESSION}
    line.spans(span(3, "claude_code.tool", (50, 60), said, parent=1))


def tool_log(line: Line) -> None:
    said = {"event.name": "tool_result", "tool_name": "Bash", "tool_use_id": "t1", "success": "true", "duration_ms": 10, **SESSION}
    line.logs(log("claude_code.tool_result", 60, said))


def steps(line: Line) -> list[Any]:
    line.summarise()
    return line.values("execution_steps", "type, name, input_tokens, duration_ms")


def sums(line: Line) -> list[Any]:
    return line.values("threads", "thread_id, llm_calls, tool_calls, input_tokens, output_tokens, cache_read_tokens, step_count, status")


def test_a_call_told_by_a_log_event_alone_is_a_step(line: Line) -> None:
    request_log()(line)
    tool_log(line)
    assert steps(line) == [("llm_call", "chat claude-x", 117, 30.0), ("tool_call", "execute_tool Bash", 0, 10.0)]
    assert sums(line) == [("s", 1, 1, 117, 5, 100, 2, "complete")]
    assert line.values("execution_steps", "cost_usd, model, provider", "type = 'llm_call'") == [(0.5, "claude-x", "")]


@pytest.mark.parametrize("in_rounds", [True, False])
@pytest.mark.parametrize(
    ("by_span", "by_log"), [({}, {}), ({"request_id": "r"}, {"request_id": "r"}), ({}, {"request_id": "r"}), ({"request_id": "r"}, {})]
)
def test_the_same_calls_as_spans_and_as_events(line: Line, by_span: Any, by_log: Any, in_rounds: bool) -> None:
    sayings: Sequence[Say] = (interaction, request_span(**by_span), request_log(**by_log), tool_span, tool_log)
    for number, order in enumerate(list(permutations(sayings))[:: 23 if in_rounds else 17]):
        one = Line(line.store)
        for say in order:
            say(one)
            if in_rounds:
                one.summarise()
        assert [step[:3] for step in steps(one)] == [
            ("directive", "claude_code.interaction", 0), ("llm_call", "claude_code.llm_request", 117), ("tool_call", "claude_code.tool", 0),
        ], number  # fmt: skip
        assert sums(one) == [("s", 1, 1, 117, 5, 100, 3, "complete")], number
        for say in order:
            say(one)
        one.summarise()
        assert sums(one) == [("s", 1, 1, 117, 5, 100, 3, "complete")], number


def test_two_calls_that_used_the_same_are_two(line: Line) -> None:
    request_log(40)(line)
    request_log(90)(line)
    request_log(90)(line)
    assert len(steps(line)) == 2
    request_span(2, 10)(line)
    request_span(4, 60)(line)
    assert [step[1] for step in steps(line)] == ["claude_code.llm_request"] * 2


def test_a_failed_request_is_a_step_where_it_is_named(line: Line) -> None:
    line.logs(log("claude_code.api_error", 5, {"event.name": "api_error", "status_code": "529", "request_id": "r", **SESSION}))
    line.logs(log("claude_code.api_error", 5, {"event.name": "api_error", "status_code": "529", **SESSION}))
    line.summarise()
    assert line.values("execution_steps", "type, status, error_type") == [("llm_call", "error", "529")]


def test_codex_and_gemini(line: Line) -> None:
    codex = {"conversation.id": "c", "event.kind": "response.completed", "input_token_count": 7, "output_token_count": 3, "model": "gpt"}
    line.logs(log("", 5, codex, event="codex.sse_event"), log("", 4, codex | {"event.kind": "response.created"}, event="codex.sse_event"))
    gemini = {"session.id": "g", "input_token_count": 8, "output_token_count": 4, "model": "gemini", "duration_ms": 2}
    line.logs(log("", 6, gemini, event="gemini_cli.api_response"))
    line.summarise()
    assert line.values("threads", "thread_id, llm_calls, input_tokens, models") == [("c", 1, 7, ["gpt"]), ("g", 1, 8, ["gemini"])]


def test_what_was_said_in_log_events(line: Line) -> None:
    line.logs(log("claude_code.user_prompt", 1, {"event.name": "user_prompt", "prompt": "hello", **SESSION}))
    line.logs(log("claude_code.assistant_response", 2, {"event.name": "assistant_response", "response": "hi", **SESSION}))
    line.logs(log("claude_code.user_prompt", 3, {"event.name": "user_prompt", "prompt": "<REDACTED>", **SESSION}))
    assert line.values("llm_messages", "thread_id, role, content") == [("s", "user", "hello"), ("s", "assistant", "hi")]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_a_session_that_only_logs_shows_what_was_asked_first(line: Line, order: Sequence[int]) -> None:
    prompts = [
        log("claude_code.user_prompt", when, {"event.name": "user_prompt", "prompt": prompt, **SESSION})
        for when, prompt in ((3, "zebra"), (5, "aardvark"), (1, "<REDACTED>"))
    ]
    told: list[Say] = [*(lambda line, one=one: line.logs(one) for one in prompts), request_log()]
    for number in order:
        told[number](line)
        told[number](line)
        line.befall("summary" if number == 0 else "heal")
    line.summarise()
    assert line.values("threads", "thread_id, user_input, agent_name") == [("s", "zebra", "claude-code")]


def test_a_prompt_alone_is_found_by_a_sweep(line: Line) -> None:
    request_log()(line)
    line.summarise()
    line.restart()
    line.logs(log("claude_code.user_prompt", 3, {"event.name": "user_prompt", "prompt": "é" * 3_000, **SESSION}))
    line.restart()
    line.heal()
    assert line.values("threads", "user_input") == ["é" * 2_000]
