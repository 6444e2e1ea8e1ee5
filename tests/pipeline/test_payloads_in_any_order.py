"""Recorded requests of other people's emitters, record by record in any order, some twice, over restarts: the same tables."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas import otlp
from schemas.store import ClickHouseStore
from schemas.topics import LOGS, METRICS, SPANS
from tests.payloads.reading import RECORDED, Payload
from tests.payloads.shown import Shown, wanted
from tests.pipeline.line import VIEWS, Line, by

TOPICS: Final[Mapping[str, str]] = {"/v1/traces": SPANS, "/v1/logs": LOGS, "/v1/metrics": METRICS}
NAMES: Final = sorted(str(file.relative_to(RECORDED)).removesuffix(".otlp.json") for file in RECORDED.glob("*/*.otlp.json"))
TOGETHER: Final = "otel-genai/util-genai-1.3b0.traces", "otel-genai/util-genai-1.3b0.logs"
"""The same calls as spans and as log events."""
WITHOUT_TIMES: Final = [view for view in VIEWS if not view.endswith("_hourly")]


def expected_of(name: str) -> dict[str, Any]:
    """Without what a price list says: it is asked by another thread than the pipeline's."""
    said = Payload(name).expected
    return dict(said) | {
        "thread": [{word: what for word, what in thread.items() if word != "estimated"} for thread in said.get("thread", [])]
    }


def records(*names: str) -> list[tuple[str, Any]]:
    """(topic, request of one record)"""
    sendings = [sending for name in names for sending in Payload(name).single()]
    return [(TOPICS[path], otlp.parse_json(TOPICS[path], body)) for path, body in sendings]


def send(line: Line, data: st.DataObject, said: list[tuple[str, Any]]) -> None:
    """All of it, in an order and with accidents of the data's choice."""
    for topic, request in data.draw(st.permutations(said)):
        line.write(topic, request)
        happens = data.draw(st.sampled_from(("nothing", "nothing", "nothing", "summary", "again", "twice", "restart", "heal")))
        if happens in ("again", "twice"):
            line.write(topic, request, again=happens == "again")
        line.befall(happens)
    line.summarise()
    line.heal()


def shown(line: Line, expected: Mapping[str, Any]) -> dict[str, Any]:
    """In the words of the expectations."""

    def sql(query: str) -> list[dict[str, Any]]:
        rows = line.store.query(f"SELECT * FROM ({query}) WHERE project = {{p:String}}", {"p": line.project})
        return [dict(row) for row in rows]

    return Shown(sql).of(line.project, expected)


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_as_expected_in_any_order(store: ClickHouseStore, data: st.DataObject, name: str) -> None:
    expected, line = expected_of(name), Line(store)
    send(line, data, records(name))
    assert shown(line, expected) == wanted(expected)


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_a_call_as_span_and_as_event_is_one_step_in_any_order(store: ClickHouseStore, data: st.DataObject) -> None:
    line, spans = Line(store), expected_of(TOGETHER[0])
    send(line, data, records(*TOGETHER))
    found = shown(line, spans)
    assert found["threads"] == wanted(spans)["threads"]
    assert len(found["logs"]) == 2


@pytest.mark.slow
def test_every_table_is_the_same_forwards_and_backwards(store: ClickHouseStore) -> None:
    """Not only what the expectations speak of."""
    said = records(*(name for name in NAMES if name != TOGETHER[1]))
    snapshots = []
    for order in (said, said[::-1]):
        line = Line(store)
        for topic, request in order:
            line.write(topic, request)
        line.summarise()
        line.heal()
        snapshots.append(json.loads(json.dumps(line.snapshot(WITHOUT_TIMES), default=str)))
    forwards, backwards = snapshots
    threads = [by(snapshot.pop("threads"), "thread_id") for snapshot in snapshots]
    for thread, row in threads[0].items():
        assert threads[1][thread] == row
    assert forwards == backwards
