"""The clock of stages, and one pass of the stages over the real engine."""

from pathlib import Path

import pytest

from bench.load import Body, Load
from bench.parts import active_parts
from bench.stages import Stages, batches, report
from bench.timed_store import Clock
from schemas.migrate import migrate
from schemas.store import open_embedded


def test_an_inner_stage_is_not_the_outer_ones_time() -> None:
    clock = Clock()
    with clock.stage("outer"), clock.stage("inner"):
        sum(range(200_000))
    assert clock.calls == {"inner": 1, "outer": 1}
    assert 0 <= clock.cpu["outer"] < clock.cpu["inner"]


def test_batches_hold_at_least_so_many_spans() -> None:
    bodies = [Body(b"", 10)] * 7
    assert [len(batch) for batch in batches(bodies, 30)] == [3, 3, 1]


@pytest.mark.slow
def test_every_stage_is_booked(tmp_path: Path) -> None:
    store = open_embedded(tmp_path / "store", 2**30, 2**26)
    migrate(store)
    stages = Stages(store)
    bodies = list(Load(7, 1_760_000_000_000_000_000).spans(300, 100))
    stages.batch(bodies, 0)
    assert stages.spans == sum(body.records for body in bodies)
    names = [row[0] for row in report(stages)]
    assert {"map", "insert spans", "summaries: insert steps"} <= set(names)
    assert names[-1] == "all"
    steps = store.query("SELECT sum(step_count) AS steps FROM threads")[0]["steps"]
    assert steps == sum(body.steps for body in bodies)
    store.close()
    assert {"spans", "steps", "thread_summaries"} <= {name for name, parts in active_parts(tmp_path).items() if parts}
