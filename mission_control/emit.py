"""Tell Mission Control what an agent does, while it does it.

One file that needs only `opentelemetry-api`: import it, or copy it into your project. Without an OpenTelemetry SDK it does nothing.

    with emit.thread("planner", user_input="ship it") as thread:
        with emit.llm_call("anthropic", "claude-sonnet-4-5", messages) as call:
            call.respond([answer], input_tokens=812, output_tokens=31, finish_reasons=["tool_call"])
        with emit.tool_call("deploy.start", {"service": "api"}, mcp="deploy") as tool:
            emit.permission_check("tool", "deploy.start", "execute", "allow", "planner may deploy")
            tool.result(start_deploy("api"))

Spans are exported when they end; so every thread and step also sends a log event when it starts, and shows at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypedDict, Unpack, cast
from uuid import uuid4

from opentelemetry import context, trace
from opentelemetry._logs import LoggerProvider, SeverityNumber, get_logger_provider
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

SCOPE: Final = "mission_control.emit"
STEP_START: Final = "mission_control.step.start"
Messages = Sequence[Mapping[str, Any]]
Result = Literal["allow", "deny", "ask", "error"]
Severity = Literal["info", "low", "medium", "high", "critical"]
ThreadStatus = Literal["complete", "error", "cancelled"]
_THREAD: Final = context.create_key("mission_control.thread")
_PROVIDERS: Final = context.create_key("mission_control.providers")
_NAMES: Final[Mapping[str, str]] = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "cost_usd": "mission_control.cost_usd",
    "policy": "permission.policy.id",
    "policy_version": "permission.policy.version",
    "subject_type": "permission.subject.type",
    "subject_id": "permission.subject.id",
    "escalation_status": "permission.escalation.status",
    "escalation_target": "permission.escalation.target",
    "asked": "mission_control.permission.asked",
    "held": "mission_control.permission.held",
    "error_type": "error.type",
}
"""Keyword argument = attribute; what is missing for a permission check is `permission.{name}`."""


class CancelRequested(Exception):
    """Raise it when `poll()` says "cancelled": the thread then ends as cancelled, not as failed."""


@dataclass
class Thread:
    """One run of one agent. `status` is what `session.end` will say unless an exception decides otherwise."""

    id: str
    agent: str
    parent_id: str | None = None
    user_id: str | None = None
    status: ThreadStatus = "complete"


class ThreadOptions(TypedDict, total=False):
    """`parent_id`: default the enclosing thread. `previous_id`: the thread this one continues. `capabilities`: what it may do."""

    user_input: str
    user_id: str
    parent_id: str
    previous_id: str
    capabilities: Sequence[str]
    attributes: Mapping[str, Any]


@contextmanager
def providers(tracers: TracerProvider, loggers: LoggerProvider) -> Iterator[None]:
    """Within this block emit through these providers, not the global ones: several services in one process."""
    token = context.attach(context.set_value(_PROVIDERS, (tracers, loggers)))
    try:
        yield
    finally:
        context.detach(token)


def tracer_provider(within: context.Context | None = None) -> TracerProvider:
    """The provider of the enclosing `providers` block, else the global one. `within` may be a remote parent's bare context."""
    chosen = context.get_value(_PROVIDERS, within) or context.get_value(_PROVIDERS)
    return chosen[0] if isinstance(chosen, tuple) else trace.get_tracer_provider()


def logger_provider() -> LoggerProvider:
    """The provider of the enclosing `providers` block, else the global one."""
    chosen = context.get_value(_PROVIDERS)
    return chosen[1] if isinstance(chosen, tuple) else get_logger_provider()


def current_thread(within: context.Context | None = None) -> Thread | None:
    """The thread whose block encloses the caller."""
    found = context.get_value(_THREAD, within)
    return found if isinstance(found, Thread) else None


def stamp(span: Span, within: context.Context | None = None) -> None:
    """Mark a span of another library as part of its thread: call it from `on_start` of an SDK `SpanProcessor`."""
    span.set_attributes(_stamps(current_thread(within)))


def poll() -> Literal["running", "paused", "cancelled"]:
    """Ask between two steps whether people paused or cancelled this thread.

    Nothing answers yet: it always says "running". Agents that call it now can be controlled later without a change.
    """
    return "running"


def event(name: str, attributes: Mapping[str, Any], body: str = "", severity: SeverityNumber = SeverityNumber.INFO) -> None:
    """Send one log event of the current thread, tied to the current span. `body` is what people read."""
    logger_provider().get_logger(SCOPE).emit(
        timestamp=time.time_ns(),
        severity_number=severity,
        severity_text=severity.name.rstrip("234"),
        body=body or name,
        attributes={**_stamps(current_thread()), **attributes, "event.name": name},
        event_name=name,
    )


