-- Make a quarantined event due again, under a new token.
UPDATE outbox_batch
SET state = 'sealed', replays = replays + 1, due_at = statement_timestamp()
WHERE batch_id = %(batch_id)s AND state = 'quarantined'
