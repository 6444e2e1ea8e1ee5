"""Traces of awkward shapes, folded and stored: whatever the parents and threads are, a round comes to its end."""

import pytest

from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import CLIENT, ERROR, SERVER, hex_span, hex_trace, span

AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
CALL = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "search"}


def test_a_call_whose_inner_span_names_another_thread_has_one_thread(line: Line) -> None:
    line.spans(
        span(1, "execute_tool search", (0, 50), {**TOOL, "gen_ai.conversation.id": "c"}),
        span(2, "tools/call search", (10, 40), {**CALL, "mcp.session.id": "s"}, 1, kind=SERVER),
        span(3, "GET", (20, 30), parent=2),
    )
    line.summarise()
    assert line.values("threads", "thread_id, status, step_count, kind") == [("c", "complete", 2, "mcp")]


def test_an_inner_span_with_a_conversation_of_its_own_does_not_split_the_call(line: Line) -> None:
    line.spans(
        span(1, "execute_tool search", (0, 50), {**TOOL, "gen_ai.conversation.id": "c"}),
        span(2, "tools/call search", (10, 40), {**CALL, "gen_ai.conversation.id": "d"}, 1, kind=SERVER),
        span(3, "GET", (20, 30), parent=2),
    )
    line.summarise()
    assert [row["status"] for row in line.rows("threads")] == ["complete", "complete"]
    assert line.values("execution_steps", "step_id, thread_id, span_ids") == [
        (hex_span(1), "c", [hex_span(1), hex_span(2)]),
        (hex_span(3), "d", [hex_span(3)]),
    ]


def test_an_mcp_session_names_the_thread_only_where_nothing_else_does(line: Line) -> None:
    session = {**CALL, "mcp.session.id": "s-1"}
    line.spans(span(1, "tools/call search", (0, 1), session, kind=SERVER, in_trace=1))
    line.spans(span(2, "tools/call search", (2, 3), session, kind=SERVER, in_trace=2), span(3, "chat", (2, 4), CHAT, in_trace=2))
    line.spans(span(4, "tools/call search", (5, 6), {**session, "mcp.protocol.version": "2026-07-28"}, kind=SERVER, in_trace=3))
    line.summarise()
    assert line.values("threads", "thread_id, kind") == [("s-1", "mcp"), (hex_trace(2), "agent"), (hex_trace(3), "mcp")]


def test_parents_that_go_round_in_a_circle(line: Line) -> None:
    line.spans(
        span(1, "a", (0, 1), parent=2), span(2, "b", (1, 2), parent=3), span(3, "c", (2, 3), parent=1), span(4, "d", (3, 4), parent=4)
    )
    line.summarise()
    (thread,) = line.rows("threads")
    assert (thread["step_count"], thread["status"], thread["kind"]) == (4, "running", "trace")


def test_the_views_of_one_tool_call_are_one_step(line: Line) -> None:
    """Agent, instrumentation between, client, server; the same tool called inside it by another id is another step."""
    line.spans(
        span(1, "execute_tool search", (0, 90), {**TOOL, "gen_ai.tool.call.id": "c1"}),
        span(2, "wrapper", (5, 85), parent=1),
        span(3, "tools/call search", (10, 80), CALL, 2, kind=CLIENT),
        span(4, "POST /mcp", (15, 75), parent=3, kind=CLIENT),
        span(5, "tools/call search", (20, 70), {**CALL, "error.type": "tool_error"}, 4, kind=SERVER),
        span(6, "execute_tool search", (30, 60), {**TOOL, "gen_ai.tool.call.id": "c2"}, 5),
        span(7, "execute_tool other", (62, 64), {**TOOL, "gen_ai.tool.name": "other"}, 5),
    )
    line.summarise()
    steps = line.values("execution_steps", "step_id, status, parent_step_id, span_ids", "type = 'tool_call'")
    assert steps == [
        (hex_span(1), "error", "", [hex_span(1), hex_span(3), hex_span(5)]),
        (hex_span(6), "complete", hex_span(1), [hex_span(6)]),
        (hex_span(7), "complete", hex_span(1), [hex_span(7)]),
    ]
    assert line.values("execution_steps", "parent_step_id", "name = 'POST /mcp'") == [hex_span(1)]


def test_a_call_handed_on_to_a_mounted_server_under_another_name_is_one_step(line: Line) -> None:
    """What the mounted server calls as a client is a call of its own."""
    outer, inner = CALL | {"gen_ai.tool.name": "sub_search"}, CALL
    line.spans(
        span(1, "tools/call sub_search", (0, 90), outer, kind=SERVER),
        span(2, "delegate search", (5, 85), {"mcp.method.name": "tools/call"}, 1),
        span(3, "tools/call search", (10, 80), inner, 2, kind=SERVER),
        span(4, "tools/call fetch", (20, 70), CALL | {"gen_ai.tool.name": "fetch"}, 3, kind=CLIENT),
    )
    line.summarise()
    assert line.values("execution_steps", "tool_name, length(span_ids)") == [("sub_search", 3), ("fetch", 1)]


def test_a_model_call_seen_by_framework_library_and_sdk_counts_once(line: Line) -> None:
    """Below a wrapper without tokens the call counts where its tokens are; an attempt that failed is a step of its own."""
    tokens = CHAT | {"gen_ai.usage.input_tokens": "10", "gen_ai.usage.output_tokens": "2"}
    line.spans(
        span(1, "ChatModel", (0, 90), CHAT),
        span(2, "chat m", (5, 85), tokens, 1),
        span(3, "POST", (10, 20), CHAT | {"error.type": "429"}, 2),
        span(4, "HTTP", (20, 80), parent=2),
        span(5, "messages.create", (30, 70), tokens, 4, kind=CLIENT),
    )
    line.summarise()
    assert line.values("execution_steps", "name, status, length(span_ids)") == [
        ("ChatModel", "complete", 1), ("chat m", "complete", 2), ("POST", "error", 1), ("HTTP", "complete", 1),
    ]  # fmt: skip
    assert line.values("threads", "llm_calls, input_tokens, output_tokens") == [(3, 10, 2)]


