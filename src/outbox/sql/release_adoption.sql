-- The store could not be asked: somebody may try again later.
UPDATE outbox_cursor SET adopt_at = statement_timestamp() + %(seconds)s * interval '1 second' WHERE adopt_at = %(claim)s
