"""Rounds of summaries on their own thread, rollups, sweeps, rebuilds and what a round does with what it cannot summarise."""

import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from pipeline.clear import clear_project
from pipeline.rebuild import Progress, Rebuild
from pipeline.retranslation.translate import Translation
from pipeline.summaries.folds import TraceFold, mark
from pipeline.summaries.known import KnownTrace, KnownTraces
from pipeline.summaries.rollups import HOUR, Rollups
from schemas.errors import StoreUnavailableError
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, Store
from tests.pipeline.conversation import LOGS, SPANS
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import BASE, BASE_HOUR, hex_trace, log, span

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "mission_control.mcp.id": "m", "gen_ai.conversation.id": "c"}


class Failing:
    """A Store in front of the real one: inserts of rows with `poison` among their threads fail for good, all others `away` times."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.poison, self.away = "", 0
        self.query, self.arrow, self.raw = store.query, store.arrow, store.raw

    def command(self, sql: str, parameters: Any = None) -> None:
        self._go(())
        self._store.command(sql, parameters)

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        self._go(batch.column("thread_id").to_pylist() if "thread_id" in batch.schema.names else ())
        self._store.insert(table, batch)

    def _go(self, threads: Any) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailableError("away")
        if self.poison and self.poison in threads:
            raise ValueError("poison")

    def close(self) -> None:
        """The real one stays open."""


def rebuilding(line: Line, state: Path) -> Rebuild:
    translation = Translation(line.store, load_settings().retention_days, {}, line.seen.forget)
    return Rebuild(line.store, line.summaries, line.rollups, state, translation)


def conversation(line: Line) -> None:
    for of, one in SPANS:
        line.spans(one, of=of)
    for of, record in LOGS:
        line.logs(record, of=of)
    line.summarise()


def test_counting_again_gives_the_same(line: Line) -> None:
    conversation(line)
    line.count()
    views = ("usage_hourly", "tools_hourly", "permissions_hourly", "error_groups", "mcps", "entities", "relationships")
    before = line.snapshot(views)
    line.count()
    assert line.snapshot(views) == before
    assert before["tools_hourly"][1]["calls"] == 1


def test_steps_are_counted_by_hour_type_and_how_long_they_took(line: Line) -> None:
    lengths = (500, 5_000, 50_000, 500_000, -1)
    spans = [span(number, "t", (number, number + length if length > 0 else -1), TOOL) for number, length in enumerate(lengths, 1)]
    line.spans(*spans, span(9, "t", (9, 10), TOOL, status=Status(code=Status.STATUS_CODE_ERROR)))
    line.summarise()
    line.count()
    counted = line.values("steps_hourly", "type, name, mcp_id, error_type != '', steps, running, errors, under_1s, under_10s, under_60s")
    assert counted == [("tool_call", "t", "m", 0, 5, 1, 0, 1, 2, 3), ("tool_call", "t", "m", 1, 1, 0, 1, 0, 0, 0)]


def test_keys_that_are_none_any_more_vanish(line: Line) -> None:
    line.spans(span(1, "t", (0, 5), TOOL))
    line.summarise()
    line.count()
    assert line.values("tools_hourly", "tool_name, calls") == [("t", 1)]
    line.spans(span(1, "t", (0, 5), {**TOOL, "gen_ai.tool.name": "other"}))
    line.summarise()
    line.count()
    assert line.values("tools_hourly", "tool_name, calls") == [("other", 1)]


def test_what_a_round_summarised_is_counted_by_the_hours_it_began_in(line: Line) -> None:
    line.spans(span(1, "t", (0, 5), TOOL), span(2, "t", (HOUR * 1000, HOUR * 1000 + 5), TOOL))
    line.summarise()
    line.rollups.round()
    assert len(line.values("tools_hourly", "hour")) == 2


def test_a_rollup_that_fails_is_repeated(store: ClickHouseStore) -> None:
    failing = Failing(store)
    line = Line(failing)
    line.spans(span(1, "t", (0, 5), TOOL))
    line.summarise()
    failing.away = 1
    line.rollups.round()
    assert line.rows("tools_hourly") == []
    line.rollups.round()
    assert line.values("tools_hourly", "calls") == [1]


def test_rollups_count_a_last_time_when_told_to_stop(line: Line) -> None:
    line.spans(span(1, "t", (0, 5), TOOL))
    line.summarise()
    stop = threading.Event()
    stop.set()
    line.rollups.run(stop)
    assert line.values("tools_hourly", "calls") == [1]
    rollups = Rollups(line.store, line.metrics)
    rollups.touch([BASE_HOUR])
    running, thread = threading.Event(), None
    thread = threading.Thread(target=rollups.run, args=(running,))
    thread.start()
    running.set()
    thread.join(20)
    assert not thread.is_alive()


def test_rounds_run_on_their_own_thread_until_told_to_stop(line: Line) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=line.summaries.run, args=(stop,))
    thread.start()
    line.spans(span(1, "t", (0, 5), TOOL))
    deadline = time.monotonic() + 20
    while not line.rows("threads") and time.monotonic() < deadline:
        time.sleep(0.02)
    line.spans(span(2, "t", (0, 5), TOOL))
    stop.set()
    thread.join(20)
    assert line.values("threads", "step_count") == [2]
    assert line.summaries.backlog() == 0


def test_a_round_that_the_store_does_not_take_is_repeated(store: ClickHouseStore) -> None:
    failing = Failing(store)
    line = Line(failing)
    line.spans(span(1, "t", (0, 5), TOOL))
    failing.away = 2
    stop = threading.Event()
    thread = threading.Thread(target=line.summaries.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while line.summaries.backlog() and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(20)
    assert line.values("threads", "step_count") == [1]


def test_what_cannot_be_summarised_keeps_nobody_else_from_it(store: ClickHouseStore) -> None:
    failing = Failing(store)
    line = Line(failing)
    failing.poison = "bad"
    for number in range(1, 8):
        line.spans(
            span(number, "t", (number, number), {**TOOL, "gen_ai.conversation.id": "bad" if number == 4 else f"c{number}"}, in_trace=number)
        )
    line.summarise()
    assert sorted(line.values("threads", "thread_id")) == ["c1", "c2", "c3", "c5", "c6", "c7"]
    assert set(line.sweep()[0]) == {(line.project, hex_trace(4))}
    failing.poison = ""
    line.heal()
    assert line.count_rows("threads") == 7


def test_more_rows_at_hand_than_memory_allows_are_read_back(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.summaries.rounds.MOST_FRESH_BYTES", 1)
    conversation(line)
    assert line.values("threads", "thread_id, step_count") == [("conv-1", 5), ("conv-2", 3)]


def test_traces_known_and_new_in_one_round(line: Line) -> None:
    line.spans(span(1, "t", (0, 5), TOOL, in_trace=1))
    line.summarise()
    line.spans(span(2, "t", (6, 7), TOOL, in_trace=1))
    line.spans(span(3, "t", (8, 9), {**TOOL, "gen_ai.conversation.id": "d"}, in_trace=2))
    line.summarise()
    assert line.values("threads", "thread_id, step_count") == [("c", 2), ("d", 1)]


def test_a_sweep_finds_what_was_not_summarised(line: Line) -> None:
    line.spans(span(1, "t", (0, 5), TOOL))
    assert set(line.sweep()[0]) == {(line.project, hex_trace(1))}
    line.restart()
    line.heal()
    assert line.sweep() == ({}, {})
    assert line.values("threads", "step_count") == [1]


def test_metrics_say_how_much_came_at_once_and_how_long_it_waits(line: Line) -> None:
    def said(name: str, **labels: str) -> float | None:
        return line.metrics.registry.get_sample_value(f"mission_control_{name}", labels)

    assert said("summary_lag_seconds") == 0
    line.spans(span(1, "t", (0, 5), TOOL), span(2, "u", (0, 5), TOOL))
    assert said("pipeline_batch_rows_sum", signal="spans") == 2
    waits = said("summary_lag_seconds")
    assert waits is not None
    assert 50 < waits < 3600  # a line receives in a past of a minute
    line.summarise()
    assert said("summary_lag_seconds") == 0


def test_what_is_remembered_of_traces_is_bounded() -> None:
    known = KnownTraces(capacity=5)
    for number in range(4):
        known.put(("p", str(number)), KnownTrace(number, marks=mark(1, 1)))
    assert [known.get(("p", str(number))) is not None for number in range(4)] == [False, False, True, True]
    known.put(("p", "big"), KnownTrace(1, marks=b"".join(mark(number, 1) for number in range(9))))
    assert known.get(("p", "big")) is None
    known.remember(TraceFold("p", "x", "t", 0, 0, 0, {}, [], b""), 7)
    remembered = known.get(("p", "x"))
    assert remembered is not None
    assert (remembered.first_received, remembered.main_thread) == (7, "t")
    known.forget(("p", "no such"))


def test_rebuilding_gives_the_same_and_goes_on_where_it_stopped(line: Line, tmp_path: Path) -> None:
    conversation(line)
    line.count()
    before = line.snapshot()
    state = tmp_path / "rebuild.json"
    rebuild = rebuilding(line, state)
    wanted = Progress(only=line.project)
    assert rebuild.start(wanted).state == "running"
    stop = threading.Event()
    runner = threading.Thread(target=line.summaries.run, args=(stop,))
    runner.start()
    deadline = time.monotonic() + 30
    while rebuild.progress is not None and rebuild.progress.state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    runner.join(20)
    rebuild.stop()
    assert rebuild.progress is not None
    assert (rebuild.progress.state, rebuild.progress.traces) == ("complete", 1)
    line.count()
    assert line.snapshot() == before
    assert rebuilding(line, state).progress == rebuild.progress
    state.write_text("{broken")
    assert rebuilding(line, state).progress is None


def test_a_rebuild_can_be_stopped_and_tells_what_went_wrong(store: ClickHouseStore, tmp_path: Path) -> None:
    line = Line(store)
    line.spans(span(1, "t", (0, 5), TOOL))
    rebuild = rebuilding(line, tmp_path / "rebuild.json")
    rebuild.start(Progress(only=line.project))
    assert rebuild.start(Progress(only="another")).only == line.project
    rebuild.stop()
    assert rebuild.progress is not None
    assert rebuild.progress.state == "stopped"
    line.summarise()
    line.restart()
    rebuild.start(Progress(only=line.project))
    assert rebuild.progress.only == line.project
    rebuild.stop()
    broken = rebuilding(line, tmp_path / "other.json")
    broken.start(Progress(start="soon"))  # type: ignore[arg-type]  # that is what goes wrong
    deadline = time.monotonic() + 20
    while broken.progress is not None and broken.progress.state == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert broken.progress is not None
    assert "Error" in broken.progress.state


def test_a_project_that_is_cleared_is_gone_and_can_come_back(line: Line) -> None:
    conversation(line)
    line.count()
    clear_project(line.store, line.project)
    assert all(rows == [] for rows in line.snapshot().values())
    line.restart()
    conversation(line)
    assert line.count_rows("threads") == 2


def test_a_check_that_arrives_in_the_next_hour_is_counted_in_its_own(line: Line) -> None:
    hour = int(time.time()) // HOUR * HOUR
    line.received = (hour + 10) * 10**9
    asked = {"permission.check.id": "k", "permission.resource.id": "r", "permission.result": "allow", "gen_ai.conversation.id": "c"}
    line.logs(log("", (hour - 20 - BASE // 10**9) * 1000, asked, event="permission.check"))
    line.summarise()
    line.rollups.round()
    assert line.values("permissions_hourly", "checks, granted") == [(1, 1)]


def test_hours_that_no_column_holds_are_not_counted(line: Line) -> None:
    line.rollups.touch([2**32, 2**33, -HOUR])
    line.rollups.round()
    assert line.metrics.registry.get_sample_value("mission_control_summary_seconds_count", {"stage": "rollup"}) in (None, 0.0)
