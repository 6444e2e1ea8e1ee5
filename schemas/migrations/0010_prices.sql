-- What a token of a model costs, in US dollars: one exact row for each (provider, model) as spans name them. Costs are computed from it
-- when read, so a corrected price holds for the past too. `source` says where the row is from; rows of other sources than the price list
-- (`operator`) are left alone by it.
CREATE TABLE model_prices (
    provider LowCardinality(String),
    model LowCardinality(String),
    input_usd Float64,
    output_usd Float64,
    cache_read_usd Float64,
    cache_write_usd Float64,
    source LowCardinality(String),
    resolved_at DateTime('UTC') DEFAULT now(),
    version UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY (provider, model)
SETTINGS old_parts_lifetime = 480;

-- Tokens of LLM calls whose cost nobody stated, by `provider`, a line feed, `model`: uncached input, output, cache read, cache write.
ALTER TABLE thread_summaries ADD COLUMN unpriced Map(String, Array(UInt64)) DEFAULT map() CODEC(ZSTD(1)) AFTER cost_estimated;

ALTER TABLE usage_hours ADD COLUMN unpriced Array(UInt64) DEFAULT [0, 0, 0, 0] AFTER cost_usd;
