-- What may have been delivered by batches that this ledger has lost: what is in no batch, and what waits in one.
SELECT count(*) AS events, min(id) AS first, max(id) AS last, min(occurred_at) AS oldest, max(occurred_at) AS newest
FROM (
    SELECT id, occurred_at
    FROM outbox_event
    WHERE NOT %(rebase)s
        AND txid >= %(since)s::xid8
        AND txid < pg_snapshot_xmax(pg_current_snapshot())
        AND id - %(floor)s > 0
    UNION ALL
    SELECT id, occurred_at
    FROM outbox_event
    WHERE NOT %(rebase)s AND txid = ANY (%(were_in_progress)s::text[]::xid8[]) AND id - %(floor)s > 0
    UNION ALL
    SELECT id, occurred_at
    FROM outbox_event
    WHERE (%(rebase)s OR %(sweep)s) AND NOT id <@ (SELECT outbox_batched())
    UNION ALL
    SELECT event.id, event.occurred_at
    FROM outbox_batch AS batch
    CROSS JOIN LATERAL unnest(batch.ids) AS run
    CROSS JOIN LATERAL (
        SELECT id, occurred_at FROM outbox_event WHERE id >= lower(run) AND id < upper(run) OFFSET 0
    ) AS event
    WHERE batch.state = 'sealed'
) AS orphan
