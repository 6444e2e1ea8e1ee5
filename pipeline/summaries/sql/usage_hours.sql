-- LLM calls of these hours, counted anew.
INSERT INTO usage_hours (project, hour, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, unpriced, duration, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, agent_name, user_id, provider, model, count(), countIf(status = 'error'),
    sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(coalesce(cost_usd, 0)),
    arrayMap(t -> toUInt64(t), [
        sumIf(greatest(toInt64(input_tokens) - toInt64(cache_read_tokens) - toInt64(cache_write_tokens), 0), cost_usd IS NULL), sumIf(output_tokens, cost_usd IS NULL),
        sumIf(cache_read_tokens, cost_usd IS NULL), sumIf(cache_write_tokens, cost_usd IS NULL)]),
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6)), {version:UInt64}, 0
FROM steps FINAL
WHERE type = 'llm_call' AND status != 'running' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
GROUP BY project, hour, agent_name, user_id, provider, model
