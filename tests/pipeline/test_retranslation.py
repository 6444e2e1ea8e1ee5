"""Stored records translated again after a dialect was mended: the same tables as if it had never been broken."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

from pipeline.dialects import log_events
from pipeline.dialects.dialect import Dialect
from pipeline.dialects.log_events import Speech
from pipeline.rebuild import Progress, Rebuild, translated
from pipeline.retranslation.translate import Translation
from schemas import otlp
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, Store
from schemas.topics import LOGS, SPANS
from tests.payloads.reading import Payload
from tests.pipeline.line import VIEWS, Line
from tests.pipeline.otlp_messages import log, log_request, span, span_request

WITHOUT_TIMES: Final = [view for view in VIEWS if not view.endswith("_hourly")]
TOPICS: Final = {"/v1/traces": SPANS, "/v1/logs": LOGS}
PATIENCE: Final = 120.0
SESSION: Final = {"session.id": "s", "llm_request.context": "x"}
TOOL: Final = {"tool_name": "Bash", "tool_use_id": "t1", **SESSION}
USED: Final = {"model": "claude-x", "input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 100}


def untold(dialect: Dialect) -> Dialect:
    """Nothing of it is understood."""
    return replace(dialect, names={}, operations={}, rules=())


def wrong(dialect: Dialect) -> Dialect:
    """What it says is taken for something else: threads, models, agents, messages."""
    names = {
        "gen_ai.conversation.id": ("openinference.span.kind", "traceloop.span.kind", "span.type", "ai.operationId", "session.id"),
        "gen_ai.agent.name": ("gen_ai.system", "llm.provider", "span.type", "ai.operationId"),
        "gen_ai.input.messages": ("output.value", "traceloop.entity.output", "user_prompt", "ai.response.text"),
        "permission.result": ("decision",),
        "permission.check.id": ("openinference.span.kind",),
        **dialect.names,
    }
    return replace(dialect, names=names, operations={}, rules=dialect.rules[1:])


def deaf(speech: Speech) -> Speech:
    return speech._replace(names={}, decisions={}, calls={}, rule=lambda _, __: None)


def misheard(speech: Speech) -> Speech:
    """Other counts (so other traces of told calls), other threads, other decisions."""
    names = {
        **speech.names,
        "mission_control.thread.id": ("tool_name", "model"),
        "gen_ai.usage.output_tokens": ("input_tokens", "input_token_count"),
    }
    decisions = {word: decision._replace(result="ask") for word, decision in speech.decisions.items()}
    return speech._replace(names=names, decisions=decisions)


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, dialect: Any, speech: Any) -> Iterator[None]:
    by_event, by_span = log_events._speech, Dialect.translate

    def heard(scope: str, event: str, body: str) -> tuple[Speech | None, str]:
        found, name = by_event(scope, event, body)
        return (found and speech(found)), name

    with monkeypatch.context() as patched:
        patched.setattr(log_events, "_speech", heard)
        patched.setattr(Dialect, "translate", lambda self, facts: by_span(dialect(self), facts))
        yield


BREAKS: Final = {"untold": (untold, deaf), "wrong": (wrong, misheard)}


def sendings(name: str) -> list[tuple[str, Any]]:
    return [(TOPICS[path], otlp.parse_json(TOPICS[path], body)) for path, body in Payload(name).whole() if path in TOPICS]


def claude() -> list[tuple[str, Any]]:
    """A session that tells its calls twice, in part; with a decision, a sub-agent and a prompt."""
    said = [
        span(1, "claude_code.interaction", (0, 100), {"span.type": "interaction", "user_prompt": "go", **SESSION}),
        span(2, "claude_code.llm_request", (10, 40), {"span.type": "llm_request", **SESSION, **USED}, parent=1),
        span(3, "claude_code.tool", (50, 60), {"span.type": "tool", "tool_input": "x" * 20_000, **TOOL}, parent=1),
        span(4, "claude_code.tool.blocked_on_user", (50, 55), {"span.type": "tool.blocked_on_user", **TOOL, "decision": "accept"}, parent=3),
    ]  # fmt: skip
    heard = [
        log("claude_code.user_prompt", 1, {"prompt": "go", **SESSION}),
        log("claude_code.api_request", 40, {**SESSION, **USED, "cost_usd": 0.5, "duration_ms": 30, "request_id": "r1"}),
        log("claude_code.api_request", 70, {**SESSION, **USED, "input_tokens": 11, "cost_usd": 0.25, "agent_id": "helper", "request_id": "r2"}),
        log("claude_code.tool_decision", 50, {**TOOL, "decision": "reject", "source": "user_reject"}),
        log("claude_code.tool_result", 60, {**TOOL, "success": "false", "error": "denied"}),
        log("claude_code.assistant_response", 80, {**SESSION, "response": "gone"}),
        log("codex.tool_decision", 81, {"conversation.id": "c", "tool_name": "shell", "call_id": "k", "decision": "denied", "source": "user"}),
        log("codex.sse_event", 82, {"conversation.id": "c", "event.kind": "response.completed", "request_id": "r3", "input_token_count": 7, "output_token_count": 3}),
        log("started", 83, {"conversation.id": "c"}, event="session.start"),
    ]  # fmt: skip
    return [*((SPANS, span_request([one])) for one in said), *((LOGS, log_request([one])) for one in heard)]


class StoreDiedError(Exception):
    """The process dies here."""


class Dying:
    """A Store in front of the real one: `left` changes go through, then the process dies; None for never."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.left: int | None = None
        self.query, self.arrow, self.raw = store.query, store.arrow, store.raw

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        self._change()
        self._store.insert(table, batch)

    def command(self, sql: str, parameters: Any = None) -> None:
        self._change()
        self._store.command(sql, parameters)

    def _change(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise StoreDiedError
            self.left -= 1

    def close(self) -> None:
        """The real one stays open."""


def send(line: Line, said: list[tuple[str, Any]]) -> None:
    for topic, request in said:
        line.write(topic, request)
    line.summarise()


def differences(line: Line, other: Line) -> list[Any]:
    """What one shows and the other does not: view, column, both values; or the rows where there are not as many."""
    found: list[Any] = []
    for view in WITHOUT_TIMES:
        mine, theirs = line.rows(view), other.rows(view)
        if len(mine) != len(theirs):
            found.append((view, mine, theirs))
            continue
        for one, two in zip(mine, theirs, strict=True):
            found += [(view, name, one[name], two[name]) for name in one if one[name] != two[name]]
    return found


def rebuilding(line: Line, state: Path, store: Store | None = None) -> Rebuild:
    translation = Translation(store or line.store, load_settings().retention_days, {}, line.seen.forget)
    return Rebuild(line.store, line.summaries, line.rollups, state, translation)


def run(line: Line, rebuild: Rebuild, dialect: str = "") -> Progress:
    """To its end, with summaries beside it."""
    stop = threading.Event()
    runner = threading.Thread(target=line.summaries.run, args=(stop,))
    runner.start()
    rebuild.start(translated(Progress(only=line.project, dialect=dialect)))
    deadline = time.monotonic() + PATIENCE
    while rebuild.progress is not None and rebuild.progress.state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    runner.join(PATIENCE)
    rebuild.stop()
    assert rebuild.progress is not None
    return rebuild.progress


PAYLOADS: Final = (
    "langgraph/openinference-interrupt-resume", "openai-agents/openinference", "openllmetry/indexed-prompts",
    "openllmetry/convert-a-traceloop-otel-span-to-langfuse-events", "pydantic-ai/pydantic-ai-2.68.0",
    "google-adk/google-adk-1.10.0", "logfire/pending-spans", "otel-genai/util-genai-1.3b0.traces",
    "otel-genai/util-genai-1.3b0.logs",
)  # fmt: skip
"""No two with spans of the same ids."""


@pytest.mark.slow
@pytest.mark.parametrize("break_", BREAKS)
def test_recorded_requests(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, break_: str) -> None:
    payloads = [payload for name in PAYLOADS if (payload := Payload(name)).file is not None]
    said = [sending for payload in payloads for sending in sendings(payload.name)]
    right, mended = Line(store), Line(store)
    send(right, said)
    with broken(monkeypatch, *BREAKS[break_]):
        send(mended, said)
    assert differences(mended, right)
    assert run(mended, rebuilding(mended, tmp_path / "rebuild.json")).state == "complete"
    assert differences(mended, right) == []


@pytest.mark.slow
@pytest.mark.parametrize("break_", BREAKS)
def test_log_events_while_requests_come_in_and_the_rebuild_is_killed(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, break_: str
) -> None:
    said = claude()
    right, mended = Line(store), Line(store)
    send(right, said)
    with broken(monkeypatch, *BREAKS[break_]):
        send(mended, said[:-4])
    dying = Dying(store)
    for left in (1, 3, 6):
        dying.left = left
        assert "StoreDiedError" in run(mended, rebuilding(mended, tmp_path / "rebuild.json", dying)).state
        if left == 1:
            send(mended, said[-4:])
        mended.restart()
        mended.heal()
    dying.left = None
    for _ in range(2):
        assert run(mended, rebuilding(mended, tmp_path / "rebuild.json", dying)).state == "complete"
        assert differences(mended, right) == []


def test_a_body_that_has_expired_leaves_its_span_as_it_is(line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.input_messages.0.message.role": "user"}
    long = {"llm.input_messages.0.message.content": "so " * 1_000}
    with broken(monkeypatch, untold, deaf):
        line.spans(span(1, "gone", (0, 10), said | long), span(2, "here", (0, 10), said))
        line.logs(log("", 5, {"gen_ai.input.messages": "hello", "gen_ai.conversation.id": "c"}))
    line.summarise()
    line.store.command("ALTER TABLE message_bodies DELETE WHERE project = {p:String} SETTINGS mutations_sync = 1", {"p": line.project})
    assert run(line, rebuilding(line, tmp_path / "rebuild.json")).state == "complete"
    assert line.values("execution_steps", "name, type, model") == [("gone", "span", ""), ("here", "llm_call", "m")]
