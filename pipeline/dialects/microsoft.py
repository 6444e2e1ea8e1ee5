"""Microsoft's agent SDKs: nearly the standard vocabulary, with runtimes and workflows of their own around it.

Their messages are events of the older conventions (`older_events`), as log records or on the span.
"""

from collections.abc import Mapping
from typing import Final

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.vocabulary import STEP_TYPE

_WORKFLOW: Final[Mapping[str, str]] = {
    "workflow.run": "invoke_workflow",
    "workflow_invoke": "invoke_workflow",
    "executor.process": "agent_step",
}
"""First word of a span's name -> operation. Edges, messages and builds in between are plain spans."""
_COMPLETIONS: Final = ("chat", "text", "completion")


def _workflow(span: SpanFacts) -> None:
    """The first word of a span's name says whether it is a run of a workflow or one of its executors."""
    if operation := _WORKFLOW.get(span.name.partition(" ")[0]):
        span.found.setdefault("gen_ai.operation.name", operation)


def _kernel(span: SpanFacts) -> None:
    """Its operations are names of its interfaces (`chat.completions`, `text.streaming_completions`); plugins' functions are tools."""
    found = span.found
    operation = found.get("gen_ai.operation.name", "")
    if "gen_ai.request.model" in found and operation.startswith(_COMPLETIONS):
        found[STEP_TYPE] = "llm_call"
    elif operation.startswith("AutoFunctionInvocation") or span.name.startswith("AutoFunctionInvocation"):
        found[STEP_TYPE] = "script"


AUTOGEN: Final = Dialect(
    name="autogen",
    title="AutoGen 0.4 and later (autogen-core, autogen-agentchat)",
    scopes=("autogen-core", "autogen "),
    switch_on="A tracer provider with an OTLP exporter, set globally or given to the runtime as `tracer_provider`; model calls need an instrumentation of their own.",
)
AGENT_FRAMEWORK: Final = Dialect(
    name="agent_framework",
    title="Microsoft Agent Framework (Python, .NET)",
    scopes=("agent_framework", "Microsoft.Agents.AI", "Experimental.Microsoft.Agents.AI"),
    markers=frozenset({"executor.id", "edge_group.id", "workflow.definition"}),
    names={
        "gen_ai.workflow.name": ("workflow.name", "workflow.id"),
        "gen_ai.agent.name": ("executor.id",),
        "error.type": ("build.error.type",),
    },
    rules=(_workflow,),
    switch_on="`configure_otel_providers()` of agent_framework.observability with OTEL_EXPORTER_OTLP_ENDPOINT set; contents with ENABLE_SENSITIVE_DATA=true",
)
SEMANTIC_KERNEL: Final = Dialect(
    name="semantic_kernel",
    title="Semantic Kernel (Python, .NET)",
    scopes=("semantic_kernel", "Microsoft.SemanticKernel", "agent_runtime "),
    names={
        "gen_ai.response.finish_reasons": ("gen_ai.response.finish_reason",),
        "gen_ai.usage.input_tokens": ("gen_ai.response.prompt_tokens",),
        "gen_ai.usage.output_tokens": ("gen_ai.response.completion_tokens",),
    },
    rules=(_kernel,),
    switch_on=(
        "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE=true and tracer and logger providers with OTLP exporters; "
        "messages come as log records"
    ),
)
