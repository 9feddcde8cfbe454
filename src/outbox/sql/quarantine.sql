-- Set a batch of one refused event aside, unless the lease has passed to somebody else.
UPDATE outbox_batch
SET state = 'quarantined', owner = NULL, reason = %(reason)s
WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed' AND events = 1
