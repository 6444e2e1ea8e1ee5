"""The one vocabulary inside: OpenTelemetry GenAI and MCP, `permission.*`, `mission_control.*` (conventions, sections 1, 2, 4, 6).

Each table says which attributes fill a column, best first. Other conventions are translated into this one before.
"""

from collections.abc import Mapping
from typing import Final

TEXT_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent_name": ("gen_ai.agent.name",),
    "tool_name": ("gen_ai.tool.name",),
    "tool_call_id": ("gen_ai.tool.call.id",),
    "request_model": ("gen_ai.request.model",),
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "prompt_name": ("gen_ai.prompt.name",),
    "prompt_version": ("gen_ai.prompt.version",),
    "user_id": (
        "user.id", "langfuse.user.id", "enduser.id", "traceloop.association.properties.user_id", "langsmith.metadata.user_id", "gen_ai.user.id",
        "gen_ai.request.user", "user.account_uuid", "ai.telemetry.metadata.userId",
    ),
    "mcp_id": ("mission_control.mcp.id", "fastmcp.server.name"),
    "error_type": ("error.type",),
    "parent_thread_key": ("mission_control.thread.parent_id",),
    "user_input": ("mission_control.user_input",),
}  # fmt: skip
COUNT_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens",),
    "cache_write_tokens": ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",),
    "memory_bytes": ("process.memory.usage",),
}
MEASURE_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "cost_usd": ("mission_control.cost_usd", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total_cost"),
    "cpu_utilization": ("process.cpu.utilization",),
}
TTFT_SECONDS: Final = "gen_ai.response.time_to_first_chunk"

SOURCES: Final[Mapping[str, tuple[str, int]]] = {
    attribute: (column, rank)
    for table in (TEXT_SOURCES, COUNT_SOURCES, MEASURE_SOURCES)
    for column, sources in table.items()
    for rank, attribute in enumerate(sources)
    if attribute != "gen_ai.request.model"
}
"""attribute -> (column, rank); `gen_ai.request.model` feeds two columns and is read by name."""

THREAD_SOURCES: Final = (
    "mission_control.thread.id",
    "gen_ai.conversation.id",
    "conversation.id",
    "traceloop.association.properties.thread_id",
    "langsmith.metadata.thread_id",
    "ai.telemetry.metadata.threadId",
    "langfuse.session.id",
    "session.id",
    "gen_ai.session.id",
    "traceloop.association.properties.session_id",
    "langsmith.metadata.session_id",
    "ai.telemetry.metadata.sessionId",
    "gcp.vertex.agent.session_id",
    "mastra.metadata.threadId",
    "session_id",
    "thread_id",
)
THREAD_RANKS: Final[Mapping[str, int]] = {attribute: rank for rank, attribute in enumerate(THREAD_SOURCES)}
THREAD_NAMES: Final = frozenset(THREAD_RANKS)
MCP_SESSION: Final = "mcp.session.id"
MCP_SESSION_RANK: Final = 200
"""Names a thread only where nothing else in the trace does."""
MCP_SESSIONS_END: Final = "2026-07-28"
"""From this protocol version on a session id is made anew for each request and names nothing."""
NO_THREAD_RANK: Final = 255
"""The trace id stands in."""

LLM_OPERATIONS: Final = frozenset({"llm_call", "chat", "generate_content", "text_completion", "completion", "embeddings", "fetch_response"})
TOOL_OPERATIONS: Final = frozenset({"execute_tool", "tool_call"})
AGENT_OPERATIONS: Final = frozenset({"agent_call", "invoke_agent", "create_agent", "invoke_workflow"})
SCRIPT_OPERATIONS: Final = frozenset({"agent_step", "execute_task", "plan", "retrieval", "rerank"})
ENTITY_TYPES: Final[Mapping[str, str]] = {"directive": "directive", "script": "script", "tool": "tool_call", "agent": "directive"}

MESSAGE_SOURCES: Final = (
    ("gen_ai.system_instructions", "input", "system"),
    ("gen_ai.input.messages", "input", "user"),
    ("gen_ai.output.messages", "output", "assistant"),
)
"""attribute, direction, role of what names none; in the order in which a reader meets them."""
SPOKEN: Final = frozenset(attribute for attribute, _, _ in MESSAGE_SOURCES)
HEAVY: Final = frozenset({"gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions"})
HEAVY_LENGTH: Final = 16_384
"""Any other attribute longer than this (characters) is stored by content too; the span keeps its first `PREVIEW_LENGTH`."""
PREVIEW_LENGTH: Final = 2_000

TOOL_INPUT: Final = "gen_ai.tool.call.arguments"
TOOL_OUTPUT: Final = "gen_ai.tool.call.result"

STEP_STATUS: Final = "mission_control.step.status"
STEP_STATUSES: Final = frozenset({"complete", "error", "paused", "cancelled"})
"""What a step says of its own end, where its span's status tells it wrong: a pause for a person is no error."""
STEP_TYPE: Final = "mission_control.step.type"
"""Set by dialects whose operations say something else than they mean; never stored."""
STEP_START: Final = "mission_control.step.start"
SESSION_START: Final = "session.start"
SESSION_END: Final = "session.end"
WAITING: Final = "mission_control.thread.waiting"
RESUMED: Final = "mission_control.thread.resumed"
WAITING_FOR: Final = "mission_control.thread.waiting_for"
"""What a thread waits for; without it `RESUMED` ends every wait, and `WAITING` is for what its body says."""
PERMISSION_CHECK: Final = "permission.check"
WHO: Final = ("mission_control.mcp.id", "gen_ai.agent.name", "user.id")
"""What a check inside a span need not say again."""


def thread_key(found: Mapping[str, str]) -> tuple[str, int]:
    """The thread that these attributes name and how well (rank, lower is better); ('', NO_THREAD_RANK) when none do."""
    best, key = NO_THREAD_RANK, ""
    if not THREAD_NAMES.isdisjoint(found):
        for attribute in found.keys() & THREAD_NAMES:
            if found[attribute] and THREAD_RANKS[attribute] < best:
                best, key = THREAD_RANKS[attribute], found[attribute]
    if not key and found.get(MCP_SESSION) and found.get("mcp.protocol.version", "") < MCP_SESSIONS_END:
        return found[MCP_SESSION], MCP_SESSION_RANK
    return key, best


def step_type(found: Mapping[str, str]) -> str:
    """The type of step these attributes describe; `span` for what is none of ours."""
    operation = found.get("gen_ai.operation.name", "")
    if operation in LLM_OPERATIONS:
        return "llm_call"
    if operation in TOOL_OPERATIONS or found.get("mcp.method.name") == "tools/call":
        return "tool_call"
    if operation in AGENT_OPERATIONS:
        return "directive"
    if operation in SCRIPT_OPERATIONS:
        return "script"
    return _type_of_the_rest(found)


def _type_of_the_rest(found: Mapping[str, str]) -> str:
    if (entity := found.get("mission_control.entity.type")) in ENTITY_TYPES:
        return ENTITY_TYPES[str(entity)]
    if "gen_ai.tool.name" in found:
        return "tool_call"
    if "gen_ai.request.model" in found:
        return "llm_call"
    if "gen_ai.prompt.name" in found and "mcp.method.name" not in found:
        return "directive"
    return "span"
