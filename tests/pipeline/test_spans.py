"""Spans from OTLP to `otel_traces` and to steps: every column, and what senders get wrong."""

import json
from datetime import datetime
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.vocabulary import HEAVY_LENGTH, PREVIEW_LENGTH
from schemas.events import EVERYTHING, Interest
from schemas.store import ClickHouseStore
from schemas.topics import SPANS
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import CLIENT, ERROR, OK, SERVER, at, hex_span, hex_trace, items, resource, span, span_request, trace
from tests.pipeline.two_mappings import BY_BOTH

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}


@pytest.fixture(params=BY_BOTH)
def line(store: ClickHouseStore, request: pytest.FixtureRequest) -> Line:
    return Line(store, mapping=request.param)


def columns(line: Line, names: str, where: str = "1") -> Any:
    """Of the only span."""
    (row,) = line.rows("spans", names, where)
    return tuple(row.values()) if len(row) > 1 else next(iter(row.values()))


def test_every_column_of_the_exporter(line: Line) -> None:
    full = span(
        2, "GET /", (10, 30), {"n": 1, "list": ["a", {"b": 2.5}], "empty": ""}, 1, kind=SERVER, trace_state="a=b", status={"code": OK, "message": "fine"},
        events=[Span.Event(time_unix_nano=at(15), name="e1", attributes=items({"k": True})), Span.Event(time_unix_nano=at(16), name="e2")],
        links=[Span.Link(trace_id=trace(9), span_id=b"12345678", trace_state="x=y", attributes=items({"l": 1}))],
    )  # fmt: skip
    line.spans(full, of=resource("shop", service__version="2"))
    (row,) = line.rows("otel_traces")
    assert row == {
        "Timestamp": datetime(2025, 10, 9, 9, 1, 0, 10_000), "TraceId": hex_trace(1), "SpanId": hex_span(2), "ParentSpanId": hex_span(1),
        "TraceState": "a=b", "SpanName": "GET /", "SpanKind": "Server", "ServiceName": "shop",
        "ResourceAttributes": {"service.name": "shop", "service.version": "2"}, "ScopeName": "tests", "ScopeVersion": "1.0",
        "SpanAttributes": {"n": "1", "list": '["a",{"b":2.5}]', "empty": ""}, "Duration": 20_000_000, "StatusCode": "Ok", "StatusMessage": "fine",
        "Events.Timestamp": [datetime(2025, 10, 9, 9, 1, 0, 15_000), datetime(2025, 10, 9, 9, 1, 0, 16_000)], "Events.Name": ["e1", "e2"],
        "Events.Attributes": [{"k": "true"}, {}], "Links.TraceId": [hex_trace(9)], "Links.SpanId": [b"12345678".hex()], "Links.TraceState": ["x=y"],
        "Links.Attributes": [{"l": "1"}],
    }  # fmt: skip


def test_the_vocabulary_fills_columns(line: Line) -> None:
    said = {
        "gen_ai.agent.name": "a", "gen_ai.request.model": "m", "gen_ai.provider.name": "p", "gen_ai.system": "old", "gen_ai.prompt.name": "pn",
        "gen_ai.prompt.version": "3", "enduser.id": "u", "gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 6,
        "gen_ai.usage.cache_read.input_tokens": 1, "gen_ai.usage.cache_creation.input_tokens": 2, "gen_ai.usage.reasoning.output_tokens": 3,
        "process.memory.usage": 4096, "process.cpu.utilization": 0.5, "mission_control.cost_usd": 0.01, "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.response.finish_reasons": ["length", "stop"], "gen_ai.operation.name": "chat", "mission_control.user_input": "hello",
        "mission_control.thread.parent_id": "above", "gen_ai.agent.description": "does things",
    }  # fmt: skip
    line.spans(span(1, "chat", (0, 1), said))
    line.summarise()
    (step,) = line.rows("execution_steps")
    wanted = {
        "agent_name": "a", "request_model": "m", "model": "m", "provider": "p", "prompt_name": "pn", "prompt_version": "3", "user_id": "u",
        "input_tokens": 5, "output_tokens": 6, "cache_read_tokens": 1, "cache_write_tokens": 2, "reasoning_tokens": 3, "memory_bytes": 4096,
        "cpu_utilization": 0.5, "cost_usd": 0.01, "ttft_ms": 250.0, "finish_reason": "length", "description": "does things",
    }  # fmt: skip
    assert {name: step[name] for name in wanted} == wanted
    (thread,) = line.rows("threads")
    assert (thread["user_input"], thread["parent_thread_id"], thread["cpu_utilization"], thread["memory_bytes"]) == (
        "hello",
        "above",
        0.5,
        4096,
    )