@contextmanager
def thread(agent: str, thread_id: str | None = None, **options: Unpack[ThreadOptions]) -> Iterator[Thread]:
    """Run a thread: the root span `invoke_agent {agent}` between the events `session.start` and `session.end`.

    An exception ends it as error, `CancelRequested` and cancellation of the task as cancelled; all are raised again.
    """
    outer = current_thread()
    parent_id = options.get("parent_id", outer.id if outer else None)
    me = Thread(thread_id or uuid4().hex, agent, parent_id, options.get("user_id", outer.user_id if outer else None))
    token = context.attach(context.set_value(_THREAD, me))
    wanted = {"mission_control.thread.parent_id": parent_id, "session.previous_id": options.get("previous_id")}
    wanted |= {f"mission_control.{name}": cast("str | None", options.get(name)) for name in ("user_input", "capabilities")}
    known = _without_none(wanted)
    attributes = {"gen_ai.operation.name": "invoke_agent", **known, **options.get("attributes", {})}
    try:
        with _begin(f"invoke_agent {agent}", attributes) as span:
            event("session.start", {"session.id": me.id, **known}, f"{agent} started")
            try:
                yield me
            except BaseException as error:
                me.status = "cancelled" if _is_cancellation(error) else "error"
                raise
            finally:
                span.set_attribute("mission_control.thread.status", me.status)
                event("session.end", {"session.id": me.id, "mission_control.thread.status": me.status}, f"{agent} ended: {me.status}")
    finally:
        context.detach(token)


@dataclass(frozen=True)
class Step:
    """One step that runs; its span is open as long as the block."""

    span: Span

    def fail(self, error_type: str, message: str) -> None:
        """Mark the step as failed without raising."""
        self.span.set_attribute("error.type", error_type)
        self.span.set_status(StatusCode.ERROR, message)


@contextmanager
def step(name: str, entity_type: str = "script", attributes: Mapping[str, Any] | None = None) -> Iterator[Step]:
    """Run any other step. `entity_type`: directive, script or knowledge."""
    with _begin(name, {"mission_control.entity.type": entity_type, **(attributes or {})}) as span:
        yield Step(span)


@dataclass(frozen=True)
class ToolCall(Step):
    """A tool call that runs."""

    def result(self, value: Any, *, is_error: bool = False) -> None:
        """Record what the tool answered; `is_error`: it ran, and says that it failed (`error.type` = `tool_error`)."""
        answer = value if isinstance(value, str) else to_json(value)
        self.span.set_attribute("gen_ai.tool.call.result", answer)
        if is_error:
            self.fail("tool_error", answer)


@contextmanager
def tool_call(name: str, arguments: Mapping[str, Any], *, call_id: str | None = None, mcp: str | None = None) -> Iterator[ToolCall]:
    """Call a tool: the span `execute_tool {name}`. `mcp`: the MCP server that has it."""
    known = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "extension" if mcp else "function",
        "gen_ai.tool.call.id": call_id or f"call_{uuid4().hex[:16]}",
        "gen_ai.tool.call.arguments": to_json(arguments),
        "mission_control.mcp.id": mcp,
    }
    with _begin(f"execute_tool {name}", _without_none(known)) as span:
        yield ToolCall(span)


