-- Model calls, tokens and stated cost since midnight (UTC).
SELECT sum(calls) AS llm_calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd, sum(errors) AS llm_errors
FROM usage_hours FINAL
WHERE project IN {projects:Array(String)} AND hour >= toDateTime(intDiv({today:Int64}, 1000000000), 'UTC')