def test_better_sources_win_in_any_order(line: Line) -> None:
    line.spans(
        span(
            1,
            "chat",
            (0, 1),
            {"gen_ai.request.model": "asked", "gen_ai.response.model": "answered", "enduser.id": "worse", "user.id": "better"},
        )
    )
    line.spans(
        span(
            2,
            "chat",
            (0, 1),
            {"user.id": "better", "enduser.id": "worse", "gen_ai.response.model": "answered", "gen_ai.request.model": "asked"},
        )
    )
    assert line.values("spans", "model, request_model, user_id") == [("answered", "asked", "better")] * 2


@pytest.mark.parametrize(
    ("attributes", "name", "kind", "wanted"),
    [
        ({"mcp.method.name": "tools/call"}, "tools/call search", SERVER, ("shop", "search")),
        ({"mcp.method.name": "tools/call"}, "tools/call search", CLIENT, ("", "search")),
        ({"mcp.method.name": "tools/call", "gen_ai.tool.name": "named"}, "tools/call search", SERVER, ("shop", "named")),
        ({"mcp.method.name": "tools/call", "fastmcp.server.name": "fast"}, "other", SERVER, ("fast", "")),
        ({"mission_control.mcp.id": "ours", "fastmcp.server.name": "fast"}, "x", CLIENT, ("ours", "")),
        ({"mcp.method.name": "tools/list"}, "tools/list", SERVER, ("shop", "")),
        ({}, "tools/call search", SERVER, ("", "")),
    ],
)
def test_mcp_servers_and_tools(line: Line, attributes: Any, name: str, kind: Any, wanted: Any) -> None:
    line.spans(span(1, name, (0, 1), attributes, kind=kind), of=resource("shop"))
    assert columns(line, "mcp_id, tool_name") == wanted


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"status": {"code": ERROR, "message": "said"}}, ("error", "error", "said")),
        ({"status": {"code": ERROR}, "event": {"exception.type": "E", "exception.message": "m"}}, ("error", "E", "m")),
        ({"status": {"code": ERROR, "message": "said"}, "event": {"exception.message": "m"}}, ("error", "error", "said")),
        ({"attributes": {"error.type": "timeout"}, "event": {"exception.type": "E"}}, ("error", "timeout", "")),
        ({"attributes": {"error.type": "asyncio.CancelledError"}}, ("cancelled", "asyncio.CancelledError", "")),
        ({"attributes": {"gen_ai.response.status": "cancelled"}, "status": {"code": ERROR}}, ("cancelled", "error", "")),
        ({"event": {"exception.type": "E"}}, ("complete", "", "")),
    ],
)
def test_errors(line: Line, more: Any, wanted: Any) -> None:
    events = [Span.Event(name="other"), Span.Event(name="exception", attributes=items(more["event"]))] if "event" in more else []
    line.spans(span(1, "x", (0, 1), more.get("attributes", {}), status=more.get("status", {}), events=events))
    assert columns(line, "status, error_type, error_message") == wanted


@pytest.mark.parametrize("said", ["paused", "cancelled", "complete"])
def test_a_step_may_say_its_own_end(line: Line, said: str) -> None:
    """A pause for a person comes as a span with status ERROR; what its dialect says of it wins."""
    attributes = {"mission_control.step.status": said, "gen_ai.tool.name": "deploy"}
    line.spans(span(1, "execute_tool deploy", (0, 1), attributes, status={"code": ERROR}))
    assert columns(line, "status, StatusCode") == (said, "Error")


