"""The emit helper with the real SDK in memory, and with no SDK at all."""

import ast
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mission_control import emit

MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "ship it"}]}]


@dataclass
class Seen:
    """What the exporters got."""

    spans: InMemorySpanExporter
    logs: InMemoryLogRecordExporter
    tracers: TracerProvider

    def span(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.spans.get_finished_spans() if span.name == name]
        return found

    def attributes(self, name: str) -> Mapping[str, Any]:
        return self.span(name).attributes or {}

    def records(self, event_name: str) -> list[ReadableLogRecord]:
        return [record for record in self.logs.get_finished_logs() if record.log_record.event_name == event_name]

    def events(self, event_name: str) -> list[Mapping[str, Any]]:
        return [record.log_record.attributes or {} for record in self.records(event_name)]


@pytest.fixture
def seen() -> Iterator[Seen]:
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    with emit.providers(tracers, loggers):
        yield Seen(spans, logs, tracers)


def identity(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_a_thread_is_its_root_span_between_two_session_events(seen: Seen) -> None:
    with emit.thread("planner", "t-1", user_input="ship it", user_id="mara", previous_id="t-0", capabilities=["fs.read"]):
        assert [event["session.id"] for event in seen.events("session.start")] == ["t-1"]
        assert seen.events("session.end") == []
    root = seen.attributes("invoke_agent planner")
    assert root == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "planner",
        "gen_ai.conversation.id": "t-1",
        "mission_control.thread.id": "t-1",
        "mission_control.thread.status": "complete",
        "mission_control.user_input": "ship it",
        "mission_control.capabilities": ("fs.read",),
        "session.previous_id": "t-0",
        "user.id": "mara",
    }
    [start], [end] = seen.events("session.start"), seen.events("session.end")
    assert start["mission_control.user_input"] == "ship it"
    assert start["session.previous_id"] == "t-0"
    assert start["gen_ai.conversation.id"] == end["gen_ai.conversation.id"] == end["session.id"] == "t-1"
    assert start["event.name"] == "session.start"
    assert end["mission_control.thread.status"] == "complete"


def test_a_session_event_names_the_root_span(seen: Seen) -> None:
    with emit.thread("planner"):
        pass
    for name in ("session.start", "session.end", emit.STEP_START):
        [record] = seen.records(name)
        assert (record.log_record.trace_id, record.log_record.span_id) == identity(seen.span("invoke_agent planner"))
        assert record.log_record.timestamp


def test_a_sub_agent_is_a_thread_below_in_the_same_trace(seen: Seen) -> None:
    with emit.thread("planner", "t-1", user_id="mara"), emit.thread("coder", "t-2"):
        inner = emit.current_thread()
    assert inner is not None
    assert inner.id == "t-2"
    assert emit.current_thread() is None
    child = seen.attributes("invoke_agent coder")
    assert child["mission_control.thread.parent_id"] == "t-1"
    assert child["user.id"] == "mara"
    assert seen.events("session.start")[1]["mission_control.thread.parent_id"] == "t-1"
    assert identity(seen.span("invoke_agent coder"))[0] == identity(seen.span("invoke_agent planner"))[0]
    assert "mission_control.thread.parent_id" not in seen.attributes("invoke_agent planner")


def test_an_exception_ends_the_thread_as_error_and_is_raised_again(seen: Seen) -> None:
    with pytest.raises(ValueError, match="no"), emit.thread("planner"):
        raise ValueError("no")
    root = seen.span("invoke_agent planner")
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description == "no"
    assert (root.attributes or {})["error.type"] == "ValueError"
    assert [event.name for event in root.events] == ["exception"]
    assert [event["mission_control.thread.status"] for event in seen.events("session.end")] == ["error"]


