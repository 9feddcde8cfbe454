-- Events that the sealer takes for sealed and that are in no batch: there should be none, ever.
SELECT event_id::text
FROM outbox_event
WHERE txid < pg_snapshot_xmax(pg_current_snapshot())
    AND NOT (id > %(floor)s AND (txid >= %(since)s::xid8 OR txid = ANY (%(were_in_progress)s::text[]::xid8[])))
    AND NOT id <@ (SELECT outbox_batched())
ORDER BY id
LIMIT %(limit)s
