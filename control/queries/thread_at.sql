-- What of a thread's steps had begun and ended at an instant.
SELECT
    count() AS steps_begun, countIf(closed) AS steps_ended, countIf(closed AND status = 'error') AS errors,
    sumIf(input_tokens, closed) AS input_tokens, sumIf(output_tokens, closed) AS output_tokens, sumIf(cost_usd, closed) AS cost_usd,
    countIf(type = 'llm_call') AS llm_calls, countIf(type = 'tool_call') AS tool_calls,
    argMax(name, started_at) AS current_step
FROM (
    SELECT *, status != 'running' AND fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807)), 'UTC') <= fromUnixTimestamp64Nano({at:Int64}) AS closed
    FROM (
        SELECT type, name, status, started_at, duration_ns, input_tokens, output_tokens, cost_usd
        FROM steps FINAL
        WHERE project = {project:String} AND thread_id = {thread_id:String} AND started_at <= fromUnixTimestamp64Nano({at:Int64})
            AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    )
)
