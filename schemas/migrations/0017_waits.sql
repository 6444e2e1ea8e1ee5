-- What a thread said that it waits for, and what it said it no longer waits for: the latest time (ns) of each, by what it waits for. It waits
-- while it asked later than it went on. Only idempotent aggregates, so order and redelivery change nothing. A resumption from everything has the name ''.
ALTER TABLE thread_activity ADD COLUMN asked SimpleAggregateFunction(maxMap, Map(String, Int64));

ALTER TABLE thread_activity ADD COLUMN resumed SimpleAggregateFunction(maxMap, Map(String, Int64));

-- Tool calls of the thread that nobody allowed or denied.
ALTER TABLE thread_summaries ADD COLUMN unchecked_calls UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER tool_calls;
