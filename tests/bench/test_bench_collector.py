"""The measurements around Kafka: their words everywhere, once and tiny where the Collector is built."""

import pytest

from bench import collector, through_kafka
from bench.collector import Done, result
from bench.kafka import Topics
from bench.quantiles import Spread
from bench.sender import Sent
from bench.through_kafka import Situation
from tests import otelcol


def done(name: str, spans: int, cpu: float) -> Done:
    return Done(name, Sent(records=spans), 2.0, cpu)


def test_ours_is_set_over_theirs_stage_by_stage() -> None:
    found = result(
        ((done("ours in", 1000, 0.01), done("theirs in", 1000, 0.005)), (done("ours out", 1000, 0.1), done("theirs out", 1000, 0.2)))
    )
    (table,) = found.tables
    assert [(row[0], row[-1]) for row in table.rows] == [("ours in", "1"), ("theirs in", "0.500"), ("ours out", "1"), ("theirs out", "2")]
    assert [round(figure.value, 6) for figure in found.figures] == [100_000, 2]
    assert all(figure.is_met for figure in found.figures)


def test_latency_through_kafka_has_a_line_and_two_figures_for_each_way() -> None:
    slow = Spread(10, 0.05, 0.4, 0.5)
    found = through_kafka.result([Situation("idle", slow, slow)], ended=True)
    (table,) = found.tables
    assert [row[1] for row in table.rows] == ["span emitted → WebSocket", "log emitted → WebSocket"]
    assert table.note.endswith("The load ended before the last probes.")
    assert [figure.is_met for figure in found.figures] == [True, False, True, False]


def test_topics_as_settings() -> None:
    assert Topics("127.0.0.1:9092", "b.").settings()["kafka_topic_prefix"] == "b."


@pytest.mark.slow
@pytest.mark.skipif(not otelcol.is_built(), reason=otelcol.NOT_BUILT)
def test_everything_around_kafka_is_measured() -> None:
    beside, live = collector.measure(2_000), through_kafka.measure(3)
    assert len(beside.tables[0].rows) == 4
    assert len(live.tables[0].rows) == 4
    assert all(figure.value > 0 for figure in (*beside.figures, *live.figures))
