-- A page of delivered batches in the order of their delivery, as the ledger knows them.
SELECT batch_id, delivered_at, events, checksum
FROM outbox_batch
WHERE state = 'delivered'
    AND delivered_at >= %(since)s
    AND (delivered_at, batch_id) > (%(after_delivered_at)s, %(after_batch_id)s)
ORDER BY delivered_at, batch_id
LIMIT %(page)s
