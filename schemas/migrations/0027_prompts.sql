-- The first thing that a person said to the thread by log record: nineteen digits that count down with its time, and its text. The largest is the
-- earliest, so order and redelivery change nothing.
ALTER TABLE thread_activity ADD COLUMN prompted SimpleAggregateFunction(max, String);
