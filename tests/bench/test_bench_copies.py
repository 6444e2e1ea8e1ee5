"""A large data set is made of copies that are told apart and hang together."""

from pathlib import Path

import pytest

from bench import copies, dataset, standing
from bench.system import running

pytestmark = pytest.mark.slow


def test_every_way_to_write_digits_is_another() -> None:
    written = [copies.digits(copy) for copy in range(copies.MOST + 1)]
    assert written[0] == "0123456789abcdef"
    assert len(set(written)) == len(written)
    assert {"".join(sorted(one)) for one in written} == {"0123456789abcdef"}


def test_more_copies_than_can_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="128 copies"):
        copies.multiply(tmp_path, 1, copies.MOST + 1, 90, "")


def test_a_data_set_is_built_once_and_its_copies_hang_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "LONG_STEPS", 20)
    monkeypatch.setattr(dataset, "PATTERN_SPANS", 200)
    monkeypatch.setattr(dataset, "DAYS", 4)
    monkeypatch.setattr(copies, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(standing, "QUIET_SECONDS", 0.2)
    built = dataset.prepared(tmp_path, 600)
    assert dataset.prepared(tmp_path, 600) == built
    assert (built.logs, built.permissions) == (60, 6)
    with running(built.data) as system:
        assert system.counts() == (built.spans, built.steps)
        assert system.number("SELECT count() FROM threads") == built.threads + 1
        assert system.number("SELECT sum(calls) FROM usage_hourly") == system.number(
            "SELECT count() FROM execution_steps WHERE type = 'llm_call'"
        )
        assert system.number("SELECT count() FROM llm_messages WHERE content = ''") == 0
        lost = "SELECT count() FROM execution_steps WHERE (trace_id, step_id) NOT IN (SELECT TraceId, SpanId FROM otel_traces)"
        assert system.number(lost) == 0
        copied = system.sql("SELECT thread_id FROM threads WHERE thread_id LIKE 'D-%' ORDER BY thread_id DESC LIMIT 1")[0]["thread_id"]
        assert copied == f"D-{built.threads:06d}"
        for part in ("timeline", "transcript"):
            assert system.get(f"/api/threads/{copied}/{part}").json()["items"]
    [table] = standing.disk(built).tables
    assert {"spans", "steps", "all of spans"} <= {row[0] for row in table.rows}