class Usage(TypedDict, total=False):
    """What a response says; `input_tokens` includes the cached ones."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    finish_reasons: Sequence[str]
    model: str
    response_id: str
    cost_usd: float


@dataclass(frozen=True)
class LlmCall(Step):
    """A model call that runs."""

    began: float = field(default_factory=time.monotonic)

    def first_token(self) -> None:
        """The first piece of the answer is here: sets `gen_ai.response.time_to_first_chunk` (seconds)."""
        self.span.set_attribute("gen_ai.response.time_to_first_chunk", time.monotonic() - self.began)

    def respond(self, messages: Messages, **usage: Unpack[Usage]) -> None:
        """Record the answer and what it cost."""
        self.span.set_attribute("gen_ai.output.messages", to_json(messages))
        for name, value in usage.items():
            self.span.set_attribute(_NAMES[name], cast(AttributeValue, value))


@contextmanager
def llm_call(
    provider: str, model: str, messages: Messages, *, system: str | None = None, tools: Messages = (), operation: str = "chat"
) -> Iterator[LlmCall]:
    """Call a model: the span `{operation} {model}`, with the whole history it was given. `tools`: definitions of those offered.

    A message is `{"role": "user", "parts": [{"type": "text", "content": "…"}]}`; other parts are `tool_call` (id, name, arguments)
    and `tool_call_response` (id, response), as in OpenTelemetry's GenAI conventions.
    """
    known = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider, "gen_ai.request.model": model}
    with _begin(f"{operation} {model}", known, SpanKind.CLIENT) as span:
        span.set_attribute("gen_ai.input.messages", to_json(messages))
        if system:
            span.set_attribute("gen_ai.system_instructions", to_json([{"type": "text", "content": system}]))
        if tools:
            span.set_attribute("gen_ai.tool.definitions", to_json(tools))
        yield LlmCall(span)


class Details(TypedDict, total=False):
    """What more may be said about a permission check.

    `rules`: those looked at, each with id, name, effect, matched, source. `inheritance`: root to leaf, each with type, id, effect.
    `source`: policy, config, hook, user, user_session, classifier or default. `escalation_status`: pending, approved, rejected or expired.
    `asked`, `held`: capabilities; whoever asks for more than is held above it escalates, whether it says so or not.
    """

    reason_code: str
    policy: str
    policy_version: str
    rule: str
    rules: Sequence[Mapping[str, Any]]
    inheritance: Sequence[Mapping[str, Any]]
    source: str
    severity: Severity
    subject_type: str
    subject_id: str
    escalation_status: str
    escalation_target: str
    asked: Sequence[str]
    held: Sequence[str]
    error_type: str


@dataclass
class PermissionCheck:
    """A decision that was reported. After "ask", `resolve` reports how it ended, under the same id."""

    resource_type: str
    resource_id: str
    action: str
    details: Details
    id: str = field(default_factory=lambda: uuid4().hex)
    began: float = field(default_factory=time.monotonic)

    def resolve(self, result: Result, reason: str, **details: Unpack[Details]) -> None:
        """Report the decision that was waited for; `permission.duration` is the wait in seconds."""
        self.details = {**self.details, **details}
        self.report(result, reason, {"permission.duration": time.monotonic() - self.began})

    def report(self, result: Result, reason: str, more: Mapping[str, Any]) -> None:
        """Send the event `permission.check`; lists go as JSON text, which every SDK can carry."""
        said = {_NAMES.get(k, f"permission.{k}"): to_json(v) if k in ("rules", "inheritance") else v for k, v in self.details.items()}
        escalation = {"permission.escalation.required": True, "permission.escalation.id": self.id} if self.is_escalation else {}
        attributes = {
            "permission.check.id": self.id,
            "permission.resource.type": self.resource_type,
            "permission.resource.id": self.resource_id,
            "permission.action": self.action,
            "permission.result": result,
            "permission.reason": reason,
        }
        body = f"{result}: {self.action} {self.resource_id} ({reason})"
        event("permission.check", {**attributes, **said, **escalation, **more}, body, self._severity(result))

    @property
    def is_escalation(self) -> bool:
        """Whether more was asked for than is held."""
        return "escalation_status" in self.details

    def _severity(self, result: Result) -> SeverityNumber:
        if result == "allow":
            return SeverityNumber.INFO2 if self.is_escalation else SeverityNumber.INFO
        grave = result == "deny" and self.details.get("severity") in ("high", "critical")
        return SeverityNumber.ERROR if grave or result == "error" else SeverityNumber.WARN


def permission_check(
    resource_type: str, resource_id: str, action: str, result: Result, reason: str = "", **details: Unpack[Details]
) -> PermissionCheck:
    """Report one authorization decision; call it within the step that it guards."""
    check = PermissionCheck(resource_type, resource_id, action, details)
    check.report(result, reason, {})
    return check


@contextmanager
def waiting_for(what: str, reason: str = "") -> Iterator[None]:
    """Say that the thread waits for someone or something other than a decision: a person's answer, another thread, a lock."""
    attributes = {"mission_control.thread.waiting_for": what}
    event("mission_control.thread.waiting", attributes, reason or f"waits for {what}")
    try:
        yield
    finally:
        event("mission_control.thread.resumed", attributes, f"no longer waits for {what}")


def to_json(value: Any) -> str:
    """JSON text for an attribute; what JSON cannot say becomes its `str`."""
    return json.dumps(value, ensure_ascii=False, default=str)


@contextmanager
def _begin(name: str, attributes: Mapping[str, Any], kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    parent = trace.get_current_span().get_span_context()
    known = {**_stamps(current_thread()), **attributes}
    tracer = tracer_provider().get_tracer(SCOPE)
    with tracer.start_as_current_span(name, kind=kind, attributes=known, record_exception=False, set_status_on_exception=False) as span:
        above = {"mission_control.step.parent_span_id": trace.format_span_id(parent.span_id)} if parent.is_valid else {}
        event(STEP_START, {**attributes, "mission_control.step.name": name, **above}, name)
        try:
            yield span
        except BaseException as error:
            _failed(span, error)
            raise


def _failed(span: Span, error: BaseException) -> None:
    if _is_cancellation(error):
        span.set_attribute("gen_ai.response.status", "cancelled")
        return
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(StatusCode.ERROR, str(error))


def _is_cancellation(error: BaseException) -> bool:
    return isinstance(error, CancelRequested) or not isinstance(error, Exception)


def _stamps(of: Thread | None) -> dict[str, str]:
    if of is None:
        return {}
    stamps = {"gen_ai.conversation.id": of.id, "mission_control.thread.id": of.id, "gen_ai.agent.name": of.agent}
    return {**stamps, "user.id": of.user_id} if of.user_id else stamps


def _without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
