"""Histories in senders' own forms: stored once however often they are resent, out of the spans, and there to be had again."""

from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.context import origin
from pipeline.dialects.histories import SHORT, brought_back, put_away
from pipeline.messages import listed, restored
from pipeline.seen import SeenCache
from pipeline.spans import SpanRows, add_request
from tests.pipeline.dialects.sdk_spans import AROUND
from tests.pipeline.otlp_messages import span, span_request

WORDS = "what was said some time ago, and is said again with every call since. " * 3


def conversation(calls: int) -> list[dict[str, str]]:
    return [{"role": "user" if turn % 2 == 0 else "assistant", "content": f"{turn}: {WORDS}"} for turn in range(2 * calls)]


def indexed(said: list[dict[str, str]]) -> dict[str, Any]:
    inputs = {f"llm.input_messages.{place}.message.{name}": value for place, one in enumerate(said) for name, value in one.items()}
    return {"openinference.span.kind": "LLM", **inputs}


def whole(said: list[dict[str, str]]) -> dict[str, Any]:
    return {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": orjson.dumps(said).decode()}


def prompts(said: list[dict[str, str]]) -> dict[str, Any]:
    return {"traceloop.span.kind": "x", "llm.request.type": "chat"} | {
        f"gen_ai.prompt.{place}.{name}": value for place, one in enumerate(said) for name, value in one.items()
    }


@pytest.mark.parametrize("form", [indexed, whole, prompts])
def test_a_history_resent_with_every_call_costs_what_is_new(form: Any) -> None:
    """All that is stored of messages and attributes, before it is compressed, against all that was sent; the longer the better."""
    seen, sent, stored = SeenCache(), 0, 0
    bodies: dict[bytes, bytes] = {}
    for call in range(1, 150):
        said = form(conversation(call))
        request = span_request([span(call, "chat", (call, call + 1), said)])
        rows = SpanRows(seen)
        add_request(rows, request, AROUND, origin, lambda project, signal: 7)
        mapped = rows.mapped(())
        seen.add(mapped.seen)
        sent += sum(map(len, said.values()))
        (row,) = mapped.tables["spans"].to_pylist(maps_as_pydicts="strict")
        stored += sum(len(key) + len(value) for key, value in (row["SpanAttributes"] | row["bodies"]).items())
        if "message_bodies" in mapped.tables:
            new = {one["hash"]: one["body"] for one in mapped.tables["message_bodies"].to_pylist()}
            bodies |= new
            stored += sum(map(len, new.values()))
        own = {name: value for name, value in row["bodies"].items() if value.startswith("text:")}
        back = brought_back(row["SpanAttributes"], own, partial(restored, body=bodies.__getitem__))
        assert back.items() >= said.items(), call
    assert stored < sent / 8


def test_what_is_short_or_none_of_them_stays() -> None:
    found = {"a": "x" * SHORT, "b.0": "y", "c": "z" * 5000}
    assert put_away(dict(found), ("a", "b."), str.upper) == {}
    assert put_away(found, ("c", "missing"), lambda value: str(len(value))) == {"c": "5000"}
    assert found["c"] == "z" * SHORT


def test_nothing_is_shown_of_what_became_messages() -> None:
    found = {"c": "z" * 5000, "gen_ai.input.messages": "[]"}
    put_away(found, ("c",), str)
    assert "c" not in found


@given(st.text(max_size=40_000), st.integers(1, 300))
def test_pieces_come_together_again(text: str, size: int) -> None:
    bodies: dict[bytes, bytes] = {}
    keys = []
    for number, start in enumerate(range(0, len(text), size)):
        key = number.to_bytes(16, "big")
        bodies[key] = text[start : start + size].encode("utf-8", "replace")
        keys.append(key)
    reference, blocks = listed(keys)
    bodies |= dict(blocks)
    assert restored(f"text:{reference}", bodies.__getitem__) == text.encode("utf-8", "replace").decode()


def test_a_span_of_nothing() -> None:
    assert put_away({}, ("a", "b."), str) == {}
    assert brought_back({"a": "b"}, {}, str) == {"a": "b"}
