"""Every query of every dashboard, run as Grafana runs it, and what each kind of panel needs of its frames."""

import itertools
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from dashboards.files import dashboard_files
from pipeline.summaries.rollups import HOUR, Rollups
from schemas.metrics import Metrics
from tests.dashboards.conftest import Shop
from tests.dashboards.grafana_queries import Answer, Frame, Job, Page, other_jobs, panel_jobs, run

pytestmark = pytest.mark.slow

EMPTY: dict[str, str] = {}
"""Panels without rows on the seeded data, each with the reason; at most one of twenty may be here."""

NUMBERS = ("int", "uint", "float")


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    return [job for model in dashboard_files().values() for job in panel_jobs(model)]


@pytest.fixture(scope="module")
def answers(panelrun: Path, shop: Shop, jobs: list[Job]) -> list[Answer]:
    return run(panelrun, shop.port, jobs, shop.today)


@pytest.fixture(scope="module")
def quarter(panelrun: Path, shop: Shop, jobs: list[Job]) -> list[Answer]:
    return run(panelrun, shop.port, jobs, shop.quarter)


def failures(answers: Sequence[Answer]) -> dict[str, str]:
    return {answer.job.name: answer.error for answer in answers if answer.error}


def is_number(kind: str) -> bool:
    return kind.lstrip("*").startswith(NUMBERS)


def test_every_query_runs(answers: list[Answer], quarter: list[Answer]) -> None:
    assert failures(answers) == {}
    assert failures(quarter) == {}


def test_few_panels_are_empty(answers: list[Answer], jobs: list[Job]) -> None:
    empty = {answer.job.name for answer in answers if not answer.rows}
    assert empty == EMPTY.keys()
    assert len(empty) <= len(jobs) / 20


def test_a_quarter_of_a_year_reads_the_rollups(answers: list[Answer], quarter: list[Answer], shop: Shop) -> None:
    """Single records end six hours ago here; ninety days of rollups lie before them."""
    for name, table in (
        ("MCP servers and tools / Calls / A", "steps"),
        ("LLM cost and tokens / Tokens / A", "steps"),
        ("Permissions and escalations / Decisions / A", "permission_rows"),
    ):
        long, short = (next(one for one in found if one.job.name == name and one.job.kind == "timeseries") for found in (quarter, answers))
        assert long.rows > 1000
        assert granules(shop, long.sql, table) == 0
        assert granules(shop, short.sql, table) > 0
    assert not [answer.job.name for answer in quarter if not answer.rows and answer.job.name not in EMPTY]


def granules(shop: Shop, sql: str, table: str) -> int:
    """How much of a table the engine means to read for a query."""
    plan = shop.store.raw(f"EXPLAIN indexes = 1 {sql}", "TSVRaw").decode()
    reading = plan.partition(f"ReadFromMergeTree (mission_control.{table})")[2]
    found = re.search(r"Granules: (\d+)", reading)
    assert found, plan
    return int(found[1])


def test_variables_and_annotations(panelrun: Path, shop: Shop) -> None:
    every = [job for model in dashboard_files().values() for job in other_jobs(model)]
    found = run(panelrun, shop.port, every, shop.today)
    assert failures(found) == {}
    assert [answer.job.name for answer in found if not answer.rows] == []
    for answer in found:
        frame = answer.frames[0]
        if answer.job.kind == "annotation":
            assert (frame.field("time").type.lstrip("*"), frame.field("text").type) == ("time.Time", "string"), answer.job.name
        else:
            assert len(frame.fields) in (1, 2)


def test_every_compression_gives_the_same(panelrun: Path, shop: Shop, jobs: list[Job], answers: list[Answer]) -> None:
    some = jobs[::9]
    plain = run(panelrun, shop.port, some, shop.today, "none")
    framed = run(panelrun, shop.port, some, shop.today, "lz4")
    assert failures(plain) == failures(framed) == {}
    assert [[frame.names for frame in answer.frames] for answer in plain] == [[frame.names for frame in answer.frames] for answer in framed]
    assert [answer.rows for answer in plain] == [answer.rows for answer in framed] == [answer.rows for answer in answers[::9]]


def wide(frame: Frame) -> None:
    assert frame.schema == "wide"
    assert frame.fields[0].type.lstrip("*") == "time.Time"
    assert all(is_number(column.type) for column in frame.fields[1:])


def one_row_of_numbers(frame: Frame) -> None:
    assert frame.rows == 1
    assert all(is_number(column.type) for column in frame.fields)


def word_and_number(frame: Frame) -> None:
    assert [is_number(column.type) for column in frame.fields] == [False, True]


def any_rows(frame: Frame) -> None:
    assert len(set(frame.names)) == len(frame.names) > 1


def log_lines(frame: Frame) -> None:
    assert frame.vis == "logs"
    assert frame.names[:3] == ["timestamp", "body", "level"]
    assert [column.type for column in frame.fields[:3]] == ["time.Time", "string", "string"]


