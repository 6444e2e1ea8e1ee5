-- Which attributes translation added to what the sender said (names, comma between): without them the record is as it was sent, and can
-- be translated again once a dialect is mended. Records that share a shape share the value, so it costs about a byte.
ALTER TABLE spans ADD COLUMN added LowCardinality(String) DEFAULT '' AFTER dialect;

ALTER TABLE log_records ADD COLUMN added LowCardinality(String) DEFAULT '' AFTER dialect;