def test_an_interrupt_that_shows_only_as_an_event_is_a_pause(line: Line) -> None:
    events = [Span.Event(name="exception", attributes=items({"exception.type": "Exception", "exception.message": "GraphInterrupt((x,))"}))]
    attributes = {"langsmith.span.kind": "chain", "langsmith.trace.name": "approve"}
    line.spans(span(1, "approve", (0, 1), attributes, status={"code": ERROR}, events=events))
    assert columns(line, "status, dialect") == ("paused", "langsmith")


def test_what_a_tool_call_says_is_no_conversation(line: Line) -> None:
    messages = '[{"role": "user", "parts": [{"text": "ls"}]}]'
    line.spans(
        span(1, "run", (0, 1), {"gen_ai.operation.name": "tool_call", "gen_ai.tool.name": "shell", "gen_ai.input.messages": messages})
    )
    assert columns(line, "type, tool_name") == ("tool_call", "shell")
    assert line.store.query("SELECT count() AS n FROM llm_messages WHERE project = {p:String}", {"p": line.project}) == [{"n": 0}]


def test_a_pending_span_gives_way_to_its_final_form_in_either_order(line: Line) -> None:
    pending, final = span(1, "x", (5, -1), {"phase": "begun"}), span(1, "x", (5, 9), {"phase": "done"})
    line.spans(pending)
    assert columns(line, "status, final, Duration") == ("running", 0, 0)
    assert line.rows("otel_traces") == []
    line.spans(final)
    line.spans(pending)
    (row,) = line.rows("spans FINAL", "status, final, Duration, SpanAttributes")
    assert row == {"status": "complete", "final": 1, "Duration": 4_000_000, "SpanAttributes": {"phase": "done"}}
    line.summarise()
    assert line.values("threads", "status") == ["complete"]


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0, 0, ("complete", 0)),
        (10, 5, ("complete", 0)),
        (2**63, 2**63 + 5, ("complete", 5)),
        (2**64 - 1, 0, ("running", 0)),
        (0, 2**64 - 1, ("complete", 2**64 - 1)),
        (1, 2**64 - 1, ("complete", 2**64 - 2)),
    ],
)
def test_times_that_cannot_be(line: Line, start: int, end: int, wanted: Any) -> None:
    (mapped,) = line.spans(Span(trace_id=trace(1), span_id=b"1", name="x", start_time_unix_nano=start, end_time_unix_nano=end))
    assert not mapped.dead_letters
    assert columns(line, "status, Duration") == wanted
    line.summarise()
    line.rollups.round()
    assert line.count_rows("threads") == 1
    mapped.events(EVERYTHING)
    line.heard.events()


def test_enums_ids_and_names_that_cannot_be(line: Line) -> None:
    odd = Span(trace_id=b"short", span_id=b"a span id that is much too long", name="\0", start_time_unix_nano=1, end_time_unix_nano=2)
    odd.MergeFromString(b"\x30\x63\x7a\x0b\x18\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01")  # kind 99, status code -3
    line.spans(odd, Span())
    line.summarise()
    assert sorted(line.values("otel_traces", "SpanKind, StatusCode, SpanName")) == [
        ("Unspecified", "Unset", ""),
        ("Unspecified", "Unset", "\0"),
    ]
    assert line.count_rows("threads") == 2


def test_heavy_attributes_are_stored_by_content_and_previewed(line: Line) -> None:
    long = "x" * (HEAVY_LENGTH + 1)
    line.spans(span(1, "x", (0, 1), {"long": long, "short": "y" * HEAVY_LENGTH, "gen_ai.tool.definitions": "[]"}))
    row = line.rows("spans", "SpanAttributes, bodies")[0]
    assert {name: len(text) for name, text in row["SpanAttributes"].items()} == {"long": PREVIEW_LENGTH, "short": HEAVY_LENGTH}
    assert row["bodies"].keys() == {"long", "gen_ai.tool.definitions"}
    key = row["bodies"]["long"].removeprefix("item:")
    stored = line.store.query(
        "SELECT body FROM message_bodies WHERE project = {p:String} AND lower(hex(hash)) = {k:String}", {"p": line.project, "k": key}
    )
    assert [entry["body"] for entry in stored] == [long]


