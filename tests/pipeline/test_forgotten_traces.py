"""Processors that share their tables remember nothing from one round to the next: what a round asks the store does not grow with its traces."""

from typing import Any

import pytest

from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import resource, span


def asked(line: Line, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries of one round over all traces of the project, by one that has forgotten them."""
    found = line.store.query(
        "SELECT TraceId AS trace, toUnixTimestamp64Nano(min(received)) AS received FROM spans WHERE project = {p:String} GROUP BY trace",
        {"p": line.project},
    )
    queries: list[str] = []
    plain = line.store.query

    def query(sql: str, *rest: Any, **more: Any) -> Any:
        queries.append(sql)
        return plain(sql, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(line.store, "query", query)
        line.summaries.forget()
        line.summaries.touch({(line.project, row["trace"]): row["received"] for row in found}, {})
        line.summarise()
    return queries


def test_many_traces_cost_as_many_queries_as_one(store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for traces in (1, 30):
        line = Line(store)
        for trace in range(traces):
            line.spans(
                span(1, "invoke_agent", (0, 9), in_trace=trace + 1),
                span(2, "chat", (1, 5), parent=1, in_trace=trace + 1),
                of=resource("agent"),
            )
        line.summarise()
        before = line.snapshot()
        counts.append(len(asked(line, monkeypatch)))
        assert line.snapshot() == before
    assert counts[0] == counts[1] > 0
