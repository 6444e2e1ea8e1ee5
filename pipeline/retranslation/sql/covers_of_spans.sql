-- Covers that these spans left in the traces of told calls.
SELECT DISTINCT project, TraceId, SpanId, toUnixTimestamp(Timestamp) AS second FROM spans
WHERE type = 'cover' AND project IN {projects:Array(String)} AND ParentSpanId IN {spans:Array(String)}
