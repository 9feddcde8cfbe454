-- Make delivered batches due again, under new tokens, as far as the outbox still has all of their events.
UPDATE outbox_batch AS batch
SET state = 'sealed', replays = replays + 1, due_at = statement_timestamp(), reason = NULL
WHERE batch_id = ANY (%(batch_ids)s::uuid[])
    AND state = 'delivered'
    AND events = (
        SELECT count(*)
        FROM unnest(batch.ids) AS run
        CROSS JOIN LATERAL (SELECT FROM outbox_event WHERE id >= lower(run) AND id < upper(run) OFFSET 0) AS event
    )
RETURNING batch_id, events
