-- What is pending, since when, what is in doubt and what is set aside. Everything here is bounded, see outbox.figures.
WITH
unsealed AS MATERIALIZED (
    SELECT count(*) AS events, coalesce(sum(bytes), 0) AS bytes, min(occurred_at) AS oldest_at
    FROM (
        (
            -- In the order of the index: what lies beyond the limit is younger, but for a transaction that dawdled.
            SELECT octet_length(context) AS bytes, occurred_at
            FROM outbox_event
            WHERE txid >= %(since)s::xid8 AND txid < pg_snapshot_xmax(pg_current_snapshot()) AND id - %(floor)s > 0
            ORDER BY txid
            LIMIT %(most)s
        )
        UNION ALL
        (
            SELECT octet_length(context), occurred_at
            FROM outbox_event
            WHERE txid = ANY (%(were_in_progress)s::text[]::xid8[]) AND id - %(floor)s > 0
            LIMIT %(most)s
        )
    ) AS fresh
),
undelivered AS MATERIALIZED (
    SELECT
        count(*) AS batches,
        coalesce(sum(events), 0) AS events,
        coalesce(sum(bytes), 0) AS bytes,
        count(*) FILTER (WHERE owner IS NOT NULL AND due_at > statement_timestamp()) AS leased,
        count(*) FILTER (WHERE attempts > 0 AND (owner IS NULL OR due_at <= statement_timestamp())) AS in_doubt
    FROM outbox_batch
    WHERE state = 'sealed'
)
SELECT
    (unsealed.events + undelivered.events)::bigint AS pending_events,
    (unsealed.bytes + undelivered.bytes)::bigint AS pending_bytes,
    greatest(
        0, extract(epoch FROM statement_timestamp() - least(unsealed.oldest_at, %(oldest_waiting)s::timestamptz))
    )::float8 AS oldest_pending_age,
    unsealed.events AS unsealed_events,
    greatest(0, extract(epoch FROM statement_timestamp() - unsealed.oldest_at))::float8 AS oldest_unsealed_age,
    undelivered.batches AS sealed_batches,
    undelivered.leased AS batches_leased,
    undelivered.in_doubt AS batches_in_doubt,
    (SELECT count(*) FROM outbox_batch WHERE state = 'quarantined') AS quarantined_events
FROM unsealed, undelivered
