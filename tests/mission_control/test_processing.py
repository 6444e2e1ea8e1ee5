"""The pipeline's threads over a real log and a real store: what one of them does when things go wrong."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from prometheus_client import CollectorRegistry

from mission_control import processing as module
from mission_control.processing import Processing
from pipeline.log import LocalLog
from pipeline.summaries.rounds import Summaries
from schemas.errors import StoreUnavailableError
from schemas.events import Commit
from schemas.metrics import Metrics
from schemas.settings import load_settings
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, PROJECT_HEADER, RECEIVED_HEADER, SOURCE_HEADER


class Listener:
    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.came = threading.Event()

    def publish(self, commit: Commit) -> None:
        self.commits.append(commit)
        if commit.topic == LOGS:
            self.came.set()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LocalLog]:
    with LocalLog(tmp_path / "log", min_free_bytes=0, segment_bytes=4096) as opened:
        yield opened


@pytest.fixture
def listener() -> Listener:
    return Listener()


def processing_of(log: LocalLog, store: ClickHouseStore, listener: Listener, path: Path, **settings: int) -> Processing:
    return Processing(log, store, listener, Metrics(CollectorRegistry()), load_settings(data_dir=path, **settings))


def append(log: LocalLog, project: str, count: int = 1, size: int = 10) -> None:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in range(count):
        records.add(time_unix_nano=time.time_ns()).body.string_value = f"{number} {'x' * size}"
    headers = {PROJECT_HEADER: project, RECEIVED_HEADER: str(time.time_ns()), SOURCE_HEADER: "test"}
    asyncio.run(log.writer().append(LOGS, request.SerializeToString(), headers))


def stored(store: ClickHouseStore, project: str) -> int:
    return int(store.query("SELECT count() AS n FROM otel_logs WHERE project = {p:String}", {"p": project})[0]["n"])


def test_stop_finishes_what_was_accepted(log: LocalLog, store: ClickHouseStore, listener: Listener, tmp_path: Path) -> None:
    project = uuid4().hex
    running = processing_of(log, store, listener, tmp_path)
    running.start()
    for _ in range(5):
        append(log, project)
    running.stop()
    assert stored(store, project) == 5
    assert listener.came.is_set()
    assert running.check() == running.backlog() == ""
    assert running.committed()[LOGS] == {0: log.end(LOGS)}


def test_what_the_store_has_leaves_the_log(log: LocalLog, store: ClickHouseStore, listener: Listener, tmp_path: Path) -> None:
    project = uuid4().hex
    running = processing_of(log, store, listener, tmp_path)
    running.start()
    for _ in range(4):
        append(log, project, size=5000)
    running.stop()
    assert stored(store, project) == 4
    running.release(log)
    assert log.start(LOGS) > 0


def test_a_full_log_is_not_ready(log: LocalLog, store: ClickHouseStore, listener: Listener, tmp_path: Path) -> None:
    idle = processing_of(log, store, listener, tmp_path, log_max_bytes=65536)
    append(log, uuid4().hex, size=70_000)
    assert "at the limit" in idle.backlog()


def test_a_thread_that_dies_stops_the_whole(
    log: LocalLog, store: ClickHouseStore, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a defect of ours")

    died = threading.Event()
    running = processing_of(log, store, listener, tmp_path)
    running.on_death = died.set
    monkeypatch.setattr("pipeline.processor.envelope", broken)
    running.start()
    append(log, uuid4().hex)
    assert died.wait(120)
    assert running.check() == "process-otlp_logs: a defect of ours"
    monkeypatch.undo()
    running.stop()


@pytest.mark.parametrize("trouble", [OSError(5, "the disk is ill"), StoreUnavailableError("nobody answers")])
def test_troubles_of_the_keeper_and_the_sweep_pass(
    trouble: Exception,
    log: LocalLog,
    store: ClickHouseStore,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    swept, kept = threading.Semaphore(0), threading.Semaphore(0)

    def no_sweep(*_: object) -> None:
        swept.release()
        raise ValueError("no sweep today")

    def no_sync(*_: object) -> None:
        kept.release()
        raise trouble

    monkeypatch.setattr(module, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(module, "unsummarised", no_sweep)
    monkeypatch.setattr(module, "sync_filesystem", no_sync)
    running = processing_of(log, store, listener, tmp_path)
    running.start()
    for times in (swept, swept, kept, kept):
        assert times.acquire(timeout=120)
    assert running.check() == ""
    running.stop()
    assert {"sweep failed", "the log keeps its old files"} <= {record.getMessage() for record in caplog.records}


class TheirLog(LocalLog):
    """As brokers keep it: other processors read it too."""

    owned = None  # type: ignore[assignment]  # the local log owns its files


def test_what_another_processor_may_be_about_to_summarise_is_left_to_it(
    store: ClickHouseStore, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the start: who wrote it may be gone."""
    old, young = time.time_ns() - 100 * 10**9, time.time_ns() + 100 * 10**9
    found = {("p", "old"): old, ("p", "young"): young}, {("p", "thread"): young}
    touched: list[tuple[set[str], set[str]]] = []
    again = threading.Event()

    def touch(_: Summaries, traces: dict[tuple[str, str], int], threads: dict[tuple[str, str], int]) -> None:
        touched.append(({name for _, name in traces}, {name for _, name in threads}))
        if len(touched) == 2:
            again.set()

    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(module, "unsummarised", lambda *_: found)
    monkeypatch.setattr(Summaries, "touch", touch)
    with TheirLog(tmp_path / "theirs", min_free_bytes=0) as log:
        settings = load_settings(data_dir=tmp_path, clickhouse_url="http://127.0.0.1:1")
        running = Processing(log, store, listener, Metrics(CollectorRegistry()), settings)
        running.start()
        assert again.wait(60)
        running.stop()
    assert touched[:2] == [({"old", "young"}, {"thread"}), ({"old"}, set())]
