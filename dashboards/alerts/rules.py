"""What somebody is woken for. Each rule has a query of one number for each project, a limit, and a page that says what to do."""

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models import alerting

from dashboards.alerts.queries import (
    BUDGET,
    COST_ANOMALY,
    DEAD_LETTERS,
    DENIALS,
    DISK,
    ERRORS,
    ESCALATIONS,
    INGEST_LAG,
    LOOPS,
    MCP_DOWN,
    SILENCE,
    STALLED,
    TOKENS,
    burning,
)
from dashboards.objectives import OBJECTIVES
from dashboards.query import SOURCE_UID, Format, Query

FOLDER: Final = "Mission Control"
RUNBOOKS: Final = "${MISSION_CONTROL_DOCS}/runbooks"
"""Grafana puts its environment in when it reads the file."""


@dataclass(frozen=True)
class Rule:
    """Fires while `sql` gives a number above `limit` for `pending`. `seconds` is how far back the query looks, `board` where to look then.

    `silent` is the state when there are no rows at all: OK everywhere but where silence is the news. `every` is how often it is evaluated:
    seldom, where the query reads much.
    """

    name: str
    title: str
    summary: str
    sql: str
    limit: float
    seconds: int
    board: str
    severity: str = "warn"
    pending: str = "2m"
    silent: str = "OK"
    every: str = "1m"

    @property
    def uid(self) -> str:
        return f"mc-{self.name}"


_MINUTES: Final = 60
RULES: Final = (
    Rule("mcp-down", "MCP server down", "No call to {{ $labels.mcp_id }} has succeeded for ten minutes.", MCP_DOWN, 0, 10 * _MINUTES, "mc-mcps", "critical"),
    Rule("error-spike", "Error rate spike", "{{ $labels.project }} fails far more than usual.", ERRORS, 0, 24 * 60 * _MINUTES, "mc-errors", pending="0s", every="5m"),
    *(
        Rule(
            f"slo-{objective.name}", f"Error budget burns: {objective.title}",
            f"{objective.title} in {{{{ $labels.project }}}}: the budget burns in the long and in the short window.",
            burning(objective), 0, 3 * 86_400, "mc-slos", "critical", "0s", every="5m",
        )
        for objective in OBJECTIVES
    ),
    Rule("denial-spike", "Permission denials spike", "Many permission checks of {{ $labels.project }} are denied.", DENIALS, 0.3, 15 * _MINUTES, "mc-permissions"),
    Rule("escalation", "Permission escalation", "An agent of {{ $labels.project }} asked for too much.", ESCALATIONS, 0, 15 * _MINUTES, "mc-permissions", "critical", "0s"),
    Rule("stalled", "Threads stalled", "Threads of {{ $labels.project }} run and give no sign of life.", STALLED, 0, 24 * 60 * _MINUTES, "mc-fleet", pending="5m"),
    Rule("cost-budget", "Cost budget spent", "{{ $labels.project }} has spent its budget of the day.", BUDGET, 100, 24 * 60 * _MINUTES, "mc-cost", pending="0s", every="5m"),
    Rule("cost-anomaly", "Cost anomaly", "{{ $labels.project }} spends several times its usual.", COST_ANOMALY, 3, 8 * 86_400, "mc-cost", pending="0s", every="5m"),
    Rule("token-spike", "Token spike", "{{ $labels.project }} uses several times its usual tokens.", TOKENS, 3, 24 * 60 * _MINUTES, "mc-cost", pending="0s", every="5m"),
    Rule("loop", "Loop detected", "A running thread of {{ $labels.project }} repeats the same call.", LOOPS, 0, 60 * _MINUTES, "mc-threads", pending="0s"),
    Rule("ingest-lag", "Ingest lags", "Records of {{ $labels.project }} take long from arrival to the tables.", INGEST_LAG, 10_000, 5 * _MINUTES, "mc-ingest", "critical"),
    Rule("dead-letters", "Dead letters", "Records of {{ $labels.project }} could not be stored.", DEAD_LETTERS, 0, 15 * _MINUTES, "mc-ingest"),
    Rule("deadman", "No data", "Nothing arrived for ten minutes.", SILENCE, 0, 24 * 60 * _MINUTES, "mc-ingest", "critical", silent="Alerting"),
    Rule("disk", "Disk short", "Senders are refused because the disk is short or the backlog long.", DISK, 0, 15 * _MINUTES, "mc-capacity", "critical"),
)  # fmt: skip


_FIRST_PANEL: Final = 2
"""Grafana wants a panel beside the dashboard; 1 is the heading of the first row."""


def groups() -> list[dict[str, object]]:
    """Grafana's provisioning form: one group for each pace."""
    paces = sorted({rule.every for rule in RULES})
    return [
        {
            "orgId": 1,
            "name": f"mission-control every {pace}",
            "folder": FOLDER,
            "interval": pace,
            "rules": [provisioned(rule) for rule in RULES if rule.every == pace],
        }
        for pace in paces
    ]


def provisioned(rule: Rule) -> dict[str, object]:
    """The rule as the file wants it: durations as words, no folder uid."""
    model = alerting.Rule(
        uid=rule.uid,
        title=rule.title,
        condition="C",
        data=_data(rule),
        for_val=rule.pending,
        no_data_state="Alerting" if rule.silent == "Alerting" else "OK",
        exec_err_state="Error",
        labels={"severity": rule.severity, "service": "mission-control"},
        annotations={
            "summary": rule.summary,
            "description": "Measured: {{ $values.B.Value }}.",
            "runbook_url": f"{RUNBOOKS}/{rule.name}.md",
        },
    ).to_json()
    for unwanted in ("folderUID", "ruleGroup", "orgID"):
        model.pop(unwanted, None)
    return model | {"for": rule.pending, "isPaused": False, "dashboardUid": rule.board, "panelId": _FIRST_PANEL}


class _Expression(Query):
    """A query of Grafana's own expressions."""

    def __init__(self, ref_id: str, content: dict[str, object]) -> None:
        super().__init__("", Format.TABLE, ref_id)
        self._content = content

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref_id, "datasource": {"type": "__expr__", "uid": "__expr__"}, **self._content}


def _data(rule: Rule) -> list[alerting.Query]:
    return [
        _query(SOURCE_UID, rule, Query(rule.sql, Format.TABLE, "A")),
        _query("__expr__", rule, _Expression("B", {"type": "reduce", "expression": "A", "reducer": "last"})),
        _query("__expr__", rule, _Expression("C", {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": "gt", "params": [rule.limit]}}]})),
    ]  # fmt: skip


def _query(source: str, rule: Rule, model: Query) -> alerting.Query:
    return alerting.Query(
        datasource_uid=source, ref_id=model.ref_id, model=model, relative_time_range=alerting.RelativeTimeRange(from_val=rule.seconds, to=0)
    )