def spans(frame: Frame) -> None:
    assert frame.vis == "trace"
    assert {
        "traceID",
        "spanID",
        "parentSpanID",
        "operationName",
        "serviceName",
        "startTime",
        "duration",
        "tags",
        "serviceTags",
        "logs",
        "references",
    } <= set(frame.names)
    assert all(frame.field("spanID").values)
    assert len(set(frame.field("traceID").values)) == 1
    assert frame.field("startTime").type == frame.field("duration").type == "float64"
    assert 2 in frame.field("statusCode").values
    assert set(frame.field("tags").values[0][0]) == {"key", "value"}
    assert frame.field("logs").values[0][0]["name"] == "said"


def depth_first(frame: Frame) -> None:
    assert frame.names == ["label", "level", "value", "self"]
    levels = frame.field("level").values
    assert levels[0] == 0
    assert max(levels) == 2
    assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels))
    assert all(own <= value for own, value in zip(frame.field("self").values, frame.field("value").values, strict=True))


CONTRACTS: dict[str, Callable[[Frame], None]] = {
    "timeseries": wide,
    "state-timeline": wide,
    "stat": one_row_of_numbers,
    "bargauge": word_and_number,
    "table": any_rows,
    "logs": log_lines,
    "traces": spans,
    "flamegraph": depth_first,
}


def test_frames_are_what_their_panels_need(answers: list[Answer]) -> None:
    broken = {}
    for answer in answers:
        if answer.job.kind != "nodeGraph":
            try:
                CONTRACTS[answer.job.kind](answer.frames[0])
            except AssertionError as error:
                broken[answer.job.name] = f"{error} {[(column.name, column.type) for column in answer.frames[0].fields]}"
    assert broken == {}


def test_the_graph_is_connected(answers: list[Answer]) -> None:
    nodes, edges = (answer.frames[0] for answer in answers if answer.job.kind == "nodeGraph")
    ids = set(nodes.field("id").values)
    assert len(ids) == nodes.rows
    assert {*edges.field("source").values, *edges.field("target").values} <= ids
    assert is_number(nodes.field("mainstat").type)
    for ok, failed in zip(nodes.field("arc__ok").values, nodes.field("arc__failed").values, strict=True):
        assert ok + failed == pytest.approx(1)


def test_a_search_and_chosen_servers_narrow(panelrun: Path, shop: Shop, jobs: list[Job]) -> None:
    listed = next(job for job in jobs if job.name == "Threads / Threads / A" and job.kind == "table")
    page = Page(shop.today.since, shop.today.until, 300_000, {**shop.today.chosen, "search": "order 47", "mcp": "files"})
    assert [answer.rows for answer in run(panelrun, shop.port, [listed], page)] == [1]
    nowhere = Page(page.since, page.until, 300_000, {**page.chosen, "mcp": "elsewhere", "search": "it's"})
    assert [(answer.error, answer.rows) for answer in run(panelrun, shop.port, [listed], nowhere)] == [("", 0)]


def test_a_project_without_records_shows_no_nonsense(panelrun: Path, shop: Shop, jobs: list[Job]) -> None:
    """Nothing fails, and nothing is "NaN": where no group is needed for a row."""
    rows = [job for job in jobs if job.kind in ("stat", "table")]
    for page in (shop.today, shop.quarter):
        nobody = Page(page.since, page.until, page.interval_ms, {**page.chosen, "project": "nobody", "thread": "none"})
        assert failures(run(panelrun, shop.port, rows, nobody)) == {}


def test_lists_of_the_newest_are_whole(panelrun: Path, shop: Shop, jobs: list[Job]) -> None:
    """Few in a quarter are all listed, however old; of many in one hour the list is full, and it ends there."""
    listed = next(job for job in jobs if job.name == "Errors and latency / Newest failures / A")
    rollups = Rollups(shop.store, Metrics(CollectorRegistry()))
    now = int(time.time())
    for project, hours_ago in (("few-failures", (2, 700, 1400)), ("many-failures", (900, *[30] * 120))):
        shop.store.command(
            """INSERT INTO steps (project, thread_id, trace_id, step_id, type, name, status, started_at, duration_ns, received, retention_days, version, is_deleted)
            SELECT {project:String}, 't', 't', toString(number), 'tool_call', toString(ago), 'error', now64(9) - toIntervalHour(ago) AS began, 5, began, 365, 1, 0
            FROM (SELECT arrayJoin(arrayEnumerate({ago:Array(UInt32)})) AS number, {ago:Array(UInt32)}[number] AS ago)""",
            {"project": project, "ago": list(hours_ago)},
        )
        for ago in set(hours_ago):
            rollups.count((now - ago * HOUR) // HOUR * HOUR)
        page = Page(shop.quarter.since, shop.quarter.until, 300_000, {**shop.quarter.chosen, "project": project, "mcp": "$__all"})
        (answer,) = run(panelrun, shop.port, [listed], page, rows=200)
        assert answer.error == ""
        assert answer.frames[0].field("name").values == [str(ago) for ago in sorted(hours_ago)][:100]
