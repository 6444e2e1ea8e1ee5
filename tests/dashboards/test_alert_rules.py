"""Each rule fires on data that should wake somebody and recovers on data that should not, through the driver that Grafana uses."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from dashboards.files import GRAFANA
from pipeline.summaries.rollups import HOUR, Rollups
from schemas.metrics import Metrics
from schemas.store import ClickHouseStore
from tests.dashboards.conftest import Shop
from tests.dashboards.grafana_queries import Job, Page, run

pytestmark = pytest.mark.slow
Json = dict[str, Any]


def provisioned() -> dict[str, Json]:
    groups = yaml.safe_load((GRAFANA / "provisioning" / "alerting" / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["uid"]: rule for group in groups for rule in group["rules"]}


@dataclass
class Scene:
    """Rows of one project; times are minutes before now."""

    store: ClickHouseStore
    project: str
    versions: int = 0
    began: int = field(default_factory=lambda: time.time_ns())

    def put(self, table: str, columns: str, values: str, rows: int = 1) -> None:
        """`values` may use `number`."""
        self.versions += 1
        sql = f"INSERT INTO {table} (project, version, {columns}) SELECT {{project:String}}, {self.versions}, {values} FROM numbers({rows})"
        self.store.command(sql, {"project": self.project})

    def steps(self, kind: str, status: str, minutes: int, rows: int, more: str = "", values: str = "", seconds: int = 1) -> None:
        self.put(
            "steps",
            f"thread_id, trace_id, step_id, type, status, started_at, duration_ns, mcp_id, received, retention_days, is_deleted{more}",
            f"'t', 't', '{kind}{status}{minutes}' || toString(number), '{kind}', '{status}', now64(9) - toIntervalMinute({minutes}), {seconds} * 1000000000,"
            f" if('{kind}' = 'tool_call', 'files', ''), now64(9), 365, 0{values}",
            rows,
        )
        Rollups(self.store, Metrics(CollectorRegistry())).count((int(time.time()) - 60 * minutes) // HOUR * HOUR)

    def thread(self, name: str, status: str, minutes: int = 5, loops: int = 0) -> None:
        self.put(
            "thread_summaries",
            "thread_id, kind, status, started_at, last_seen_at, last_received, loop_count, retention_days, is_deleted",
            f"'{name}', 'agent', '{status}', toDateTime64('2026-01-01 00:00:00', 9) + cityHash64('{name}') % 1000, now64(9) - {minutes} * 60,"
            f" now64(9) - {minutes} * 60, {loops}, 365, 0",
        )

    def fresh_threads(self, status: str, rows: int) -> None:
        self.put(
            "thread_summaries",
            "thread_id, kind, status, started_at, last_seen_at, last_received, retention_days, is_deleted",
            f"'{status}' || toString(number), 'agent', '{status}', now64(9) - 60, now64(9), now64(9), 365, 0",
            rows,
        )

    def permissions(self, result: str, rows: int, escalation: str = "0, '', ''", event: str = "") -> None:
        self.put(
            "permission_rows",
            "thread_id, event_id, phase, timestamp, result, escalation_detected, escalation_rule, escalation_status, received, retention_days, is_deleted",
            f"'t', '{event or result}' || toString(number), 'decision', now64(9) - 60, '{result}', {escalation}, now64(9), 365, 0",
            rows,
        )

    def cost(self, dollars: float, hours: int, rows: int = 1) -> None:
        self.put(
            "usage_hours",
            "hour, model, calls, cost_usd, is_deleted",
            f"toStartOfHour(now('UTC') - toIntervalHour({hours} + number)), 'm', 1, {dollars}, 0",
            rows,
        )

    def ledger(self, minutes: int, lag_ms: int = 10, rows: int = 1) -> None:
        """The same positions of the log whenever it is called."""
        self.put(
            "ledger_rows",
            "log_topic, log_partition, log_offset, received, stored_at, source, signal, records, stored, bytes",
            f"'alerts-{self.project}', {minutes}, number, now64(9) - toIntervalMinute({minutes} + number) AS r, r + toIntervalMillisecond({lag_ms}), 'otlp_http', 'spans', 1, 1, 1",
            rows,
        )

    def letter(self, replayed: str) -> None:
        self.put(
            "dead_letter_rows",
            "log_topic, log_partition, log_offset, received_at, reason, replayed_at",
            f"'alerts-{self.project}', 0, 0, now64(9) - 60, 'malformed', {replayed}",
        )

    def refusals(self, count: int) -> None:
        self.put(
            "metric_points",
            "MetricName, point_id, kind, TimeUnix, Attributes, ResourceAttributes, Value, received, retention_days",
            f"'mission_control_log_refused_total', MD5(toString(number)), 'sum', fromUnixTimestamp64Nano({self.began}) - 60 - number * 60, map('reason', 'disk'),"
            f" map('alerts', '{self.project}'), {count} * (1 - number), now64(9), 365",
            2,
        )


Step = Callable[[Scene], None]


def tokens(scene: Scene, minutes: int, count: int) -> None:
    scene.steps("llm_call", "complete", minutes, 1, ", input_tokens", f", {count}")


CASES: dict[str, tuple[Sequence[Step], Step]] = {
    "mc-mcp-down": ([lambda s: s.steps("tool_call", "error", 2, 4)], lambda s: s.steps("tool_call", "complete", 1, 1)),
    "mc-error-spike": (
        [lambda s: s.steps("span", "complete", 300, 100), lambda s: s.steps("span", "error", 2, 20)],
        lambda s: s.steps("span", "complete", 1, 400),
    ),
    "mc-slo-threads": ([lambda s: s.fresh_threads("error", 30)], lambda s: s.fresh_threads("complete", 9000)),
    "mc-slo-tools": ([lambda s: s.steps("tool_call", "error", 2, 30)], lambda s: s.steps("tool_call", "complete", 1, 9000)),
    "mc-slo-models": ([lambda s: s.steps("llm_call", "complete", 2, 30, seconds=90)], lambda s: s.steps("llm_call", "complete", 1, 9000)),
    "mc-slo-ingest": ([lambda s: s.ledger(1, 5000, 4)], lambda s: s.ledger(1, 10, 4)),
    "mc-denial-spike": ([lambda s: s.permissions("deny", 6)], lambda s: s.permissions("allow", 60)),
    "mc-escalation": (
        [lambda s: s.permissions("allow", 1, "1, 'stated', ''", "e")],
        lambda s: s.permissions("deny", 1, "1, 'stated', 'rejected'", "e"),
    ),
    "mc-stalled": ([lambda s: s.thread("a", "running", 10)], lambda s: s.thread("a", "complete", 10)),
    "mc-cost-budget": ([lambda s: s.cost(101, 1)], lambda s: s.cost(99, 1)),
    "mc-cost-anomaly": ([lambda s: s.cost(1, 4, 160), lambda s: s.cost(12, 0)], lambda s: s.cost(1.5, 0)),
    "mc-token-spike": ([lambda s: tokens(s, 180, 10_000), lambda s: tokens(s, 2, 50_000)], lambda s: tokens(s, 181, 2_000_000)),
    "mc-loop": ([lambda s: s.thread("b", "running", 1, 4)], lambda s: s.thread("b", "complete", 1, 4)),
    "mc-ingest-lag": ([lambda s: s.ledger(1, 20_000)], lambda s: s.ledger(1)),
    "mc-dead-letters": ([lambda s: s.letter("NULL")], lambda s: s.letter("now64(9)")),
    "mc-disk": ([lambda s: s.refusals(5)], lambda s: s.refusals(0)),
}
"""Rule -> (what makes it fire, what makes it recover)."""


def fires(rule: Json, program: Path, port: int, project: str) -> Sequence[float]:
    """The values above the rule's limit, of this project where the query tells projects apart."""
    query, reduced, threshold = (part["model"] for part in rule["data"])
    assert (reduced["type"], reduced["expression"], threshold["expression"], rule["condition"]) == ("reduce", "A", "B", "C")
    now = datetime.now(UTC) + timedelta(seconds=1)
    page = Page(now - timedelta(seconds=rule["data"][0]["relativeTimeRange"]["from"]), now, 1000, {})
    (answer,) = run(program, port, [Job(rule["title"], "alert", query["rawSql"], query["format"])], page, rows=1000)
    assert answer.error == ""
    frame = answer.frames[0] if answer.frames else None
    if frame is None or not frame.rows:
        return []
    ours = frame.field("project").values if "project" in frame.names else [project] * frame.rows
    limit = threshold["conditions"][0]["evaluator"]["params"][0]
    return [value for value, name in zip(frame.field("value").values, ours, strict=True) if name == project and value > limit]


