-- One copy of the pattern. {copy:UInt16} counts from 1, {width:UInt32} is the seconds between two copies, {first:UInt32} the number that threads' names go on
-- from, {digits:String} the digits of its ids, {days:UInt16} its retention. In the log a copy stands in a partition of its own, which nobody reads.

INSERT INTO spans SELECT * EXCEPT (thread) REPLACE (
    another_id(TraceId, {digits:String}) AS TraceId, another_id(SpanId, {digits:String}) AS SpanId, another_id(ParentSpanId, {digits:String}) AS ParentSpanId,
    earlier(Timestamp, thread, {copy:UInt16}, {width:UInt32}) AS Timestamp, earlier(received, thread, {copy:UInt16}, {width:UInt32}) AS received,
    arrayMap(at -> earlier(at, thread, {copy:UInt16}, {width:UInt32}), `Events.Timestamp`) AS `Events.Timestamp`,
    another_thread(thread_key, {first:UInt32}) AS thread_key, another_value(SpanAttributes, {first:UInt32}) AS SpanAttributes,
    another_reference(bodies, {digits:String}) AS bodies, {copy:UInt16} AS log_partition, {days:UInt16} AS retention_days)
FROM pattern.spans;

INSERT INTO message_rows SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, another_hash(content_hash, {digits:String}) AS content_hash,
    another_id(trace_id, {digits:String}) AS trace_id, another_id(step_id, {digits:String}) AS step_id,
    earlier(timestamp, thread_id, {copy:UInt16}, {width:UInt32}) AS timestamp, earlier(received, thread_id, {copy:UInt16}, {width:UInt32}) AS received,
    {copy:UInt16} AS log_partition, {days:UInt16} AS retention_days)
FROM pattern.message_rows;

INSERT INTO message_bodies SELECT * EXCEPT (thread) REPLACE (
    another_hash(hash, {digits:String}) AS hash, earlier(received, thread, {copy:UInt16}, {width:UInt32}) AS received, {days:UInt16} AS retention_days)
FROM pattern.message_bodies;

INSERT INTO traces SELECT * REPLACE (
    another_id(trace_id, {digits:String}) AS trace_id, another_thread(thread_id, {first:UInt32}) AS thread_id,
    arrayMap(name -> another_thread(name, {first:UInt32}), thread_ids) AS thread_ids,
    earlier(started_at, thread_id, {copy:UInt16}, {width:UInt32}) AS started_at, earlier(last_at, thread_id, {copy:UInt16}, {width:UInt32}) AS last_at,
    earlier(first_received, thread_id, {copy:UInt16}, {width:UInt32}) AS first_received, earlier(last_received, thread_id, {copy:UInt16}, {width:UInt32}) AS last_received,
    {days:UInt16} AS retention_days)
FROM pattern.traces;

INSERT INTO trace_summaries SELECT * REPLACE (
    another_id(trace_id, {digits:String}) AS trace_id, another_thread(thread_id, {first:UInt32}) AS thread_id,
    replaceAll(replaceOne(
        earlier_in(earlier_in(earlier_in(earlier_in(summary,
            'started', thread_id, {copy:UInt16}, {width:UInt32}), 'last_seen', thread_id, {copy:UInt16}, {width:UInt32}),
            'ended', thread_id, {copy:UInt16}, {width:UInt32}), 'received', thread_id, {copy:UInt16}, {width:UInt32}),
        trace_id, another_id(trace_id, {digits:String})), thread_id, another_thread(thread_id, {first:UInt32})) AS summary,
    earlier(last_received, thread_id, {copy:UInt16}, {width:UInt32}) AS last_received, {days:UInt16} AS retention_days)
FROM pattern.trace_summaries;

INSERT INTO steps SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, another_id(trace_id, {digits:String}) AS trace_id,
    another_id(step_id, {digits:String}) AS step_id, another_id(parent_step_id, {digits:String}) AS parent_step_id,
    arrayMap(id -> another_id(id, {digits:String}), span_ids) AS span_ids, concat('call_', another_id(substring(tool_call_id, 6), {digits:String})) AS tool_call_id,
    earlier(started_at, thread_id, {copy:UInt16}, {width:UInt32}) AS started_at, earlier(received, thread_id, {copy:UInt16}, {width:UInt32}) AS received,
    another_value(attributes, {first:UInt32}) AS attributes, {copy:UInt16} AS log_partition, {days:UInt16} AS retention_days)
FROM pattern.steps;

INSERT INTO thread_summaries SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, arrayMap(id -> another_id(id, {digits:String}), trace_ids) AS trace_ids,
    earlier(started_at, thread_id, {copy:UInt16}, {width:UInt32}) AS started_at, earlier(last_seen_at, thread_id, {copy:UInt16}, {width:UInt32}) AS last_seen_at,
    earlier(ended_at, thread_id, {copy:UInt16}, {width:UInt32}) AS ended_at, earlier(last_received, thread_id, {copy:UInt16}, {width:UInt32}) AS last_received,
    earlier(computed_at, thread_id, {copy:UInt16}, {width:UInt32}) AS computed_at,
    another_value(attributes, {first:UInt32}) AS attributes, {days:UInt16} AS retention_days)
FROM pattern.thread_summaries;

INSERT INTO permission_rows SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, another_id(event_id, {digits:String}) AS event_id, another_id(trace_id, {digits:String}) AS trace_id,
    another_id(step_id, {digits:String}) AS step_id, earlier(timestamp, thread_id, {copy:UInt16}, {width:UInt32}) AS timestamp,
    earlier(received, thread_id, {copy:UInt16}, {width:UInt32}) AS received, {copy:UInt16} AS log_partition, {days:UInt16} AS retention_days)
FROM pattern.permission_rows;

INSERT INTO log_records SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, another_hash(record_id, {digits:String}) AS record_id,
    another_id(TraceId, {digits:String}) AS TraceId, another_id(SpanId, {digits:String}) AS SpanId,
    earlier(Timestamp, thread_id, {copy:UInt16}, {width:UInt32}) AS Timestamp, earlier(ObservedTimestamp, thread_id, {copy:UInt16}, {width:UInt32}) AS ObservedTimestamp,
    earlier(received, thread_id, {copy:UInt16}, {width:UInt32}) AS received, another_value(LogAttributes, {first:UInt32}) AS LogAttributes,
    {copy:UInt16} AS log_partition, {days:UInt16} AS retention_days)
FROM pattern.log_records;

INSERT INTO thread_activity SELECT * REPLACE (
    another_thread(thread_id, {first:UInt32}) AS thread_id, earlier(first_at, thread_id, {copy:UInt16}, {width:UInt32}) AS first_at,
    earlier(last_at, thread_id, {copy:UInt16}, {width:UInt32}) AS last_at, earlier(received, thread_id, {copy:UInt16}, {width:UInt32}) AS received,
    {days:UInt16} AS retention_days)
FROM pattern.thread_activity;

INSERT INTO ledger_rows SELECT * REPLACE (
    earlier(received, '', {copy:UInt16}, {width:UInt32}) AS received, earlier(stored_at, '', {copy:UInt16}, {width:UInt32}) AS stored_at, {copy:UInt16} AS log_partition)
FROM pattern.ledger_rows;
