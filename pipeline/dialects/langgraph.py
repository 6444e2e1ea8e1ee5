"""What LangChain and LangGraph say through every instrumentation alike: pauses for a person, ids of tool calls."""

from typing import Any, Final

from pipeline.dialects.chat import parsed
from pipeline.dialects.decisions import INTERRUPT, Decision, decide
from pipeline.dialects.dialect import SpanFacts
from pipeline.vocabulary import STEP_STATUS

REASON_LENGTH: Final = 1_000
_PAUSES: Final = frozenset({"GraphInterrupt", "NodeInterrupt"})


def is_pause(error: str) -> bool:
    """Whether an exception's type, or its text as `repr` writes it, is a wait for a person."""
    return error[:200].partition("(")[0].rpartition(".")[2] in _PAUSES


def pauses(span: SpanFacts) -> None:
    """A rule: a step that ended with GraphInterrupt waits for a person, it did not fail."""
    if STEP_STATUS not in span.found and is_pause(span.found.get("error.type", "")):
        _pause(span.found, span.name, span.trace_id, span.event("exception").get("exception.message", ""))


def pauses_by_event(span: SpanFacts) -> None:
    """The same, where the interrupt shows only as an exception event: OpenInference leaves the status OK, LangSmith wraps it."""
    for event in span.events:
        if event.name == "exception" and STEP_STATUS not in span.found:
            message = event.attributes.get("exception.message", "")
            if is_pause(event.attributes.get("exception.type", "")) or is_pause(message):
                _pause(span.found, span.name, span.trace_id, message)


def _pause(found: dict[str, str], name: str, trace_id: str, message: str) -> None:
    """It is a question to a person. It passes through all spans around, so all of them ask it under one id."""
    found[STEP_STATUS] = "paused"
    interrupt = message.partition(" id='")[2].partition("'")[0] or trace_id
    found.setdefault("permission.reason", message[:REASON_LENGTH])
    decide(Decision("ask", INTERRUPT), found, ("interrupt", name), f"interrupt:{interrupt}", "resume")


def tool_call_id(output: str) -> str:
    """The call that a tool's output answers, where that is a LangChain ToolMessage; '' when not."""
    data: Any = parsed(output) if "tool_call_id" in output else None
    for _ in range(4):
        if not isinstance(data, dict):
            return ""
        if isinstance(call := data.get("tool_call_id"), str):
            return call
        data = next((data[name] for name in ("data", "kwargs", "output") if isinstance(data.get(name), dict)), None)
    return ""
