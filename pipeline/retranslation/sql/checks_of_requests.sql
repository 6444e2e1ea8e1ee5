-- Statements about permissions that log records of these requests made.
SELECT * EXCEPT (timestamp, received), toUnixTimestamp64Nano(p.timestamp) AS timestamp FROM permission_rows AS p FINAL
WHERE p.project IN {projects:Array(String)} AND p.log_topic = 'otlp_logs'
  AND (p.log_partition, p.log_offset) IN (SELECT arrayJoin(arrayZip({partitions:Array(UInt16)}, {offsets:Array(UInt64)})))
