"""What metrics say of a thread: an agent's own counters, and the processes of its services while it ran."""

from typing import Any, Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint

from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import at, items, log, resource, span

CLAUDE: Final = resource("claude-code")
DELTA, CUMULATIVE = 1, 2
SECOND: Final = 1_000.0


def counted(name: str, temporality: int, *said: tuple[float, float, dict[str, str]]) -> Metric:
    """`said`: milliseconds after BASE, value, attributes."""
    points = [
        NumberDataPoint(
            start_time_unix_nano=at(0), time_unix_nano=at(when), as_double=value, attributes=items({"session.id": "s", **about})
        )
        for when, value, about in said
    ]
    return Metric(name=name, unit="tokens", sum={"data_points": points, "aggregation_temporality": temporality, "is_monotonic": True})  # type: ignore[arg-type]  # protobuf takes a dict


def measured(name: str, when: float, value: float) -> Metric:
    return Metric(name=name, unit="By", gauge={"data_points": [NumberDataPoint(time_unix_nano=at(when), as_double=value)]})  # type: ignore[arg-type]  # as above


async def told(running: Any, line: Line, thread: str) -> list[tuple[Any, ...]]:
    line.summarise()
    page = await running.get(f"/api/threads/{thread}/metrics", project=line.project)
    return [
        tuple(row[name] for name in ("source", "name", "service", "instance", "type", "model", "value", "points")) for row in page["items"]
    ]


async def test_tokens_and_cost_that_an_agent_counts_itself(running: Any, store: ClickHouseStore) -> None:
    line = Line(store)
    used = {"session.id": "s", "model": "m", "input_tokens": 3, "output_tokens": 4, "request_id": "r"}
    line.logs(log("claude_code.api_request", 10, used), of=CLAUDE)
    deltas = (
        (10, 30.0, {"type": "input", "model": "m"}),
        (20, 12.0, {"type": "input", "model": "m"}),
        (20, 5.0, {"type": "output", "model": "m"}),
    )
    tokens = counted("claude_code.token.usage", DELTA, *deltas)
    cost = counted("claude_code.cost.usage", CUMULATIVE, (10, 0.25, {"model": "m"}), (20, 0.75, {"model": "m"}))
    line.points(tokens, cost, of=CLAUDE)
    line.points(tokens, cost, of=CLAUDE, again=True)
    histogram = HistogramDataPoint(time_unix_nano=at(5), count=2, sum=8.0, attributes=items({"gen_ai.conversation.id": "s"}))
    line.points(Metric(name="gen_ai.client.token.usage", histogram={"data_points": [histogram], "aggregation_temporality": DELTA}))  # type: ignore[arg-type]  # as above
    assert await told(running, line, "s") == [
        ("thread", "claude_code.cost.usage", "claude-code", "", "", "m", 0.75, 2),
        ("thread", "claude_code.token.usage", "claude-code", "", "input", "m", 42.0, 2),
        ("thread", "claude_code.token.usage", "claude-code", "", "output", "m", 5.0, 1),
        ("thread", "gen_ai.client.token.usage", "planner", "", "", "", 8.0, 1),
    ]  # fmt: skip


async def test_memory_of_the_processes_while_it_ran(running: Any, store: ClickHouseStore) -> None:
    line = Line(store)
    line.spans(span(1, "run", (0, 10 * SECOND), {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "t"}))
    for instance, peak in (("a", 100.0), ("b", 300.0)):
        line.points(measured("process.memory.usage", SECOND, peak), of=resource(service__instance__id=instance))
        line.points(measured("process.memory.usage", 2 * SECOND, peak / 2), of=resource(service__instance__id=instance))
    line.points(measured("process.memory.usage", 600 * SECOND, 9_999.0), of=resource(service__instance__id="a"))
    line.points(measured("process.memory.usage", SECOND, 9_999.0), of=resource("another"))
    line.points(measured("other.metric", SECOND, 9_999.0), of=resource(service__instance__id="a"))
    assert await told(running, line, "t") == [
        ("process", "process.memory.usage", "planner", "a", "", "", 100.0, 2),
        ("process", "process.memory.usage", "planner", "b", "", "", 300.0, 2),
    ]  # fmt: skip


async def test_a_thread_that_is_not_there_has_none(running: Any) -> None:
    response = await running.client.get("/api/threads/nobody/metrics")
    assert response.status_code == 404
