-- LLM calls of these hours, counted anew. A call whose span does not name the agent is the agent's of its thread.
INSERT INTO usage_hours (project, hour, agent_name, user_id, provider, model, calls, errors, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, unpriced, duration, version, is_deleted)
SELECT s.project AS project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour, if(s.agent_name = '', t.agent_name, s.agent_name) AS agent, user_id, provider, model, count(), countIf(status = 'error'),
    sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(coalesce(cost_usd, 0)),
    arrayMap(t -> toUInt64(t), [
        sumIf(greatest(toInt64(input_tokens) - toInt64(cache_read_tokens) - toInt64(cache_write_tokens), 0), cost_usd IS NULL), sumIf(output_tokens, cost_usd IS NULL),
        sumIf(cache_read_tokens, cost_usd IS NULL), sumIf(cache_write_tokens, cost_usd IS NULL)]),
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat64(duration_ns / 1e6)), {version:UInt64}, 0
FROM (
    SELECT * EXCEPT (agent_name), toString(agent_name) AS agent_name FROM steps FINAL
    WHERE type = 'llm_call' AND status != 'running' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')
) AS s
LEFT ANY JOIN (
    SELECT project, thread_id, toString(agent_name) AS agent_name FROM thread_summaries FINAL
    WHERE agent_name != '' AND started_at < toDateTime({to:UInt32}, 'UTC') AND last_seen_at >= toDateTime({from:UInt32}, 'UTC')
) AS t ON s.project = t.project AND s.thread_id = t.thread_id
GROUP BY project, hour, agent, user_id, provider, model
