-- What came in, without the long thread and without rows that were replaced: the pattern of all copies.
CREATE DATABASE pattern;

CREATE FUNCTION another_id AS (id, digits) -> translate(id, '0123456789abcdef', digits);
CREATE FUNCTION another_hash AS (hash, digits) -> toFixedString(unhex(translate(lower(hex(hash)), '0123456789abcdef', digits)), 16);
CREATE FUNCTION another_thread AS (name, first) -> if(startsWith(name, 'D-'), concat('D-', leftPad(toString(toUInt32OrZero(substring(name, 3)) + first), 6, '0')), name);
CREATE FUNCTION another_value AS (attributes, first) -> mapApply((k, v) -> (k, if(k = 'gen_ai.conversation.id', another_thread(v, first), v)), attributes);
CREATE FUNCTION another_reference AS (bodies, digits) -> mapApply((k, v) -> (k, concat(substring(v, 1, position(v, ':')), another_id(substring(v, position(v, ':') + 1), digits))), bodies);
-- Seconds that a copy's thread is older than its pattern: copies lie one behind the other, and each reaches into the next.
CREATE FUNCTION older_by AS (thread, copy, width) -> (copy - 1) * width + modulo(cityHash64(thread, copy), 2 * width);
CREATE FUNCTION earlier AS (at, thread, copy, width) -> at - toIntervalSecond(older_by(thread, copy, width));
CREATE FUNCTION earlier_in AS (json, name, thread, copy, width) -> replaceOne(json, concat('"', name, '":', toString(JSONExtractInt(json, name))), concat('"', name, '":', toString(JSONExtractInt(json, name) - older_by(thread, copy, width) * 1000000000)));

CREATE TABLE pattern.traces ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM traces FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.places ENGINE = Join(ANY, LEFT, trace_id) AS SELECT trace_id, thread_id FROM pattern.traces;
CREATE TABLE pattern.spans ENGINE = MergeTree ORDER BY tuple() AS SELECT *, joinGet('pattern.places', 'thread_id', TraceId) AS thread FROM spans FINAL WHERE thread != '';
CREATE TABLE pattern.steps ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM steps FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.trace_summaries ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM trace_summaries FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.thread_summaries ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM thread_summaries FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.message_rows ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM message_rows FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.message_bodies ENGINE = MergeTree ORDER BY tuple() AS SELECT b.*, m.thread_id AS thread FROM message_bodies AS b FINAL INNER ANY JOIN pattern.message_rows AS m ON b.hash = m.content_hash;
CREATE TABLE pattern.permission_rows ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM permission_rows FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.log_records ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM log_records FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.thread_activity ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM thread_activity FINAL WHERE thread_id != {without:String};
CREATE TABLE pattern.ledger_rows ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM ledger_rows FINAL;
