-- Forget settled batches that are older than the ledger's retention, a thousand at a time, oldest first.
WITH
old AS (
    SELECT batch_id
    FROM outbox_batch
    WHERE state IN ('delivered', 'split', 'discarded')
        AND sealed_at < statement_timestamp() - %(retention)s * interval '1 second'
        -- While the outbox has events of that age, the ledger must know that they are sealed.
        AND upper(ids) <= coalesce((SELECT min(id) FROM outbox_event), upper(ids))
    ORDER BY sealed_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
DELETE FROM outbox_batch USING old WHERE outbox_batch.batch_id = old.batch_id