def test_every_rule_has_a_case() -> None:
    assert CASES.keys() | {"mc-deadman"} == provisioned().keys()


@pytest.mark.parametrize("uid", sorted(CASES))
def test_fires_and_recovers(uid: str, store: ClickHouseStore, shop: Shop, panelrun: Path) -> None:
    rule, scene = provisioned()[uid], Scene(store, f"alert-{uid}")
    begin, end = CASES[uid]
    assert not fires(rule, panelrun, shop.port, scene.project)
    for step in begin:
        step(scene)
    assert fires(rule, panelrun, shop.port, scene.project)
    end(scene)
    assert not fires(rule, panelrun, shop.port, scene.project)


def test_a_budget_that_burns_slowly_is_seen_in_counted_hours(store: ClickHouseStore, shop: Shop, panelrun: Path) -> None:
    """What is older than two hours is read from the rollups: without their count nothing would fire."""
    rule, scene = provisioned()["mc-slo-models"], Scene(store, "alert-counted-hours")
    scene.steps("llm_call", "complete", 300, 10, seconds=70)
    scene.steps("llm_call", "complete", 1500, 90, seconds=50)
    assert fires(rule, panelrun, shop.port, scene.project)
    store.command("ALTER TABLE step_counts DELETE WHERE project = {p:String} SETTINGS mutations_sync = 1", {"p": scene.project})
    assert not fires(rule, panelrun, shop.port, scene.project)


def test_silence_fires(shop: Shop, panelrun: Path) -> None:
    """Read as of when the data was seeded, and as of an hour later, when its newest minute is long past."""
    rule = provisioned()["mc-deadman"]
    job = Job(rule["title"], "alert", rule["data"][0]["model"]["rawSql"], 1)
    day, hour = timedelta(days=1), timedelta(hours=1)
    for as_of, value in ((shop.today.until, 0), (shop.today.until + hour, 1)):
        (answer,) = run(panelrun, shop.port, [job], Page(as_of - day, as_of, 1000, {}))
        assert answer.frames[0].field("value").values == [value]
    assert rule["noDataState"] == "Alerting"
