"""From the log to the tables: poison alone is set aside, a store that is away loses nothing, order is kept."""

import json
import threading
import time
import uuid
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from prometheus_client import CollectorRegistry

from pipeline.batch import LedgerRow, Mapped
from pipeline.context import Envelope
from pipeline.ledger import Ledger
from pipeline.log import MemoryLog
from pipeline.mappers import Mapper, mapper
from pipeline.processor import Limits, Processor, TooManyDeadLettersError
from pipeline.seen import SeenCache
from pipeline.spans import SpanRows
from pipeline.spans import add_request as add_spans
from pipeline.write import Writer
from schemas.errors import StoreUnavailableError
from schemas.events import EVERYTHING, Commit
from schemas.metrics import Metrics
from schemas.otlp import REQUESTS, blocks, count
from schemas.settings import load_settings
from schemas.store import ClickHouseStore, Store
from schemas.topics import LOGS, METRICS, PROJECT_HEADER, RECEIVED_HEADER, SIGNALS, SOURCE_HEADER, SPANS
from tests.pipeline.otlp_messages import log, log_request, metric_request, span, span_request

BAD = "this one cannot be mapped"


class RefusingStore:
    """A Store in front of the real one that refuses rows with a certain text, or everything for a number of times."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = 0
        self.refused = ""
        self.inserted: list[str] = []
        self.query, self.arrow, self.raw, self.command = store.query, store.arrow, store.raw, store.command

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailableError("away")
        said = {"SpanName", "Body", "MetricName"} & set(batch.schema.names)
        if self.refused and any(self.refused in batch.column(name).to_pylist() for name in said):
            raise ValueError("refused")
        self._store.insert(table, batch)
        self.inserted.append(table)

    def close(self) -> None:
        """The real one stays open."""


class Choosy:
    """A mapper's way to add requests that fails on spans of a certain name."""

    def add(self, rows: SpanRows, request: Any, around: Envelope, *rest: Any) -> list[LedgerRow]:
        if any(one.name == BAD for block in request.resource_spans for scope in block.scope_spans for one in scope.spans):
            raise ArithmeticError(BAD)
        return add_spans(rows, request, around, *rest)


class Told:
    """Whoever is told of what is stored, with what had happened by then."""

    def __init__(self, store: RefusingStore) -> None:
        self._store = store
        self.order: list[str] = []
        self.commits: list[Commit] = []
        self.mapped: list[Mapped] = []

    def publish(self, commit: Commit) -> None:
        self.order.append("publish")
        self.commits.append(commit)

    def stored(self, mapped: Mapped) -> None:
        self.order.append("stored")
        self.mapped.append(mapped)


class Works:
    """A log in memory with a processor on it."""

    def __init__(self, store: Store, topic: str = SPANS, choosy: bool = False, **limits: Any) -> None:
        self.topic, self.project = topic, f"p-{uuid.uuid4().hex[:12]}"
        self.store, self.log = RefusingStore(store), MemoryLog().open()
        self.log.advance(topic, 0, uuid.uuid4().int % 2**40)  # ledger and dead letters know no project: offsets of its own
        self.seen, self.metrics = SeenCache(), Metrics(CollectorRegistry())
        self.told, self.ledger, self.reader = Told(self.store), Ledger(self.store), self.log.reader(topic)
        retention = load_settings().retention_days
        self.mapper = mapper(topic, self.seen, retention)
        if choosy:
            self.mapper = Mapper(topic, partial(SpanRows, self.seen), Choosy().add, retention)
        self.limits = Limits(**{"batch_max_bytes": 1 << 20, "inserts_per_second": 1000.0, "dead_letter_limit": 100, **limits})
        writer = Writer(self.store, self.mapper, self.seen, self.metrics)
        self.processor = Processor(self.reader, writer, self.store, self.ledger, self.told, self.told, self.metrics, self.limits)
        self.stop = threading.Event()

    def put(self, value: Any) -> int:
        raw = value if isinstance(value, bytes) else value.SerializeToString()
        headers = {PROJECT_HEADER: self.project, RECEIVED_HEADER: str(time.time_ns()), SOURCE_HEADER: "test"}
        offset = self.log.end(self.topic)
        self.log.put(self.topic, 0, offset, raw, headers)
        return offset

    def step(self) -> int:
        done = self.processor.step(self.stop, 0.01)
        self.ledger.flush()
        return done

    def names(self) -> list[str]:
        rows = self.store.query("SELECT SpanName FROM otel_traces WHERE project = {p:String} ORDER BY SpanName", {"p": self.project})
        return [str(row["SpanName"]) for row in rows]

    def letters(self) -> list[dict[str, Any]]:
        return self.store.query(
            "SELECT signal, reason, error, hex(payload) AS payload, part, log_offset FROM dead_letters WHERE project = {p:String} ORDER BY log_offset, part",
            {"p": self.project},
        )

    def sums(self) -> tuple[int, int, int]:
        (row,) = self.store.query(
            "SELECT sum(received) AS a, sum(stored) AS b, sum(rejected) AS c FROM ingest_ledger WHERE project = {p:String}",
            {"p": self.project},
        )
        return int(row["a"]), int(row["b"]), int(row["c"])


