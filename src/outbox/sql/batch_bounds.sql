-- The first and the last id of a batch.
SELECT lower(ids) AS first, upper(ids) - 1 AS last
FROM outbox_batch
WHERE batch_id = %(batch_id)s
