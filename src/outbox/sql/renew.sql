-- Prolong a lease while its worker waits for the store, unless it has passed to somebody else.
UPDATE outbox_batch
SET due_at = statement_timestamp() + %(seconds)s * interval '1 second'
WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed'
