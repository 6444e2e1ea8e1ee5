-- Messages of these threads, also those that were taken away, in the last form of each.
SELECT
    project, thread_id, toString(role) AS role, lower(hex(content_hash)) AS hash, occurrence, max(m.version) AS last_version, argMax(is_deleted, m.version) AS gone,
    argMax(toUnixTimestamp64Nano(timestamp), m.version) AS at, any(tool_call_id) AS call_id, any(toString(tool_name)) AS tool, any(toString(finish_reason)) AS reason
FROM message_rows AS m
WHERE (project, thread_id) IN (SELECT arrayJoin(arrayZip({projects:Array(String)}, {threads:Array(String)})))
    AND content_hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16))
GROUP BY project, thread_id, role, content_hash, occurrence