def test_ten_thousand_attributes_are_data(line: Line) -> None:
    (mapped,) = line.spans(span(1, "x", (0, 1), {f"key {number}": number for number in range(10_000)}))
    assert not mapped.dead_letters
    assert len(line.values("otel_traces", "SpanAttributes")[0]) == 10_000


def test_several_resources_scopes_and_projects_in_one_request(line: Line) -> None:
    request = span_request([span(1, "a", (0, 1))], resource("one", mission_control__project=line.project))
    request.MergeFrom(
        span_request([span(2, "b", (1, 2)), span(3, "c", (2, 3))], resource("two", mission_control__project=f" {line.project} "))
    )
    request.resource_spans[0].scope_spans.add(spans=[span(4, "d", (3, 4))])
    request.resource_spans.add().scope_spans.add(spans=[span(5, "default", (3, 4), in_trace=line.received % 10**9)])
    (mapped,) = line.write(SPANS, request, project="")
    assert line.values("otel_traces", "SpanName, ServiceName, ScopeName") == [
        ("a", "one", "tests"),
        ("b", "two", "tests"),
        ("c", "two", "tests"),
        ("d", "one", ""),
    ]
    assert {key[0] for key in mapped.traces} == {line.project, "default"}
    (row,) = mapped.ledger
    assert (row.records, row.stored, row.rejected, row.project) == (5, 5, 0, line.project)


def test_names_that_look_like_sql(line: Line) -> None:
    hostile = "it's \\ \"a\" \n\t\0 {x:String} %(y)s '),('"
    other = Line(line.store, line.project + hostile)
    other.spans(span(1, hostile, (0, 1), {**TOOL, "gen_ai.conversation.id": hostile, "gen_ai.input.messages": json.dumps(hostile)}))
    other.summarise()
    other.spans(
        span(2, hostile, (2, 3), TOOL, 1), span(3, "chat", (2, 3), {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "hi"}, 1)
    )
    other.summarise()
    assert other.values("threads", "thread_id, step_count, name") == [(hostile, 2, hostile)]
    assert set(other.values("llm_messages", "thread_id")) == {hostile}


def test_events_of_spans(line: Line) -> None:
    (mapped,) = line.spans(span(1, "x", (0, 1.5), TOOL), span(2, "y", (1, -1), parent=1))
    done, running = mapped.events(EVERYTHING)
    assert (done.type, done.id, done.payload["status"], done.payload["duration_ms"]) == ("step", hex_span(1), "complete", 1.5)
    assert (running.payload["status"], running.payload["ended_at"], running.payload["duration_ms"]) == ("running", None, None)
    line.summarise()
    kinds = [(event.type, event.id) for event in line.heard.events()]
    assert ("thread.started", hex_trace(1)) in kinds
    line.spans(span(2, "y", (1, 2), TOOL, 1))
    line.heard.events()
    line.summarise()
    events = line.heard.events()
    assert [event.payload.get("superseded_by") for event in events if event.id == hex_span(2)] == [hex_span(1)]
    assert [event.type for event in events if event.type.startswith("thread")] == ["thread.ended"]


def test_only_what_is_listened_to_becomes_an_event(line: Line) -> None:
    mine, other = {"gen_ai.conversation.id": "mine"}, {"gen_ai.conversation.id": "other"}
    (mapped,) = line.spans(
        span(1, "a", (0, 1), mine | {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'}),
        span(2, "b", (0, 1), other),
    )
    project = mapped.tables["spans"].column("project")[0].as_py()

    def steps(interest: Interest) -> set[str]:
        return {
            f"{event.type} of {event.thread_id}"
            for events in (mapped.events, *(commit.events for commit in line.heard.commits))
            for event in events(interest)
        }

    line.summarise()
    assert {found for found in steps(Interest()) if not found.startswith("thread")} == set()
    wanted = steps(Interest(frozenset({(project, "mine")})))
    assert {found for found in wanted if not found.startswith("thread")} == {"step of mine", "message of mine"}
    assert steps(Interest(frozenset({("*", "other")}))) >= {"step of other"}
