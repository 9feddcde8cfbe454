-- Take the batch that has been due longest, for a limited time; whoever held it before is fenced off.
UPDATE outbox_batch
SET
    owner = %(owner)s,
    fence = fence + 1,
    attempts = attempts + 1,
    due_at = statement_timestamp() + %(seconds)s * interval '1 second'
WHERE batch_id = (
    SELECT batch_id
    FROM outbox_batch
    WHERE state = 'sealed'
        AND due_at <= statement_timestamp()
        -- After a failover nothing is leased until the store has been asked for lost batches.
        AND (SELECT adopting_since IS NULL AND outbox_same_history() FROM outbox_cursor)
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING batch_id, fence, attempts, replays, events, bytes