@pytest.mark.parametrize("error", [emit.CancelRequested("enough"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_cancellation_is_no_error(seen: Seen, error: BaseException) -> None:
    with pytest.raises(type(error)), emit.thread("planner"):
        raise error
    root = seen.span("invoke_agent planner")
    assert root.status.status_code is StatusCode.UNSET
    assert (root.attributes or {})["gen_ai.response.status"] == "cancelled"
    assert "error.type" not in (root.attributes or {})
    assert [event["mission_control.thread.status"] for event in seen.events("session.end")] == ["cancelled"]


def test_the_agent_may_say_how_it_ended(seen: Seen) -> None:
    with emit.thread("planner") as thread:
        thread.status = "cancelled"
    assert seen.events("session.end")[0]["mission_control.thread.status"] == "cancelled"


def test_a_step_announces_itself_before_it_ends(seen: Seen) -> None:
    with emit.thread("planner", "t-1"), emit.step("deploy", "directive", {"mission_control.entity.id": "directive/deploy"}):
        root_start, start = seen.events(emit.STEP_START)
        assert seen.spans.get_finished_spans() == ()
    root, span = seen.span("invoke_agent planner"), seen.span("deploy")
    assert "mission_control.step.parent_span_id" not in root_start
    assert start == {
        "event.name": "mission_control.step.start",
        "gen_ai.agent.name": "planner",
        "gen_ai.conversation.id": "t-1",
        "mission_control.thread.id": "t-1",
        "mission_control.entity.id": "directive/deploy",
        "mission_control.entity.type": "directive",
        "mission_control.step.name": "deploy",
        "mission_control.step.parent_span_id": trace.format_span_id(identity(root)[1]),
    }
    record = seen.records(emit.STEP_START)[1].log_record
    assert (record.trace_id, record.span_id) == identity(span)
    assert span.kind is SpanKind.INTERNAL


def test_a_tool_call(seen: Seen) -> None:
    with emit.thread("planner"), emit.tool_call("deploy.start", {"service": "api"}, call_id="c-1", mcp="deploy") as call:
        call.result({"ok": True})
    found = seen.attributes("execute_tool deploy.start")
    expected = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "deploy.start",
        "gen_ai.tool.type": "extension",
        "gen_ai.tool.call.id": "c-1",
        "gen_ai.tool.call.arguments": '{"service": "api"}',
        "mission_control.mcp.id": "deploy",
    }
    assert {name: found[name] for name in expected} == expected
    assert found["gen_ai.tool.call.result"] == '{"ok": true}'
    start = seen.events(emit.STEP_START)[1]
    assert {name: start[name] for name in expected} == expected


def test_a_tool_that_reports_an_error_does_not_raise(seen: Seen) -> None:
    with emit.tool_call("add", {}) as call:
        call.result("no such thing", is_error=True)
    found = seen.attributes("execute_tool add")
    assert found["error.type"] == "tool_error"
    assert found["gen_ai.tool.type"] == "function"
    assert str(found["gen_ai.tool.call.id"]).startswith("call_")
    assert seen.span("execute_tool add").status.status_code is StatusCode.ERROR
    assert "gen_ai.conversation.id" not in found


def test_a_model_call(seen: Seen) -> None:
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "on it"}], "finish_reason": "stop"}
    with emit.thread("planner"), emit.llm_call("anthropic", "claude", MESSAGES, system="be brief", tools=[{"name": "add"}]) as call:
        call.first_token()
        call.respond(
            [answer],
            input_tokens=10,
            output_tokens=2,
            cache_read_tokens=4,
            cache_write_tokens=3,
            reasoning_tokens=1,
            finish_reasons=["stop"],
            model="claude-1",
            response_id="r-1",
        )
    span = seen.span("chat claude")
    found = dict(span.attributes or {})
    assert span.kind is SpanKind.CLIENT
    assert isinstance(found.pop("gen_ai.response.time_to_first_chunk"), float)
    assert json.loads(str(found.pop("gen_ai.input.messages"))) == MESSAGES
    assert json.loads(str(found.pop("gen_ai.output.messages"))) == [answer]
    assert json.loads(str(found.pop("gen_ai.system_instructions"))) == [{"type": "text", "content": "be brief"}]
    assert json.loads(str(found.pop("gen_ai.tool.definitions"))) == [{"name": "add"}]
    assert {name: value for name, value in found.items() if "thread" not in name and "conversation" not in name} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude",
        "gen_ai.agent.name": "planner",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.model": "claude-1",
        "gen_ai.response.id": "r-1",
    }
    start = seen.events(emit.STEP_START)[1]
    assert start["gen_ai.request.model"] == "claude"
    assert "gen_ai.input.messages" not in start


