"""What agents, guardrails and gateways decide about what may be done, in the words of a permission check (conventions §6)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipeline.dialects.dialect import Dialect, SpanFacts
from pipeline.vocabulary import STEP_STATUS, STEP_TYPE

CHECK: Final = "check_permission"
"""The step type of a span that is a check and nothing else."""


INTERRUPT, APPROVAL_REQUIRED, DEFERRED, INPUT_REQUIRED = "interrupt", "approval_required", "deferred", "input_required"
"""Reason codes of questions that a thread answers by going on."""


class Decision(NamedTuple):
    """`result` allow, deny or ask; `reason_code` says what these do not; `source` is the one a decision word implies."""

    result: str
    reason_code: str = ""
    source: str = ""


_BY_SOURCE: Final[Mapping[str, Decision]] = {"user_abort": Decision("deny", "abort", "user")}
"""A source that says more than who."""
_VERDICTS: Final[Mapping[str, Decision]] = {
    "allow": Decision("allow"),
    "deny": Decision("deny"),
    "block": Decision("deny"),
    "modify": Decision("allow", "modified"),
    "warn": Decision("allow", "warned"),
    "escalate": Decision("ask", "escalated"),
    "ask": Decision("ask"),
    "success": Decision("allow"),
    "failure": Decision("deny"),
}
_VERDICT, _AUTHORIZATION, _GATEWAY, _RESULT_TYPE = (
    "gen_ai.guardrail.verdict.type", "aspnetcore.authorization.result", "stackql.decision", "mcp.result.type",
)  # fmt: skip
_WHY: Final = (
    ("permission.reason", "gen_ai.guardrail.verdict.reason"),
    ("permission.rule", "gen_ai.guardrail.security.policy.rule.id"),
    ("permission.policy", "gen_ai.guardrail.security.policy.id"),
)
TOLD: Final = frozenset({_VERDICT, _AUTHORIZATION, _GATEWAY, _RESULT_TYPE})
"""Attributes that tell a decision in somebody else's words."""


def decide(decision: Decision | None, found: dict[str, str], resource: tuple[str, str], check_id: str, action: str = "execute") -> None:
    """Add the attributes of a `permission.check` about a resource (type, id); none when there is no decision."""
    if decision is None:
        return
    about = {
        "permission.check.id": check_id,
        "permission.resource.type": resource[0],
        "permission.resource.id": resource[1],
        "permission.action": action,
        "permission.result": decision.result,
        "permission.source": decision.source,
        "permission.reason_code": decision.reason_code,
    }
    for attribute, value in about.items():
        if value:
            found.setdefault(attribute, value)


def decide_about_tool(decisions: Mapping[str, Decision], found: dict[str, str]) -> None:
    """The same for an agent's `decision` and `source` about a tool; none for a word that is no decision."""
    decision = decisions.get(found.get("decision", "").lower())
    if decision is not None:
        said = found.get("source", "").lower()
        decision = _BY_SOURCE.get(said, decision)
        source = "user" if said.startswith("user") else said if said in ("config", "hook") else decision.source
        tool = ("tool", found.get("gen_ai.tool.name", ""))
        decide(decision._replace(source=source), found, tool, found.get("gen_ai.tool.call.id", ""))


def guardrail(span: SpanFacts, triggered: bool) -> None:
    """A guardrail's span is a check: it denied when it was triggered."""
    span.found.setdefault(STEP_TYPE, CHECK)
    decide(Decision("deny" if triggered else "allow", source="policy"), span.found, ("guardrail", span.name), "", "pass")


def elsewhere(found: dict[str, str]) -> None:
    """Verdicts of guardrails, ASP.NET's authorization, gateways, and MCP's results that want an answer first."""
    tool = ("tool", found.get("gen_ai.tool.name", ""))
    call = found.get("gen_ai.tool.call.id", "")
    if found.get(_RESULT_TYPE) == INPUT_REQUIRED:
        found.setdefault(STEP_STATUS, "paused")
        decide(Decision("ask", INPUT_REQUIRED), found, tool if tool[1] else ("mcp", found.get("mcp.method.name", "")), call)
    for name, kind in ((_VERDICT, "guardrail"), (_AUTHORIZATION, "policy"), (_GATEWAY, "tool")):
        if (decision := _VERDICTS.get(found.get(name, "").lower())) is not None:
            target = found.get("gen_ai.guardrail.target.id") or found.get("aspnetcore.authorization.policy") or tool[1]
            for canonical, own in _WHY:
                if said := found.get(own):
                    found.setdefault(canonical, said)
            decide(decision, found, (kind, target), call)


def _elsewhere(span: SpanFacts) -> None:
    """A guardrail verdict, an authorization result, a decision of a gateway or a result that asks for more input is a permission check."""
    elsewhere(span.found)


DECISIONS: Final = Dialect(
    name="decisions",
    title="Decisions stated on spans and log records: guardrail verdicts, ASP.NET Core authorization, StackQL's MCP server, MCP `input_required`",
    markers=TOLD,
    rules=(_elsewhere,),
    switch_on="Nothing to switch on: read from whatever span or log record states one.",
)
