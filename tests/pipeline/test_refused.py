"""What collectors turned away by quota shows in the ledger, with why."""

import threading
import time

import pytest

from pipeline.context import envelope
from pipeline.ledger import Ledger
from pipeline.mappers import mapper
from pipeline.seen import SeenCache
from schemas.ports import Record
from schemas.settings import load_settings
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, METRICS, SPANS


@pytest.mark.parametrize("topic", [SPANS, LOGS, METRICS])
def test_a_record_without_contents_says_how_many(store: ClickHouseStore, topic: str) -> None:
    project = f"refused-{topic}-{time.time_ns()}"
    headers = {
        "mission_control.project": project,
        "mission_control.received_unix_nano": str(time.time_ns()),
        "mission_control.source": "refused: project quota",
        "mission_control.refused": "60",
    }
    around = envelope(Record(topic, 7, time.time_ns() % 2**40, b"", headers))
    mapped = mapper(topic, SeenCache(), load_settings().retention_days).map([(around, b"")])
    assert not mapped.tables
    ledger = Ledger(store)
    ledger.book(mapped.ledger)
    stop = threading.Event()
    stop.set()
    ledger.run(stop)
    sql = "SELECT source, signal, received, stored, rejected FROM ingest_ledger WHERE project = {p:String}"
    assert store.query(sql, {"p": project}) == [
        {"source": "refused: project quota", "signal": topic, "received": 60, "stored": 0, "rejected": 60}
    ]