def test_a_model_call_without_extras(seen: Seen) -> None:
    with emit.llm_call("openai", "embed", [], operation="embeddings"):
        pass
    found = seen.attributes("embeddings embed")
    assert "gen_ai.system_instructions" not in found
    assert "gen_ai.tool.definitions" not in found


def test_a_permission_check_says_everything(seen: Seen) -> None:
    rules = [{"id": "r-1", "name": "all", "effect": "allow", "matched": True, "source": "policy"}]
    chain = [{"type": "agent", "id": "planner", "effect": "allow"}]
    with emit.thread("planner", "t-1"), emit.step("guarded"):
        check = emit.permission_check(
            "tool",
            "shell.run",
            "execute",
            "allow",
            "held",
            reason_code="held",
            policy="p-1",
            policy_version="2",
            rule="r-1",
            rules=rules,
            inheritance=chain,
            source="policy",
            severity="low",
            subject_type="agent",
            subject_id="planner",
        )
    [record] = seen.records("permission.check")
    assert (record.log_record.trace_id, record.log_record.span_id) == identity(seen.span("guarded"))
    assert record.log_record.body == "allow: execute shell.run (held)"
    found = dict(record.log_record.attributes or {})
    assert json.loads(str(found.pop("permission.rules"))) == rules
    assert json.loads(str(found.pop("permission.inheritance"))) == chain
    assert found == {
        "event.name": "permission.check",
        "gen_ai.agent.name": "planner",
        "gen_ai.conversation.id": "t-1",
        "mission_control.thread.id": "t-1",
        "permission.action": "execute",
        "permission.check.id": check.id,
        "permission.policy.id": "p-1",
        "permission.policy.version": "2",
        "permission.reason": "held",
        "permission.reason_code": "held",
        "permission.resource.id": "shell.run",
        "permission.resource.type": "tool",
        "permission.result": "allow",
        "permission.rule": "r-1",
        "permission.severity": "low",
        "permission.source": "policy",
        "permission.subject.id": "planner",
        "permission.subject.type": "agent",
    }


def test_an_escalation_is_two_events_with_one_id(seen: Seen) -> None:
    stated: emit.Details = {"escalation_status": "pending", "escalation_target": "lead", "asked": ["git.commit"], "held": ["git.diff"]}
    check = emit.permission_check("tool", "git.commit", "execute", "ask", **stated)
    check.resolve("allow", "granted once", escalation_status="approved", source="user")
    ask, decision = seen.events("permission.check")
    assert ask["permission.check.id"] == decision["permission.check.id"] == check.id
    assert ask["permission.escalation.required"]
    assert (ask["permission.escalation.status"], decision["permission.escalation.status"]) == ("pending", "approved")
    assert decision["permission.escalation.target"] == "lead"
    assert decision["permission.escalation.id"] == check.id
    assert decision["permission.source"] == "user"
    assert (ask["mission_control.permission.asked"], ask["mission_control.permission.held"]) == (("git.commit",), ("git.diff",))
    assert isinstance(decision["permission.duration"], float)
    assert "permission.duration" not in ask
    severities = [record.log_record.severity_number for record in seen.records("permission.check")]
    assert severities == [SeverityNumber.WARN, SeverityNumber.INFO2]
    assert [record.log_record.severity_text for record in seen.records("permission.check")] == ["WARN", "INFO"]


