-- Which of these batches the ledger does not know.
SELECT batch_id
FROM unnest(%(batch_ids)s::uuid[]) AS batch_id
WHERE NOT EXISTS (SELECT FROM outbox_batch WHERE outbox_batch.batch_id = batch_id.batch_id)
