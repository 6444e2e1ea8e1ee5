-- Failed steps of these hours, grouped by what makes them the same error: type, service, message without its numbers and ids.
INSERT INTO error_hours (project, hour, fingerprint, error_type, message, service, first_seen_at, last_seen_at, service_versions, errors, threads, version, is_deleted)
SELECT project, toStartOfHour(toDateTime(started_at, 'UTC')) AS hour,
    lower(hex(sipHash64(concat(error_type, '\n', service, '\n', replaceRegexpAll(error_message, '[0-9a-fA-F-]{8,}|[0-9]+', '#'))))) AS fingerprint,
    any(s.error_type), any(substringUTF8(error_message, 1, 2000)), any(s.service), min(started_at), max(started_at), groupUniqArray(toString(service_version)), count(),
    uniqState(thread_id), {version:UInt64}, 0
FROM (SELECT * FROM steps FINAL WHERE status = 'error' AND started_at >= toDateTime({from:UInt32}, 'UTC') AND started_at < toDateTime({to:UInt32}, 'UTC')) AS s
GROUP BY project, hour, fingerprint
