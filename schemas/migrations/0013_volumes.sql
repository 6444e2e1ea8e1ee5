-- Rows older than a week move to the volume `warm`, where the storage policy has one; without one nothing moves.
-- Only tables that are partitioned by day of receipt: a part moves as a whole, once its youngest row is old enough.
-- Rewrites what is stored already (a mutation in the background), so that it moves too.
ALTER TABLE spans MODIFY TTL toDateTime(received) + toIntervalDay(7) TO VOLUME IF EXISTS 'warm', toDateTime(received) + toIntervalDay(retention_days);

ALTER TABLE steps MODIFY TTL toDateTime(received) + toIntervalDay(7) TO VOLUME IF EXISTS 'warm', toDateTime(received) + toIntervalDay(retention_days);

ALTER TABLE message_rows MODIFY TTL toDateTime(received) + toIntervalDay(7) TO VOLUME IF EXISTS 'warm', toDateTime(received) + toIntervalDay(retention_days);

ALTER TABLE log_records MODIFY TTL toDateTime(received) + toIntervalDay(7) TO VOLUME IF EXISTS 'warm', toDateTime(received) + toIntervalDay(retention_days);

ALTER TABLE metric_points MODIFY TTL toDateTime(received) + toIntervalDay(7) TO VOLUME IF EXISTS 'warm', toDateTime(received) + toIntervalDay(retention_days);
