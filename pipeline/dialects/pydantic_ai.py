"""Pydantic-AI (scope `pydantic-ai`): OpenTelemetry's words, under older names in formats 1 and 2, and its own for a whole run."""

from typing import Any, Final

from pipeline.dialects.decisions import APPROVAL_REQUIRED, DEFERRED, Decision, decide
from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.dialects.turns import Message, count, messages, parsed, put, put_messages

_AGGREGATED: Final = "gen_ai.aggregated_usage."


def operation(span: SpanFacts) -> None:
    """What names of spans say, before version 3 of its format."""
    found, name = span.found, span.name
    if (
        "gen_ai.tool.name" in found
        or name.startswith(("running tool:", "running output function", "execute_tool "))
        or name == "running tool"
    ):
        put(found, "gen_ai.operation.name", "execute_tool")
    elif name == "agent run" or (name.endswith(" run") and not {"agent_name", "gen_ai.agent.name"}.isdisjoint(found)):
        put(found, "gen_ai.operation.name", "invoke_agent")
    elif name.startswith("running ") and name.endswith((" tool", " tools")):
        put(found, "gen_ai.operation.name", "agent_step")
    if name.startswith("running tool: "):
        put(found, "gen_ai.tool.name", name.removeprefix("running tool: "))


def deferral(span: SpanFacts) -> None:
    """A call that waits for approval, or for its result from elsewhere: the first is a question to a person."""
    found = span.found
    if name := found.get("pydantic_ai.tool.deferral.name"):
        put(found, "mission_control.step.status", "paused")
        put(found, "permission.reason", found.get("pydantic_ai.tool.deferral.metadata", ""))
        asked = Decision("ask", APPROVAL_REQUIRED if name == "ApprovalRequired" else DEFERRED)
        decide(asked, found, ("tool", found.get("gen_ai.tool.name", "")), found.get("gen_ai.tool.call.id", ""))


def whole_run(span: SpanFacts) -> None:
    """All messages of a run: what came before the model first spoke is its input, and all from there its output.

    The calls inside tell of the same messages, earlier and so better.
    """
    said = messages(parsed(span.found.get("pydantic_ai.all_messages")))
    if said:
        begin = _first_answer(said, count(span.found.get("pydantic_ai.new_message_index")))
        put_messages(span.found, "gen_ai.input.messages", said[:begin])
        put_messages(span.found, "gen_ai.output.messages", said[begin:])
    elif final := span.found.get("final_result"):
        put_messages(span.found, "gen_ai.output.messages", messages(final, "assistant"))


def _first_answer(said: list[Message], new: int) -> int:
    """The place of the first message of the model from `new` on."""
    return next((place for place in range(new, len(said)) if said[place]["role"] == "assistant"), len(said))


def events(span: SpanFacts) -> None:
    """Format 1: messages as JSON of the events that they would have been."""
    listed = parsed(span.found.get("events") or span.found.get("all_messages_events"))
    if not isinstance(listed, list):
        return
    given, answers = list[Any](), list[Any]()
    for event in listed:
        if isinstance(event, dict):
            plain = {key: value for key, value in event.items() if "." not in key}
            if event.get("event.name") == "gen_ai.choice":
                answers.append(plain.get("message"))
            else:
                given.append(plain)
    put_messages(span.found, "gen_ai.input.messages", messages(given))
    put_messages(span.found, "gen_ai.output.messages", messages(answers, "assistant"))


PYDANTIC_AI: Final = Dialect(
    name="pydantic-ai",
    title="Pydantic-AI",
    scopes=("pydantic-ai",),
    markers=frozenset({"pydantic_ai.all_messages", "pydantic_ai.tool.deferral.name", "all_messages_events", "model_request_parameters"}),
    names={
        "gen_ai.agent.name": ("agent_name",),
        "gen_ai.request.model": ("model_name",),
        "gen_ai.tool.call.arguments": ("tool_arguments",),
        "gen_ai.tool.call.result": ("tool_response",),
        "gen_ai.usage.input_tokens": (_AGGREGATED + "input_tokens",),
        "gen_ai.usage.output_tokens": (_AGGREGATED + "output_tokens",),
        "gen_ai.usage.cache_read.input_tokens": (_AGGREGATED + "cache_read.input_tokens", "gen_ai.usage.details.cache_read_tokens"),
        "gen_ai.usage.cache_creation.input_tokens": (
            _AGGREGATED + "cache_creation.input_tokens",
            "gen_ai.usage.details.cache_write_tokens",
        ),
        "gen_ai.usage.reasoning.output_tokens": ("gen_ai.usage.details.reasoning_tokens",),
        "mission_control.cost_usd": ("operation.cost",),
    },
    rules=(operation, deferral, whole_run, events),
    histories=("pydantic_ai.all_messages", "all_messages_events", "events"),
    switch_on="`Agent.instrument_all()` with OTEL_EXPORTER_OTLP_ENDPOINT set; add logfire's `PendingSpanProcessor` to see steps as they begin.",
)
