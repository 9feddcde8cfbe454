-- A page of the batches that were delivered and are in this span of time, by when they were sealed.
SELECT batch_id, sealed_at
FROM outbox_batch
WHERE state = 'delivered'
    AND sealed_at >= %(since)s
    AND sealed_at < %(until)s
    AND (sealed_at, batch_id) > (%(after_sealed_at)s, %(after_batch_id)s)
ORDER BY sealed_at, batch_id
LIMIT %(page)s
