-- Give the batch back, to be tried again later, unless the lease has passed to somebody else.
UPDATE outbox_batch
SET due_at = statement_timestamp() + %(seconds)s * interval '1 second', owner = NULL, reason = %(reason)s
WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed'
