-- One row per message of a thread, however often it was resent as history. `content` is its readable text, `parts` all of it.
CREATE OR REPLACE VIEW llm_messages (
    project LowCardinality(String) COMMENT 'Project (tenant)',
    thread_id String COMMENT 'Thread the message belongs to',
    step_id String COMMENT 'LLM call that first showed it',
    trace_id String COMMENT 'Trace of that call',
    sequence UInt64 COMMENT 'Place in the thread, from 1',
    role LowCardinality(String) COMMENT 'system, user, assistant, tool',
    content String COMMENT 'Readable text: text parts as they are, tool calls as name(arguments)',
    content_hash String COMMENT 'Hash of role and content, hexadecimal',
    timestamp DateTime64(9, 'UTC') COMMENT 'Start of the call that first sent it, end of the call that produced it',
    tool_call_id String COMMENT 'Tool call it asks for or answers',
    tool_name LowCardinality(String) COMMENT 'Tool it asks for',
    metadata Map(String, String) COMMENT 'finish_reason, direction (input, output), occurrence',
    parts String COMMENT 'JSON array of its parts as sent'
) COMMENT 'Messages to and from language models' AS
SELECT
    m.project AS project, m.thread_id AS thread_id, m.step_id AS step_id, m.trace_id AS trace_id,
    row_number() OVER (PARTITION BY m.project, m.thread_id ORDER BY m.timestamp, m.direction, m.position, m.content_hash) AS sequence,
    m.role AS role,
    arrayStringConcat(arrayMap(p -> multiIf(
        JSONExtractString(p, 'type') = 'tool_call', concat(JSONExtractString(p, 'name'), '(', if(JSONType(p, 'arguments') = 'String', JSONExtractString(p, 'arguments'), JSONExtractRaw(p, 'arguments')), ')'),
        JSONHas(p, 'content'), JSONExtractString(p, 'content'),
        JSONHas(p, 'text'), JSONExtractString(p, 'text'),
        JSONHas(p, 'response'), if(JSONType(p, 'response') = 'String', JSONExtractString(p, 'response'), JSONExtractRaw(p, 'response')),
        JSONHas(p, 'result'), if(JSONType(p, 'result') = 'String', JSONExtractString(p, 'result'), JSONExtractRaw(p, 'result')),
        p), JSONExtractArrayRaw(b.body, 'parts')), '\n') AS content,
    lower(hex(m.content_hash)) AS content_hash, m.timestamp AS timestamp, m.tool_call_id AS tool_call_id, m.tool_name AS tool_name,
    CAST(map('finish_reason', toString(m.finish_reason), 'direction', toString(m.direction), 'occurrence', toString(m.occurrence)), 'Map(String, String)') AS metadata,
    JSONExtractRaw(b.body, 'parts') AS parts
FROM (SELECT * FROM mission_control.message_rows FINAL) AS m
LEFT ANY JOIN (SELECT project, hash, body FROM mission_control.message_bodies WHERE kind = 'item') AS b ON m.project = b.project AND m.content_hash = b.hash;
