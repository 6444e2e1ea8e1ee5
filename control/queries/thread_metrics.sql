-- What metrics say of a thread: points that name it, summed by series (of cumulative ones the last of each), by type and model where they
-- tell those; and how the processes of its services did while it ran, one row for each instance.
SELECT * FROM (
    SELECT name, any(unit) AS unit, 'thread' AS source, service, '' AS instance, type, model, sum(value) AS value, sum(points) AS points, max(last) AS last_seen_at
    FROM (
        SELECT toString(MetricName) AS name, any(toString(MetricUnit)) AS unit, toString(ServiceName) AS service,
            coalesce(nullIf(Attributes['type'], ''), Attributes['gen_ai.token.type']) AS type, coalesce(nullIf(Attributes['model'], ''), Attributes['gen_ai.request.model']) AS model,
            if(any(kind) = 'gauge', argMax(Value, TimeUnix), if(any(AggregationTemporality) = 2, max(if(kind = 'sum', Value, Sum)), sum(if(kind = 'sum', Value, Sum)))) AS value,
            count() AS points, max(TimeUnix) AS last
        FROM metric_points FINAL
        WHERE project = {project:String} AND thread_id = {thread_id:String} AND received >= fromUnixTimestamp64Nano({since:Int64})
        GROUP BY name, service, type, model, toString(Attributes), toString(ResourceAttributes), if(AggregationTemporality = 2, StartTimeUnix, toDateTime64(0, 9, 'UTC'))
    )
    GROUP BY name, service, type, model
    UNION ALL
    SELECT toString(MetricName) AS name, any(toString(MetricUnit)) AS unit, 'process' AS source, toString(ServiceName) AS service, ResourceAttributes['service.instance.id'] AS instance,
        '' AS type, '' AS model, max(Value) AS value, count() AS points, max(TimeUnix) AS last_seen_at
    FROM metric_points FINAL
    WHERE project = {project:String} AND MetricName IN ('process.memory.usage', 'process.cpu.utilization') AND ServiceName IN {services:Array(String)}
        AND TimeUnix >= fromUnixTimestamp64Nano({since:Int64}) AND TimeUnix <= fromUnixTimestamp64Nano({until:Int64})
    GROUP BY name, service, instance
)
ORDER BY source DESC, name, service, instance, type, model
LIMIT 200
