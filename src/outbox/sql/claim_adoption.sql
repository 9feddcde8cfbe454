-- Be the one who asks the store for lost batches, for a limited time.
UPDATE outbox_cursor
SET adopt_at = statement_timestamp() + %(seconds)s * interval '1 second'
WHERE adopting_since IS NOT NULL AND adopt_at <= statement_timestamp()
RETURNING adopt_at
