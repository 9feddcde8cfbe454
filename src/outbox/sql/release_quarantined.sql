-- Make the quarantined event of this batch due again, or all of them, each under a new token.
UPDATE outbox_batch
SET state = 'sealed', replays = replays + 1, due_at = statement_timestamp()
WHERE state = 'quarantined' AND (%(batch_id)s::uuid IS NULL OR batch_id = %(batch_id)s::uuid)
