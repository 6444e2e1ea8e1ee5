"""Queries over Mission Control's own metrics as the OTLP tables hold them: the names are those of `docs/reference/metrics.md`."""

from dashboards.query import PROJECT


def gauge(metric: str, label: str = "", last: bool = False) -> str:
    """Its value over time, summed over what is not `label`; with `last` only the newest."""
    newest = f"""
        SELECT TimeUnix AS at, {_label(label)} AS label, Value, Attributes FROM mission_control.otel_metrics_gauge
        WHERE {PROJECT} AND MetricName = '{metric}' AND $__timeFilter(TimeUnix)"""
    if last:
        return f"SELECT sum(v) AS value FROM (SELECT argMax(Value, at) AS v FROM ({newest}) GROUP BY Attributes)"
    return f"""
        SELECT time, label, sum(v) AS value FROM (
            SELECT $__timeInterval(at) AS time, label, Attributes, argMax(Value, at) AS v FROM ({newest}) GROUP BY time, label, Attributes)
        GROUP BY time, label ORDER BY time"""


def rate(metric: str, label: str = "") -> str:
    """Growth of a counter per second; a restart, where it falls, counts from zero."""
    return f"""
        SELECT $__timeInterval(at) AS time, label, sum(grown) / $__interval_s AS rate FROM ({_grown("otel_metrics_sum", metric, label, "Value")})
        GROUP BY time, label ORDER BY time"""


def mean_seconds(metric: str, label: str = "") -> str:
    """Mean of a histogram of seconds."""
    spent = _grown("otel_metrics_histogram", metric, label, "Sum")
    times = _grown("otel_metrics_histogram", metric, label, "toFloat64(Count)")
    return f"""
        SELECT time, label, sum(spent) / greatest(sum(times), 1) AS seconds FROM (
            SELECT $__timeInterval(at) AS time, label, sum(grown) AS spent, 0 AS times FROM ({spent}) GROUP BY time, label
            UNION ALL
            SELECT $__timeInterval(at) AS time, label, 0 AS spent, sum(grown) AS times FROM ({times}) GROUP BY time, label)
        GROUP BY time, label ORDER BY time"""


def _label(label: str) -> str:
    return f"Attributes['{label}']" if label else "'all'"


def _grown(table: str, metric: str, label: str, value: str) -> str:
    """One row for each point: by how much it is above the point before it."""
    return f"""
        SELECT TimeUnix AS at, {_label(label)} AS label, {value} AS v,
            lagInFrame(toNullable(v)) OVER (
                PARTITION BY ResourceAttributes['service.instance.id'], Attributes ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
            multiIf(isNull(before), 0, v >= before, v - assumeNotNull(before), v) AS grown
        FROM mission_control.{table} WHERE {PROJECT} AND MetricName = '{metric}' AND $__timeFilter(TimeUnix)"""
