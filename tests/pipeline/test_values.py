"""Attribute values as text and as numbers, columns of a vocabulary, capabilities: the pure small parts."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import vocabulary
from pipeline.batch import Fresh
from pipeline.capabilities import ASKED, HELD, beyond, escalation, expand
from pipeline.columns import times
from pipeline.seen import SeenCache
from pipeline.values import attributes, integer, number, text
from schemas.times import iso, maybe_iso
from tests.pipeline.otlp_messages import items, value


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-7, "-7"),
        (0.5, "0.5"),
        (b"\x00\xff", '"00ff"'),
        (["a", 1, None, True], '["a",1,null,true]'),
        ({"k": {"n": [b"\x01"]}}, '{"k":{"n":["01"]}}'),
        ([], "[]"),
        ("nul\0 \ud7ff 😀", "nul\0 \ud7ff 😀"),
    ],
)
def test_values_as_text(said: Any, shown: str) -> None:
    assert text(value(said)) == shown


def test_numbers_that_json_cannot_say_do_not_fail() -> None:
    assert orjson.loads(text(value([math.nan, math.inf, -math.inf, 2**63 - 1])))[3] == 2**63 - 1
    assert text(value(math.nan)) == "nan"


def test_of_a_name_given_twice_the_last_wins() -> None:
    assert attributes([*items({"a": 1, "b": 2}), *items({"a": 3})]) == {"a": "3", "b": "2"}


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("12", 12),
        ("-3", 0),
        ("1e3", 1000),
        ("7.9", 7),
        ("", 0),
        ("many", 0),
        ("nan", 0),
        ("inf", 0),
        ("9" * 5000, 0),
        (str(2**80), 2**63 - 1),
    ],
)
def test_counts(said: str, count: int) -> None:
    assert integer(said) == count


@pytest.mark.parametrize(
    ("said", "measure"), [("0.25", 0.25), ("-1", -1.0), ("nan", None), ("inf", None), ("-inf", None), ("", None), ("x", None)]
)
def test_measures(said: str, measure: float | None) -> None:
    assert number(said) == measure


@given(st.text())
def test_whatever_an_attribute_says_is_a_count_and_a_measure_or_none(said: str) -> None:
    assert 0 <= integer(said) < 2**63
    measure = number(said)
    assert measure is None or math.isfinite(measure)


def test_times_are_capped_at_what_a_column_holds() -> None:
    assert times([0, 2**63, 2**64 - 1]).cast("int64").to_pylist() == [0, 2**63 - 1, 2**63 - 1]


def test_times_as_json() -> None:
    assert iso(1_760_000_400_000_000_007) == "2025-10-09T09:00:00.000000007Z"
    assert (iso(0), maybe_iso(None)) == ("1970-01-01T00:00:00.000000000Z", None)
    assert maybe_iso(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "llm_call"),
        ({"gen_ai.operation.name": "embeddings"}, "llm_call"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool_call"),
        ({"gen_ai.operation.name": "invoke_agent"}, "directive"),
        ({"gen_ai.operation.name": "retrieval"}, "script"),
        ({"mcp.method.name": "tools/call"}, "tool_call"),
        ({"mcp.method.name": "tools/list", "gen_ai.prompt.name": "p"}, "span"),
        ({"mission_control.entity.type": "script"}, "script"),
        ({"mission_control.entity.type": "agent"}, "directive"),
        ({"mission_control.entity.type": "unheard", "gen_ai.tool.name": "t"}, "tool_call"),
        ({"gen_ai.tool.name": "t"}, "tool_call"),
        ({"gen_ai.request.model": "m"}, "llm_call"),
        ({"gen_ai.prompt.name": "p"}, "directive"),
        ({"gen_ai.operation.name": "unheard"}, "span"),
        ({}, "span"),
    ],
)
def test_types_of_steps(found: dict[str, str], kind: str) -> None:
    assert vocabulary.step_type(found) == kind


def test_the_best_source_names_the_thread() -> None:
    said = dict.fromkeys(vocabulary.THREAD_SOURCES, "")
    for rank in reversed(range(len(vocabulary.THREAD_SOURCES))):
        said[vocabulary.THREAD_SOURCES[rank]] = f"thread {rank}"
        assert vocabulary.thread_key(said) == (f"thread {rank}", rank)


def test_an_mcp_session_names_a_thread_up_to_the_protocol_that_ended_sessions() -> None:
    session = {"mcp.session.id": "s"}
    assert vocabulary.thread_key(session) == ("s", vocabulary.MCP_SESSION_RANK)
    assert vocabulary.thread_key({**session, "mcp.protocol.version": "2025-11-25"}) == ("s", vocabulary.MCP_SESSION_RANK)
    assert vocabulary.thread_key({**session, "mcp.protocol.version": "2026-07-28"}) == ("", vocabulary.NO_THREAD_RANK)
    assert vocabulary.thread_key({**session, "session.id": "t"})[0] == "t"
    assert vocabulary.thread_key({}) == ("", vocabulary.NO_THREAD_RANK)


def test_capabilities_contain_others() -> None:
    assert expand(["kiwi-mcp.all"]) == {
        "kiwi-mcp.all",
        "kiwi-mcp.execute",
        "kiwi-mcp.search",
        "kiwi-mcp.load",
        "kiwi-mcp.sign",
        "kiwi-mcp.help",
    }
    assert expand(["kiwi-mcp.execute", "fs.write"]) == {
        "kiwi-mcp.execute",
        "kiwi-mcp.search",
        "kiwi-mcp.load",
        "kiwi-mcp.help",
        "fs.write",
        "fs.read",
    }
    assert expand([]) == frozenset()


@pytest.mark.parametrize(
    ("asked", "held", "more"),
    [
        (["fs.read"], ["fs.write"], []),
        (["fs.write"], ["fs.read"], ["fs.write"]),
        (["kiwi-mcp.sign", "kiwi-mcp.search"], ["kiwi-mcp.execute"], ["kiwi-mcp.sign"]),
        (["tool.read", "tool.write"], ["tool.*"], []),
        (["tool.a", "tool.a", "net"], [], ["net", "tool.a"]),
        ([], ["fs.write"], []),
    ],
)
def test_what_is_asked_beyond_what_is_held(asked: list[str], held: list[str], more: list[str]) -> None:
    assert beyond(asked, held) == more


@pytest.mark.parametrize(
    ("found", "result", "answer"),
    [
        ({ASKED: '["fs.write"]', HELD: '["fs.read"]'}, "deny", "asked_beyond_held"),
        ({ASKED: "fs.read, fs.write", HELD: "fs.write"}, "allow", ""),
        ({ASKED: '["fs.write"]', HELD: "", "permission.escalation.required": "true"}, "deny", "asked_beyond_held"),
        ({ASKED: '"fs.write"', HELD: '["fs.write"]', "permission.escalation.required": "true"}, "allow", ""),
        ({ASKED: '["fs.write"]', "permission.escalation.required": "true"}, "ask", "stated"),
        ({"permission.inheritance": '[{"effect":"deny"},{"effect":"allow"}]'}, "deny", "denied_above"),
        ({"permission.inheritance": '[{"effect":"deny"},{"effect":"deny"}]'}, "allow", "denied_above"),
        ({"permission.inheritance": '[{"effect":"deny"},{"effect":"deny"}]'}, "deny", ""),
        ({"permission.inheritance": '[{"effect":"allow"},{"effect":"deny"}]'}, "allow", ""),
        ({"permission.inheritance": '["not", 1, {}]'}, "allow", ""),
        ({"permission.escalation.required": "false"}, "ask", ""),
        ({}, "allow", ""),
    ],
)
def test_escalation(found: dict[str, str], result: str, answer: str) -> None:
    assert escalation(found, result).rule == answer
    assert bool(escalation(found, result).reason) == bool(answer)


def test_what_was_seen_is_forgotten_by_number_and_by_day() -> None:
    now = [0.0]
    seen = SeenCache(capacity=2, clock=lambda: now[0])
    first, second, third = ((("p", "t", "user", bytes([number]), 1)) for number in range(3))
    seen.add(Fresh([("p", b"a"), ("p", b"b")], {first: 10, second: 20}))
    assert seen.has_body("p", b"a")
    assert not seen.has_body("q", b"a")
    assert (seen.has_message(first, 10), seen.has_message(first, 9), seen.has_message(third, 99)) == (True, False, False)
    seen.add(Fresh([("p", b"c")], {third: 30}))
    assert (seen.has_body("p", b"a"), seen.has_message(first, 10), seen.has_message(third, 30)) == (False, False, True)
    now[0] = 86_400
    seen.add(Fresh([("p", b"d")]))
    assert (seen.has_body("p", b"c"), seen.has_body("p", b"d"), seen.has_message(third, 30)) == (False, True, False)