def spans(*names: str) -> Any:
    return span_request([span(abs(hash(name)) % 2**60 + 1, name, (0, 1)) for name in names])


def test_every_signal_goes_its_way(store: ClickHouseStore) -> None:
    metric = Metric(name="g", gauge=Gauge(data_points=[NumberDataPoint(as_int=1)]))
    for topic, request in ((SPANS, spans("a")), (LOGS, log_request([log("x", 1)])), (METRICS, metric_request([metric]))):
        works = Works(store, topic)
        works.put(request)
        assert works.step() == 1
        assert works.sums() == (1, 1, 0)
        assert works.reader.lag() == 0
    assert set(SIGNALS) == {SPANS, LOGS, METRICS}


def test_insert_then_commit_then_tell(store: ClickHouseStore) -> None:
    works = Works(store)
    first = works.put(spans("a"))
    works.put(spans("b"))
    assert works.step() == 2
    assert works.told.order == ["publish", "stored"]
    (commit,) = works.told.commits
    assert (commit.topic, commit.offsets) == (SPANS, {0: first + 2})
    assert works.reader.committed() == {0: first + 2}
    assert [event.payload["name"] for event in commit.events(EVERYTHING)] == ["a", "b"]
    assert [key[0] for key in works.told.mapped[0].traces] == [works.project]
    assert works.ledger.next_offset(SPANS, 0) >= first + 2
    assert works.step() == 0


def test_bodies_are_inserted_before_what_refers_to_them(store: ClickHouseStore) -> None:
    works = Works(store)
    chat = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps("hello")}
    works.put(span_request([span(1, "chat", (0, 1), chat)]))
    works.step()
    assert works.store.inserted == ["message_bodies", "message_rows", "spans", "ledger_rows"]


def test_poison_is_set_aside_alone(store: ClickHouseStore) -> None:
    works = Works(store, choosy=True)
    offsets = [works.put(spans(*names)) for names in (["a", "b"], ["c", BAD, "d"], ["e"], [BAD], ["f"])]
    assert works.step() == 5
    assert works.names() == ["a", "b", "c", "d", "e", "f"]
    letters = works.letters()
    assert [(row["reason"], row["error"], row["log_offset"], row["part"]) for row in letters] == [
        ("ArithmeticError", BAD, offsets[1], 1), ("ArithmeticError", BAD, offsets[3], 0),
    ]  # fmt: skip
    assert works.sums() == (8, 6, 2)
    assert works.reader.lag() == 0
    assert sum(len(mapped.traces) for mapped in works.told.mapped) >= 1
    assert len({event.payload["name"] for commit in works.told.commits for event in commit.events(EVERYTHING)}) == 6


def test_a_row_that_the_store_refuses_is_set_aside_alone(store: ClickHouseStore) -> None:
    works = Works(store)
    works.store.refused = "x"
    for name in ("a", "b", "x", "c"):
        works.put(spans(name))
    works.put(spans("d", "x"))
    works.step()
    assert works.names() == ["a", "b", "c", "d"]
    assert [row["reason"] for row in works.letters()] == ["ValueError", "ValueError"]
    assert works.sums() == (6, 4, 2)


def test_the_same_again_changes_nothing(store: ClickHouseStore) -> None:
    works = Works(store, choosy=True)
    first = works.put(spans("a", BAD, "b"))
    works.step()
    before = works.names(), works.letters(), works.sums()
    works.reader.seek(0, first)
    works.step()
    assert (works.names(), works.letters(), works.sums()) == before


def test_what_is_no_otlp_is_a_dead_letter(store: ClickHouseStore) -> None:
    works = Works(store)
    works.put(b"\xff\xff not a request")
    works.put(spans("a"))
    works.step()
    (letter,) = works.letters()
    assert (letter["reason"], letter["signal"]) == ("MalformedRequestError", SPANS)
    assert works.names() == ["a"]
    assert works.sums() == (2, 1, 1)


