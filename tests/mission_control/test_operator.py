"""Commands of the operator: what they understand, that they are audited, and what they do."""

from pathlib import Path
from typing import Any

import pytest

from control.commands import BadArgumentsError
from mission_control.operator import operator_commands, wanted
from pipeline.rebuild import Progress


class Recorder:
    """The parts of a store and a rebuild that the commands use, in the order they are used."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.progress: Progress | None = None

    def insert(self, table: str, batch: Any) -> None:
        self.done.append((table, batch.column("action").to_pylist(), batch.column("details").to_pylist()))

    def command(self, sql: str, parameters: Any = None) -> None:
        self.done.append((sql.split()[2], parameters))

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        return [{"n": len(parameters["ids"])}]

    def forget(self) -> None:
        self.done.append("forget")

    def start(self, progress: Progress) -> Progress:
        self.done.append(progress)
        self.progress = progress
        return progress


def test_wishes_are_checked() -> None:
    asked = wanted({"from": "2030-01-31T12:00:00Z", "to": "2030-02-01T00:00:00+00:00", "project": "p", "dialect": "otel"})
    assert (asked.start, asked.end, asked.only, asked.dialect) == (1896091200 * 10**9, 1896134400 * 10**9, "p", "otel")
    assert wanted({}) == Progress()
    with pytest.raises(BadArgumentsError, match="ISO-8601"):
        wanted({"from": "yesterday"})
    with pytest.raises(BadArgumentsError, match="not colour"):
        wanted({"colour": "red"})
    from_then = wanted({"from": "2026-01-01T00:00:00Z", "translate": True})
    assert (from_then.translate, from_then.stage, from_then.request) == (True, "requests", from_then.start - 1)
    assert not wanted({"translate": False}).translate


def test_commands_are_audited_before_their_effect(tmp_path: Path) -> None:
    del tmp_path
    recorder = Recorder()
    commands = operator_commands(recorder, recorder)  # type: ignore[arg-type]  # only what the commands use
    assert commands["rebuild.status"]({}) == {"state": "none"}
    assert commands["rebuild"]({"project": "p"})["only"] == "p"
    assert recorder.done == [("audit_rows", ["rebuild"], ['{"project": "p"}']), Progress(only="p")]
    assert commands["rebuild.status"]({})["state"] == "running"
    recorder.done.clear()
    assert commands["demo.clear"]({}) == {"cleared": "demo"}
    assert recorder.done[0][:2] == ("audit_rows", ["demo.clear"])
    assert ("spans", {"project": "demo"}) in recorder.done
    assert recorder.done[-1] == "forget"


def test_replayed_dead_letters_are_marked() -> None:
    recorder = Recorder()
    commands = operator_commands(recorder, recorder)  # type: ignore[arg-type]  # only what the commands use
    assert commands["dead_letters.replayed"]({"ids": ["otlp_spans/0/1/0"]}) == {"marked": 1}
    assert recorder.done == [
        ("audit_rows", ["dead_letters.replayed"], ['{"ids": ["otlp_spans/0/1/0"]}']),
        ("dead_letter_rows", {"ids": ["otlp_spans/0/1/0"]}),
    ]
    with pytest.raises(BadArgumentsError, match="list of dead letters"):
        commands["dead_letters.replayed"]({"ids": "otlp_spans/0/1/0"})


def test_dropped_dead_letters_are_audited_and_gone() -> None:
    recorder = Recorder()
    commands = operator_commands(recorder, None)  # type: ignore[arg-type]  # only what the commands use
    assert commands["dead_letters.dropped"]({"ids": ["otlp_spans/0/1/0"]}) == {"dropped": 1}
    assert recorder.done == [
        ("audit_rows", ["dead_letters.dropped"], ['{"ids": ["otlp_spans/0/1/0"]}']),
        ("dead_letter_rows", {"ids": ["otlp_spans/0/1/0"]}),
    ]
    with pytest.raises(BadArgumentsError, match="list of dead letters"):
        commands["dead_letters.dropped"]({})


def test_a_dialect_that_is_none_is_not_looked_for() -> None:
    with pytest.raises(BadArgumentsError, match="there is no dialect 'odd'; there are otel, agent_framework, "):
        wanted({"dialect": "odd"})


def test_who_does_not_derive_cannot_rebuild() -> None:
    recorder = Recorder()
    commands = operator_commands(recorder, None)  # type: ignore[arg-type]  # only what the commands use
    assert "rebuild" not in commands
    assert commands["demo.clear"]({}) == {"cleared": "demo"}
    assert "forget" not in recorder.done