def test_a_model_call_shown_by_two_emitters_beside_each_other_counts_once(line: Line) -> None:
    """Equal calls of one emitter are calls of their own, and so is what used something else."""
    tokens = CHAT | {"gen_ai.usage.input_tokens": "10", "gen_ai.usage.output_tokens": "2"}
    line.spans(
        span(1, "invoke_agent", (0, 90), AGENT),
        span(2, "library.chat", (10, 40), tokens, 1),
        span(3, "messages.create", (15, 35), tokens, 1, kind=CLIENT),
        span(4, "library.chat", (11, 39), tokens, 1),
        span(5, "messages.create", (50, 60), tokens, 1, kind=CLIENT),
        span(6, "messages.create", (16, 34), tokens | {"gen_ai.usage.output_tokens": "3"}, 1, kind=CLIENT),
    )
    line.summarise()
    calls = line.values("execution_steps", "name, length(span_ids)", "type = 'llm_call'")
    assert calls == [("library.chat", 1), ("library.chat", 2), ("messages.create", 1), ("messages.create", 1)]


def test_too_many_plain_spans_between_are_two_calls(line: Line) -> None:
    between = [span(number, f"hop {number}", (number, 90), parent=number - 1) for number in range(2, 6)]
    line.spans(span(1, "execute_tool search", (0, 99), TOOL), *between, span(6, "tools/call search", (10, 80), CALL, 5))
    line.summarise()
    assert line.count_rows("execution_steps", "type = 'tool_call'") == 2


def test_tokens_are_of_leaf_calls_and_of_agents_only_without_any(line: Line) -> None:
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4}
    line.spans(span(1, "agent", (0, 9), {**AGENT, **usage, "gen_ai.usage.input_tokens": 70}), span(2, "chat", (1, 2), {**CHAT, **usage}, 1))
    line.spans(span(3, "agent", (10, 19), {**AGENT, **usage}, in_trace=2), span(4, "inner", (11, 12), {**AGENT, **usage}, 3, in_trace=2))
    line.summarise()
    assert line.values("threads", "input_tokens, output_tokens, llm_calls, cost_usd") == [(10, 4, 1, None), (10, 4, 0, None)]


def test_figures_beyond_what_a_column_holds_are_capped(line: Line) -> None:
    huge = {"gen_ai.usage.input_tokens": 2**63 - 1, "process.memory.usage": str(2**70), "mission_control.cost_usd": 1e308}
    line.spans(*[span(number, "chat", (number, number + 1), {**CHAT, **huge}) for number in range(1, 5)])
    line.summarise()
    (thread,) = line.rows("threads")
    assert thread["llm_calls"] == 4
    assert thread["input_tokens"] >= 2**63 - 1


def test_a_loop_of_equal_calls_is_counted(line: Line) -> None:
    same = {**TOOL, "gen_ai.tool.call.arguments": '{"q": 1}'}
    other = {**TOOL, "gen_ai.tool.call.arguments": '{"q": 2}'}
    calls = [span(number, "search", (number, number), same, in_trace=1) for number in range(1, 5)]
    line.spans(*calls, span(9, "search", (9, 9), other, in_trace=1))
    line.spans(span(1, "search", (0, 0), same, in_trace=2), span(2, "search", (1, 1), same, in_trace=2))
    line.summarise()
    assert sorted(line.values("threads", "loop_count")) == [0, 4]


def test_errors_of_a_trace_name_the_first_that_failed(line: Line) -> None:
    line.spans(
        span(1, "agent", (0, 9), AGENT, status={"code": ERROR}),
        span(2, "chat", (1, 2), {**CHAT, "error.type": "timeout"}, 1, status={"code": ERROR, "message": "too slow"}),
    )
    line.spans(
        span(3, "agent", (10, 19), {**AGENT, "gen_ai.response.status": "cancelled"}, in_trace=2),
        span(4, "x", (11, 12), {"error.type": "e"}, 3, 2),
    )
    line.summarise()
    assert line.values("threads", "status, error_type, error_count") == [("error", "error", 2), ("cancelled", "e", 1)]


def test_a_resent_span_with_other_content_replaces_its_step(line: Line) -> None:
    line.spans(span(1, "first", (0, 9), TOOL), span(2, "tools/call search", (1, 8), CALL, 1))
    line.summarise()
    line.spans(span(1, "second", (0, 9), {**TOOL, "gen_ai.tool.call.result": "42"}), span(2, "GET", (1, 8), parent=1))
    line.summarise()
    assert line.values("execution_steps", "name, output, span_ids") == [("second", "42", [hex_span(1)]), ("GET", "", [hex_span(2)])]


@pytest.mark.slow
def test_ten_thousand_spans_in_a_chain(line: Line) -> None:
    spans = [
        span(number, f"step {number % 7}", (number, number + 1), TOOL if number % 2 else {}, number - 1) for number in range(1, 10_001)
    ]
    for start in range(0, len(spans), 2_500):
        line.spans(*reversed(spans[start : start + 2_500]))
    line.summarise()
    (thread,) = line.rows("threads")
    assert thread["status"] == "complete"
    assert thread["step_count"] == line.count_rows("execution_steps")
    assert sum(map(len, line.values("execution_steps", "span_ids"))) == 10_000
