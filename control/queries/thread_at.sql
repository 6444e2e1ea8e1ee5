-- What of a thread's steps had begun and ended at an instant. Costs nobody stated are tokens by the price list, as in `execution_steps`.
WITH (SELECT mapFromArrays(groupArray(concat(toString(provider), '\n', toString(model))), groupArray([input_usd, output_usd, cache_read_usd, cache_write_usd])) FROM model_prices FINAL) AS prices
SELECT
    count() AS steps_begun, countIf(closed) AS steps_ended, countIf(closed AND status = 'error') AS errors,
    sumIf(input_tokens, closed) AS input_tokens, sumIf(output_tokens, closed) AS output_tokens, sumIf(cost_usd, closed) AS cost_usd,
    countIf(type = 'llm_call') AS llm_calls, countIf(type = 'tool_call') AS tool_calls,
    argMax(name, started_at) AS current_step
FROM (
    SELECT *, status != 'running' AND fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807)), 'UTC') <= fromUnixTimestamp64Nano({at:Int64}) AS closed
    FROM (
        SELECT type, name, status, started_at, duration_ns, input_tokens, output_tokens,
            if(s.cost_usd IS NULL AND type = 'llm_call' AND mapContains(prices, concat(toString(provider), '\n', toString(model))),
                arraySum((price, count) -> price * count, arrayResize(prices[concat(toString(provider), '\n', toString(model))], 4),
                    [toFloat64(greatest(toInt64(input_tokens) - toInt64(cache_read_tokens) - toInt64(cache_write_tokens), 0)), toFloat64(output_tokens), toFloat64(cache_read_tokens), toFloat64(cache_write_tokens)]),
                s.cost_usd) AS cost_usd
        FROM steps AS s FINAL
        WHERE project = {project:String} AND thread_id = {thread_id:String} AND started_at <= fromUnixTimestamp64Nano({at:Int64})
            AND _partition_id >= toString(toYYYYMMDD(toDateTime({first_day:UInt32}, 'UTC'))) AND _partition_id <= toString(toYYYYMMDD(toDateTime({last_day:UInt32}, 'UTC')))
    )
)
