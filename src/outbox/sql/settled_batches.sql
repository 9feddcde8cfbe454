-- A page of delivered batches in the order of their sealing, as the ledger knows them.
SELECT batch_id, sealed_at, events, checksum
FROM outbox_batch
WHERE state = 'delivered' AND sealed_at >= %(since)s AND (sealed_at, batch_id) > (%(after_sealed_at)s, %(after_batch_id)s)
ORDER BY sealed_at, batch_id
LIMIT %(page)s
