-- Take the batch that has been due longest, for a limited time; whoever held it before is fenced off.
WITH
due AS MATERIALIZED (
    SELECT batch_id, owner IS NOT NULL AS was_leased
    FROM outbox_batch
    WHERE state = 'sealed'
        AND due_at <= statement_timestamp()
        -- After a failover nothing is leased until the store has been asked for lost batches.
        AND (SELECT adopting_since IS NULL AND outbox_same_history() FROM outbox_cursor)
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox_batch AS batch
SET
    owner = %(owner)s,
    fence = fence + 1,
    attempts = attempts + 1,
    due_at = statement_timestamp() + %(seconds)s * interval '1 second'
FROM due
WHERE batch.batch_id = due.batch_id
RETURNING batch.batch_id, fence, attempts, replays, events, bytes, was_leased
