-- The waiting batches in the order of their first events, so that since when the oldest one waits is one look at the
-- index's beginning, however many have piled up. Concurrently, because the ledger may be large and must not be locked.
CREATE INDEX CONCURRENTLY outbox_batch_foremost ON outbox_batch (lower(ids)) WHERE state = 'sealed' AND replays = 0
