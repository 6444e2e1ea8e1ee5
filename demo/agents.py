"""One run of one agent, with its growing history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from demo.connections import Answer, Connections
from demo.messages import message, text, tool_request, tool_response
from demo.personas import PERSONAS, Persona
from demo.telemetry import Telemetry
from mission_control import emit

_CHARS_PER_TOKEN = 4
_USD_IN, _USD_OUT = 3.0, 15.0
"""US dollars per million tokens."""
_TOKENS_PER_S = 75
_LEAST_CACHED = 1024
_REASONS = {"allow": "held", "ask": "needs_approval", "deny": "not_held"}
_OPEN_TO_ALL = ("search", "metrics")
_log = logging.getLogger("demo.agents")


@dataclass(frozen=True)
class World:
    """What every run shares. `speed` 2.0 = twice as fast; `stamp` makes thread ids unique to this start of the fleet."""

    telemetry: Telemetry
    connections: Connections
    speed: float
    stamp: str

    async def sleep(self, seconds: float) -> None:
        """Let demo time pass."""
        await asyncio.sleep(seconds / self.speed)


@dataclass
class LoopDetectedError(emit.CancelRequested):
    """The same call was made too often."""

    tool: str
    times: int

    def __str__(self) -> str:
        return f"stopped: {self.tool} called {self.times} times with the same arguments"


@dataclass
class Run:
    """One thread of one agent: it thinks, acts, asks and delegates; every call resends the history."""

    world: World
    persona: Persona
    thread: emit.Thread
    chance: Random
    lineage: tuple[str, ...]
    history: list[dict[str, Any]] = field(default_factory=list)
    _sent_tokens: int = 0
    _children: int = 0

    async def think(self, said: str, *requests: dict[str, Any]) -> None:
        """One model call that answers with text, and with tool calls if there are any."""
        await self._obey()
        p, answer = self.persona, message("assistant", text(said), *requests)
        with emit.llm_call(p.provider, p.model, self.history, system=p.system, tools=p.tools) as call:
            await self.world.sleep(self.chance.uniform(0.25, 1.1))
            call.first_token()
            usage = self._usage(answer)
            await self.world.sleep(usage["output_tokens"] / _TOKENS_PER_S)
            reason = "tool_call" if requests else "stop"
            reply = [{**answer, "finish_reason": reason}]
            call.respond(
                reply,
                finish_reasons=[reason],
                model=p.model,
                response_id=f"resp_{self.chance.getrandbits(48):012x}",
                cost_usd=_cost(usage),
                **usage,
            )
        self.history.append(answer)
        self._count(usage)

    async def act(self, said: str, server: str, tool: str, *, fault: str | None = None, **arguments: str) -> Answer:
        """Think, check the policy where the tool is guarded, call the tool, and remember what it answered."""
        call_id = await self._request(said, f"{server}.{tool}", arguments)
        with emit.tool_call(f"{server}.{tool}", arguments, call_id=call_id, mcp=f"mcp-{server}") as call:
            answer = await self._guarded(call, server, tool, arguments, fault)
        self._remember(call_id, answer)
        return answer

    async def ask(self, said: str, server: str, tool: str, approval: Approval, **arguments: str) -> Answer:
        """As `act`, but a person decides first, within the step."""
        call_id, need = await self._request(said, f"{server}.{tool}", arguments), f"{server}.{tool}"
        with emit.tool_call(need, arguments, call_id=call_id, mcp=f"mcp-{server}") as call:
            details: emit.Details = {**self._details(need, "ask"), **approval.asking}
            check = emit.permission_check("tool", need, "execute", "ask", approval.why, **details)
            _log.warning("%s waits for a decision on %s", self.persona.name, need)
            await self.world.sleep(approval.wait_s)
            check.resolve(approval.verdict, approval.because, **approval.resolved)
            if approval.verdict == "allow":
                answer = await self._call(call, server, tool, arguments, None)
            else:
                answer = self._refused(call, approval.because)
        self._remember(call_id, answer)
        return answer

    async def delegate(self, agent: str, task: str, script: Callable[[Run], Awaitable[str]]) -> str:
        """Hand a task to a sub-agent, which is a thread of its own below this one."""
        call_id = await self._request(f"{agent.capitalize()} should do this: {task}", "delegate", {"agent": agent, "task": task})
        self._children += 1
        with emit.tool_call("delegate", {"agent": agent, "task": task}, call_id=call_id) as call:
            child_id = f"{self.thread.id}.{self._children}"
            with begin(self.world, agent, task, Random(self.chance.getrandbits(64)), child_id, lineage=self.lineage) as child:
                result = await script(child)
            call.result(result)
        self._remember(call_id, Answer(result, False))
        return result

    def hear(self, said: str) -> None:
        """A person says something."""
        self.history.append(message("user", text(said)))

    async def _obey(self) -> None:
        while (told := emit.poll()) == "paused":
            await self.world.sleep(1)
        if told == "cancelled":
            raise emit.CancelRequested("cancelled from outside")

    async def _request(self, said: str, tool: str, arguments: Mapping[str, str]) -> str:
        call_id = f"call_{self.chance.getrandbits(64):016x}"
        await self.think(said, tool_request(call_id, tool, arguments))
        return call_id

    def _remember(self, call_id: str, answer: Answer) -> None:
        self.history.append(message("tool", tool_response(call_id, answer.text)))

    async def _guarded(self, call: emit.ToolCall, server: str, tool: str, arguments: dict[str, str], fault: str | None) -> Answer:
        need, name = f"{server}.{tool}", self.persona.name
        if server in _OPEN_TO_ALL:
            return await self._call(call, server, tool, arguments, fault)
        if self.persona.may(need):
            self._decide(need, "allow", f"{name} holds {need}", "info")
            return await self._call(call, server, tool, arguments, fault)
        reason = f"{name} does not hold {need}"
        self._decide(need, "deny", reason, "high" if server in ("secrets", "deploy") else "medium")
        _log.warning("permission denied: %s", reason)
        return self._refused(call, reason)

    def _decide(self, need: str, result: emit.Result, reason: str, severity: emit.Severity) -> None:
        details: emit.Details = {**self._details(need, result), "severity": severity}
        emit.permission_check("tool", need, "execute", result, reason, **details)

    async def _call(self, call: emit.ToolCall, server: str, tool: str, arguments: dict[str, str], fault: str | None) -> Answer:
        answer = await self.world.connections.call(server, f"{server}.{tool}", arguments, fault)
        call.result(answer.text, is_error=answer.failed)
        if answer.failed:
            _log.error("%s.%s failed: %s", server, tool, answer.text)
        return answer

    @staticmethod
    def _refused(call: emit.ToolCall, because: str) -> Answer:
        call.result(f"permission denied: {because}")
        call.fail("permission_denied", because)
        return Answer(f"permission denied: {because}", True)

    def _details(self, need: str, effect: str) -> emit.Details:
        held = self.persona.may(need)
        rules = [
            {"id": "r-010", "name": "agents-use-what-they-hold", "effect": "allow", "matched": held, "source": "policy"},
            {"id": "r-020", "name": "changes-need-a-person", "effect": "ask", "matched": effect == "ask", "source": "policy"},
            {"id": "r-999", "name": "deny-by-default", "effect": "deny", "matched": effect == "deny", "source": "default"},
        ]
        chain = [{"type": "project", "id": "demo", "effect": "allow"}]
        chain += [{"type": "agent", "id": name, "effect": "allow" if PERSONAS[name].may(need) else "deny"} for name in self.lineage]
        decider = next(rule for rule in reversed(rules) if rule["matched"])
        above: emit.Details = {"asked": [need], "held": PERSONAS[self.lineage[-2]].capabilities} if len(self.lineage) > 1 else {}
        return {
            **above,
            "policy": "fleet-policy",
            "policy_version": "2026.11",
            "rule": str(decider["id"]),
            "rules": rules,
            "inheritance": chain,
            "source": str(decider["source"]),
            "subject_type": "agent",
            "subject_id": self.persona.name,
            "reason_code": _REASONS[effect],
        }

    def _usage(self, answer: Mapping[str, Any]) -> dict[str, int]:
        tokens = (len(self.persona.system) + len(emit.to_json(self.history))) // _CHARS_PER_TOKEN + 1850
        cached = self._sent_tokens if self._sent_tokens >= _LEAST_CACHED else 0
        spoken = len(emit.to_json(answer)) // _CHARS_PER_TOKEN + self.chance.randint(10, 160)
        return {"input_tokens": tokens, "output_tokens": spoken, "cache_read_tokens": cached}

    def _count(self, usage: Mapping[str, int]) -> None:
        p, self._sent_tokens = self.persona, usage["input_tokens"]
        known = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": p.provider,
            "gen_ai.request.model": p.model,
            "gen_ai.agent.name": p.name,
        }
        for kind in ("input", "output"):
            self.world.telemetry.tokens.record(usage[f"{kind}_tokens"], {**known, "gen_ai.token.type": kind})


def _cost(usage: Mapping[str, int]) -> float:
    """What the fake model charges, in US dollars: cached input costs a tenth."""
    fresh = usage["input_tokens"] - usage["cache_read_tokens"]
    return round((fresh * _USD_IN + usage["cache_read_tokens"] * _USD_IN / 10 + usage["output_tokens"] * _USD_OUT) / 1e6, 6)


@dataclass(frozen=True)
class Approval:
    """How a person will decide: after `wait_s` seconds, with this verdict. `escalates`: more is asked for than the parent holds."""

    why: str
    wait_s: float
    verdict: emit.Result
    because: str
    severity: emit.Severity = "medium"
    escalates: bool = False

    @property
    def asking(self) -> emit.Details:
        """What the first event says beyond the policy."""
        if not self.escalates:
            return {"severity": self.severity}
        return {"severity": self.severity, "escalation_status": "pending", "escalation_target": "team-lead"}

    @property
    def resolved(self) -> emit.Details:
        """What the second event says."""
        code = "approved" if self.verdict == "allow" else "rejected"
        decided: emit.Details = {"reason_code": code, "source": "user"}
        return {**decided, "escalation_status": code} if self.escalates else decided


@contextmanager
def begin(
    world: World, agent: str, task: str, chance: Random, thread_id: str, *, lineage: tuple[str, ...] = (), user_id: str | None = None
) -> Iterator[Run]:
    """Begin a thread of an agent, in the agent's own service."""
    persona = PERSONAS[agent]
    options: emit.ThreadOptions = {"user_input": task, "capabilities": persona.capabilities}
    if user_id:
        options["user_id"] = user_id
    with emit.providers(*world.telemetry.of(f"agent-{agent}")), emit.thread(agent, thread_id, **options) as thread:
        _log.info("%s begins: %s", agent, task)
        run = Run(world, persona, thread, chance, (*lineage, agent))
        run.hear(task)
        try:
            yield run
        except Exception as error:
            _log.warning("%s ends early: %s", agent, error)
            raise
        _log.info("%s is done", agent)
