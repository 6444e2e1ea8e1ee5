"""A page per dialect, written from its tables: how it is recognised, what is read from where, what proves it, how to switch it on."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from mission_control.markdown import page, table
from pipeline import vocabulary
from pipeline.dialects.dialect import Dialect
from pipeline.dialects.log_events import SPEECHES, Speech
from pipeline.dialects.registry import DIALECTS, STANDARD


class Proof(NamedTuple):
    """`recordings`: requests of the real emitter (`tests/payloads`); `live`: runs of the published packages (`tests/emitters`)."""

    recordings: Sequence[str] = ()
    live: Sequence[str] = ()


PROOFS: Final[Mapping[str, Proof]] = {
    STANDARD: Proof(
        (
            "otel-genai/agent-turn", "otel-genai/semconv-v1.41-examples", "otel-genai/util-genai-1.3b0.traces", "otel-genai/util-genai-1.3b0.logs",
            "mcp-python-sdk/mcp-2.3.0", "fastmcp/fastmcp-4.1.2", "logfire/pending-spans", "otel-proto/trace",
        ),
        ("otel_openai", "otel_anthropic", "fastmcp_server", "mcp_sdk", "litellm_callback"),
    ),
    "claude_code": Proof((*(f"claude-code/claude-code-{number}" for number in range(5)), "claude-code/governance")),
    "codex": Proof(("codex/session-task-turn",)),
    "openinference": Proof(
        (
            "openinference/agent-turn", "openinference/map-llm-input-messages-and-llm-output-messages-to-input-output-",
            "openinference/openai-0.1.66", "openinference/spec-examples", "langgraph/openinference-interrupt-resume", "openai-agents/openinference",
        ),
        ("openinference_openai", "langgraph_openinference", "openai_agents"),
    ),
    "openllmetry": Proof(
        ("openllmetry/convert-a-traceloop-otel-span-to-langfuse-events", "openllmetry/indexed-prompts"),
        ("openllmetry_openai", "openllmetry_anthropic", "langgraph_openllmetry"),
    ),
    "vercel": Proof(("vercel-ai/agent-turn", "vercel-ai/map-vercel-ai-sdk-toolcall-to-tool-create")),
    "langfuse": Proof(("langfuse-sdk/convert-lf-otel-spans-to-lf-events", "langfuse-sdk/process-a-json-payload-correctly"), ("langfuse_sdk",)),
    "pydantic-ai": Proof(
        ("pydantic-ai/map-pydantic-ai-agent-root-span-with-final-result-as-output-and", "pydantic-ai/pydantic-ai-2.68.0"), ("pydantic_ai_agent",)
    ),
    "google-adk": Proof(("google-adk/google-adk-1.10.0",), ("google_adk",)),
    "autogen": Proof(("autogen/autogen-0.7.5",)),
    "agent_framework": Proof(("agent-framework/agent-framework-1.23.0",)),
    "semantic_kernel": Proof(("semantic-kernel/semantic-kernel-1.45.0",)),
    "openlit": Proof(("openlit/convert-an-openlit-span-to-valid-observationforeval-openLitSpan",)),
}  # fmt: skip
"""What was recorded from, or runs, the real thing. Whoever is missing here is proven by hand-made spans alone, and the page says so."""
SOURCE: Final = "`pipeline/dialects/{}.py`"
_STANDARD_INTRODUCTION: Final = (
    "The one vocabulary inside. Spans and log records that speak it are taken as they are; every dialect is translated into it, and its own "
    "attributes stay beside. The first attribute of a list that says something wins."
)


def pages() -> Mapping[str, Callable[[], str]]:
    """File name in `docs/dialects/` and what writes it."""
    return {
        "README.md": index_page,
        "otel.md": standard_page,
        **{f"{dialect.name}.md": partial(dialect_page, dialect) for dialect in DIALECTS},
    }


def index_page() -> str:
    rows = [(f"[{STANDARD}](otel.md)", "OpenTelemetry GenAI and MCP, `permission.*`, `mission_control.*`", _proof(PROOFS[STANDARD]))]
    rows += [(f"[{dialect.name}]({dialect.name}.md)", dialect.title, _proof(PROOFS.get(dialect.name, Proof()))) for dialect in DIALECTS]
    introduction = (
        "Who sends what, and what it is read as. A dialect is chosen by the instrumentation scope of a span, else by an attribute nobody else uses; "
        "what nobody knows still shows as a thread with name, times, status and searchable attributes."
    )
    return page("Dialects", SOURCE.format("registry"), introduction, table(("dialect", "spoken by", "proven by"), rows))


def _proof(proof: Proof) -> str:
    """In a few words."""
    counts = ((len(proof.recordings), "recording"), (len(proof.live), "live run"))
    said = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return ", ".join(said) or "hand-made spans only"


def standard_page() -> str:
    sources = {**vocabulary.TEXT_SOURCES, **vocabulary.COUNT_SOURCES, **vocabulary.MEASURE_SOURCES}
    operations = {
        "llm_call": vocabulary.LLM_OPERATIONS,
        "tool_call": vocabulary.TOOL_OPERATIONS,
        "directive": vocabulary.AGENT_OPERATIONS,
        "script": vocabulary.SCRIPT_OPERATIONS,
    }
    return page(
        "OpenTelemetry GenAI and MCP",
        "`pipeline/vocabulary.py`",
        _STANDARD_INTRODUCTION,
        "## Columns",
        table(("column", "read from, best first"), [(f"`{column}`", _listed(names)) for column, names in sources.items()]),
        "## Thread",
        f"Named by the first of {_listed(vocabulary.THREAD_SOURCES)}; by `{vocabulary.MCP_SESSION}` before protocol {vocabulary.MCP_SESSIONS_END} "
        "where no agent is in the trace; else by the trace id.",
        "## Type of step",
        table(("type", "`gen_ai.operation.name`"), [(f"`{kind}`", _listed(sorted(names))) for kind, names in operations.items()]),
        "`mcp.method.name` = `tools/call` is a tool call too.",
        "## Messages",
        table(("attribute", "direction"), [(f"`{name}`", direction) for name, direction, _ in vocabulary.MESSAGE_SOURCES]),
        *_proven(PROOFS[STANDARD]),
        "## How to switch it on",
        "Point any OpenTelemetry SDK here: `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318`. Instrumentations of openai and anthropic send messages with "
        "`OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY`.",
    )


def dialect_page(dialect: Dialect) -> str:
    speech = next((speech for speech in SPEECHES if speech.dialect == dialect.name), None)
    sections = [
        *_recognised(dialect),
        *_tables(dialect),
        *_rules(dialect),
        *(_log_events(speech) if speech else ()),
        *_proven(PROOFS.get(dialect.name, Proof())),
        "## How to switch it on",
        dialect.switch_on.replace("\n", "\n\n"),
    ]
    return page(dialect.title.partition(":")[0], SOURCE.format("registry"), f"`{dialect.name}`. {dialect.title}.", *sections)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _recognised(dialect: Dialect) -> list[str]:
    said = []
    if dialect.scopes:
        said.append(f"- Scopes that begin with {_listed(dialect.scopes)}")
    if dialect.markers:
        said.append(f"- Under any other scope, an attribute of {_listed(sorted(dialect.markers))}")
    return ["## How it is recognised", "\n".join(said)]


def _tables(dialect: Dialect) -> list[str]:
    said = []
    if dialect.names:
        rows = [(f"`{canonical}`", _listed(names)) for canonical, names in dialect.names.items()]
        said += ["## What is read from where", table(("attribute", "read from, best first"), rows)]
    for attribute, values in dialect.operations.items():
        rows = [(f"`{value}`", f"`{operation}`") for value, operation in values.items()]
        said += [f"## What `{attribute}` means", table((f"`{attribute}`", "`gen_ai.operation.name`"), rows)]
    return said


def _rules(dialect: Dialect) -> list[str]:
    """The first sentence or two of each rule, as its author wrote them."""
    said = [" ".join((inspect.getdoc(rule) or "").split()).removeprefix("A rule: ") for rule in dialect.rules]
    lines = [f"- {words[:1].upper()}{words[1:]}" for words in said if words]
    return ["## What rules read beyond that", "\n".join(lines)] if lines else []


def _log_events(speech: Speech) -> list[str]:
    calls = [(f"`{event}`", kind) for event, kind in speech.calls.items()]
    decisions = [(f"`{word}`", decision.result, decision.reason_code, decision.source) for word, decision in speech.decisions.items()]
    return [
        "## Log events",
        f"`{speech.prompt}` is what the user said; `{speech.decides}` decides about a tool. A call that is told by a span too is one step.",
        f"The mode is told by {_listed(list(speech.modes))}: one that asks nobody is a permission check of its own, and an escalation (`auto_accept`).",
        table(("event", "step"), calls),
        table(("attribute", "read from, best first"), [(f"`{canonical}`", _listed(names)) for canonical, names in speech.names.items()]),
        table(("`decision`", "permission", "reason code", "source"), decisions),
    ]


def _proven(proof: Proof) -> list[str]:
    said = [f"- Recorded: {name}" for name in proof.recordings]
    said += [f"- Live: `tests/emitters/scripts/{name}.py`, in `make test-emitters`" for name in proof.live]
    return [
        "## Proven by",
        "\n".join(said) or "Spans made by hand from its documentation and source (`tests/pipeline/dialects`); no recording yet.",
    ]