@pytest.mark.parametrize(
    ("result", "details", "severity"),
    [
        ("allow", {}, SeverityNumber.INFO),
        ("ask", {"severity": "critical"}, SeverityNumber.WARN),
        ("deny", {}, SeverityNumber.WARN),
        ("deny", {"severity": "high"}, SeverityNumber.ERROR),
        ("deny", {"severity": "critical"}, SeverityNumber.ERROR),
        ("error", {"error_type": "PolicyUnreachable"}, SeverityNumber.ERROR),
    ],
)
def test_severity_follows_the_decision(seen: Seen, result: emit.Result, details: emit.Details, severity: SeverityNumber) -> None:
    emit.permission_check("tool", "x", "execute", result, **details)
    [record] = seen.records("permission.check")
    assert record.log_record.severity_number is severity
    assert (record.log_record.attributes or {}).get("error.type") == details.get("error_type")


def test_waiting_is_said_at_both_ends(seen: Seen) -> None:
    with emit.thread("planner", "t-1"):
        with emit.waiting_for("user", "which slot?"):
            assert seen.records("mission_control.thread.waiting")[0].log_record.body == "which slot?"
            assert seen.events("mission_control.thread.resumed") == []
        [resumed] = seen.events("mission_control.thread.resumed")
        with emit.waiting_for("lock"):
            pass
    assert resumed["mission_control.thread.waiting_for"] == "user"
    assert resumed["gen_ai.conversation.id"] == "t-1"
    assert seen.records("mission_control.thread.waiting")[1].log_record.body == "waits for lock"


def test_spans_of_other_libraries_can_be_stamped(seen: Seen) -> None:
    with emit.thread("planner", "t-1"), seen.tracers.get_tracer("other").start_as_current_span("theirs") as span:
        emit.stamp(span)
    assert seen.attributes("theirs")["mission_control.thread.id"] == "t-1"


def test_two_services_in_one_process(seen: Seen) -> None:
    spans = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    with emit.step("outer"), emit.providers(tracers, LoggerProvider(shutdown_on_exit=False)), emit.step("inner"):
        pass
    assert [span.name for span in spans.get_finished_spans()] == ["inner"]
    assert [span.name for span in seen.spans.get_finished_spans()] == ["outer"]


async def test_threads_of_concurrent_tasks_do_not_mix(seen: Seen) -> None:
    async def work(name: str) -> None:
        with emit.thread(name, name):
            await asyncio.sleep(0)
            with emit.step(f"step of {name}"):
                await asyncio.sleep(0)

    await asyncio.gather(work("a"), work("b"))
    assert {name: seen.attributes(f"step of {name}")["gen_ai.conversation.id"] for name in "ab"} == {"a": "a", "b": "b"}


def test_nothing_controls_threads_yet() -> None:
    assert emit.poll() == "running"


def test_what_json_cannot_say_becomes_text() -> None:
    assert emit.to_json({"path": Path("a"), "wort": "für"}) == '{"path": "a", "wort": "für"}'


PLAIN = """
from mission_control import emit
with emit.thread("planner", user_input="x") as thread:
    with emit.llm_call("anthropic", "m", []) as call:
        call.first_token(); call.respond([], input_tokens=1)
    with emit.tool_call("t", {}) as tool:
        emit.permission_check("tool", "t", "execute", "ask").resolve("allow", "ok")
        tool.result("done", is_error=True)
    with emit.waiting_for("user"), emit.step("s"):
        pass
import sys
print(thread.status, any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


def test_without_an_sdk_nothing_happens() -> None:
    ran = subprocess.run([sys.executable, "-c", PLAIN], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["complete", "False"]
    assert ran.stderr == ""


def test_the_file_needs_only_the_api() -> None:
    tree = ast.parse(Path(emit.__file__).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert ours == {"opentelemetry", "opentelemetry._logs", "opentelemetry.trace", "opentelemetry.util.types"}
