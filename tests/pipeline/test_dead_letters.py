"""What becomes of dead letters in the store."""

import time
from uuid import uuid4

from pipeline.batch import DeadLetter
from pipeline.dead_letters import drop, mark_replayed
from pipeline.write import dead_letter_batch
from schemas.store import ClickHouseStore
from schemas.topics import SPANS


def test_dropped_ones_are_gone_and_the_others_stay(store: ClickHouseStore) -> None:
    project = uuid4().hex
    offset = int(project[:12], 16)
    now = time.time_ns()
    letters = [DeadLetter(SPANS, 0, offset + number, 0, now, "test", project, "ValueError", "bad", b"\xff") for number in range(3)]
    store.insert("dead_letter_rows", dead_letter_batch(letters, now))
    store.insert("dead_letter_rows", dead_letter_batch(letters[:1], now + 1))  # redelivered
    mark_replayed(store, [f"{SPANS}/0/{offset + 1}/0"])
    assert drop(store, [f"{SPANS}/0/{offset}/0", f"{SPANS}/0/{offset + 1}/0", f"{SPANS}/9/0/0"]) == 2
    rows = store.query("SELECT log_offset FROM dead_letters WHERE project = {p:String}", {"p": project})
    assert [row["log_offset"] for row in rows] == [offset + 2]
