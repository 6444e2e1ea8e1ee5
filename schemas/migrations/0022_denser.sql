-- Denser: attributes repeat within a trace beyond what the quickest level finds. Parts as they are stay; what is merged from now on shrinks.
ALTER TABLE spans MODIFY COLUMN SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(3));

ALTER TABLE spans MODIFY COLUMN bodies Map(LowCardinality(String), String) CODEC(ZSTD(3));

ALTER TABLE steps MODIFY COLUMN input String CODEC(ZSTD(3));

ALTER TABLE steps MODIFY COLUMN output String CODEC(ZSTD(3));
