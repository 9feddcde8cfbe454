-- The events in quarantine, the oldest first, or the one of this batch.
SELECT
    batch.batch_id,
    copy.event_id,
    copy.event_type,
    copy.occurred_at,
    copy.actor_id,
    copy.context,
    copy.quarantined_at,
    batch.reason,
    batch.attempts
FROM outbox_batch AS batch
JOIN outbox_quarantine AS copy USING (batch_id)
WHERE batch.state = 'quarantined' AND (%(batch_id)s::uuid IS NULL OR batch.batch_id = %(batch_id)s::uuid)
ORDER BY copy.quarantined_at, batch.batch_id
LIMIT %(limit)s
