"""`dead-letters`: shown with their payload whatever it is, and sent again as their project."""

import base64
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.mission_control.conftest import Answer, Door, Run

NOW = "2026-03-01T12:00:00.000000001Z"


def test_dead_letters_are_listed_with_an_id(run: Run, found: Door) -> None:
    row = {
        "signal": "otlp_spans",
        "log_partition": 0,
        "log_offset": 7,
        "part": 1,
        "received_at": NOW,
        "project": "p",
        "reason": "ValueError",
    }
    found.on(
        "GET", "/api/dead-letters", Answer({"items": [row | {"error": "bad", "payload_bytes": 12, "replayed_at": None}], "next": None})
    )
    assert "otlp_spans/0/7/1" in run("dead-letters", "list", "--signal", "otlp_spans").out
    assert run("dead-letters", "list", "--json").json()[0]["id"] == "otlp_spans/0/7/1"


def letter(payload: bytes, **more: Any) -> dict[str, Any]:
    encoded = base64.b64encode(payload).decode()
    return {
        "id": "otlp_spans/0/7/1",
        "signal": "otlp_spans",
        "project": "p",
        "error": "bad",
        "replayed_at": None,
        "payload_base64": encoded,
    } | more


def request() -> bytes:
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.add(name="the span \x1b[2J")
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (letter(request()), "the span"),
        (letter(b"\xff" * 600), "ff ff ff"),
        (letter(b"\x01\x02", signal="other"), "01 02"),
    ],
)
def test_a_dead_letter_shows_its_payload(run: Run, found: Door, given: dict[str, Any], shown: str) -> None:
    found.on("POST", "/", Answer({"data": [given]}))
    ran = run("dead-letters", "show", "otlp_spans/0/7/1")
    assert shown in ran.out
    assert "\x1b" not in ran.out
    assert run("dead-letters", "show", "otlp_spans/0/7/1", "--json").json() == given


def test_an_unknown_dead_letter(run: Run, found: Door) -> None:
    found.on("POST", "/", Answer({"data": []}))
    ran = run("dead-letters", "show", "x")
    assert (ran.code, ran.err.startswith("mission-control: no dead letter has the id 'x'")) == (1, True)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The commands that a running system would get; they are tried for real in test_cli_follow and test_operator."""
    orders: list[Any] = []

    def order(_: Any, name: str, arguments: Any) -> dict[str, Any]:
        orders.append((name, arguments))
        return {}

    monkeypatch.setattr("mission_control.commands.socket.order", order)
    return orders


def test_replay_sends_the_payload_as_its_project(run: Run, found: Door, marked: list[Any]) -> None:
    found.on("POST", "/", Answer({"data": [letter(request())]}))
    found.on("POST", "/v1/traces", Answer(b""))
    ran = run("dead-letters", "replay", "otlp_spans/0/7/1", "--json")
    assert ran.json() == [{"id": "otlp_spans/0/7/1", "status": 200, "accepted": True, "answer": ""}]
    sent = found.asked[-1]
    assert (sent.body, sent.headers["x-mission-control-project"]) == (request(), "p")
    assert (sent.headers["x-mission-control-source"], sent.headers["content-type"]) == ("replay", "application/x-protobuf")
    assert marked == [("dead_letters.replayed", {"ids": ["otlp_spans/0/7/1"]})]


def test_replay_tells_what_was_refused(run: Run, found: Door) -> None:
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated code without stubs

    answers = {"data": [letter(b"x", project="")]}, {"data": [letter(b"x")]}, {"data": [letter(b"x", signal="other")]}
    found.on("POST", "/", *(Answer(answer) for answer in answers))
    found.on("POST", "/v1/traces", Answer(Status(code=3, message="not OTLP").SerializeToString(), 400), Answer(b"<html>", 502))
    ran = run("dead-letters", "replay", "a", "b", "c")
    assert ran.code == 1
    for text in ("refused (400)", "not OTLP", "<html>", "nothing takes the signal other"):
        assert text in ran.out


def test_replay_of_all_takes_what_was_not_replayed(run: Run, found: Door, marked: list[Any]) -> None:
    found.on("POST", "/", Answer({"data": [{"id": "one"}]}), Answer({"data": [letter(request())]}), Answer({"data": []}))
    found.on("POST", "/v1/traces", Answer(b""))
    ran = run("dead-letters", "replay", "--all", "--reason", "ValueError")
    assert "accepted" in ran.out
    assert marked == [("dead_letters.replayed", {"ids": ["otlp_spans/0/7/1"]})]
    assert found.asked[0].query["param_reason"] == ["ValueError"]
    assert "nothing to replay" in run("dead-letters", "replay", "--all").out
    assert run("dead-letters", "replay").code == 2
    assert run("dead-letters", "replay", "x", "--all").code == 2


def test_drop_asks_for_ids_that_exist(run: Run, found: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []

    def order(_: Any, name: str, arguments: Any) -> dict[str, Any]:
        orders.append((name, arguments))
        return {"dropped": 1}

    monkeypatch.setattr("mission_control.commands.socket.order", order)
    found.on("POST", "/", Answer({"data": [letter(b"x")]}), Answer({"data": [letter(b"x")]}), Answer({"data": []}))
    assert run("dead-letters", "drop", "otlp_spans/0/7/1").out == "1 dropped\n"
    assert run("dead-letters", "drop", "otlp_spans/0/7/1", "--json").json() == {"dropped": 1}
    assert run("dead-letters", "drop", "none").code == 1
    assert orders == [("dead_letters.dropped", {"ids": ["otlp_spans/0/7/1"]})] * 2
