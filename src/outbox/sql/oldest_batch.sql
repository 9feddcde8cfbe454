-- Since when the ledger remembers.
SELECT min(sealed_at) AS sealed_at FROM outbox_batch
