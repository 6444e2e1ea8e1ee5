"""One conversation through mapping, writing and summaries: the exact rows, and the same rows however and in whatever order it comes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.store import ClickHouseStore
from tests.pipeline.conversation import LOGS, SPANS
from tests.pipeline.line import CrashError, CrashingStore, Line
from tests.pipeline.otlp_messages import hex_trace

GOLDEN = Path(__file__).with_name("conversation.json")
EVERYTHING = [("spans", *said) for said in SPANS] + [("logs", *said) for said in LOGS]


def expected() -> dict[str, list[dict[str, Any]]]:
    """Read by a person and kept; `shown(line.snapshot())` of the conversation in order writes it anew."""
    rows: dict[str, list[dict[str, Any]]] = json.loads(GOLDEN.read_text())
    return rows


def shown(snapshot: Any) -> Any:
    return json.loads(json.dumps(snapshot, default=str))


def give(line: Line, said: Any, **how: Any) -> None:
    signal, of, record = said
    (line.spans if signal == "spans" else line.logs)(record, of=of, **how)


def same(line: Line) -> None:
    """The line shows exactly the golden rows and keeps nothing under the trace's own id."""
    line.count()
    found, wanted = shown(line.snapshot()), expected()
    for view, rows in wanted.items():
        assert found[view] == rows, view
    for view in ("threads", "execution_steps", "llm_messages", "logs", "permission_events"):
        assert not line.values(view, "thread_id", f"thread_id = '{hex_trace(1)}'"), view
    assert line.sweep() == ({}, {})


def test_in_order_one_batch_per_sender(line: Line) -> None:
    for of in (SPANS[0][0], SPANS[4][0]):
        line.spans(*[span for sender, span in SPANS if sender is of], of=of)
        line.logs(*[record for sender, record in LOGS if sender is of], of=of)
    line.summarise()
    same(line)


def test_one_record_per_request_and_round(line: Line) -> None:
    for said in EVERYTHING:
        give(line, said)
        line.summarise()
    same(line)


@pytest.mark.slow
def test_backwards(line: Line) -> None:
    for said in reversed(EVERYTHING):
        give(line, said)
        line.summarise()
    same(line)


def test_everything_is_delivered_twice_by_the_log_and_sent_twice(line: Line) -> None:
    for said in EVERYTHING:
        give(line, said)
        give(line, said, again=True)
        give(line, said)
    line.summarise()
    for said in EVERYTHING:
        give(line, said)
    line.summarise()
    same(line)


def test_logs_long_before_spans(line: Line) -> None:
    """Their own exporters hold spans back until they end, logs not."""
    for said in EVERYTHING[len(SPANS) :]:
        give(line, said)
        line.summarise()
    line.restart()
    line.heal()
    for said in EVERYTHING[: len(SPANS)]:
        give(line, said)
    line.summarise()
    same(line)


@pytest.mark.slow
def test_restart_before_each_summary(line: Line) -> None:
    for said in EVERYTHING:
        give(line, said)
        line.restart()
        line.heal()
    same(line)


@pytest.mark.slow
@pytest.mark.parametrize("backwards", [False, True])
def test_crash_at_an_insert(store: ClickHouseStore, backwards: bool) -> None:
    """The process dies at its n-th insert, for every fifth n and from both ends; the log delivers again what was not committed, a sweep finds the rest."""
    order = EVERYTHING[::-1] if backwards else EVERYTHING
    parts = [order[start : start + 4] for start in range(0, len(order), 4)]
    inserts, crashed = 2 if backwards else 0, True
    while crashed:
        crashed = _conversation_with_a_crash(store, parts, inserts)
        inserts += 5
    assert inserts > 20


def _conversation_with_a_crash(store: ClickHouseStore, parts: Sequence[Sequence[Any]], inserts: int) -> bool:
    """Whether the conversation has as many inserts at all."""
    dying = CrashingStore(store)
    line = Line(dying)
    dying.left, crashed = inserts, False
    for part in parts:
        try:
            for said in part:
                give(line, said)
            line.summarise()
        except CrashError:
            dying.left, crashed = None, True
            line.restart()
            for said in part:
                give(line, said)
            line.restart()
            line.heal()
    same(line)
    return crashed


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_any_order_any_batches_any_crash(store: ClickHouseStore, data: st.DataObject) -> None:
    line = Line(store)
    for said in data.draw(st.permutations(EVERYTHING)):
        give(line, said)
        happens = data.draw(st.sampled_from(("nothing", "nothing", "summary", "twice", "restart", "heal")))
        if happens == "twice":
            give(line, said, again=True)
        line.befall(happens)
    line.summarise()
    line.heal()
    same(line)
