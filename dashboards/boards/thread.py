"""One thread, from every side."""

from dashboards.board import Board, Row
from dashboards.links import THREAD_LINKS, to_board
from dashboards.panels import STATE, Column, Look, bars, figure, flames, log_lines, rows, series, states, waterfall
from dashboards.query import THREAD
from dashboards.variables import console, mcp, project, thread

_ONE = f"FROM mission_control.threads WHERE {THREAD}"
_STEPS = f"FROM mission_control.execution_steps WHERE {THREAD}"
_TRACE = f"(SELECT trace_ids[-1] {_ONE})"
"""The newest trace: the waterfall shows one."""

_SPANS = f"""
SELECT TraceId AS traceID, SpanId AS spanID, ParentSpanId AS parentSpanID, ServiceName AS serviceName, SpanName AS operationName,
    toUnixTimestamp64Nano(Timestamp) * 0.000001 AS startTime, Duration * 0.000001 AS duration,
    arrayMap(key -> map('key', key, 'value', SpanAttributes[key]), mapKeys(SpanAttributes)) AS tags,
    arrayMap(key -> map('key', key, 'value', ResourceAttributes[key]), mapKeys(ResourceAttributes)) AS serviceTags,
    arrayMap((name, at, said) -> CAST((toString(name), toString(toUnixTimestamp64Milli(at)), arrayMap(key -> map('key', toString(key), 'value', said[key]), mapKeys(said))),
        'Tuple(name String, timestamp String, fields Array(Map(String, String)))'), `Events.Name`, `Events.Timestamp`, `Events.Attributes`) AS logs,
    arrayMap((trace, span) -> CAST((trace, span, []), 'Tuple(traceID String, spanID String, tags Array(Map(String, String)))'), `Links.TraceId`, `Links.SpanId`) AS references,
    toString(SpanKind) AS kind, if(StatusCode IN ('Error', 'STATUS_CODE_ERROR'), 2, 0) AS statusCode, StatusMessage AS statusMessage,
    ScopeName AS instrumentationLibraryName, ScopeVersion AS instrumentationLibraryVersion, TraceState AS traceState
FROM mission_control.otel_traces
WHERE project = ${{project:singlequote}} AND TraceId = {_TRACE} AND SpanId != ''
ORDER BY startTime"""

_TREE = f"""
WITH RECURSIVE spans AS (
    SELECT step_id AS id, parent_step_id AS parent, concat(if(tool_name != '', tool_name, toString(name))) AS label, started_at,
        toUInt64(greatest(0, ifNull(duration_ms, 0)) * 1000000) AS value
    {_STEPS}
), known AS (SELECT id FROM spans), tree AS (
    SELECT id, label, value, toInt64(0) AS level, [concat(toString(toUnixTimestamp64Nano(started_at)), id)] AS path FROM spans WHERE parent NOT IN known
    UNION ALL
    SELECT spans.id, spans.label, spans.value, tree.level + 1, arrayPushBack(tree.path, concat(toString(toUnixTimestamp64Nano(spans.started_at)), spans.id))
    FROM spans INNER JOIN tree ON spans.parent = tree.id WHERE tree.level < 60
), inside AS (SELECT parent, sum(value) AS value FROM spans GROUP BY parent)
SELECT label, level, value, self FROM (
    SELECT tree.label AS label, tree.level AS level, tree.value AS value, toUInt64(greatest(0, toInt64(tree.value) - toInt64(inside.value))) AS self, tree.path AS path
    FROM tree LEFT JOIN inside ON tree.id = inside.parent)
ORDER BY path"""


def board() -> Board:
    return Board(
        "mc-thread",
        "Thread",
        "One thread: its execution, what was said, every step, log line and permission check.",
        (project(), mcp(), thread(), console()),
        (_figures(), _execution(), _transcript(), _steps(), _measured(), _records()),
        since="now-7d",
        refresh="10s",
    )


def _figures() -> Row:
    return Row(
        "The thread",
        4,
        (
            rows(
                "What it is",
                "Name, status and what it does or waits for.",
                f"SELECT thread_id AS thread, name, toString(status) AS status, current_step, waiting_for, user_input, parent_thread_id AS parent {_ONE}",
                Look(columns=[Column("status", colored=True), Column("thread", links=THREAD_LINKS), Column("parent", links=THREAD_LINKS)]),
            ),
            figure("Duration", "From its first to its last sign of life.", f"SELECT duration_ms AS duration {_ONE}", Look("ms")),
            figure(
                "Steps",
                "Steps, and those that failed.",
                f"SELECT step_count AS steps, error_count AS errors {_ONE}",
                Look("none", columns=[Column("errors", thresholds=(1, 5))]),
            ),
            figure(
                "Tokens",
                "Input and output tokens.",
                f"SELECT input_tokens AS input, output_tokens AS output {_ONE}",
                Look(links=(to_board("mc-cost", "Cost and tokens"),)),
            ),
            figure("Cost", "Stated cost of its LLM calls.", f"SELECT ifNull(cost_usd, 0) AS cost {_ONE}", Look("currencyUSD", (1, 10))),
        ),
        (12, 3, 3, 3, 3),
    )


