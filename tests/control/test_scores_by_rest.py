"""Scores by REST: what is taken, what is refused and why, and where they show. The log is a port's fake, the way from it is the pipeline's."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from control.times import now_ns
from schemas.errors import LogUnavailableError
from schemas.topics import LOGS, PROJECT_HEADER, SOURCE_HEADER

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"


class Kept:
    """A LogWriter that remembers, or is away."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.away = False

    async def append(self, topic: str, value: bytes, headers: Mapping[str, str]) -> tuple[int, int]:
        if self.away:
            raise LogUnavailableError("the disk is full", 3)
        self.records.append((topic, value, headers))
        return 0, len(self.records) - 1


def said(record: tuple[str, bytes, Mapping[str, str]]) -> tuple[Any, dict[str, Any]]:
    """The log record and its attributes."""
    found = ExportLogsServiceRequest.FromString(record[1]).resource_logs[0].scope_logs[0].log_records[0]
    return found, {item.key: item.value.string_value or item.value.double_value for item in found.attributes}


async def test_a_score_goes_to_the_log_as_an_evaluation_event(start: Any) -> None:
    kept = Kept()
    given = {
        "name": "helpful", "value": 1, "label": "yes", "thread_id": "t/1", "trace_id": TRACE.upper(), "step_id": SPAN, "comment": "it was",
        "source": "ada", "user_id": "u", "id": "s1", "timestamp": "2026-03-01T12:00:00Z",
    }  # fmt: skip
    async with start(writer=kept) as running:
        response = await running.client.post("/api/scores", params={"project": "shop"}, json=given)
    assert (response.status_code, response.json()) == (202, {"project": "shop", "score_id": "s1"})
    ((topic, _, headers),) = kept.records
    assert (topic, headers[PROJECT_HEADER], headers[SOURCE_HEADER]) == (LOGS, "shop", "api")
    record, attributes = said(kept.records[0])
    assert (record.event_name, record.trace_id.hex(), record.span_id.hex(), record.body.string_value) == (
        "gen_ai.evaluation.result", TRACE, SPAN, "helpful: 1 yes",
    )  # fmt: skip
    assert record.time_unix_nano == 1_772_366_400_000_000_000
    assert attributes == {
        "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 1.0, "gen_ai.evaluation.score.label": "yes",
        "gen_ai.evaluation.explanation": "it was", "mission_control.score.id": "s1", "mission_control.score.source": "ada",
        "mission_control.thread.id": "t/1", "user.id": "u",
    }  # fmt: skip


async def test_a_word_is_a_label_and_what_is_missing_is_made(start: Any) -> None:
    kept, before = Kept(), now_ns()
    async with start(writer=kept) as running:
        response = await running.client.post("/api/scores", json={"name": "verdict", "value": "fail", "trace_id": TRACE})
    record, attributes = said(kept.records[0])
    assert attributes["gen_ai.evaluation.score.label"] == "fail"
    assert "gen_ai.evaluation.score.value" not in attributes
    assert attributes["mission_control.score.id"] == response.json()["score_id"] != ""
    assert (attributes["mission_control.score.source"], record.body.string_value) == ("api", "verdict: fail")
    assert before <= record.time_unix_nano <= now_ns()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"value": 1, "thread_id": "t"}, "name: is needed"), ({"name": "", "value": 1, "thread_id": "t"}, "name: "),
        ({"name": "x", "thread_id": "t"}, "give a value (a number) or a label (a word)"), ({"name": "x", "value": 1}, "name what is judged"),
        ({"name": "x", "value": 1, "span_id": SPAN}, "name what is judged"), ({"name": "x", "value": [1], "thread_id": "t"}, "value: "),
        ({"name": "x", "value": True, "thread_id": "t"}, "value: "), ({"name": "x", "value": 10**400, "thread_id": "t"}, "value: "),
        ({"name": "x", "value": 1, "trace_id": "12"}, "trace_id: take 32 hexadecimal digits"),
        ({"name": "x", "value": 1, "trace_id": "0" * 32}, "trace_id: "), ({"name": "x", "value": 1, "trace_id": TRACE, "span_id": "zz"}, "span_id: "),
        ({"name": "x", "value": "a", "label": "b", "thread_id": "t"}, "value is a word and so is label"),
        ({"name": "x", "value": 1, "thread_id": "t", "timestamp": "soon"}, "timestamp: 'soon' is no time"),
        ({"name": "x", "value": 1, "thread_id": "t", "colour": "red"}, "colour: Extra inputs"), ([], "body: "),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(start: Any, given: Any, word: str) -> None:
    kept = Kept()
    async with start(writer=kept) as running:
        response = await running.client.post("/api/scores", json=given)
        assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
        assert word in response.json()["detail"]
        everywhere = await running.client.post("/api/scores", params={"project": "*"}, json=given)
        assert "project: name one project; * is for reading" in everywhere.json()["detail"]
        unsaid = await running.client.post("/api/scores", content=b'{"name": "x"}', headers={"content-type": "text/plain"})
        assert unsaid.json()["detail"].startswith("body: send a JSON object")
        cut_off = await running.client.post("/api/scores", content=b"{", headers={"content-type": "application/json"})
        assert cut_off.json()["detail"].startswith("body: is not JSON: ")
        broken = await running.client.post("/api/scores", content=b'{"name": "\\ud800", "value": 1, "thread_id": "t"}')
        assert broken.status_code == 400
    assert kept.records == []


async def test_a_log_that_is_away_is_not_now(start: Any) -> None:
    kept = Kept()
    kept.away = True
    given = {"name": "x", "value": 1, "thread_id": "t"}
    async with start(writer=kept) as running:
        response = await running.client.post("/api/scores", json=given)
        assert (response.status_code, response.headers["retry-after"]) == (503, "3")
        assert "the disk is full" in response.json()["detail"]
    async with start() as running:
        assert (await running.client.post("/api/scores", json=given)).status_code == 503


async def test_scores_show_with_their_thread_and_their_step(running: Any, rows: Any) -> None:
    rows.thread("t")
    rows.step("t", "s1", span_ids=["s1", "inner"])
    rows.step("t", "s2")
    for n, step in enumerate(("", "inner", "s1", "elsewhere")):
        row = {
            "score_id": f"k{n}",
            "thread_id": "t",
            "trace_id": "t1",
            "step_id": step,
            "name": "good",
            "source": "judge",
            "timestamp": rows.now - n,
        }
        rows.put(
            "score_records",
            {"project": rows.project, "value": 0.5, **row, "received": rows.now, "retention_days": 30, "version": 1, "is_deleted": 0},
        )
    thread = await running.get("/api/threads/t", project=rows.project)
    assert [score["score_id"] for score in thread["scores"]] == ["k0", "k1", "k2", "k3"]
    assert (thread["scores"][1]["value"], thread["scores"][1]["name"], thread["scores"][1]["source"]) == (0.5, "good", "judge")
    page = await running.get("/api/threads/t/timeline", project=rows.project)
    assert {item["step_id"]: [score["score_id"] for score in item["scores"]] for item in page["items"]} == {"s1": ["k2", "k1"], "s2": []}
