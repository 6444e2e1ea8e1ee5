-- Statements about permissions that spans of these traces made.
SELECT * EXCEPT (timestamp, received), toUnixTimestamp64Nano(p.timestamp) AS timestamp FROM permission_rows AS p FINAL
WHERE p.project IN {projects:Array(String)} AND p.trace_id IN {traces:Array(String)} AND p.log_topic = 'otlp_spans'