def _execution() -> Row:
    timeline = f"SELECT toDateTime64(started_at, 3) AS time, toString(type) AS type, max({STATE}) AS state {_STEPS} GROUP BY time, type ORDER BY time LIMIT 2000"
    return Row(
        "Execution",
        12,
        (
            waterfall("Waterfall", "The spans of its newest trace.", _SPANS),
            flames("Flame graph", "Where the time of its steps went; self is what no inner step explains.", _TREE),
            states("Steps by kind", "What it did when, and how it ended.", timeline, Look("none")),
        ),
        (10, 8, 6),
    )


def _transcript() -> Row:
    said = f"""
        SELECT sequence AS `#`, toString(role) AS role, content, toString(tool_name) AS tool, timestamp FROM mission_control.llm_messages
        WHERE {THREAD} ORDER BY sequence LIMIT 1000"""
    return Row(
        "Transcript",
        10,
        (
            rows(
                "Transcript",
                "Messages to and from language models, in order.",
                said,
                Look("none", columns=[Column("#", width=60), Column("role", width=90)]),
            ),
        ),
    )


def _steps() -> Row:
    columns = [
        Column("duration", "ms", gauge=True),
        Column("status", colored=True, width=90),
        Column("cost", "currencyUSD"),
        Column("ttft", "ms"),
    ]
    listed = f"""
        SELECT sequence AS `#`, started_at AS started, toString(type) AS type, name, toString(status) AS status, duration_ms AS duration, toString(mcp_id) AS mcp,
            toString(model) AS model,
            input_tokens + output_tokens AS tokens, cost_usd AS cost, ttft_ms AS ttft, error_message AS error, input, output
        {_STEPS} ORDER BY sequence LIMIT 2000"""
    kinds = f"SELECT toString(type) AS kind, sum(ifNull(duration_ms, 0)) AS time {_STEPS} GROUP BY kind ORDER BY time DESC"
    return Row(
        "Steps",
        12,
        (
            rows("Steps", "One line for each thing it did.", listed, Look("none", columns=columns)),
            bars("Time by kind", "Sum of the durations of its steps; steps that lie in each other count each.", kinds, Look("ms")),
        ),
        (18, 6),
    )


def _measured() -> Row:
    services = f"(SELECT arrayJoin(services) {_ONE})"
    read = "toString(ServiceName) AS service, MetricName, TimeUnix, Value FROM mission_control.otel_metrics_{0} WHERE project = ${{project:singlequote}}"
    points = " UNION ALL ".join(f"SELECT {read.format(kind)} AND MetricName = 'process.memory.usage'" for kind in ("gauge", "sum"))
    memory = f"""
        SELECT $__timeInterval(TimeUnix) AS time, service, max(Value) AS memory FROM ({points})
        WHERE service IN {services} AND $__timeFilter(TimeUnix) GROUP BY time, service ORDER BY time"""
    return Row(
        "Measured",
        7,
        (
            series(
                "Memory of its services", "What the processes of its services used meanwhile, the largest of each.", memory, Look("bytes")
            ),
        ),
    )


def _records() -> Row:
    lines = f"""
        SELECT timestamp, message AS body, lower(level) AS level, trace_id AS traceID, context AS labels FROM mission_control.logs
        WHERE {THREAD} ORDER BY timestamp DESC LIMIT 1000"""
    checks = f"""
        SELECT timestamp AS asked, resource, toString(action) AS action, multiIf(isNull(granted), 'pending', granted = 1, 'granted', 'denied') AS result,
            reason, toString(source) AS decider,
            waited_ms AS waited, toString(severity) AS severity, escalation_detected AS escalation
        FROM mission_control.permission_events WHERE {THREAD} ORDER BY asked DESC LIMIT 500"""
    return Row(
        "Logs and permissions",
        10,
        (
            log_lines("Logs", "What it and its servers logged.", lines),
            rows(
                "Permissions",
                "What it asked for and what was decided.",
                checks,
                Look("none", columns=[Column("waited", "ms"), Column("severity", colored=True), Column("escalation", thresholds=(1, 1))]),
            ),
        ),
    )
