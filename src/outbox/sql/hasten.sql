-- The store is back: what waits after a failed attempt need not wait any longer.
UPDATE outbox_batch
SET due_at = statement_timestamp()
WHERE state = 'sealed' AND owner IS NULL AND reason IS NOT NULL AND due_at > statement_timestamp()
