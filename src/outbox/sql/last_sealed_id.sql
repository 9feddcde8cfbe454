-- The first id after all that was ever sealed.
SELECT coalesce(max(upper(ids)), 1) AS next_id FROM outbox_batch
