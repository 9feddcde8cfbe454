-- The One Big Table: every event, for analysts to query by the columns' names.
CREATE TABLE IF NOT EXISTS ${local_table} ${on_cluster}
(
    event_type LowCardinality(String) COMMENT 'What happened, in the past tense: user_registered',
    event_date_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'When it happened, to the microsecond',
    environment LowCardinality(String) COMMENT 'Where it happened: production, staging, …',
    event_context String CODEC(ZSTD(3)) COMMENT 'The event''s own fields as JSON: JSONExtractString(event_context, ''email'')',
    metadata_version UInt16 CODEC(ZSTD(1)) COMMENT 'The version of the event''s fields, counted from 1 for each type',
    event_id UUID CODEC(ZSTD(1)) COMMENT 'Names this event alone (UUID version 7)',
    actor_id String CODEC(ZSTD(1)) COMMENT 'Who did it; empty when nobody is known',
    request_id String CODEC(ZSTD(1)) COMMENT 'The HTTP request or task it happened in; empty outside of one',
    trace_id String CODEC(ZSTD(1)) COMMENT 'The distributed trace (W3C, 32 hex digits); empty when not traced',
    span_id String CODEC(ZSTD(1)) COMMENT 'The span within the trace (16 hex digits); empty when not traced',
    batch_id UUID CODEC(ZSTD(1)) COMMENT 'The delivery it came with, as in the outbox''s ledger',
    inserted_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'When it arrived here',

    -- A false positive costs reading a granule. Digests ask for hundreds of batches at once, so theirs must be rare.
    INDEX by_batch_id batch_id TYPE bloom_filter(0.00001) GRANULARITY 1,
    INDEX by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_actor_id actor_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replacing_engine}
PARTITION BY toYYYYMM(event_date_time)
-- event_id makes the key unique: merges drop a repeated row, as the last net.
ORDER BY (event_type, event_date_time, event_id)
SETTINGS
    -- Repeats are known by their token among this many last inserts. Off by default; one family for each kind of engine.
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    -- What was acknowledged is on the disk: the outbox relies on it when it forgets.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    -- Retention, if there is one, drops whole parts.
    ttl_only_drop_parts = 1
COMMENT 'Every event, once. Rows of one batch arrive together or not at all.'
