-- What is committed but not sealed yet.
SELECT count(*) AS events, coalesce(sum(bytes), 0)::bigint AS bytes, min(occurred_at) AS oldest_occurred_at
FROM (
    SELECT octet_length(context) AS bytes, occurred_at
    FROM outbox_event
    WHERE NOT %(by_ledger)s
        AND txid >= %(since)s::xid8
        AND txid < pg_snapshot_xmax(pg_current_snapshot())
        AND id - %(floor)s > 0
    UNION ALL
    SELECT octet_length(context), occurred_at
    FROM outbox_event
    WHERE NOT %(by_ledger)s AND txid = ANY (%(were_in_progress)s::text[]::xid8[]) AND id - %(floor)s > 0
    UNION ALL
    -- While the cursor does not tell (another cluster, or a sweep is due), the ledger does.
    SELECT octet_length(context), occurred_at
    FROM outbox_event
    WHERE %(by_ledger)s AND NOT id <@ (SELECT outbox_batched())
) AS fresh