def test_a_store_that_is_away_is_waited_for(store: ClickHouseStore) -> None:
    works = Works(store)
    works.put(spans("a"))
    works.store.away = 1
    works.step()
    assert works.names() == ["a"]
    assert works.letters() == []
    assert works.reader.lag() == 0


def test_stopped_while_the_store_is_away_nothing_is_committed(store: ClickHouseStore) -> None:
    works = Works(store)
    works.put(spans("a"))
    works.store.away = 1_000
    works.stop.set()
    works.processor.step(works.stop, 0.01)
    assert works.reader.lag() == 1
    assert works.told.order == []
    works.store.away, works.stop = 0, threading.Event()
    again = Processor(
        works.log.reader(SPANS), Writer(works.store, works.mapper, works.seen, works.metrics), works.store, works.ledger, works.told, works.told,
        works.metrics, works.limits,
    )  # fmt: skip
    assert again.step(works.stop, 0.01) == 1
    assert works.names() == ["a"]


def test_dead_letters_wait_for_the_store_too(store: ClickHouseStore) -> None:
    works = Works(store)
    works.put(b"\xff\xff")
    works.store.away = 1_000
    works.stop.set()
    works.processor.step(works.stop, 0.01)
    assert works.reader.lag() == 1
    assert works.letters() == []


def test_when_everything_fails_the_processor_stops(store: ClickHouseStore) -> None:
    works = Works(store, choosy=True, dead_letter_limit=2)
    for name in ("a", BAD, BAD):
        works.put(spans(name))
    works.step()
    for _ in range(3):
        works.put(spans(BAD))
    with pytest.raises(TooManyDeadLettersError, match="5 dead letters in a row") as caught:
        works.processor.run(works.stop)
    assert (caught.value.topic, caught.value.last_reason) == (SPANS, "ArithmeticError")
    assert works.reader.lag() == 3


def test_a_retryable_error_on_the_way_to_the_culprit_is_no_dead_letter(store: ClickHouseStore) -> None:
    works = Works(store, choosy=True)
    writer = Writer(works.store, works.mapper, works.seen, works.metrics)
    around = Envelope(SPANS, 0, 1, time.time_ns(), "test", works.project, 1)
    works.store.away = 1
    with pytest.raises(StoreUnavailableError):
        writer.write([(around, spans("a", BAD).SerializeToString())])
    assert writer.write([]) == []


def test_it_runs_until_told_to_stop_and_lets_batches_grow(store: ClickHouseStore) -> None:
    works = Works(store, inserts_per_second=5.0)
    thread = threading.Thread(target=works.processor.run, args=(works.stop,))
    thread.start()
    names = [f"n{number:02}" for number in range(40)]
    for name in names:
        works.put(spans(name))
        time.sleep(0.01)
    deadline = time.monotonic() + 120
    while works.reader.lag() and time.monotonic() < deadline:
        time.sleep(0.01)
    works.stop.set()
    works.reader.wake()
    thread.join(120)
    assert works.names() == names
    assert works.store.inserted.count("spans") < 30


def test_the_ledger_keeps_what_it_cannot_write(store: ClickHouseStore) -> None:
    works = Works(store)
    offset = works.put(spans("a"))
    works.processor.step(works.stop, 0.01)
    works.store.away = 1
    works.ledger.flush()
    assert works.sums() == (0, 0, 0)
    stop = threading.Event()
    stop.set()
    works.ledger.run(stop)
    assert works.sums() == (1, 1, 0)
    assert works.ledger.next_offset(SPANS, 0) > offset
    assert works.ledger.next_offset("no such topic", 0) == 0


@pytest.mark.parametrize("topic", [LOGS, METRICS])
def test_logs_and_metrics_are_taken_apart_too(store: ClickHouseStore, topic: str) -> None:
    """The store refuses one of three records of a request."""
    works = Works(store, topic)
    if topic == LOGS:
        request: Any = log_request([log(body, 1) for body in ("a", BAD, "b")])
    else:
        request = metric_request([Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(as_int=1)])) for name in ("a", BAD, "b")])
    works.store.refused = BAD
    works.put(request)
    works.step()
    assert works.sums() == (3, 2, 1)
    (letter,) = works.letters()
    assert (letter["signal"], letter["part"]) == (topic, 1)
    again = REQUESTS[topic].FromString(bytes.fromhex(letter["payload"]))
    assert sum(count(block) for block in blocks(again)) == 1
