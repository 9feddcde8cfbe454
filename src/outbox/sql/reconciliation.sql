-- What the last comparison of ledger and store has found, and when the last one began that was in order.
SELECT clean_at, differences FROM outbox_reconciliation
