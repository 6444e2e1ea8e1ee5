"""Scores given by REST to the whole system: what was acknowledged is there after a kill, once, and found with its thread."""

from pathlib import Path
from typing import Any

import pytest

from schemas.otlp import parse_json
from schemas.topics import SPANS
from tests.system.running import eventually, system_on

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT_SPAN: dict[str, Any] = {
    "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "invoke_agent planner", "kind": 1, "startTimeUnixNano": "1772366400000000000",
    "endTimeUnixNano": "1772366401000000000",
    "attributes": [{"key": name, "value": {"stringValue": value}} for name, value in {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", "gen_ai.conversation.id": "talk",
    }.items()],
}  # fmt: skip


@pytest.mark.slow
def test_a_given_score_survives_a_kill_and_shows_with_its_thread(tmp_path: Path) -> None:
    with system_on(tmp_path / "data") as system:
        system.start()

        def give(n: int) -> int:
            given = {"id": f"s{n}", "name": "helpful", "value": n / 10, "trace_id": TRACE, "source": "ada"}
            return system.http.post(system.info["console"] + "/api/scores", json=given, headers=dict(system.bearer())).status_code

        assert [give(n) for n in (*range(10), 3)] == [202] * 11
        system.kill()
        system.start()
        request = {"resourceSpans": [{"scopeSpans": [{"spans": [ROOT_SPAN]}]}]}
        assert system.post("/v1/traces", parse_json(SPANS, str(request).replace("'", '"').encode()).SerializeToString()).status_code == 200
        assert system.reaches("SELECT count() FROM scores WHERE thread_id = 'talk'", 10) == 10
        assert system.number("SELECT uniqExact(score_id) FROM scores") == 10
        thread = eventually(lambda: system.ask("/api/threads/talk").json(), lambda found: len(found.get("scores", ())) == 10)
        assert {score["value"] for score in thread["scores"]} == {n / 10 for n in range(10)}
        (step,) = system.api("/api/threads/talk/timeline")["items"]
        assert step["scores"] == []
